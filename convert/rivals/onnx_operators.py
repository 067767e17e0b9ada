"""Give ONNX's operators for TensorFlow's: those of the same kind by name, the others by a function each."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import tensorflow as tf

from convert.rivals.onnx_convolutions import convolve, pool
from convert.rivals.onnx_graph import Shape

if TYPE_CHECKING:
    from convert.rivals.onnx_translation import Translation

UNARY = {
    **{x: x for x in ("Abs", "Cos", "Elu", "Erf", "Exp", "Log", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sin")},
    **{x: x for x in ("Softplus", "Softsign", "Sqrt", "Tanh")},
    "Inv": "Reciprocal",
}
"""Functions of one element."""

BINARY = {
    **{x: x for x in ("Add", "Sub", "Mul", "Pow")},
    "AddV2": "Add",
    "BiasAdd": "Add",
    "RealDiv": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
}
"""Functions of two tensors, of which the smaller is repeated."""

REDUCTIONS = {"Mean": "ReduceMean", "Sum": "ReduceSum", "Max": "ReduceMax", "Min": "ReduceMin"}
"""Functions over axes, which are their second input."""

_Translator: TypeAlias = Callable[["Translation", tf.Operation, Shape], str | list[str]]
"""Adds what an operator does; the name of its output of that shape, or the names of all its outputs."""


def _relu6(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    limits = [t.graph.constant(x) for x in (0.0, 6.0)]
    return t.graph.elementwise("Clip", t.name(operation.inputs[0]), *limits)


def _leaky_relu(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    return t.graph.elementwise("LeakyRelu", t.name(operation.inputs[0]), alpha=float(operation.get_attr("alpha")))


def _square(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    return t.graph.one("Mul", [t.name(operation.inputs[0])] * 2, shape)


def _squared_difference(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    difference = t.graph.one("Sub", [t.name(x) for x in operation.inputs], shape)
    return t.graph.one("Mul", [difference] * 2, shape)


def _rsqrt(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    return t.graph.elementwise("Reciprocal", t.graph.elementwise("Sqrt", t.name(operation.inputs[0])))


def _erfc(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    negative = t.graph.elementwise("Neg", t.graph.elementwise("Erf", t.name(operation.inputs[0])))
    return t.graph.elementwise("Add", negative, t.graph.constant(1.0))


def _softmax(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    return t.graph.one("Softmax", [t.name(operation.inputs[0])], shape, axis=-1)


def _transpose(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    x, axes = operation.inputs
    return t.graph.transpose(t.name(x), t.value(axes).tolist())


def _matmul(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    a, b = operation.inputs
    if not t.is_constant(b) or operation.get_attr("transpose_a"):
        return _products(t, operation, shape, ("transpose_a", "transpose_b"))
    weights = t.value(b).T if operation.get_attr("transpose_b") else t.value(b)
    return t.graph.one("Gemm", [t.name(a), t.graph.constant(weights), *t.bias_behind(operation.outputs[0])], shape)


def _products(
    t: "Translation", operation: tf.Operation, shape: Shape, flags: Sequence[str] = ("adj_x", "adj_y")
) -> str:
    inputs = []
    for tensor, flag in zip(operation.inputs, flags, strict=True):
        *front, rows, columns = range(len(tensor.shape))
        name = t.name(tensor)
        inputs.append(t.graph.transpose(name, [*front, columns, rows]) if operation.get_attr(flag) else name)
    return t.graph.one("MatMul", inputs, shape)


def _einsum(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    inputs = [t.name(x) for x in operation.inputs]
    return t.graph.one("Einsum", inputs, shape, equation=operation.get_attr("equation").decode())


def _concatenate(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    *parts, axis = operation.inputs
    return t.graph.one("Concat", [t.name(x) for x in parts], shape, axis=int(t.value(axis)))


def _pack(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    axis = operation.get_attr("axis") % len(shape)
    single = [1 if i == axis else n for i, n in enumerate(shape)]
    return t.graph.one("Concat", [t.graph.reshape(t.name(x), single) for x in operation.inputs], shape, axis=axis)


def _split(t: "Translation", operation: tf.Operation, shape: Shape) -> list[str]:
    axis, x = operation.inputs[:2] if operation.type == "Split" else operation.inputs[2::-2]
    place = int(t.value(axis)) % len(shape)
    return _parts(t, t.name(x), place, [x.shape[place] for x in operation.outputs])


def _unpack(t: "Translation", operation: tf.Operation, shape: Shape) -> list[str]:
    parts = _parts(
        t, t.name(operation.inputs[0]), operation.get_attr("axis") % (len(shape) + 1), [1] * operation.get_attr("num")
    )
    return [t.graph.reshape(part, shape) for part in parts]


def _parts(t: "Translation", x: str, axis: int, sizes: Sequence[int]) -> list[str]:
    whole = t.graph.shape(x)
    shapes = [(*whole[:axis], size, *whole[axis + 1 :]) for size in sizes]
    return t.graph.node("Split", [x, t.graph.constant(sizes, np.int64)], shapes, axis=axis)


def _pad(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    x, widths, *value = operation.inputs
    pads = t.graph.constant(t.value(widths).T.reshape(-1), np.int64)
    return t.graph.one("Pad", [t.name(x), pads, *map(t.scalar, value)], shape)


def _tile(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    x, times = operation.inputs
    return t.graph.one("Tile", [t.name(x), t.graph.constant(t.value(times), np.int64)], shape)


def _broadcast(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    return t.graph.one("Expand", [t.name(operation.inputs[0]), t.graph.constant(shape, np.int64)], shape)


def _gather(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    x, places, axis = operation.inputs
    inputs = [t.name(x), t.graph.constant(t.value(places), np.int64)]
    return t.graph.one("Gather", inputs, shape, axis=int(t.value(axis)))


def _reverse(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    x, axes = operation.inputs
    name = t.name(x)
    for axis in t.value(axes):
        name = t.graph.reverse(name, int(axis))
    return name


def _slice(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    x, begin, size = operation.inputs
    parts = [slice(b, None if n < 0 else b + n) for b, n in zip(t.value(begin).tolist(), t.value(size), strict=True)]
    return _cut(t, t.name(x), parts, shape)


def _strided_slice(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    """Cut as `tf.strided_slice` says: a mask has a bit for each item between the brackets."""
    x, *bounds = operation.inputs
    names = ("begin", "end", "shrink_axis", "ellipsis", "new_axis")
    masks = {name: operation.get_attr(f"{name}_mask") for name in names}
    parts: list[Any] = []
    for i, (begin, end, step) in enumerate(zip(*(t.value(value).tolist() for value in bounds), strict=True)):
        has = {name: mask >> i & 1 for name, mask in masks.items()}
        if has["ellipsis"]:
            parts.append(...)
        elif has["shrink_axis"]:
            parts.append(slice(begin, begin + 1 or None))
        elif not has["new_axis"]:
            parts.append(slice(None if has["begin"] else begin, None if has["end"] else end, step))
    place = parts.index(...) if ... in parts else len(parts)
    rest = len(x.shape) - sum(part is not ... for part in parts)
    parts[place : place + 1] = [slice(None)] * rest
    return _cut(t, t.name(x), parts, shape)


def _cut(t: "Translation", x: str, parts: Sequence[slice], shape: Shape) -> str:
    """A part of a tensor, in the shape that is left when axes are taken away or put in."""
    whole = t.graph.shape(x)
    kept = [range(n)[part] for n, part in zip(whole, parts, strict=True)]
    axes = [i for i, n in enumerate(whole) if kept[i] != range(n)]
    if axes:
        first = np.iinfo(np.int64).min  # of a slice that goes backwards to the very first
        ends = [kept[i].stop if kept[i].stop >= 0 else first for i in axes]
        bounds = ([kept[i].start for i in axes], ends, axes, [kept[i].step for i in axes])
        inputs = [x, *(t.graph.constant(values, np.int64) for values in bounds)]
        x = t.graph.one("Slice", inputs, [len(each) for each in kept])
    return t.graph.reshape(x, shape)


OPERATORS: dict[str, _Translator] = {
    "AvgPool": pool,
    "BatchMatMulV2": _products,
    "BroadcastTo": _broadcast,
    "ConcatV2": _concatenate,
    "Conv2D": convolve,
    "DepthwiseConv2dNative": convolve,
    "Einsum": _einsum,
    "Erfc": _erfc,
    "GatherV2": _gather,
    "LeakyRelu": _leaky_relu,
    "MatMul": _matmul,
    "MaxPool": pool,
    "Pack": _pack,
    "Pad": _pad,
    "PadV2": _pad,
    "Relu6": _relu6,
    "ReverseV2": _reverse,
    "Rsqrt": _rsqrt,
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "SplitV": _split,
    "Square": _square,
    "SquaredDifference": _squared_difference,
    "StridedSlice": _strided_slice,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unpack": _unpack,
}
"""By TensorFlow's names."""
