"""Lower ConvLSTM layers, which run an LSTM that sees its neighbours at each place of a row or an image.

Shi et al. 2015, "Convolutional LSTM network". The convolutions of a step become one fully connected product with a row
for each place: the input beneath the kernel, the states of the neighbours, and its own state.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.cells import GateLayout, LSTMCell
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import Observer, rounded_to
from convert.lowering.sequences import Lowering, Operation, TensorOrSteps, join_steps, named_steps
from convert.lowering.wavefronts import Wavefront


class _Taps:
    """Cuts out the values beneath each place of a kernel, from an input of `size` with TensorFlow's padding."""

    def __init__(
        self, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], same: bool, size: Sequence[int]
    ) -> None:
        self._kernel, self._strides, self._dilations = kernel, strides, dilations
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        self.shape = [-(-n // s) if same else (n - r) // s + 1 for n, s, r in zip(size, strides, reach, strict=True)]
        axes = zip(self.shape, strides, reach, size, strict=True)
        missing = [max((g - 1) * s + r - n, 0) if same else 0 for g, s, r, n in axes]
        self._padding = [(n // 2, n - n // 2) for n in missing]

    def __call__(self, x: tf.Tensor) -> Iterator[tf.Tensor]:
        """Yield the values `[batch, *size, channels]` beneath each place of the kernel, row by row."""
        padded = tf.pad(x, [[0, 0], *self._padding, [0, 0]]) if any(map(sum, self._padding)) else x
        for place in product(*map(range, self._kernel)):
            starts = [p * d for p, d in zip(place, self._dilations, strict=True)]
            parts = [
                slice(start, start + (n - 1) * s + 1, s)
                for start, n, s in zip(starts, self.shape, self._strides, strict=True)
            ]
            yield padded[(slice(None), *parts, slice(None))]


def _conv_lstm(call: Call, point: str, sources: Sequence[str]) -> Operation:
    layer, (source,) = call.layer, sources
    n_steps, *size, n_channels = call.shapes[0]
    beneath = _Taps(layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding == "same", size)
    ones = (1,) * len(size)
    around = _Taps(layer.kernel_size, ones, ones, True, beneath.shape)
    kernel, recurrent, *bias = (np.asarray(weights) for weights in layer.get_weights())
    centre = int(np.ravel_multi_index([(k - 1) // 2 for k in layer.kernel_size], layer.kernel_size))
    cell = LSTMCell(Wavefront(call.name, (_at_each_place(layer, kernel, recurrent, bias, centre),)), point)

    def run(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        x = rounded_to(point, source, join_steps(inputs[0]), observe)
        batch = x.shape[0]
        images = tf.reshape(x, [batch * n_steps, *size, n_channels])
        patches = observe(point, tf.concat([*beneath(images)], axis=-1))
        by_step = tf.reshape(patches, [batch, n_steps, -1, patches.shape[-1]])
        steps = [tf.reshape(by_step[:, t : t + 1], [-1, patches.shape[-1]]) for t in range(n_steps)]
        if layer.go_backwards:
            steps.reverse()
        carried = cell.start(steps[0].shape[0])
        states: list[tf.Tensor] = []
        for step in named_steps(steps):
            state = tf.reshape(carried[0], [batch, *beneath.shape, layer.filters])
            neighbours = [tf.reshape(tensor, carried[0].shape) for i, tensor in enumerate(around(state)) if i != centre]
            joined = observe(point, tf.concat([step, *neighbours], axis=1))
            carried = cell(joined, carried, not states, observe, layout)
            states.append(tf.reshape(carried[0], [batch, 1, *beneath.shape, layer.filters]))
        answers = observe(point, tf.concat(states, axis=1)) if layer.return_sequences else states[-1]
        return answers if layer.return_sequences else tf.reshape(answers, [batch, *beneath.shape, layer.filters])

    return run


def _at_each_place(layer: Any, kernel: np.ndarray, recurrent: np.ndarray, bias: list[np.ndarray], centre: int) -> Any:
    """Return the LSTM layer of one place, which takes the values beneath the kernel, then the neighbours' states."""
    inputs = kernel.reshape(-1, kernel.shape[-1])
    taps = recurrent.reshape(-1, *recurrent.shape[-2:])
    neighbours = np.delete(taps, centre, axis=0).reshape(-1, recurrent.shape[-1])
    at_place = layers.LSTM(
        layer.filters,
        activation=layer.activation,
        recurrent_activation=layer.recurrent_activation,
        use_bias=layer.use_bias,
        name=layer.name,
    )
    at_place.build((None, None, len(inputs) + len(neighbours)))
    at_place.set_weights([np.concatenate([inputs, neighbours]), taps[centre], *bias])
    return at_place


CONVOLUTIONAL_LSTM: dict[type, Lowering] = {layers.ConvLSTM1D: _conv_lstm, layers.ConvLSTM2D: _conv_lstm}
"""Input and output share a scale, as in other recurrent layers."""
