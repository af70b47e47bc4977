"""The ConvLSTM2D layer of Keras, computed with fewer and larger multiplications; same weights, results and gradients.

Keras makes eight convolutions a step, and TensorFlow then walks through some forty temporary arrays of many megabytes.
Here a step is one matrix product and one compiled function over its gates:

* the neighbours of every position, the input's and a one for the bias stand side by side in one matrix, so that
  ``[h's neighbours | x's neighbours | 1] @ [recurrent kernel; kernel; bias]`` gives all gates at once;
* the batch is cut into small blocks, each taken through the whole of time, so that the arrays of a step stay in the
  cache (with kernels one row high the rows of an image do not know each other and are cut apart as well);
* the gradient is written out by hand. It keeps six arrays a step, or none at all with ``recompute``, where the backward
  pass takes each block through time a second time, and memory no longer grows with batch and image.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

# Positions (rows x columns x sequences) of a block: 64 filters make 4 MB of gates, which a level-3 cache holds.
BLOCK_POSITIONS = 4240
KEPT = 6  # arrays kept of a step: h and c before it, and its gates i, f, g, o

Tensor = Any


class FastConvLSTM2D(keras.layers.ConvLSTM2D):
    """Drop-in for ``keras.layers.ConvLSTM2D``: same arguments and weights, the last output only.

    Parameters
    ----------
    filters, kernel_size, activation
        As in Keras; the activation is ``"relu"`` or ``"tanh"``. Stride 1, valid padding, channels last, a bias.
    recompute : bool
        Keep nothing for the backward pass: a third more arithmetic for a small part of the memory.
    **kwargs
        Of ``keras.layers.Layer``: name, dtype.
    """

    def __init__(
        self, filters: int, kernel_size: tuple[int, int], *, activation: str, recompute: bool, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, activation=activation, data_format="channels_last", **kwargs)
        self.activation_name = activation
        self.recompute = recompute
        self.supports_jit = False  # compiled as a whole it is slower: XLA's own matrix product is

    def call(self, sequences: Tensor, initial_state: None = None, mask: None = None, training: bool = False) -> Tensor:
        """Return the state after the last step, float32 (sequences, rows, columns, filters).

        Parameters
        ----------
        sequences : tensor of float32, shape (sequences, steps, rows, columns, channels)
        initial_state, mask : None
            Not supported.
        training : bool
            Whether a backward pass is likely; without it nothing is kept, and a gradient asked for recomputes.
        """
        if initial_state is not None or mask is not None:
            raise NotImplementedError("FastConvLSTM2D knows neither initial states nor masks")
        height, width = self.kernel_size
        kernel, recurrent, bias = (tf.convert_to_tensor(weight) for weight in self.cell.trainable_weights)
        weights = [
            tf.reshape(recurrent, (-1, 4 * self.filters)),
            tf.reshape(kernel, (-1, 4 * self.filters)),
            bias[None],
        ]

        steps, rows, columns = (int(size) for size in sequences.shape[1:4])
        rows, columns = rows - height + 1, columns - width + 1
        near = [sequences[:, :, y : y + rows, x : x + columns] for y in range(height) for x in range(width)]
        inputs = tf.concat([*near, tf.ones_like(near[0][..., :1])], -1)
        inputs = tf.transpose(inputs, (1, 0, 2, 3, 4))
        block_rows = 1 if height == 1 else rows
        inputs = tf.reshape(inputs, (steps, -1, block_rows, columns, inputs.shape[-1]))

        recur = _recurrence(self.kernel_size, self.activation_name, keep=bool(training) and not self.recompute)
        return tf.reshape(recur(inputs, tf.concat(weights, 0)), (-1, rows, columns, self.filters))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        base = keras.layers.Layer.get_config(self)
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "activation": self.activation_name}
        return {**base, **own, "recompute": self.recompute}


def _recurrence(kernel: tuple[int, int], activation: str, *, keep: bool) -> Any:
    """Return the differentiable function (inputs, weights) -> last h.

    inputs (steps, items, rows, columns, neighbours + 1); weights (neighbours of h + neighbours + 1, 4 * filters).
    """

    @tf.custom_gradient
    def recur(inputs: Tensor, weights: Tensor) -> Any:
        steps, blocks = inputs.shape[0], _block_starts(inputs)
        n_blocks = tf.size(blocks) - 1
        filters = weights.shape[1] // 4

        def forward(block: Tensor, outputs: Any, *kept: Any) -> Any:
            piece = inputs[:, blocks[block] : blocks[block + 1]]
            h, kept = _through_time(piece, weights, kernel, activation, block * steps, kept)
            return block + 1, outputs.write(block, h), *kept

        kept = _arrays(KEPT if keep else 0, n_blocks * steps, (None, filters))
        _, outputs, *kept = _loop(
            n_blocks, forward, (0, *_arrays(1, n_blocks, (None, *inputs.shape[2:4], filters)), *kept)
        )

        def gradient(d_output: Tensor) -> tuple[Tensor, Tensor]:
            def backward(block: Tensor, d_weights: Tensor, d_inputs: Any) -> Any:
                part = slice(blocks[block], blocks[block + 1])
                piece, start, saved = inputs[:, part], block * steps, kept
                if not keep:
                    start, saved = 0, _arrays(KEPT, steps, (None, filters))
                    _, saved = _through_time(piece, weights, kernel, activation, start, saved)
                d_piece, d_block = _back_through_time(
                    piece, weights, kernel, activation, start, saved, d_output=d_output[part]
                )
                return block + 1, d_weights + d_block, d_inputs.write(block, tf.transpose(d_piece, (1, 0, 2, 3, 4)))

            initial = (0, tf.zeros_like(weights), *_arrays(1, n_blocks, (None, steps, *inputs.shape[2:])))
            _, d_weights, d_inputs = _loop(n_blocks, backward, initial)
            return tf.transpose(d_inputs.concat(), (1, 0, 2, 3, 4)), d_weights

        return outputs.concat(), gradient

    return recur


def _through_time(
    inputs: Tensor, weights: Tensor, kernel: tuple[int, int], activation: str, start: Tensor, kept: Any
) -> tuple[Tensor, Any]:
    """Take one block through all steps; write what the gradient needs into ``kept`` from index ``start``."""
    filters = weights.shape[1] // 4
    shape = (tf.shape(inputs)[1], *inputs.shape[2:4], filters)

    def step(t: Tensor, h: Tensor, c: Tensor, *kept: Any) -> Any:
        near = _neighbours(tf.reshape(h, shape), inputs[t], kernel)
        z = tf.reshape(near, (-1, weights.shape[0])) @ weights
        h_next, c_next, *gates = _gates(z, c, activation)
        kept = [array.write(start + t, value) for array, value in zip(kept, (h, c, *gates), strict=False)]
        return t + 1, h_next, c_next, *kept

    nothing = tf.reshape(tf.zeros(shape), (-1, filters))
    _, h, _, *kept = _loop(inputs.shape[0], step, (0, nothing, nothing, *kept))
    return tf.reshape(h, shape), kept


def _back_through_time(
    inputs: Tensor,
    weights: Tensor,
    kernel: tuple[int, int],
    activation: str,
    start: Tensor,
    kept: Any,
    *,
    d_output: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the gradients with respect to a block's inputs and to the weights."""
    steps, filters = inputs.shape[0], weights.shape[1] // 4
    shape = (tf.shape(inputs)[1], *inputs.shape[2:4], filters)
    transposed = tf.transpose(weights)

    def step(done: Tensor, d_h: Tensor, d_c: Tensor, d_weights: Tensor, d_inputs: Any) -> Any:
        t = steps - 1 - done
        h, *saved = (array.read(start + t) for array in kept)
        h = tf.reshape(h, shape)
        d_z, d_c = _gates_gradient(d_h, d_c, *saved, activation=activation)
        near = tf.reshape(_neighbours(h, inputs[t], kernel), (-1, weights.shape[0]))
        d_weights += tf.matmul(near, d_z, transpose_a=True)
        d_near = tf.reshape(d_z @ transposed, (*shape[:3], weights.shape[0]))
        d_inputs = d_inputs.write(t, d_near[..., -inputs.shape[-1] :])
        d_h = tf.reshape(_neighbours_gradient(d_near, kernel, filters), (-1, filters))
        return done + 1, d_h, d_c, d_weights, d_inputs

    d_h = tf.reshape(d_output, (-1, filters))
    initial = (0, d_h, tf.zeros_like(d_h), tf.zeros_like(weights), *_arrays(1, steps, (None, *inputs.shape[2:])))
    *_, d_weights, d_inputs = _loop(steps, step, initial)
    return d_inputs.stack(), d_weights


