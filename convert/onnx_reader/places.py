"""Know the place of each value of an ONNX tensor among the values of all Keras tensors.

ONNX puts channels, steps and directions first, Keras last. Here an ONNX tensor is an array of places, which ONNX's
reference operators move: a Transpose, Reshape, Slice or Concat adds no layer. A layer is added only for an operator
that calculates with values in an order that no Keras tensor has.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from keras import layers, ops

Places: TypeAlias = npt.NDArray[np.int64]
"""Places of values; 0 is a zero of padding."""


class KerasTensors:
    """The Keras tensors of a network, with a place for each value.

    `only_last` are the recurrent operators whose layers return their last states without the steps before. `steps`
    has the places of these steps for each operator.
    """

    def __init__(self, only_last: Collection[Any]) -> None:
        self.only_last = only_last
        self.steps: dict[Any, Places] = {}
        self._tensors: list[Any] = []
        self._places: list[Places] = []
        self._end = 1
        self._arranged: dict[tuple[tuple[int, ...], bytes], Any] = {}

    def add(self, tensor: Any) -> Places:
        """Return the places of a new tensor's values, in its shape without the batch."""
        begin, self._end = self._end, self._end + prod(tensor.shape[1:])
        self._tensors.append(tensor)
        self._places.append(np.arange(begin, self._end).reshape(tensor.shape[1:]))
        return self._places[-1]

    def needed(self) -> Places:
        """Return the places that layers have taken."""
        return np.unique(np.concatenate([np.frombuffer(content, np.int64) for _, content in self._arranged]))

    def owners(self, places: Places) -> npt.NDArray[np.intp]:
        """Return the numbers of the tensors with the `places`; -1 for zeros."""
        return np.searchsorted([places.flat[0] for places in self._places], places, "right") - 1

    def in_order(self, places: Places) -> npt.NDArray[np.intp]:
        """Return the indices that sort `places` within each tensor; the tensors keep their order."""
        _, first, number = np.unique(self.owners(places), return_index=True, return_inverse=True)
        return np.lexsort((places, first[number]))

    def arrange(self, places: Places) -> Any:
        """Return the tensor `[batch, *places.shape]` of the values at `places`, by layers that move them if needed.

        Raises `LookupError` if no layers do.
        """
        key = places.shape, places.tobytes()
        if key not in self._arranged:
            self._arranged[key] = self._moved(places)
        return self._arranged[key]

    def box(self, places: Places) -> tuple[Any, tuple[slice | int, ...], Places] | None:
        """Return a tensor, its part with exactly these places, and the part's places; None if no tensor has them."""
        owner, *others = np.unique(self.owners(places))
        if others or owner < 0:
            return None
        whole, key = self._places[owner], list[slice | int]()
        for side, size in zip(np.unravel_index(places - whole.flat[0], whole.shape), whole.shape, strict=True):
            part = np.unique(side)
            is_index = len(part) == 1 < min(size, places.size)
            step = int(np.diff(part)[:1].sum()) or 1
            key.append(int(part[0]) if is_index else slice(int(part[0]), int(part[-1]) + 1, step))
        box = whole[tuple(key)]
        is_exact = np.array_equal(np.sort(places, None), box.reshape(-1))
        return (self._tensors[owner], tuple(key), box) if is_exact else None

    def _moved(self, places: Places) -> Any:
        box = self.box(places)
        for axis, size in enumerate(places.shape):
            moved = np.moveaxis(places, axis, 0)
            rows = moved.reshape(size, -1)
            inside = np.flatnonzero(rows.any(1))
            jumps = np.diff(rows, axis=0)
            if 0 < len(inside) < size and len(inside) == np.ptp(inside) + 1:
                sides = int(inside[0]), int(size - 1 - inside[-1])
                tensor = layers.ZeroPadding1D(sides)(self.arrange(rows[inside]))
            elif size > 1 and not jumps.any():
                tensor = layers.RepeatVector(size)(self.arrange(rows[0]))
            elif size > 1 and box and (jumps < 0).all():
                return ops.flip(self.arrange(np.flip(places, axis)), axis + 1)
            else:
                continue
            return self.arrange(np.moveaxis(self.add(tensor).reshape(moved.shape), 0, axis))
        if box is None:
            axis, joints = self._joints(places)
            return layers.Concatenate(axis + 1)([self.arrange(part) for part in np.split(places, joints, axis)])
        tensor, key, its_places = box
        if its_places.size == prod(tensor.shape[1:]):
            return _permuted(tensor, places - its_places.flat[0])
        if np.array_equal(places, its_places):
            return tensor[(slice(None), *key)]
        part = self.add(self.arrange(its_places)).reshape(-1)
        return self.arrange(part[np.searchsorted(its_places.reshape(-1), places)])

    def _joints(self, places: Places) -> tuple[int, npt.NDArray[np.intp]]:
        """Return the axis along which places of several tensors or boxes are joined, and where."""
        choices = []
        for axis, size in enumerate(places.shape):
            rows = np.moveaxis(places, axis, 0).reshape(size, -1)
            owners, jumps = self.owners(rows), np.diff(rows[:, 0])
            if (owners == owners[:, :1]).all():
                joints = np.diff(owners[:, 0]) != 0, jumps != np.median(jumps), jumps != 0
                choices += [(rank, axis, np.flatnonzero(where) + 1) for rank, where in enumerate(joints) if where.any()]
        if not choices:
            raise LookupError
        return min(choices, key=lambda choice: choice[:2])[1:]


