"""The ConvLSTM2D layer of Keras, computed with fewer and larger steps; same weights, same results but for rounding.

Keras makes eight convolutions a step and keeps whatever TensorFlow's own gradient asks for. Here:

* the neighbours of every position, the input's and a one for the bias stand side by side in one matrix, so that
  ``[h's neighbours | x's neighbours | 1] @ [recurrent kernel; kernel; bias]`` gives all gates of a step at once;
* the batch is cut into small blocks, each taken through the whole of time, so that the arrays of a step stay in the
  cache (with kernels one row high the rows of an image do not know each other and are cut apart as well);
* what is empty up to some step has, up to that step, the state of an empty image, which is computed once: the zeros
  that pad a sequence in front cost nothing;
* the gradient is written out by hand. It keeps six arrays a step, or none with ``recompute``, where the backward pass
  takes each block through time a second time, and memory no longer grows with batch and image.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from ckseq.models.conv_lstm import BLOCK_POSITIONS, KEPT

Tensor = Any


class FastConvLSTM2D(keras.layers.ConvLSTM2D):
    """``keras.layers.ConvLSTM2D`` as the first layer of a network: the last output only, no gradient for the input.

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
        self.supports_jit = False  # as a whole: XLA's matrix product is slower than TensorFlow's

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
    """Return the function (inputs, weights) -> last h, differentiable with respect to the weights.

    inputs (steps, items, rows, columns, neighbours + 1); weights (neighbours of h + neighbours + 1, 4 * filters).
    """

    @tf.custom_gradient
    def recur(inputs: Tensor, weights: Tensor) -> Any:
        steps, filters = inputs.shape[0], weights.shape[1] // 4
        walk = partial(_through_time, weights=weights, kernel=kernel, activation=activation)
        walk_back = partial(_back_through_time, weights=weights, kernel=kernel, activation=activation)

        empty, empty_kept, empty_h, empty_c = _empty_sequence(inputs, walk, filters)
        begins = _first_seen(inputs)
        order = tf.argsort(begins, stable=True)
        inputs, begins = tf.gather(inputs, order, axis=1), tf.gather(begins, order)
        edges = _block_edges(inputs)
        n_blocks = tf.size(edges) - 1

        def walk_block(block: Tensor, kept: Any, place: Tensor) -> tuple[Tensor, Tensor, Any]:
            piece, begin = inputs[:, edges[block] : edges[block + 1]], begins[edges[block]]
            times = (tf.shape(piece)[1], 1)
            return walk(piece, tf.tile(empty_h[begin], times), tf.tile(empty_c[begin], times), kept, place, begin=begin)

        def forward(block: Tensor, outputs: Any, *kept: Any) -> Any:
            h, _, kept = walk_block(block, kept, block * steps)
            return block + 1, outputs.write(block, h), *kept

        kept = _arrays(KEPT if keep else 0, n_blocks * steps, filters)
        _, outputs, *kept = _loop(n_blocks, forward, (0, *_arrays(1, n_blocks, filters), *kept))
        shape = (-1, *inputs.shape[2:4], filters)
        output = tf.gather(tf.reshape(outputs.concat(), shape), tf.argsort(order))

        def gradient(d_output: Tensor) -> tuple[None, Tensor]:
            d_output = tf.gather(d_output, order)

            def backward(block: Tensor, d_weights: Tensor, d_empty_h: Tensor, d_empty_c: Tensor) -> Any:
                part, begin = slice(edges[block], edges[block + 1]), begins[edges[block]]
                place, saved = block * steps, kept
                if not keep:
                    place = 0
                    *_, saved = walk_block(block, _arrays(KEPT, steps, filters), place)
                d_h = tf.reshape(d_output[part], (-1, filters))
                d_h, d_c, d_block = walk_back(inputs[:, part], d_h, tf.zeros_like(d_h), saved, place, begin=begin)
                d_empty = (tf.reshape(d, (1, -1, *empty_h.shape[1:])) for d in (d_h, d_c))
                d_empty_h, d_empty_c = (
                    tf.tensor_scatter_nd_add(total, [[begin]], tf.reduce_sum(d, 1))
                    for total, d in zip((d_empty_h, d_empty_c), d_empty, strict=True)
                )
                return block + 1, d_weights + d_block, d_empty_h, d_empty_c

            initial = (0, tf.zeros_like(weights), tf.zeros_like(empty_h), tf.zeros_like(empty_c))
            _, d_weights, d_empty_h, d_empty_c = _loop(n_blocks, backward, initial)
            *_, d_empty = walk_back(
                empty, d_empty_h[steps], d_empty_c[steps], empty_kept, 0, begin=0, joining=(d_empty_h, d_empty_c)
            )
            return None, d_weights + d_empty

        return output, gradient

    return recur


def _empty_sequence(inputs: Tensor, walk: Any, filters: int) -> tuple[Tensor, Any, Tensor, Tensor]:
    """Take an item that is always zero through time; return it, what was kept, and its h and c at every step."""
    empty = tf.zeros((inputs.shape[0], 1, *inputs.shape[2:4], inputs.shape[4] - 1))
    empty = tf.concat([empty, tf.ones_like(empty[..., :1])], -1)
    nothing = tf.zeros((inputs.shape[2] * inputs.shape[3], filters))
    h, c, kept = walk(empty, nothing, nothing, _arrays(KEPT, inputs.shape[0], filters), 0, begin=0)
    all_h, all_c = (tf.concat([array.stack(), last[None]], 0) for array, last in zip(kept[:2], (h, c), strict=True))
    return empty, kept, all_h, all_c


