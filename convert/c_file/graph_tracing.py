"""Follow a model's graph to a straight list of operators: loops are run, and rearrangements become views."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from edge_runtime.errors import InputError
from edge_runtime.model.graphs import OPERATORS, TYPES

Array: TypeAlias = npt.NDArray[Any]

JOIN = "JOIN"
"""Puts parts one after the other into one array."""

COPY = "COPY"
"""Takes values in another order, as TRANSPOSE does."""


LOWEST, HIGHEST = -128, 127
"""Of int8."""

_SLIDING = {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"}


@dataclass(eq=False)
class Buffer:
    """Memory of `size` values: a constant with `data`, or perhaps a part of a larger buffer, from its `offset` on.

    `layer` and `part` name it.
    """

    size: int
    dtype: str
    data: Array | None = None
    within: "Buffer | None" = None
    offset: int = 0
    layer: str = ""
    part: str = ""

    @property
    def name(self) -> str:
        """Its name in C."""
        return f"{self.layer}_{self.part}" if self.layer and self.part else self.layer or self.part


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor: consecutive values of a buffer, or of several `parts`, and their scales and zero point."""

    buffer: Buffer
    offset: int
    shape: tuple[int, ...]
    scales: Array
    zero_point: int
    parts: "tuple[Value, ...]" = ()

    @property
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
        """The largest buffer around it, and where it begins there."""
        buffer, offset = self.buffer, self.offset
        while buffer.within is not None:
            buffer, offset = buffer.within, offset + buffer.offset
        return buffer, offset

    def part(self, offset: int, shape: Sequence[int]) -> "Value":
        """Consecutive values from `offset` on, in another shape."""
        size = math.prod(shape)
        if not self.parts:
            return Value(self.buffer, self.offset + offset, tuple(shape), self.scales, self.zero_point)
        found, begin = [], 0
        for x in self.parts:
            low, high = max(offset, begin), min(offset + size, begin + x.size)
            if low < high:
                found.append(x.part(low - begin, x.shape if high - low == x.size else (high - low,)))
            begin += x.size
        return found[0].part(0, shape) if len(found) == 1 else joined(found, shape)


def joined(parts: Sequence[Value], shape: Sequence[int]) -> Value:
    """The values of the parts, one after the other."""
    flat = tuple(y for x in parts for y in (x.parts or (x,)))
    first = flat[0]
    return Value(Buffer(math.prod(shape), first.dtype), 0, tuple(shape), first.scales, first.zero_point, flat)


def constant(values: Array, like: Value | None = None) -> Value:
    """A constant, with the scale of another value."""
    scales, zero_point = (np.zeros(0, np.float32), 0) if like is None else (like.scales, like.zero_point)
    return Value(Buffer(values.size, str(values.dtype), values), 0, values.shape, scales, zero_point)


@dataclass(frozen=True, eq=False)
class Step:
    """An operator on arrays: a TFLite operator with its `code` and `operator`, or JOIN, or COPY of the `taken` places.

    `merged` are operators, one after the other, that it stands for.
    """

    kind: str
    inputs: tuple[Value | None, ...]
    output: Value
    operator: Any = None
    code: Any = None
    taken: Array | None = None
    merged: "tuple[Step, ...]" = ()

    @property
    def options(self) -> Any:
        """The operator's options in TFLite's schema."""
        return self.operator.builtinOptions

    @property
    def given(self) -> list[Value]:
        """The inputs that are not left out."""
        return [x for x in self.inputs if x is not None]


@dataclass(frozen=True)
class Trace:
    """The operators of an inference in order, from the `window` to the `logits`."""

    steps: tuple[Step, ...]
    window: Value
    logits: Value


def trace(model: schema.ModelT) -> Trace:
    """Follow the model's main graph. Raises `InputError` for an operator that takes whole numbers in a way unknown."""
    return _Tracer(model).trace()