# Only these are compiled: XLA makes one pass of some ten, while its matrix product is slower than TensorFlow's.
@partial(tf.function, jit_compile=True, autograph=False)
def _gates(z: Tensor, c: Tensor, activation: str) -> tuple[Tensor, ...]:
    """Return the next h and c, and the gates i, f, g, o."""
    act = _ACTIVATIONS[activation][0]
    i, f, g, o = tf.split(z, 4, -1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), act(g), tf.sigmoid(o)
    c = f * c + i * g
    return o * act(c), c, i, f, g, o


@partial(tf.function, jit_compile=True, autograph=False)
def _gates_gradient(
    d_h: Tensor, d_c: Tensor, c: Tensor, i: Tensor, f: Tensor, g: Tensor, o: Tensor, *, activation: str
) -> tuple[Tensor, Tensor]:
    """Return the gradients with respect to z and to the c before the step."""
    act, slope = _ACTIVATIONS[activation]
    a = act(f * c + i * g)
    d_c += d_h * o * slope(a)
    d_z = [d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_c * i * slope(g), d_h * a * o * (1 - o)]
    return tf.concat(d_z, -1), d_c * f


# the function, and its slope as a function of its value
_ACTIVATIONS = {
    "relu": (tf.nn.relu, lambda value: tf.cast(value > 0, value.dtype)),
    "tanh": (tf.tanh, lambda value: 1 - value * value),
}


