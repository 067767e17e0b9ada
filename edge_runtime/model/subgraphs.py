"""Read the operators and tensors of all subgraphs from a flatbuffer, by the schema that a runtime brings."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import importlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_SCHEMAS = {
    "litert": "ai_edge_litert.schema_py_generated",
    "tensorflow": "tensorflow.lite.python.schema_py_generated",
    "tflite-micro": "tflite_micro.tensorflow.lite.micro.python.schema_py_generated",
}
# All that flatbuffers' Python code raises when offsets or lengths are wrong: it checks nothing beforehand.
_UNREADABLE = (struct.error, ValueError, TypeError, LookupError, AttributeError, OverflowError, AssertionError)


@dataclass(frozen=True)
class Subgraph:
    """One graph of a model: the main one comes first, bodies and conditions of loops follow.

    `nodes` and `tensors` are as TFLite's interpreter lists them: `op_name`, `inputs`, `outputs` and `index`; `index`,
    `name`, `shape`, `dtype` and `quantization_parameters`; and `constant`, the bytes of a constant one. `inputs` and
    `outputs` are indices of tensors.
    """

    nodes: tuple[Mapping[str, Any], ...]
    tensors: tuple[Mapping[str, Any], ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_subgraphs(flatbuffer: bytes, runtime: str) -> tuple[Subgraph, ...] | None:
    """Read all graphs of a model; None with tflite-runtime, which has no schema.

    `runtime` is the name of one that is installed. Raises `ValueError` when the bytes are no whole model.
    """
    if runtime not in _SCHEMAS:
        return None
    schema = importlib.import_module(_SCHEMAS[runtime])
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(flatbuffer, 0))
        names = _operator_names(model, schema)
        types = {value: name.lower() for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
        return tuple(_subgraph(x, names, types, model.buffers) for x in model.subgraphs)
    except _UNREADABLE as error:
        raise ValueError("it is no whole flatbuffer") from error


def _operator_names(model: Any, schema: Any) -> list[str]:
    """The name of each entry in the model's table of operators; of a custom one its own."""
    builtin = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    names = []
    for code in model.operatorCodes or ():
        # Codes beyond 127 stand in the newer field, earlier ones in both (schema.fbs).
        name = builtin.get(max(code.builtinCode, code.deprecatedBuiltinCode), "UNKNOWN")
        names.append(bytes(code.customCode or b"").decode(errors="replace") if name == "CUSTOM" else name)
    return names


def _subgraph(graph: Any, names: list[str], types: Mapping[int, str], buffers: Any) -> Subgraph:
    nodes = [
        {
            "index": i,
            "op_name": names[node.opcodeIndex],
            "inputs": _integers(node.inputs),
            "outputs": _integers(node.outputs),
        }
        for i, node in enumerate(graph.operators or ())
    ]
    tensors = [_tensor(i, x, types, buffers[x.buffer].data) for i, x in enumerate(graph.tensors or ())]
    return Subgraph(tuple(nodes), tuple(tensors), _integers(graph.inputs), _integers(graph.outputs))


def _tensor(index: int, tensor: Any, types: Mapping[int, str], constant: Any) -> Mapping[str, Any]:
    quantisation = tensor.quantization
    try:
        dtype = np.dtype(types[tensor.type])
    except TypeError:  # strings, resources, four bits
        dtype = np.dtype(object)
    return {
        "index": index,
        "name": (tensor.name or b"").decode(errors="replace"),
        "shape": _integers(tensor.shape),
        "dtype": dtype,
        "constant": None if constant is None else bytes(constant),
        "quantization_parameters": {
            "scales": () if quantisation is None or quantisation.scale is None else tuple(quantisation.scale),
            "zero_points": () if quantisation is None else _integers(quantisation.zeroPoint),
        },
    }


def _integers(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(int(x) for x in values)
