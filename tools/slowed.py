"""A model that answers as another does and is slower by a known piece of work: for claims about the benchmark."""

import copy

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edge_runtime.model import model_card as cards
from edge_runtime.model.model_card import Card


def slowed(flatbuffer: bytes, card: Card) -> bytes:
    """The model `flatbuffer` of `card`, as a file, with its first convolution done twice.

    What follows takes the larger of the two equal results, so that no runtime can leave the second out.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    graph = model.subgraphs[0]
    convolution = schema.BuiltinOperator.CONV_2D
    place = next(i for i, x in enumerate(graph.operators) if _code(model, x) == convolution)
    first = graph.operators[place]
    (result,) = first.outputs
    twins = [_copy_of_tensor(graph, result) for _ in range(2)]
    second = copy.copy(first)
    first.outputs, second.outputs = ([twin] for twin in twins)
    larger = schema.OperatorT()
    larger.opcodeIndex = _new_code(model, schema.BuiltinOperator.MAXIMUM)
    larger.inputs, larger.outputs = twins, [result]
    larger.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
    larger.builtinOptions = schema.MaximumMinimumOptionsT()
    graph.operators[place + 1 : place + 1] = [second, larger]
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), b"TFL3")
    return cards.attach(bytes(builder.Output()), card)


def _code(model: schema.ModelT, operator: schema.OperatorT) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _new_code(model: schema.ModelT, operator: int) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _copy_of_tensor(graph: schema.SubGraphT, index: int) -> int:
    graph.tensors.append(copy.copy(graph.tensors[index]))
    return len(graph.tensors) - 1