def _neighbours(h: Tensor, inputs: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Put the neighbours of every position side by side, zero outside the image, and the inputs behind them."""
    rows, columns = h.shape[1:3]
    padded = tf.pad(h, [[0, 0], *_margins(kernel), [0, 0]])
    near = [padded[:, y : y + rows, x : x + columns] for y in range(kernel[0]) for x in range(kernel[1])]
    return tf.concat([*near, inputs], -1)


def _neighbours_gradient(d_near: Tensor, kernel: tuple[int, int], filters: int) -> Tensor:
    """Add up, at each position, what reached it as the neighbour of others."""
    rows, columns = d_near.shape[1:3]
    (top, _), (left, _) = _margins(kernel)
    parts = []
    for y in range(kernel[0]):
        for x in range(kernel[1]):
            first = filters * (y * kernel[1] + x)
            # a neighbour at offset (y - top, x - left) takes its share back there
            padded = [[0, 0], [max(y - top, 0), max(top - y, 0)], [max(x - left, 0), max(left - x, 0)], [0, 0]]
            inner = d_near[
                :,
                max(top - y, 0) : rows - max(y - top, 0),
                max(left - x, 0) : columns - max(x - left, 0),
                first : first + filters,
            ]
            parts.append(tf.pad(inner, padded))
    return tf.add_n(parts)


def _margins(kernel: tuple[int, int]) -> list[list[int]]:
    # "same" padding; of an even kernel the larger margin comes last
    return [[(size - 1) // 2, size // 2] for size in kernel]


def _block_starts(inputs: Tensor) -> Tensor:
    """Return where the blocks begin, and the end of the last: blocks of equal size but for one item."""
    items = tf.shape(inputs)[1]
    most = max(1, BLOCK_POSITIONS // (inputs.shape[2] * inputs.shape[3]))
    n_blocks = tf.maximum(1, (items + most - 1) // most)
    return tf.range(n_blocks + 1) * items // n_blocks


def _arrays(number: int, length: Tensor, shape: tuple[int | None, ...]) -> list[tf.TensorArray]:
    return [tf.TensorArray(tf.float32, length, infer_shape=False, element_shape=shape) for _ in range(number)]


def _loop(times: Tensor, body: Any, state: tuple[Any, ...]) -> Any:

    return tf.while_loop(lambda index, *_: index < times, body, state, parallel_iterations=1)
