"""Read the operators of an ONNX file, with attributes and constants as Python values."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, helper, inliner, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge_runtime.errors import InputError

Inputs: TypeAlias = Sequence[Any]
"""Views, constants, and None for an input that is left out."""

_Pattern: TypeAlias = "tuple[Any, ...] | str | float"
"""The operator and inputs of a tensor, a letter for any tensor, or a constant."""

_CENTRED = ("Sub", "x", ("ReduceMean", "x"))
_VARIANCE = ("ReduceMean", ("Pow", _CENTRED, 2.0))
_NORMALISED = ("Add", ("Mul", ("Div", _CENTRED, ("Sqrt", ("Add", _VARIANCE, "epsilon"))), "gain"), "shift")
_ERF = ("Erf", ("Div", "x", 2**0.5)), ("Erf", ("Mul", "x", 2**-0.5))
_GELU = [
    *(("Mul", ("Mul", "x", ("Add", erf, 1.0)), 0.5) for erf in _ERF),
    *(("Mul", ("Mul", "x", 0.5), ("Add", erf, 1.0)) for erf in _ERF),
    *(("Mul", "x", ("Mul", 0.5, ("Add", erf, 1.0))) for erf in _ERF),
]


@dataclass(frozen=True, eq=False)
class Node:
    """An operator; an output that nothing needs has the name "". Keras does not allow every `name`."""

    op: str
    name: str
    keras_name: str
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int
    proto: NodeProto

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def option(self, inputs: Inputs, name: str, place: int = 1) -> Any:
        """Return an option that is an attribute in old opsets, and an input in newer ones."""
        value = inputs[place] if len(inputs) > place else None
        return self.get(name) if value is None else np.asarray(value).tolist()

    def refuse(self, reason: str) -> NoReturn:
        """Raise `InputError` about the operator."""
        raise InputError(f"the operator '{self.name}' ({self.op}) {reason}")

    def fold(self, inputs: Inputs) -> list[Any]:
        """Return the outputs for constants."""
        values = {name: value for name, value in zip(self.proto.input, inputs, strict=True) if name}
        infos = [[onnx.ValueInfoProto(name=name) for name in names if name] for names in (values, self.proto.output)]
        return ReferenceEvaluator(helper.make_graph([self.proto], "", *infos), {"": self.opset}).run(None, values)


def needed_nodes(model: ModelProto, constants: Mapping[str, Any], answers: Sequence[str]) -> list[Node]:
    """Return the operators that the `answers` need, in the order in which they are computed."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    makers = {name: proto for proto in model.graph.node for name in proto.output}
    nodes, needed = [], {*answers}
    for proto in reversed(model.graph.node):
        if needed & {*proto.output}:
            proto = _composed(proto, makers, constants)
            outputs = tuple(name if name in needed else "" for name in proto.output)
            name = proto.name or next(filter(None, proto.output))
            attributes = {entry.name: _plain(helper.get_attribute_value(entry)) for entry in proto.attribute}
            keras_name = re.sub(r"[^\w-]+", ".", name).strip(".")
            nodes.append(Node(proto.op_type, name, keras_name, outputs, attributes, opset, proto))
            needed |= {*proto.input}
    return nodes[::-1]


def inlined(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
    """Return the model without functions of its own, and its weights and other constants by name."""
    model = inliner.inline_local_functions(model)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for proto in model.graph.node:
        if proto.op_type == "Constant" and proto.attribute[0].name == "value":
            constants[proto.output[0]] = numpy_helper.to_array(proto.attribute[0].t)
    return model, constants


def _composed(proto: NodeProto, makers: Mapping[str, NodeProto], constants: Mapping[str, Any]) -> NodeProto:
    """Return the single operator in place of the last of several, as which exporters write it in old opsets."""

    def matches(pattern: _Pattern, name: str, names: dict[str, str]) -> bool:
        """Tell whether a tensor is computed as in the pattern; add the `names` of its letters."""
        if isinstance(pattern, str):
            return names.setdefault(pattern, name) == name
        if isinstance(pattern, float):
            return name in constants and constants[name].size == 1 and np.allclose(constants[name], pattern)
        op, *inputs = pattern
        if name not in makers or makers[name].op_type != op:
            return False
        for order in itertools.permutations(inputs) if op in ("Add", "Mul") else [inputs]:
            trial = {**names}
            if all(matches(part, its, trial) for part, its in zip(order, makers[name].input, strict=False)):
                names |= trial
                return True
        return False

    names: dict[str, str] = {}
    if any(matches(pattern, proto.output[0], names) for pattern in _GELU):
        return helper.make_node("Gelu", [names["x"]], proto.output, proto.name)
    if matches(_NORMALISED, proto.output[0], names) and constants.keys() >= {names["gain"], names["epsilon"]}:
        options = {"axis": -constants[names["gain"]].ndim, "epsilon": float(constants[names["epsilon"]])}
        inputs = [names[letter] for letter in ("x", "gain", "shift")]
        return helper.make_node("LayerNormalization", inputs, proto.output, proto.name, **options)
    return proto


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else [*map(_plain, value)] if isinstance(value, list) else value
