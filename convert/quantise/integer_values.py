"""Keep values in int8 where the converter goes through float: between scales, and between turns of a loop."""

import copy
from typing import TypeAlias

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.quantise.compaction import drop_unread

_QUANTIZE, _DEQUANTIZE = schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE
_RESHAPE = schema.BuiltinOperator.RESHAPE
_INT8, _FLOAT32 = schema.TensorType.INT8, schema.TensorType.FLOAT32

Quantisation: TypeAlias = schema.QuantizationParametersT


def keep_integer(model: schema.ModelT) -> None:
    """Remove the conversions to float and back from `model`; the values stay as they are."""
    for graph in model.subgraphs:
        _requantise_directly(model, graph)
        _round_before_reshaping(model, graph)
    for graph in model.subgraphs:
        for operator in list(graph.operators):
            if isinstance(operator.builtinOptions, schema.WhileOptionsT):
                _Loop(model, graph, operator).keep_integer()
    for graph in model.subgraphs:
        drop_unread(graph)


def _code(model: schema.ModelT, operator: schema.OperatorT) -> int:
    return int(model.operatorCodes[operator.opcodeIndex].builtinCode)


def _requantise_directly(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    """Convert int8 values from one scale to another in one operator."""
    sources = {x.outputs[0]: x.inputs[0] for x in graph.operators if _code(model, x) == _DEQUANTIZE}
    for operator in graph.operators:
        if _code(model, operator) == _QUANTIZE and operator.inputs[0] in sources:
            operator.inputs = [sources[operator.inputs[0]]]


def _round_before_reshaping(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    """Round the results of a loop right after it: the converter rounds them after a RESHAPE."""
    for loop in [operator for operator in graph.operators if isinstance(operator.builtinOptions, schema.WhileOptionsT)]:
        for value in loop.outputs:
            for reshaping in _readers(graph, value):
                readers = _readers(graph, reshaping.outputs[0])
                if _code(model, reshaping) != _RESHAPE or [_code(model, reader) for reader in readers] != [_QUANTIZE]:
                    continue
                (rounding,) = readers
                rounded = copy.copy(graph.tensors[value])
                rounded.type, rounded.quantization = _INT8, graph.tensors[rounding.outputs[0]].quantization
                graph.tensors.append(rounded)
                reshaping.outputs = rounding.outputs
                reshaping.inputs = [len(graph.tensors) - 1, *reshaping.inputs[1:]]
                rounding.inputs, rounding.outputs = [value], [len(graph.tensors) - 1]
                graph.operators = [operator for operator in graph.operators if operator is not rounding]
                place = next(i for i, operator in enumerate(graph.operators) if operator is reshaping)
                graph.operators.insert(place, rounding)


class _Loop:
    """A WHILE operator of `graph`, with its body and its condition."""

    def __init__(self, model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT) -> None:
        self._model, self._graph, self._operator = model, graph, operator
        options = operator.builtinOptions
        self._body = model.subgraphs[options.bodySubgraphIndex]
        self._condition = model.subgraphs[options.condSubgraphIndex]

    def keep_integer(self) -> None:
        """Make a variable int8 if the body rounds it on the way in and has rounded it on the way out."""
        for index in range(len(self._operator.inputs)):
            quantisation = self._quantisation(index)
            first = None if quantisation is None else self._rounded(self._operator.inputs[index], quantisation)
            if first is not None:
                self._operator.inputs[index] = first
                self._retype(index, quantisation)

    def _quantisation(self, index: int) -> Quantisation | None:
        """Return how the variable is rounded; None if it stays float or has several scales."""
        body, begin, end = self._body, self._body.inputs[index], self._body.outputs[index]
        if body.tensors[begin].type != _FLOAT32:
            return None
        readers = _readers(body, begin)
        if not readers or not self._all(_QUANTIZE, readers):
            return None
        if not self._all(_QUANTIZE, _readers(self._graph, self._operator.outputs[index])):
            return None
        results = [body.tensors[reader.outputs[0]] for reader in readers]
        if end != begin:
            producer = _producer(body, end)
            if producer is None or not self._all(_DEQUANTIZE, [producer]):
                return None
            results.append(body.tensors[producer.inputs[0]])
        first, *others = (tensor.quantization for tensor in results)
        return first if all(_equal(first, other) for other in others) else None

    def _rounded(self, value: int, quantisation: Quantisation) -> int | None:
        """Return the int8 tensor of the variable's first `value`; None if it has another scale."""
        producer = _producer(self._graph, value)
        if producer is None or not self._all(_DEQUANTIZE, [producer]):
            return None
        source = int(producer.inputs[0])
        return source if _equal(self._graph.tensors[source].quantization, quantisation) else None

    def _retype(self, index: int, quantisation: Quantisation) -> None:
        body, graph = self._body, self._graph
        begin, end, result = body.inputs[index], body.outputs[index], self._operator.outputs[index]
        if end != begin and (producer := _producer(body, end)):
            body.outputs[index] = producer.inputs[0]
        for reader in _readers(body, begin):
            _replace(body, reader.outputs[0], begin)
        for reader in _readers(graph, result):
            if _equal(graph.tensors[reader.outputs[0]].quantization, quantisation):
                _replace(graph, reader.outputs[0], result)
        condition = self._condition
        for tensor in (body.tensors[begin], condition.tensors[condition.inputs[index]], graph.tensors[result]):
            tensor.type, tensor.quantization = _INT8, quantisation

    def _all(self, code: int, operators: list[schema.OperatorT]) -> bool:
        return all(_code(self._model, operator) == code for operator in operators)


def _readers(graph: schema.SubGraphT, tensor: int) -> list[schema.OperatorT]:
    return [operator for operator in graph.operators if tensor in operator.inputs]


def _producer(graph: schema.SubGraphT, tensor: int) -> schema.OperatorT | None:
    return next((operator for operator in graph.operators if tensor in operator.outputs), None)


def _replace(graph: schema.SubGraphT, old: int, new: int) -> None:
    """Make everything that reads the tensor `old` read `new`."""
    for part in graph.operators:
        part.inputs = [new if i == old else i for i in part.inputs]
    graph.outputs = [new if i == old else i for i in graph.outputs]


def _equal(first: Quantisation, second: Quantisation) -> bool:
    return np.array_equal(first.scale, second.scale) and np.array_equal(first.zeroPoint, second.zeroPoint)