@dataclass
class _Tracer:
    model: schema.ModelT
    steps: list[Step] = field(default_factory=list)
    whole: dict[tuple[tuple[Buffer, int, int], ...], Buffer] = field(default_factory=dict)

    def trace(self) -> Trace:
        main = self.model.subgraphs[0]
        window = self._tensor(main, int(main.inputs[0]))
        (logits,) = self._run(0, [window])
        logits = self._solid(logits)
        return Trace(tuple(_in_order_of_need(self.steps, logits.buffer)), window, logits)

    def _tensor(self, graph: Any, index: int) -> Value:
        tensor = graph.tensors[index]
        shape = () if tensor.shape is None else tuple(map(int, tensor.shape))
        dtype, stored = TYPES[tensor.type], self.model.buffers[tensor.buffer].data
        quantisation = tensor.quantization
        stored_scales = () if quantisation is None or quantisation.scale is None else quantisation.scale
        scales = np.array(stored_scales, np.float32)
        data = None
        if stored is not None and len(stored):
            data = np.frombuffer(bytes(stored), dtype).reshape(shape)
        zero_point = int(quantisation.zeroPoint[0]) if len(scales) else 0
        return Value(Buffer(math.prod(shape), dtype, data), 0, shape, scales, zero_point)

    def _run(self, index: int, arguments: Sequence[Value]) -> list[Value]:
        graph = self.model.subgraphs[index]
        values = dict(zip(map(int, graph.inputs), arguments, strict=True))
        for operator in graph.operators:
            inputs = [
                None if i < 0 else values.setdefault(i, self._tensor(graph, i)) for i in map(int, operator.inputs)
            ]
            outputs = [self._tensor(graph, i) for i in map(int, operator.outputs)]
            values.update(zip(map(int, operator.outputs), self._results(operator, inputs, outputs), strict=True))
        return [values[int(i)] for i in graph.outputs]

    def _results(self, operator: Any, inputs: list[Value | None], outputs: list[Value]) -> list[Value]:
        code = self.model.operatorCodes[operator.opcodeIndex]
        kind, options = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)], operator.builtinOptions
        given = [x for x in inputs if x is not None]
        if kind == "WHILE":
            while self._run(options.condSubgraphIndex, given)[0].data:
                given = self._run(options.bodySubgraphIndex, given)
            return [self._solid(x) for x in given]
        known = [x.data for x in given]
        if outputs[0].dtype in ("int32", "bool"):
            return [constant(_computed(kind, options, known))]
        if kind in _REARRANGEMENTS:
            number = _SOURCE.get(kind, 0)
            source = given[number]
            places = np.arange(source.size).reshape(source.shape)
            others = known[:number] + known[number + 1 :]
            found = _REARRANGEMENTS[kind](places, others, options)
            return [self._taken(source, x, y) for x, y in zip(found, outputs, strict=True)]
        if kind in ("CONCATENATION", "PACK"):
            axis = options.axis % len(outputs[0].shape)
            n_rows = math.prod(outputs[0].shape[:axis])
            return [_beside(given, n_rows, outputs[0].shape)]
        if kind in ("PAD", "PADV2"):
            fill = 0.0 if len(given) < 3 else float(np.ravel(np.asarray(known[2]))[0])
            return [padded(given[0], np.asarray(known[1]), given[0].zero_point if len(given) < 3 else int(fill))]
        if kind in _SLIDING:
            fill = LOWEST if kind == "MAX_POOL_2D" else given[0].zero_point
            inputs[0] = padded(given[0], _margins(options, given, outputs[0].shape), fill)
        solid = tuple(None if x is None else self._solid(x) for x in inputs)
        self.steps.append(Step(kind, solid, outputs[0], operator, code))
        return outputs

    def _taken(self, source: Value, places: Array, output: Value) -> Value:
        """The values of `source` at `places`: rows of them are a view, anything else a copy."""
        flat, shape = places.ravel(), output.shape
        breaks = np.flatnonzero(np.diff(flat) != 1) + 1
        if not len(breaks):
            return source.part(int(flat[0]), shape)
        if len(breaks) < len(flat) // 2:
            rows = [source.part(int(x[0]), (len(x),)) for x in np.split(flat, breaks)]
            return joined(rows, shape)
        self.steps.append(Step(COPY, (self._solid(source),), output, taken=places.reshape(shape)))
        return output

    def _solid(self, x: Value) -> Value:
        """The same in one piece."""
        if not x.parts:
            return x
        key = tuple((y.buffer, y.offset, y.size) for y in x.parts)
        if key not in self.whole:
            self.whole[key] = x.buffer
            self.steps.append(Step(JOIN, x.parts, Value(x.buffer, 0, x.shape, x.scales, x.zero_point)))
        return Value(self.whole[key], 0, x.shape, x.scales, x.zero_point)


def _in_order_of_need(steps: Sequence[Step], result: Buffer) -> list[Step]:
    """The steps that the result needs, each directly before the first that takes its answers: time steps look alike."""
    makers = {x.output.buffer: x for x in steps}
    ordered: dict[Step, None] = {}
    waiting = [makers[result]] if result in makers else []
    while waiting:
        step = waiting[-1]
        missing = [makers[x.buffer] for x in step.given if x.buffer in makers and makers[x.buffer] not in ordered]
        if missing:
            waiting.append(missing[0])
        else:
            waiting.pop()
            ordered[step] = None
    return list(ordered)


