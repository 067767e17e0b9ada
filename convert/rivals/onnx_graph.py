"""Build an ONNX graph of one window, with as few reorderings of its tensors as the layers allow."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

Shape: TypeAlias = tuple[int, ...]

OPSET, IR_VERSION = 18, 9
"""All that ONNX Runtime 1.20 reads; the reductions of opset 18 take their axes alike."""


class OnnxGraph:
    """Nodes, constants and the shapes of tensors by name; an element-wise function is put before a reordering.

    TFLite's convolutions have channels last and ONNX's first, its recurrent layers batches first and ONNX's steps: put
    next to what computes, an activation function becomes a part of it, and reorderings that meet cancel each other.
    """

    def __init__(self, window: Shape, input_name: str = "windows") -> None:
        self.input = input_name
        self._shapes: dict[str, Shape] = {input_name: (1, *window)}
        self._nodes: list[Any] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._origins: dict[str, tuple[str, tuple[int, ...] | None]] = {}  # of a reordering: its source, axes or None

    def shape(self, name: str) -> Shape:
        """The shape of a tensor."""
        return self._shapes[name]

    def constant(self, values: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """The name of a tensor that holds `values`."""
        name = f"constant{len(self._constants)}"
        self._constants[name] = np.ascontiguousarray(values, dtype)
        self._shapes[name] = self._constants[name].shape
        return name

    def node(self, kind: str, inputs: Sequence[str], shapes: Sequence[Shape | None], **attributes: Any) -> list[str]:
        """Add an operator; the names of its outputs, of these `shapes`. One of None is left out: its name is empty."""
        name = f"{kind}{len(self._nodes)}"
        outputs = ["" if shape is None else f"{name}.{i}" for i, shape in enumerate(shapes)]
        self._shapes |= {x: shape for x, shape in zip(outputs, shapes, strict=True) if shape is not None}
        self._nodes.append(helper.make_node(kind, list(inputs), outputs, name, **attributes))
        return outputs

    def one(self, kind: str, inputs: Sequence[str], shape: Sequence[int], **attributes: Any) -> str:
        """Add an operator of one output; its name."""
        return self.node(kind, inputs, [tuple(shape)], **attributes)[0]

    def elementwise(self, kind: str, x: str, *constants: str, **attributes: Any) -> str:
        """Add a function of each element of `x` alone, before the reorderings that `x` is a result of."""
        source, axes = self._origins.get(x, ("", None))
        if not source:
            return self.one(kind, [x, *constants], self.shape(x), **attributes)
        y = self.elementwise(kind, source, *constants, **attributes)
        return self.reshape(y, self.shape(x)) if axes is None else self.transpose(y, axes)

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """`x` in another shape; the tensor itself where it had that."""
        shape = tuple(shape)
        source, axes = self._origins.get(x, ("", None))
        if source and axes is None:
            return self.reshape(source, shape)
        if self.shape(x) == shape:
            return x
        y = self.one("Reshape", [x, self.constant(shape, np.int64)], shape)
        self._origins[y] = (x, None)
        return y

    def transpose(self, x: str, axes: Sequence[int]) -> str:
        """`x` with its axes in another order."""
        axes, shape = tuple(axes), self.shape(x)
        source, before = self._origins.get(x, ("", None))
        if source and before is not None:
            return self.transpose(source, [before[i] for i in axes])
        if axes == tuple(range(len(axes))):
            return x
        moved = [i for i in axes if shape[i] != 1]
        if moved == sorted(moved):  # nothing but axes of one element change places
            return self.reshape(x, [shape[i] for i in axes])
        y = self.one("Transpose", [x], tuple(shape[i] for i in axes), perm=axes)
        self._origins[y] = (x, axes)
        return y

    def reverse(self, x: str, axis: int) -> str:
        """`x` with one axis from its end to its beginning."""
        bounds = (self.constant([value], np.int64) for value in (-1, np.iinfo(np.int64).min, axis, -1))
        return self.one("Slice", [x, *bounds], self.shape(x))

    def model(self, answer: str) -> ModelProto:
        """The checked model whose output is the tensor `answer`, without nodes that nobody needs."""
        kept, needed = [], {answer}
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        graph = helper.make_graph(
            kept[::-1],
            "network",
            [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, self.shape(self.input))],
            [helper.make_tensor_value_info(answer, TensorProto.FLOAT, self.shape(answer))],
            [numpy_helper.from_array(values, name) for name, values in self._constants.items() if name in needed],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        checker.check_model(model)
        return model
