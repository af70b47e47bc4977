"""The paper's network: a convolutional LSTM over the projections of a sequence.

Model card
----------
Idea
    An LSTM whose matrix products are convolutions: a time step sees a frame and, around each position, the state of
    its neighbors. Only the state after the last frame is used, by a small dense network.
Source
    The layer: Shi et al., "Convolutional LSTM Network", NIPS 2015, as Keras has it (``ConvLSTM2D``, no peepholes). The
    network: Ambruoso, Borrelli and Veneruso (the paper): ConvLSTM2D 64 (1, 3) relu, dropout 0.5, flatten, dense 100
    relu, dense softmax. What the paper does not specify is Keras's default.
Input
    (steps, rows, columns, channels) float32, as (39, 2, 267, 1): 39 frames, each as its column means and row means.
    Adjacent columns are neighbors in the image; with a kernel one row high the two rows are combined only in the dense
    layer.

Parameters
----------
    ``4 F (k C + k F + 1) + (P F + 1) D + (D + 1) n`` for F filters, a kernel of k cells, C channels, P positions that
    the kernel fits at, D dense units and n classes: 3,442,983 for the paper's 7 classes and 3,442,680 for its 4. All
    but 50,176 of them are in the first dense layer, which is why the network overfits on few sequences.
Cost
    As convolutions, forward ``8 F (k C + k F + 1) P`` floating-point operations per step and sequence, three times that
    to train: 6.2 gigaflops a sequence of 39 steps of 2x267 values with 64 filters, as in the paper's phase 4, and 133
    times that for whole frames of 267x267, as in its phase 1; minimal filtering needs half of them where the kernel is
    three columns wide. Training stores 6 F P float32 numbers per step and sequence: 32 MB for a sequence of phase 4,
    2 GB for a batch of 64; with ``recompute`` half a gigabyte whatever the batch, for a third more arithmetic.
    Zeros that pad a sequence in front cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError
from ckseq.models._conv_lstm_blocks import ARRAYS_PER_STEP, BLOCK_POSITIONS
from ckseq.models._filtering import filtering
from ckseq.models._spec import Footprint, ModelSpec

if TYPE_CHECKING:
    import keras


_DROPOUTS = ("dropout_input", "dropout", "dropout_dense")


class ConvLSTMConfig(Config):
    """Sizes of the network; the defaults are the paper's."""

    filters: int = Field(64, ge=1, le=4096, description="filters of the convolutional LSTM, the channels of its state")
    kernel: tuple[int, int] = Field(
        (1, 3),
        strict=False,
        description="kernel size of its convolutions, (height, width)",
    )
    activation: Literal["relu", "tanh"] = Field("relu", description="activation of candidate state and output")
    dense: int = Field(100, ge=1, le=2**16, description="units of the dense layer before the output layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout rate after the LSTM")
    dropout_input: float = Field(
        0.0, ge=0, lt=1, description="dropout rate before the LSTM; the paper tried more dropout"
    )
    dropout_dense: float = Field(0.0, ge=0, lt=1, description="dropout rate after the dense layer")
    recompute: bool = Field(
        False,
        description="gradient checkpointing: less memory, a third more arithmetic in training",
    )