def kernel_shape(options: Any, inputs: Sequence[Value]) -> tuple[int, int]:
    """Height and width of the window that a convolution or a pool slides over its first input."""
    if hasattr(options, "filterHeight"):
        return int(options.filterHeight), int(options.filterWidth)
    _, height, width, _ = inputs[1].shape
    return height, width


def _margins(options: Any, inputs: Sequence[Value], shape: Sequence[int]) -> Array:
    """What a convolution or a pool to an output of `shape` takes beyond the borders of its input `[1, h, w, depth]`."""
    margins = np.zeros((4, 2), int)
    strides = options.strideH, options.strideW
    dilations = getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1)
    for axis, size, stride, dilation in zip((1, 2), kernel_shape(options, inputs), strides, dilations, strict=True):
        reach = (shape[axis] - 1) * stride + (size - 1) * dilation + 1
        missing = max(reach - inputs[0].shape[axis], 0)
        margins[axis] = missing // 2, missing - missing // 2
    return margins


def _beside(values: Sequence[Value], n_rows: int, shape: Sequence[int]) -> Value:
    """Values side by side, in each of the rows."""
    rows = [(x, x.size // n_rows) for x in values]
    return joined([x.part(i * size, (size,)) for i in range(n_rows) for x, size in rows], shape)


def padded(x: Value, margins: Array, fill: int) -> Value:
    """`x` with values before and behind it along each axis, `margins` `[n_axes, 2]`."""
    for axis in range(len(x.shape)):
        before, behind = map(int, margins[axis])
        if before or behind:
            sizes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in (before, behind)]
            edges = [constant(np.full(size, fill, x.dtype), x) for size in sizes]
            shape = (*x.shape[:axis], before + x.shape[axis] + behind, *x.shape[axis + 1 :])
            values = [y for y in (edges[0], x, edges[1]) if y.size]
            x = _beside(values, math.prod(x.shape[:axis]), shape)
    return x


def _strided(x: Array, known: Sequence[Array], options: Any) -> Array:
    parts: list[slice | int] = []
    for i, (begin, end, stride) in enumerate(zip(*(map(int, np.ravel(y)) for y in known), strict=True)):
        if options.shrinkAxisMask >> i & 1:
            parts.append(begin)
        else:
            first = None if options.beginMask >> i & 1 else begin
            parts.append(slice(first, None if options.endMask >> i & 1 else end, stride))
    return x[tuple(parts)]


def _sliced(x: Array, begin: Array, size: Array) -> Array:
    return x[tuple(slice(int(b), None if n < 0 else int(b + n)) for b, n in zip(begin, size, strict=True))]


def _in_pieces(x: Array, sizes: Array, axis: Array) -> list[Array]:
    return np.split(x, np.cumsum(sizes)[:-1], int(np.ravel(axis)[0]))


_REARRANGEMENTS: Mapping[str, Callable[[Array, Sequence[Any], Any], list[Array]]] = {
    "RESHAPE": lambda x, known, options: [x],
    "SQUEEZE": lambda x, known, options: [x],
    "EXPAND_DIMS": lambda x, known, options: [x],
    "SPLIT": lambda x, known, options: np.split(x, options.numSplits, int(np.ravel(known[0])[0])),
    "SPLIT_V": lambda x, known, options: _in_pieces(x, *known),
    "UNPACK": lambda x, known, options: [*np.moveaxis(x, options.axis, 0)],
    "SLICE": lambda x, known, options: [_sliced(x, *known)],
    "STRIDED_SLICE": lambda x, known, options: [_strided(x, known, options)],
    "REVERSE_V2": lambda x, known, options: [np.flip(x, tuple(map(int, np.ravel(known[0]))))],
    "TRANSPOSE": lambda x, known, options: [x.transpose(known[0])],
    "GATHER": lambda x, known, options: [np.take(x, known[0], options.axis)],
}
"""Operators that only rearrange: what they do to an array, of the other inputs and the options."""

_SOURCE = {"SPLIT": 1}
"""The number of the rearranged input, where it is not the first."""

_NUMBERS: Mapping[str, Callable[..., Array]] = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "LESS": np.less}


def _computed(kind: str, options: Any, known: Sequence[Array | None]) -> Array:
    """The result of an operator on whole numbers that are all known: the counters of loops."""
    arrays = [x for x in known if x is not None]
    if len(arrays) == len(known):
        if kind in _NUMBERS:
            return np.asarray(_NUMBERS[kind](*arrays))
        if kind in _REARRANGEMENTS and kind not in _SOURCE:
            return np.asarray(_REARRANGEMENTS[kind](arrays[0], arrays[1:], options)[0])
    raise InputError(f"--c does not write the operator {kind} of whole numbers: take other layers")
