"""Read operations on tensors, such as `x[:, -1]` and `1.0 - x`, as layers that can be lowered."""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Slice:
    """A part of a tensor: each axis but the batch has a slice, or an index that removes the axis."""

    name: str
    parts: tuple[slice | int, ...]


@dataclass(frozen=True)
class Affine:
    """The calculation `x * scale + offset` with constants, which are broadcast."""

    name: str
    scale: Array
    offset: Array

    @property
    def is_by_channel(self) -> bool:
        """Tell whether each constant is a single number, or has a number for each feature like a convolution's bias."""
        return all(values.ndim == 0 or values.size == values.shape[-1] for values in (self.scale, self.offset))


@dataclass(frozen=True)
class Reduction:
    """The sum or mean over one axis; axis 0 is the batch."""

    name: str
    axis: int
    is_mean: bool
    keepdims: bool


@dataclass(frozen=True)
class Reversal:
    """Reverses the steps."""

    name: str


@dataclass(frozen=True)
class IntoBatch:
    """Moves each window's steps into the batch, so that layers work on each step."""

    name: str


@dataclass(frozen=True)
class OutOfBatch:
    """Moves each window's steps out of the batch again."""

    name: str
    n_steps: int


_OF_TWO = {"Add": layers.Add, "Multiply": layers.Multiply, "Subtract": layers.Subtract}
_FUNCTIONS = {
    **{"Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "silu"},
    **{"HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardTanh": "hard_tanh"},
}
_OF_SHAPE = ("Reshape", "ExpandDims", "Squeeze")


def equal_layer(node: Any) -> Any:
    """Return the layer that is equal to a call of an operation; None if no layer is."""
    operation, inputs = node.operation, node.input_tensors
    kind, name = type(operation).__name__, operation.name
    rank = len(inputs[0].shape)
    if len(inputs) == 2 and kind in _OF_TWO and len(inputs[0].shape) == len(inputs[1].shape):
        return _OF_TWO[kind](name=name)
    if len(inputs) == 1 and kind == "GetItem":
        parts = _parts(node.arguments.args[1], inputs[0].shape)
        return None if parts is None else Slice(name, parts)
    if len(inputs) == 1 and (calculation := _with_constant(name, kind, node)) is not None:
        return calculation
    if kind in _FUNCTIONS:
        return layers.Activation(_FUNCTIONS[kind], name=name)
    if kind == "Softmax" and isinstance(operation.axis, int):
        return layers.Softmax(axis=operation.axis, name=name)
    if kind in _OF_SHAPE and prod(node.outputs[0].shape[1:]) == prod(inputs[0].shape[1:]):
        return layers.Reshape(node.outputs[0].shape[1:], name=name)
    if kind == "Transpose" and operation.axes is not None and operation.axes[0] == 0:
        return layers.Permute(tuple(axis % rank for axis in operation.axes[1:]), name=name)
    if kind == "Flip" and operation.axis == 1:
        return Reversal(name)
    if kind in ("Sum", "Mean"):
        axes = [operation.axis] if isinstance(operation.axis, int) else list(operation.axis or ())
        if len(axes) == 1 and axes[0] % rank:
            return Reduction(name, axes[0] % rank, kind == "Mean", bool(operation.keepdims))
    return None


def _parts(key: Any, shape: tuple[int | None, ...]) -> tuple[slice | int, ...] | None:
    """Return the part along each axis but the batch; None if it is not a number or forward slice, or cuts the batch."""
    keys: list[Any] = list(key) if isinstance(key, list | tuple) else [key]
    everything: list[Any] = [slice(None)]
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys[at : at + 1] = everything * (len(shape) - len(keys) + 1)
    batch, *others = keys + everything * (len(shape) - len(keys))
    if batch != slice(None) or len(others) != len(shape) - 1:
        return None
    parts: list[slice | int] = []
    for part, size in zip(others, shape[1:], strict=True):
        if isinstance(part, slice) and isinstance(size, int) and (part.step or 1) > 0:
            parts.append(slice(*part.indices(size)))
        elif isinstance(part, int) and isinstance(size, int):
            parts.append(part % size)
        else:
            return None
    return tuple(parts)


def _with_constant(name: str, kind: str, node: Any) -> Affine | None:
    one, zero = np.ones((), np.float32), np.zeros((), np.float32)
    if kind == "Negative":
        return Affine(name, -one, zero)
    values = [*node.arguments.args, *node.arguments.kwargs.values()]
    if len(values) != 2 or isinstance(values[0], keras.KerasTensor) == isinstance(values[1], keras.KerasTensor):
        return None
    is_first = isinstance(values[0], keras.KerasTensor)
    constant = np.asarray(values[1] if is_first else values[0], np.float32)
    if constant.ndim == len(node.input_tensors[0].shape):
        if constant.shape[0] != 1:  # a constant for each window of a batch
            return None
        constant = constant[0]
    if kind == "Add":
        return Affine(name, one, constant)
    if kind == "Subtract":
        return Affine(name, one, -constant) if is_first else Affine(name, -one, constant)
    if kind == "Multiply":
        return Affine(name, constant, zero)
    if kind in ("Divide", "TrueDivide") and is_first:
        return Affine(name, np.asarray(1 / constant, np.float32), zero)
    return None