def build(config: ConvLSTMConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled, with our own, faster ConvLSTM layer.

    It has the weights of ``build_plain`` in the same order, the same initial values for the same seed, and the same
    results and gradients but for rounding. Pass it to ``export`` before saving it.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int

    Raises
    ------
    CallError
        The input has no such four axes, or the kernel does not fit it.
    """
    _check(config, input_shape)
    from ckseq.models._conv_lstm_layer import FastConvLSTM2D

    layer = FastConvLSTM2D(
        config.filters, config.kernel, activation=config.activation, recompute=config.recompute, name="conv_lstm"
    )
    return _network(layer, config, input_shape, n_classes)


def build_plain(config: ConvLSTMConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the same network of layers that plain Keras knows; parameters and errors as of ``build``."""
    _check(config, input_shape)
    import keras

    layer = keras.layers.ConvLSTM2D(config.filters, config.kernel, activation=config.activation, name="conv_lstm")
    return _network(layer, config, input_shape, n_classes)


def export(model: keras.Model) -> keras.Model:
    """Return a network of plain Keras layers with the same weights, which loads where ckseq is not installed.

    Parameters
    ----------
    model : keras.Model
        From ``build`` or ``build_plain``.
    """
    recurrent = model.get_layer("conv_lstm")
    config = ConvLSTMConfig(
        filters=recurrent.filters,
        kernel=recurrent.kernel_size,
        activation=recurrent.activation.__name__,
        dense=model.get_layer("dense").units,
        **{name: model.get_layer(name).rate for name in _DROPOUTS if name in {layer.name for layer in model.layers}},
    )
    plain = build_plain(config, input_shape=model.input_shape[1:], n_classes=model.output_shape[-1])
    plain.set_weights(model.get_weights())
    return plain


def footprint(config: ConvLSTMConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Footprint:
    """Return what the network of ``build`` needs in training, by the formulas of the model card.

    With F filters, P positions, C channels, T steps and a kernel of k rows, in float32: six arrays (P, F) per step, or
    with ``recompute`` those of one block; T P (k C + 1) neighbors of the input for every multiplication of an output;
    and about four arrays for the last state.
    """
    _check(config, input_shape)
    steps, height, width, channels = input_shape
    cells, way = config.kernel[0] * config.kernel[1], filtering(config.kernel[1])
    rows, columns = (size - kernel + 1 for size, kernel in zip((height, width), config.kernel, strict=True))
    positions, filters = rows * columns, config.filters
    recurrent = 4 * filters * (cells * (channels + filters) + 1)
    dense = (positions * filters + 1) * config.dense + (config.dense + 1) * n_classes
    item = columns if config.kernel[0] == 1 else positions
    per_position = 4 * ARRAYS_PER_STEP * filters
    neighbors = (config.kernel[0] * channels + 1) * way.products // way.outputs
    return Footprint(
        n_parameters=recurrent + dense,
        sequence_bytes=4 * positions * (steps * neighbors + 4 * filters),
        step_bytes=0 if config.recompute else per_position * positions,
        block_bytes=per_position * steps * max(BLOCK_POSITIONS, item) if config.recompute else 0,
        block_sequence_bytes=per_position * steps * positions if config.recompute else 0,
    )


def _network(recurrent: Any, config: ConvLSTMConfig, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    from keras import Input, Model, layers

    def dropped(values: Any, name: str) -> Any:
        rate = getattr(config, name)
        return layers.Dropout(rate, name=name)(values) if rate or name == "dropout" else values

    sequences = Input(input_shape, name="sequences")
    values = dropped(recurrent(dropped(sequences, "dropout_input")), "dropout")
    values = layers.Dense(config.dense, activation="relu", name="dense")(layers.Flatten(name="flatten")(values))
    classes = layers.Dense(n_classes, activation="softmax", name="classes")(dropped(values, "dropout_dense"))
    return Model(sequences, classes, name="conv_lstm")


def _check(config: ConvLSTMConfig, input_shape: tuple[int, ...]) -> None:
    if len(input_shape) != 4 or min(input_shape) < 1:
        raise CallError(
            f"conv_lstm reads (steps, rows, columns, channels), not {tuple(input_shape)}",
            fix="set input to projections, blobs, halved or crops",
        )
    fits = [1 <= size <= length for size, length in zip(config.kernel, input_shape[1:3], strict=True)]
    if not all(fits):
        rows, columns = input_shape[1:3]
        raise CallError(
            f"model.kernel {list(config.kernel)} does not fit a frame of {rows} rows and {columns} columns",
            fix=f"choose a height from 1 to {rows} and a width from 1 to {columns}",
        )


SPEC = ModelSpec(
    name="conv_lstm", kind="network", config=ConvLSTMConfig, build=build, export=export, footprint=footprint
)