def _first_seen(inputs: Tensor) -> Tensor:
    """Return the first step of every item that is not zero everywhere, or the number of steps."""
    seen = tf.reduce_any(inputs[..., :-1] != 0, (2, 3, 4))
    return tf.reduce_sum(tf.cast(tf.cumsum(tf.cast(seen, tf.int32)) == 0, tf.int32), 0)


def _through_time(
    inputs: Tensor,
    h: Tensor,
    c: Tensor,
    kept: Any,
    place: Tensor,
    *,
    begin: Tensor,
    weights: Tensor,
    kernel: tuple[int, int],
    activation: str,
) -> tuple[Tensor, Tensor, Any]:
    """Take a block from step ``begin`` to the last; write what the gradient needs into ``kept`` from ``place``."""
    shape = (tf.shape(inputs)[1], *inputs.shape[2:4], weights.shape[1] // 4)

    def step(t: Tensor, h: Tensor, c: Tensor, *kept: Any) -> Any:
        near = _neighbours(tf.reshape(h, shape), inputs[t], kernel)
        z = tf.reshape(near, (-1, weights.shape[0])) @ weights
        h_next, c_next, *gates = _gates(z, c, activation)
        written = [array.write(place + t, value) for array, value in zip(kept, (h, c, *gates), strict=False)]
        return t + 1, h_next, c_next, *written

    _, h, c, *kept = _loop(inputs.shape[0], step, (begin, h, c, *kept))
    return h, c, kept


def _back_through_time(
    inputs: Tensor,
    d_h: Tensor,
    d_c: Tensor,
    kept: Any,
    place: Tensor,
    *,
    begin: Tensor,
    weights: Tensor,
    kernel: tuple[int, int],
    activation: str,
    joining: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients with respect to h and c before step ``begin`` and to the weights.

    ``joining`` are gradients with respect to every h and c, from the items that set out from them.
    """
    steps, filters = inputs.shape[0], weights.shape[1] // 4
    shape = (tf.shape(inputs)[1], *inputs.shape[2:4], filters)
    known = d_h.shape
    recurrent = tf.transpose(weights[: filters * kernel[0] * kernel[1]])

    def step(done: Tensor, d_h: Tensor, d_c: Tensor, d_weights: Tensor) -> Any:
        t = steps - 1 - done
        h, *saved = (array.read(place + t) for array in kept)
        d_z, d_c = _gates_gradient(d_h, d_c, *saved, activation=activation)
        near = _neighbours(tf.reshape(h, shape), inputs[t], kernel)
        d_weights += tf.matmul(tf.reshape(near, (-1, weights.shape[0])), d_z, transpose_a=True)
        d_near = tf.reshape(d_z @ recurrent, (*shape[:3], recurrent.shape[1]))
        d_h = tf.reshape(_neighbours_gradient(d_near, kernel), (-1, filters))
        if joining is not None:
            d_h, d_c = d_h + joining[0][t], d_c + joining[1][t]
        # compiled functions forget how many positions there are
        return done + 1, tf.ensure_shape(d_h, known), tf.ensure_shape(d_c, known), d_weights

    _, d_h, d_c, d_weights = _loop(steps - begin, step, (0, d_h, d_c, tf.zeros_like(weights)))
    return d_h, d_c, d_weights


# Only functions without a product are compiled: XLA makes one pass of some ten.
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


@partial(tf.function, jit_compile=True, autograph=False)
def _neighbours(h: Tensor, inputs: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Put the neighbours of every position side by side, zero outside the image, and the inputs behind them."""
    rows, columns = h.shape[1:3]
    padded = tf.pad(h, [[0, 0], *_margins(kernel), [0, 0]])
    near = [padded[:, y : y + rows, x : x + columns] for y in range(kernel[0]) for x in range(kernel[1])]
    return tf.concat([*near, inputs], -1)


@partial(tf.function, jit_compile=True, autograph=False)
def _neighbours_gradient(d_near: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Add up, at each position, what reached it as the neighbour of others."""
    rows, columns = d_near.shape[1:3]
    (top, bottom), (left, right) = _margins(kernel)
    # a neighbour at offset (y - top, x - left) gives its share back at the opposite offset
    padded = tf.pad(d_near, [[0, 0], [bottom, top], [right, left], [0, 0]])
    shares = tf.split(padded, kernel[0] * kernel[1], -1)
    offsets = [(kernel[0] - 1 - y, kernel[1] - 1 - x) for y in range(kernel[0]) for x in range(kernel[1])]
    return tf.add_n([share[:, y : y + rows, x : x + columns] for share, (y, x) in zip(shares, offsets, strict=True)])


def _margins(kernel: tuple[int, int]) -> list[list[int]]:
    # "same" padding; of an even kernel the larger margin comes last
    return [[(size - 1) // 2, size // 2] for size in kernel]


def _block_edges(inputs: Tensor) -> Tensor:
    """Return where the blocks begin, and the end of the last: blocks of equal size but for one item."""
    items = tf.shape(inputs)[1]
    most = max(1, BLOCK_POSITIONS // (inputs.shape[2] * inputs.shape[3]))
    n_blocks = tf.maximum(1, (items + most - 1) // most)
    return tf.range(n_blocks + 1) * items // n_blocks


def _arrays(number: int, length: Tensor, filters: int) -> list[tf.TensorArray]:
    return [tf.TensorArray(tf.float32, length, infer_shape=False, element_shape=(None, filters)) for _ in range(number)]


def _loop(times: Tensor, body: Any, state: tuple[Any, ...]) -> Any:
    # one block at a time, or the arrays of several would push each other out of the cache
    return tf.while_loop(lambda index, *_: index < times, body, state, parallel_iterations=1)
