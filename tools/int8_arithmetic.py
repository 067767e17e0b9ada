"""Compute with the int8 model's arithmetic in TensorFlow, where every rounding can be seen and left out.

The float graph is computed operation by operation, and rounded where the converter rounds it. Activations get 256
values of the range of their quantisation point, outputs of sigmoid, tanh and softmax the fixed grids of TFLite's
operators, weights 255 values per output channel. Biases and rescaling factors, which hardly matter, are not rounded.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.lowering.cells import IN_INT8
from convert.lowering.network import Lowered
from convert.lowering.quantisation_points import CELL, GATED_STATE, INPUT, JOINED, SIGMOID_INPUT, TANH_INPUT, UPDATE
from convert.quantise.calibration import ActivationRange, Ranges, range_at

Array = npt.NDArray[np.float32]

ACTIVATION, FUNCTION, WEIGHTS = "activation", "function", "weights"
"""Kinds of rounding: to a calibrated range, to the fixed grid of sigmoid or tanh, of weights per output channel."""

# TFLite's specification of 8-bit quantisation: the outputs of these functions have these ranges for any input.
_FIXED_RANGES = {
    **dict.fromkeys(("Sigmoid", "Softmax"), ActivationRange(0.0, 255 / 256)),
    "Tanh": ActivationRange(-1.0, 127 / 128),
}
_PRODUCTS = {"MatMul", "Conv2D", "DepthwiseConv2dNative"}
# Values pass through these unchanged: they lie on the same int8 grid before and behind.
_COPIES = {
    *("ConcatV2", "ExpandDims", "Identity", "MaxPool", "Pack", "Pad", "Reshape"),
    *("Slice", "Split", "SplitV", "Squeeze", "StridedSlice", "Transpose"),
}


@dataclass(frozen=True)
class Grid:
    """The 256 evenly spaced values of an int8 activation, from `low` in steps of `scale`; 0 is one, exactly."""

    low: float
    scale: float

    @classmethod
    def of(cls, limits: ActivationRange) -> "Grid":
        """Return the grid for a range, moved so that it holds 0, as the converter and fake-quantisation do."""
        scale = (limits.high - limits.low) / 255
        return cls(-float(np.clip(np.round(-limits.low / scale), 0, 255)) * scale, scale)

    @property
    def high(self) -> float:
        """The greatest value."""
        return self.low + 255 * self.scale

    def levels(self, values: Array) -> Array:
        """The step nearest to each value, counted from `low`; beyond 0 to 255 out of range."""
        levels: Array = np.rint((values - self.low) / self.scale)
        return levels

    def round(self, values: tf.Tensor) -> tf.Tensor:
        """Return the nearest value of the grid for each."""
        return tf.quantization.fake_quant_with_min_max_args(values, self.low, self.high, num_bits=8)


@dataclass(frozen=True)
class WeightGrid:
    """255 evenly spaced values about 0 for each output channel, along `axes` of the weights."""

    axes: tuple[int, ...]

    def _scale(self, weights: tf.Tensor) -> tf.Tensor:
        others = [x for x in range(len(weights.shape)) if x not in self.axes]
        # A channel without weights has a scale too.
        return tf.maximum(tf.reduce_max(tf.abs(weights), axis=others, keepdims=True), 1e-30) / 127

    def levels(self, weights: Array) -> Array:
        """Return the weights in steps, from 1 to 255."""
        levels: Array = np.rint(weights / self._scale(weights).numpy()) + 128
        return levels

    def round(self, weights: tf.Tensor) -> tf.Tensor:
        """Return the nearest value of the channel's grid for each weight."""
        scale = self._scale(weights)
        return tf.round(weights / scale) * scale


@dataclass(frozen=True)
class Rounding:
    """One rounding of the int8 model: its place in the layer, `name`, and the step of a recurrent layer."""

    name: str
    kind: str
    step: int | None
    grid: Grid | WeightGrid


RoundValue = Callable[[Rounding, tf.Tensor], tf.Tensor]
"""Called with each value that the int8 model rounds; returns the value that the network goes on with."""


@dataclass(frozen=True)
class _Observed:
    point: str
    producer: str  # the name of the operation whose output it is