def _permuted(tensor: Any, places: Places) -> Any:
    """Return the values of a tensor at all its `places`, which start at 0, by Reshape and Permute."""
    line, parts = places.reshape(-1), list[tuple[int, int]]()
    while len(line) > 1:  # split the innermost axis off: its stride and size
        jumps = np.diff(line)
        parts.insert(0, (int(jumps[0]), 1 + int(np.argmax([*(jumps != jumps[0]), True]))))
        line = line[:: parts[0][1]]
    order = sorted(range(len(parts)), key=lambda i: -parts[i][0])
    shape, dims = tuple(parts[i][1] for i in order), np.argsort(order)
    whole = np.arange(places.size)
    if prod(shape) != places.size or (whole.reshape(shape).transpose(dims).reshape(-1) != places.reshape(-1)).any():
        raise LookupError
    if order != sorted(order):
        tensor = layers.Permute((dims + 1).tolist())(_reshaped(tensor, shape))
    return _reshaped(tensor, places.shape)


def _reshaped(tensor: Any, shape: tuple[int, ...]) -> Any:
    if tensor.shape[1:] == shape:
        return tensor
    return layers.Flatten()(tensor) if len(shape) == 1 else layers.Reshape(shape)(tensor)


@dataclass(frozen=True, eq=False)
class View:
    """An ONNX tensor: the place of each of its values in `tensors`."""

    tensors: KerasTensors
    places: Places

    @property
    def order(self) -> list[int]:
        """ONNX's axes that are longer than 1, in Keras's order."""

        def stride(axis: int) -> int:
            jumps = np.abs(np.diff(self.places, axis=axis))
            return int(jumps[jumps > 0].min(initial=self.places.max()))

        return sorted(
            (axis for axis in range(self.places.ndim) if self.places.shape[axis] > 1), key=stride, reverse=True
        )

    def of(self, places: Places) -> "View":
        """Return another ONNX tensor of the same network."""
        return replace(self, places=places)

    def along(self, axes: Sequence[int]) -> Places:
        """Return the places along ONNX's `axes`, all that are longer than 1."""
        axes = [axis % self.places.ndim for axis in axes]
        return self.places.transpose(*_others(axes, self.places.ndim), *axes).reshape(
            [self.places.shape[axis] for axis in axes]
        )

    def seen(self, tensor: Any, axes: Sequence[int], rank: int, shape: Sequence[int] | None = None) -> "View":
        """Return the ONNX tensor of a Keras tensor with ONNX's `axes`, in this shape; the others have length 1."""
        others, places = _others(axes, rank), self.tensors.add(tensor)
        sizes = [1] * len(others) + [*(places.shape[: len(axes)] if shape is None else shape)]
        return self.of(places.reshape(sizes).transpose(np.argsort([*others, *axes])))

    def settled(self) -> "View":
        """Return the same values, in a Keras tensor of their own."""
        return self.seen(self.tensors.arrange(self.along(self.order)), self.order, self.places.ndim)

    def once(self) -> tuple[Any, npt.NDArray[np.intp]]:
        """Return a Keras tensor with these values, each once, and the index of each of ONNX's values in it."""
        places, index = np.unique(self.places, return_inverse=True)
        box = self.tensors.box(places)
        return (self.tensors.arrange(box[-1]), index.reshape(self.places.shape)) if box else self.settled().once()

    def through(self, layer: Callable[[Any], Any]) -> "View":
        """Return the output of a layer that keeps the shape and treats all values alike."""
        tensor, index = self.once()
        return self.of(self.tensors.add(layer(tensor)).reshape(-1)[index])

    def constant(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return `values` of this shape, one for each place, as they stand beside the tensor of `once`."""
        tensor, index = self.once()
        constant = np.zeros(index.size, np.float32)
        constant[index] = values
        constant = constant.reshape(tensor.shape[1:])
        for axis in range(constant.ndim):
            if (constant == constant.take([0], axis)).all():
                constant = constant.take([0], axis)
        while constant.ndim and len(constant) == 1:
            constant = constant[0]
        return np.array(constant)

    def features_last(self, axes: Sequence[int], size: int | None = None) -> "tuple[Any, Any, Callable[[Any], View]]":
        """Return a Keras tensor whose last axis is ONNX's `axes`, and the index in ONNX of each of these features.

        They keep Keras's order: weights move instead. The third value makes a layer's output, with `size` new features
        or the same, an ONNX tensor again.
        """
        others = [axis for axis in self.order if axis not in axes]
        order = [*_others([*others, *axes], self.places.ndim), *others, *axes]
        shape = [self.places.shape[axis] for axis in order]
        rows = self.places.transpose(order).reshape([*(self.places.shape[axis] for axis in others), -1])
        index = self.tensors.in_order(rows.reshape(-1, rows.shape[-1])[0])

        def seen(answer: Any) -> View:
            places = self.tensors.add(answer)
            if size is None:
                places = places[..., np.argsort(index)]
            return self.of(places.reshape([*shape[:-1], size] if size else shape).transpose(np.argsort(order)))

        return self.tensors.arrange(rows[..., index]), index, seen


def _others(axes: Sequence[int], rank: int) -> list[int]:
    return [axis for axis in range(rank) if axis not in axes]
