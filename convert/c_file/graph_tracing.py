"""Turn a model's graph into a straight list of steps: loops are run, and rearrangements become views."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from convert.quantise import compaction
from edge_runtime.errors import InputError
from edge_runtime.model.graphs import Graph, Operator, read_graphs

Array: TypeAlias = npt.NDArray[Any]

JOIN = "JOIN"
"""The kind of a step that puts values one after the other into one array."""

POOLS = {"AVERAGE_POOL_2D": "average", "MAX_POOL_2D": "maximum"}
"""The function in C of each kind of pool."""

_OF_ATTENTION = ("SOFTMAX", "BATCH_MATMUL")

_FILL = -1
"""Stands for the place of a value that padding adds."""


@dataclass(eq=False)
class Buffer:
    """Memory of `size` values: a constant with `data`, or perhaps a part `within` a larger buffer.

    The array in C has the `name`, and belongs to the `layer`.
    """

    size: int
    dtype: str
    data: Array | None = None
    within: "Value | None" = None
    layer: str = ""
    name: str = ""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor: consecutive values of a buffer, or of several `parts`, and their zero point and scale, or scales."""

    buffer: Buffer
    offset: int
    shape: tuple[int, ...]
    scale: Any = None
    zero_point: int = 0
    parts: "tuple[Value, ...]" = ()

    @cached_property
    def size(self) -> int:
        """The number of its values."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> str:
        """The type of its values."""
        return self.buffer.dtype

    @property
    def data(self) -> Array | None:
        """The values of a constant."""
        whole = self.buffer.data
        return None if whole is None else whole.ravel()[self.offset : self.offset + self.size].reshape(self.shape)

    @property
    def place(self) -> tuple[Buffer, int]:
        """The largest buffer around the value, and where the value begins there."""
        if self.buffer.within is None:
            return self.buffer, self.offset
        buffer, offset = self.buffer.within.place
        return buffer, offset + self.offset

    def part(self, offset: int, shape: Sequence[int]) -> "Value":
        """Return consecutive values from `offset` on, in another shape."""
        if not self.parts:
            return replace(self, offset=self.offset + offset, shape=tuple(shape))
        pieces, begin, end = [], 0, offset + math.prod(shape)
        for part in self.parts:
            low, high = max(offset, begin), min(end, begin + part.size)
            if low < high:
                pieces.append(part.part(low - begin, part.shape if high - low == part.size else (high - low,)))
            begin += part.size
        return joined(pieces, shape)


def joined(values: Sequence[Value], shape: Sequence[int]) -> Value:
    """Return the values, one after the other, as one value, with the scale of the first."""
    parts = tuple(part for value in values for part in (value.parts or (value,)))
    if len(parts) == 1:
        return parts[0].part(0, shape)
    buffer = Buffer(math.prod(shape), values[0].dtype)
    return replace(values[0], buffer=buffer, offset=0, shape=tuple(shape), parts=parts)


def constant(data: Array) -> Value:
    """Return a constant without a scale."""
    return Value(Buffer(data.size, str(data.dtype), data), 0, data.shape)


@dataclass(frozen=True, eq=False)
class Step:
    """An operator on arrays: JOIN, or an operator of TFLite with its `options`."""

    kind: str
    inputs: tuple[Value, ...]
    output: Value
    options: Any = None


def trace(flatbuffer: bytes) -> tuple[list[Step], Value, Value]:
    """Return the steps of an inference in order, its window and its logits, from the main graph of a model."""
    tracer = _Tracer(flatbuffer)
    window = _value(tracer.graphs[0], tracer.graphs[0].inputs[0])
    # Products read beyond the end of an array. An int8 window has no room there, so it is copied.
    copy = replace(window, buffer=Buffer(window.size, window.dtype), parts=(window,))
    (logits,) = map(tracer.in_one_piece, tracer.run(0, [tracer.in_one_piece(copy) if copy.dtype == "int8" else window]))
    return _in_order_of_need(tracer.steps, logits.buffer), window, logits


class _Tracer:
    """Runs graphs on values without their numbers, and records the `steps` that compute them."""

    def __init__(self, flatbuffer: bytes) -> None:
        self.graphs, self.steps = read_graphs(flatbuffer), list[Step]()
        # The options of operators, which the runtime's reader leaves out.
        self._options = [[x.builtinOptions for x in y.operators] for y in compaction.read(flatbuffer).subgraphs]
        self._constants = [{i: _value(graph, i) for i in graph.constants} for graph in self.graphs]
        self._joined: dict[tuple[tuple[Buffer, int, int], ...], Buffer] = {}

    def run(self, number: int, arguments: Sequence[Value]) -> list[Value]:
        """Return the outputs of a graph."""
        graph = self.graphs[number]
        values = self._constants[number] | dict(zip(graph.inputs, arguments, strict=True))
        for operator, options in zip(graph.operators, self._options[number], strict=True):
            inputs = [values[i] for i in operator.inputs if i >= 0]
            outputs = [_value(graph, i) for i in operator.outputs]
            values.update(zip(operator.outputs, self._results(operator, options, inputs, outputs), strict=True))
        return [values[i] for i in graph.outputs]

    def _results(self, operator: Operator, options: Any, inputs: list[Value], outputs: list[Value]) -> Sequence[Value]:
        name = operator.name
        if operator.loop:
            condition, body = operator.loop
            while np.all(self.run(condition, inputs)[0].data):
                inputs = self.run(body, inputs)
            return [self.in_one_piece(value) for value in inputs]
        if outputs[0].dtype in ("int32", "bool"):  # counters of loops, which are constants, and conditions on them
            if name not in _COUNTING:
                raise unknown(f"{name} of a loop's counter")
            return [constant(np.asarray(x)) for x in _COUNTING[name](options, *(value.data for value in inputs))]
        if name in _REARRANGEMENTS:
            values = [value for value in inputs if value.dtype != "int32"]
            begins = np.cumsum([0, *(value.size for value in values)])
            places = iter([i + np.arange(x.size).reshape(x.shape) for i, x in zip(begins, values, strict=False)])
            arguments = [value.data if value.dtype == "int32" else next(places) for value in inputs]
            source = joined(values, (begins[-1],))
            rearranged = _REARRANGEMENTS[name](options, *arguments)
            return [self._gather(source, x.reshape(y.shape)) for x, y in zip(rearranged, outputs, strict=True)]
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            x, margins = inputs[0], np.zeros((4, 2), int)
            for axis, stride in ((1, options.strideH), (2, options.strideW)):
                missing = max((outputs[0].shape[axis] - 1) * stride + inputs[1].shape[axis] - x.shape[axis], 0)
                margins[axis] = missing // 2, missing - missing // 2
            every = np.arange(x.size).reshape(x.shape)
            inputs[0] = self._gather(x, np.pad(every, margins, constant_values=_FILL))
        self.steps.append(Step(name, tuple(map(self.in_one_piece, inputs)), outputs[0], options))
        return outputs

    def _gather(self, source: Value, places: Array) -> Value:
        """Return the values of `source` at `places`: rows are views, single values are copied."""
        flat = places.ravel()
        follows = np.where(flat[:-1] == _FILL, flat[1:] == _FILL, np.diff(flat) == 1)
        breaks = np.flatnonzero(~follows) + 1
        fill = np.full(len(flat), source.zero_point, source.dtype)
        pieces = np.split(flat, breaks)
        rows = [constant(fill[: len(x)]) if x[0] == _FILL else source.part(x[0], x.shape) for x in pieces]
        value = replace(joined(rows, places.shape), scale=source.scale, zero_point=source.zero_point)
        return self.in_one_piece(value) if len(rows) > len(flat) // 2 else value

    def in_one_piece(self, x: Value) -> Value:
        """Return the same values in one array."""
        if not x.parts:
            return x
        key = tuple((y.buffer, y.offset, y.size) for y in x.parts)
        if key not in self._joined:
            self._joined[key] = x.buffer
            self.steps.append(Step(JOIN, x.parts, replace(x, parts=())))
        return replace(x, buffer=self._joined[key], parts=())


def _value(graph: Graph, index: int) -> Value:
    tensor, stored = graph.tensors[index], graph.constants.get(index)
    data = None if stored is None else np.frombuffer(stored, tensor.dtype).reshape(tensor.shape)
    scale = np.array(tensor.scales, np.float32) if tensor.scale is None else np.float32(tensor.scale)
    return Value(Buffer(math.prod(tensor.shape), tensor.dtype, data), 0, tensor.shape, scale, tensor.zero_point or 0)


def unknown(what: str) -> InputError:
    """Return the error that refuses a model because of an operator."""
    part = f"attention ({what})" if what.startswith(_OF_ATTENTION) else f"the operator {what}"
    return InputError(f"--c cannot write {part}: run the .tflite file with LiteRT or TensorFlow Lite Micro")


def _in_order_of_need(steps: Sequence[Step], result: Buffer) -> list[Step]:
    """Return the steps that the result needs, each right before its first reader, so that time steps look alike."""
    makers = {step.output.buffer: step for step in steps}
    ordered: dict[Step, None] = {}
    waiting = [makers[result]]
    while waiting:
        needed = (makers[value.buffer] for value in waiting[-1].inputs if value.buffer in makers)
        missing = next((step for step in needed if step not in ordered), None)
        if missing:
            waiting.append(missing)
        else:
            ordered[waiting.pop()] = None
    return list(ordered)


def _strided(options: Any, x: Array, *borders: Array) -> list[Array]:
    parts: list[slice | int] = []
    for i, (begin, end, stride) in enumerate(zip(*(y.tolist() for y in borders), strict=True)):
        first, last = (None if y >> i & 1 else z for y, z in ((options.beginMask, begin), (options.endMask, end)))
        parts.append(begin if options.shrinkAxisMask >> i & 1 else slice(first, last, stride))
    return [x[tuple(parts)]]


def _sliced(options: Any, x: Array, begin: Array, size: Array) -> list[Array]:
    return [x[tuple(slice(b, None if n < 0 else b + n) for b, n in zip(begin, size, strict=True))]]


_REARRANGEMENTS: dict[str, Callable[..., Iterable[Array]]] = {
    "CONCATENATION": lambda options, *x: [np.concatenate(x, options.axis)],
    "PAD": lambda options, x, margins: [np.pad(x, margins, constant_values=_FILL)],
    "RESHAPE": lambda options, x, *shape: [x],
    "REVERSE_V2": lambda options, x, axes: [np.flip(x, tuple(axes))],
    "SLICE": _sliced,
    "SPLIT": lambda options, axis, x: np.split(x, options.numSplits, axis.item()),
    "STRIDED_SLICE": _strided,
    "TRANSPOSE": lambda options, x, order: [x.transpose(order)],
}
"""What the operators that only rearrange values do to arrays."""

_COUNTING: dict[str, Callable[..., Iterable[Array]]] = {
    "ADD": lambda options, x, y: [x + y],
    "LESS": lambda options, x, y: [x < y],
    "LOGICAL_AND": lambda options, x, y: [x & y],
    **_REARRANGEMENTS,
}
"""What loops compute from their counters."""