class Int8Arithmetic:
    """The graph of a lowered network for `n_windows` windows, and the roundings of its int8 form with these ranges."""

    def __init__(self, network: Lowered, ranges: Ranges, n_windows: int) -> None:
        self._observed: dict[str, _Observed] = {}
        self._layers = [x.name for x in network.nodes]

        def mark(point: str, tensor: tf.Tensor) -> tf.Tensor:
            marked = tf.identity(tensor)
            self._observed[marked.op.name] = _Observed(point, tensor.op.name)
            return marked

        function = tf.function(lambda windows: network(windows, mark, layout=IN_INT8), autograph=False)
        self._graph = function.get_concrete_function(tf.TensorSpec([n_windows, *network.input_shape])).graph
        self._roundings = self._find(ranges)

    def __call__(self, windows: tf.Tensor, round_value: RoundValue) -> tf.Tensor:
        """Logits of normalised windows; `round_value` replaces each value that int8 rounds."""
        values: dict[str, tf.Tensor] = {}
        for operation in self._graph.get_operations():
            if operation.type == "Placeholder":
                values[operation.outputs[0].name] = windows
                continue
            rounding = self._roundings.get(operation.name)
            inputs = [values[x.name] for x in operation.inputs]
            if rounding and rounding.kind == WEIGHTS:
                inputs[1] = round_value(rounding, inputs[1])
            outputs = _repeat(operation, inputs)
            if rounding and rounding.kind != WEIGHTS:
                outputs = [round_value(rounding, outputs[0])]
            values.update((x.name, y) for x, y in zip(operation.outputs, outputs, strict=True))
        return values[self._graph.outputs[0].name]

    @cached_property
    def roundings(self) -> tuple[Rounding, ...]:
        """All roundings, in the order of computing."""
        return tuple(self._roundings.values())

    def _find(self, ranges: Ranges) -> Mapping[str, Rounding]:
        """Map an operation's name to its rounded output, or a product's to its weights."""
        found: dict[str, Rounding] = {}
        on_grid: dict[str, str] = {}  # tensor -> the point whose grid it lies on
        constant: set[str] = set()  # operations that are the same for all windows
        for operation in self._graph.get_operations():
            name = operation.name
            if operation.type != "Placeholder" and all(x.op.name in constant for x in operation.inputs):
                constant.add(name)
                continue
            if operation.type in _PRODUCTS:
                found[name] = Rounding(
                    f"{self._result_of(operation)} weights", WEIGHTS, _step(name), _weight_grid(operation)
                )
            if operation.type in _FIXED_RANGES:
                where = self._function(operation)
                found[name] = Rounding(where, FUNCTION, _step(name), Grid.of(_FIXED_RANGES[operation.type]))
            points = {on_grid.get(x.name) for x in operation.inputs if x.op.name not in constant}
            point = points.pop() if operation.type in _COPIES and len(points) == 1 else None
            if name in self._observed and point != self._observed[name].point:
                point = self._observed[name].point
                found[name] = Rounding(
                    self._activation(name), ACTIVATION, _step(name), Grid.of(range_at(ranges, point))
                )
            if point is not None:
                on_grid.update((x.name, point) for x in operation.outputs)
        return found

    def _activation(self, name: str) -> str:
        """The name of an observed activation, which tells it from others at the same point."""
        observed = self._observed[name]
        part, layer = observed.producer.rpartition("/")[2], self._layer(name)
        if observed.point.endswith(f"/{GATED_STATE}"):
            return f"{layer}/{GATED_STATE}"
        if "/" in observed.point or observed.point == INPUT:
            return observed.point
        if part in (INPUT, JOINED):
            return f"{layer}/{part}"
        return layer if _step(name) is None else f"{layer}/state"

    def _function(self, operation: Any) -> str:
        """`lstm/tanh(cell)`: the function and what it is of."""
        function = operation.type.lower()
        before = operation.inputs[0].op.name
        if before not in self._observed:
            return f"{self._layer(operation.name)}/{function}"
        layer, _, of = self._activation(before).rpartition("/")
        if of in (SIGMOID_INPUT, TANH_INPUT):
            return f"{layer}/{function}"
        # The cell of the first step is its update.
        of = CELL if of == UPDATE else of
        return f"{layer}/{function}({of})" if layer else f"{function}({of})"

    def _result_of(self, operation: Any) -> str:
        """The name of the activation that a product's result becomes, through a bias and an activation function."""
        while operation.name not in self._observed:
            operation = operation.outputs[0].consumers()[0]
        return self._activation(operation.name)

    def _layer(self, name: str) -> str:
        index = re.match(r"layer(\d+)/", name)
        return self._layers[int(index[1])] if index else INPUT


def _step(name: str) -> int | None:
    found = re.search(r"/step(\d+)(?:_\d+)?/", name)
    return int(found[1]) if found else None


def _weight_grid(operation: Any) -> WeightGrid:
    """The output channel is the last axis of a convolution's kernel, the first of a transposed matrix.

    A depthwise convolution has several for each input channel, in the last two axes.
    """
    if operation.type == "MatMul":
        return WeightGrid((0,) if operation.get_attr("transpose_b") else (1,))
    last = operation.inputs[1].shape.rank - 1
    return WeightGrid((last - 1, last) if operation.type == "DepthwiseConv2dNative" else (last,))


def _repeat(operation: Any, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
    """The outputs of the same operation on other inputs, in the graph that is being built."""
    made = tf.compat.v1.get_default_graph().create_op(
        operation.type,
        inputs,
        [x.dtype for x in operation.outputs],
        attrs=dict(operation.node_def.attr),
        op_def=operation.op_def,
    )
    return list(made.outputs)
