"""Translate a TensorFlow graph of one window to ONNX, operator by operator."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from convert.rivals.onnx_graph import OnnxGraph
from convert.rivals.onnx_operators import BINARY, OPERATORS, REDUCTIONS, UNARY
from edge_runtime.errors import InputError

_RESHAPES = ("Reshape", "ExpandDims", "Squeeze", "Identity", "StopGradient")
_ADDITIONS = ("BiasAdd", "Add", "AddV2")


def translate(function: Callable[..., Any], graph: OnnxGraph, inputs: Sequence[str]) -> str:
    """Add to `graph` what `function` computes of TensorFlow tensors, here the `inputs`; the name of its result.

    Raises `InputError` naming an operator that has no translation.
    """
    signature = [tf.TensorSpec(graph.shape(x), tf.float32) for x in inputs]
    concrete = tf.function(lambda *xs: tf.identity(function(*xs)), autograph=False).get_concrete_function(*signature)
    names = {tensor.name: name for tensor, name in zip(concrete.inputs, inputs, strict=False)}
    captured = zip(concrete.inputs[len(inputs) :], concrete.captured_inputs, strict=True)
    translation = Translation(graph, names, {tensor.name: np.asarray(value) for tensor, value in captured})
    translation.add(concrete.graph)
    return translation.name(concrete.outputs[0])


class Translation:
    """The tensors that are known: `names` in ONNX of those that depend on the window, `values` of the others."""

    def __init__(self, graph: OnnxGraph, names: dict[str, str], values: dict[str, Any]) -> None:
        self.graph = graph
        self._names, self._values = names, values
        self._merged: set[str] = set()  # additions that the product before them has taken over

    def add(self, source: Any) -> None:
        """Translate all operators of a TensorFlow graph."""
        operations = [x for x in source.get_operations() if x.type not in ("Placeholder", "NoOp")]
        self._compute_constants(source, operations)
        for operation in operations:
            if operation.outputs and operation.outputs[0].name not in self._values:
                made = self._add(operation)
                results = [made] if isinstance(made, str) else made
                self._names |= {tensor.name: name for tensor, name in zip(operation.outputs, results, strict=True)}

    def name(self, tensor: tf.Tensor) -> str:
        """The name of a tensor in the ONNX graph, where constants get one at need."""
        if tensor.name not in self._names:
            value = self._values[tensor.name]
            self._names[tensor.name] = self.graph.constant(value, value.dtype)
        return self._names[tensor.name]

    def value(self, tensor: tf.Tensor) -> Any:
        """The value of a constant. Raises `InputError` for a tensor that depends on the window."""
        if tensor.name not in self._values:
            raise InputError(f"the tensor {tensor.name} must be a constant to be translated to ONNX")
        return self._values[tensor.name]

    def is_constant(self, tensor: tf.Tensor) -> bool:
        """Tell whether a tensor does not depend on the window."""
        return tensor.name in self._values

    def scalar(self, tensor: tf.Tensor) -> str:
        """The name of a constant of one element, without any axis."""
        value = self.value(tensor)
        return self.graph.constant(np.reshape(value, ()), value.dtype)

    def bias_behind(self, tensor: tf.Tensor) -> list[str]:
        """The name of the constant per channel that is added to the product `tensor`, which takes it over; or none."""
        n = tensor.shape[-1]
        while len(consumers := tensor.consumers()) == 1 and consumers[0].type in _RESHAPES:
            tensor = consumers[0].outputs[0]
        if len(consumers) != 1 or consumers[0].type not in _ADDITIONS or tensor.shape[-1:] != (n,):
            return []
        added = [self.value(x) for x in consumers[0].inputs if self.is_constant(x)]
        if len(added) != 1 or np.shape(added[0]) != (n,):
            return []
        self._merged.add(consumers[0].name)
        return [self.graph.constant(added[0])]

    def _compute_constants(self, source: Any, operations: Sequence[tf.Operation]) -> None:
        constant: set[str] = set()
        for operation in operations:
            if all(x.name in constant for x in operation.inputs):
                constant.update(x.name for x in operation.outputs)
        if constant:
            with tf.compat.v1.Session(graph=source) as session:
                self._values |= session.run({x: x for x in constant})

    def _add(self, operation: tf.Operation) -> str | list[str]:
        """Translate one operator; the names of its outputs."""
        kind, inputs, shape = operation.type, operation.inputs, tuple(operation.outputs[0].shape)
        if operation.name in self._merged:
            return self.graph.reshape(self.name(next(x for x in inputs if not self.is_constant(x))), shape)
        if kind in _RESHAPES:
            return self.graph.reshape(self.name(inputs[0]), shape)
        if kind in UNARY:
            return self.graph.elementwise(UNARY[kind], self.name(inputs[0]))
        if kind in BINARY:
            if self.is_constant(inputs[1]) and np.size(self.value(inputs[1])) == 1:
                y = self.graph.elementwise(BINARY[kind], self.name(inputs[0]), self.scalar(inputs[1]))
                return self.graph.reshape(y, shape)
            return self.graph.one(BINARY[kind], [self.name(x) for x in inputs], shape)
        if kind in REDUCTIONS:
            axes = self.graph.constant(np.atleast_1d(self.value(inputs[1])), np.int64)
            keeps = int(operation.get_attr("keep_dims"))
            return self.graph.one(REDUCTIONS[kind], [self.name(inputs[0]), axes], shape, keepdims=keeps)
        if kind not in OPERATORS:
            raise InputError(f"TensorFlow's operator {kind} has no translation to ONNX")
        return OPERATORS[kind](self, operation, shape)
