"""TFLite models of one operator, made without TensorFlow: what a converter would not make on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_runtime.model.model_card import Card
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import Signal, Window

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "resource": schema.TensorType.RESOURCE,
    "bool": schema.TensorType.BOOL,
}


_ADD = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())


@dataclass(frozen=True)
class Part:
    """One tensor: `values` for a constant, `scale` and `zero_point` for a quantised one."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    values: Any = None
    scale: float | None = None
    zero_point: int = 0
    is_variable: bool = False


def build(
    operator: int,
    parts: Sequence[Part],
    inputs: Sequence[str],
    outputs: Sequence[str],
    takes: Sequence[str],
    options: tuple[int, Any] = (0, None),
    version: int = 1,
) -> bytes:
    """A model of one operator. `inputs` and `outputs` are those of the graph, `takes` those of the operator."""
    buffers, tensors = [_buffer(b"")], []
    index = {part.name: i for i, part in enumerate(parts)}
    for part in parts:
        tensor = _tensor(part.name, part.shape, part.dtype)
        tensor.isVariable = part.is_variable
        if part.values is not None:
            tensor.buffer = len(buffers)
            buffers.append(_buffer(np.ascontiguousarray(part.values, part.dtype).tobytes()))
        if part.scale is not None:
            tensor.quantization = schema.QuantizationParametersT(scale=[part.scale], zeroPoint=[part.zero_point])
        tensors.append(tensor)
    node = _node(0, [index[x] for x in takes], [index[x] for x in outputs], *options)
    graph = _graph(tensors, [index[x] for x in inputs], [index[x] for x in outputs], [node])
    codes = [_operator_code(operator, version)]
    return _packed(schema.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers))


def dense(weights: np.ndarray, window: tuple[int, int], version: int = 1) -> bytes:
    """Logits `[1, n_labels]` = `weights` `[n_labels, samples * n_signals]` times a float32 window."""
    n_labels, n_inputs = weights.shape
    assert n_inputs == window[0] * window[1]
    parts = [
        Part("window", (1, *window)),
        Part("weights", weights.shape, values=weights),
        Part("bias", (n_labels,), values=np.zeros(n_labels)),
        Part("logits", (1, n_labels)),
    ]
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    kind, takes = schema.BuiltinOperator.FULLY_CONNECTED, ["window", "weights", "bias"]
    return build(kind, parts, ["window"], ["logits"], takes, options=options, version=version)


def quantise(n: int, scale: float, zero_point: int) -> bytes:
    """TFLite's own quantisation of `[1, n]` float32 values to int8."""
    parts = [Part("values", (1, n)), Part("steps", (1, n), "int8", scale=scale, zero_point=zero_point)]
    options = (schema.BuiltinOptions.QuantizeOptions, schema.QuantizeOptionsT())
    return build(schema.BuiltinOperator.QUANTIZE, parts, ["values"], ["steps"], ["values"], options=options)


def dequantise(window: tuple[int, int], scale: float, zero_point: int) -> bytes:
    """The float32 values of an int8 window."""
    parts = [Part("window", (1, *window), "int8", scale=scale, zero_point=zero_point), Part("values", (1, *window))]
    options = (schema.BuiltinOptions.DequantizeOptions, schema.DequantizeOptionsT())
    kind = schema.BuiltinOperator.DEQUANTIZE
    return build(kind, parts, ["window"], ["values"], ["window"], options=options, version=2)


def recurrent(n: int) -> bytes:
    """A fused recurrent cell whose state, kept in a variable, is the sum of its inputs so far."""
    names = ["values", "weights", "recurrent_weights", "bias", "state"]
    shapes = [(1, n), (n, n), (n, n), (n,), (1, n)]
    constants = [None, np.eye(n), np.eye(n), np.zeros(n), None]
    parts = [Part(x, y, values=z, is_variable=x == "state") for x, y, z in zip(names, shapes, constants, strict=True)]
    options = (schema.BuiltinOptions.RNNOptions, schema.RNNOptionsT())
    parts.append(Part("sums", (1, n)))
    return build(schema.BuiltinOperator.RNN, parts, ["values"], ["sums"], names, options=options)


def running_sum(n: int) -> bytes:
    """The sum of the last two inputs `[1, n]`; an operator keeps the earlier one in a variable."""
    names = ["values", "features", "times", "bias", "state"]
    shapes = [(1, n), (n, n), (n, 2), (n,), (1, 2 * n)]
    constants = [None, np.eye(n), np.ones((n, 2)), np.zeros(n), None]
    parts = [Part(x, y, values=z, is_variable=x == "state") for x, y, z in zip(names, shapes, constants, strict=True)]
    parts.append(Part("sums", (1, n)))
    options = (schema.BuiltinOptions.SVDFOptions, schema.SVDFOptionsT(rank=1))
    return build(schema.BuiltinOperator.SVDF, parts, ["values"], ["sums"], names, options=options)


def doubling_loop(n: int, turns: int, *, sums: bool = False, variable: bool = False, width: int = 0) -> bytes:
    """A loop that doubles `[1, n]` values `turns` times: operators in three graphs.

    `sums` lets a recurrent cell of `recurrent` in its body add them up instead; `variable` names a variable there.
    `width` is what the body says its values are, until the loop makes them `n`.
    """
    operators = schema.BuiltinOperator
    model = schema.ModelT()
    model.version = 3
    model.buffers = [_buffer(x) for x in (b"", *(np.int32([x]).tobytes() for x in (0, 1, turns)))]
    zero, one, limit = (_tensor(x, (), "int32", i + 1) for i, x in enumerate(("zero", "one", "limit")))
    state = [_tensor("turn", (), "int32"), _tensor("values", (1, n), "float32")]
    results = [_tensor("next", (), "int32"), _tensor("doubled", (1, n), "float32")]
    loop = schema.WhileOptionsT()
    loop.condSubgraphIndex, loop.bodySubgraphIndex = 1, 2
    codes = (operators.WHILE, operators.LESS, operators.ADD)
    model.operatorCodes = [_operator_code(x) for x in codes]
    model.subgraphs = [
        _graph(
            [zero, state[1], *results], [1], [3], [_node(0, [0, 1], [2, 3], schema.BuiltinOptions.WhileOptions, loop)]
        ),
        _graph(
            [*state, limit, _tensor("less", (), "bool")],
            [0, 1],
            [3],
            [_node(1, [0, 2], [3], schema.BuiltinOptions.LessOptions, schema.LessOptionsT())],
        ),
        _graph([*state, one, *results], [0, 1], [3, 4], [_node(2, [0, 2], [3], *_ADD), _node(2, [1, 1], [4], *_ADD)]),
    ]
    body = model.subgraphs[2]
    if sums:
        model.operatorCodes.append(_operator_code(operators.RNN))
        model.buffers += [_buffer(np.eye(n, dtype=np.float32).tobytes()), _buffer(bytes(4 * n))]
        memory = _tensor("memory", (1, n), "float32")
        memory.isVariable = True
        body.tensors += [_tensor("eye", (n, n), "float32", 4), _tensor("bias", (n,), "float32", 5), memory]
        body.operators[1] = _node(3, [1, 5, 5, 6, 7], [4], schema.BuiltinOptions.RNNOptions, schema.RNNOptionsT())
    body.tensors[1] = _tensor("values", (1, width or n), "float32")
    if variable:
        model.operatorCodes.append(_operator_code(operators.VAR_HANDLE))
        handle = _tensor("handle", (), "float32")
        handle.type = schema.TensorType.RESOURCE
        body.tensors.append(handle)
        options = (schema.BuiltinOptions.VarHandleOptions, schema.VarHandleOptionsT())
        body.operators.append(_node(len(model.operatorCodes) - 1, [], [len(body.tensors) - 1], *options))
    return _packed(model)


def nested_loops(n: int, outer: int, inner: int) -> bytes:
    """`outer` times a loop that doubles `[1, n]` values `inner` times: operators in five graphs."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(doubling_loop(n, inner), 0))
    main, condition, body = model.subgraphs
    limit = np.frombuffer(np.int32([outer]).tobytes(), np.uint8)
    model.buffers.append(schema.BufferT(limit))
    loops = [schema.WhileOptionsT(condSubgraphIndex=x, bodySubgraphIndex=x + 1) for x in (1, 3)]
    one, turn, after = body.tensors[2], body.tensors[0], body.tensors[3]
    kind = schema.BuiltinOptions.WhileOptions
    outer_body = _graph(
        [turn, *main.tensors[1:], main.tensors[0], one, after],
        [0, 1],
        [6, 3],
        [_node(0, [4, 1], [2, 3], kind, loops[1]), _node(2, [0, 5], [6], *_ADD)],
    )
    outer_limit = _tensor("outer", (), "int32", len(model.buffers) - 1)
    outer_condition = _graph(
        [*condition.tensors[:2], outer_limit, condition.tensors[3]], [0, 1], [3], condition.operators
    )
    main.operators[0].builtinOptions = loops[0]
    model.subgraphs = [main, outer_condition, outer_body, condition, body]
    return _packed(model)


def two_inputs(n: int) -> bytes:
    """The sum of two inputs."""
    parts = [Part("a", (1, n)), Part("b", (1, n)), Part("sum", (1, n))]
    options = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    return build(schema.BuiltinOperator.ADD, parts, ["a", "b"], ["sum"], ["a", "b"], options=options)


def crashing(window: tuple[int, int]) -> bytes:
    """A model that crashes its interpreter: its operator's options have an unknown type."""
    parts = [Part("axis", (1,), "int32", values=[0]), Part("window", (1, *window)), Part("same", (1, *window))]
    takes = ["axis", "window"]
    return build(schema.BuiltinOperator.SPLIT, parts, ["window"], ["same"], takes, options=(127, None))


def card(
    samples: int = 128,
    labels: Sequence[str] = ("SITTING", "WALKING"),
    signals: Sequence[str] = ("total_acc_x", "total_acc_y"),
    **more: Any,
) -> Card:
    """A card for a model of any shape, whose normalisation changes nothing below 1000."""
    n = len(signals)
    return Card(
        name="tiny",
        labels=tuple(labels),
        signals=tuple(Signal(x, "g") for x in signals),
        window=Window(50.0, samples, max(1, samples // 2)),
        **{"normalisation": Normalisation((0.0,) * n, (1.0,) * n, (1000.0,) * n, (None,) * n), "front_end": FILTERS}
        | more,
    )


def _operator_code(operator: int, version: int = 1) -> schema.OperatorCodeT:
    return schema.OperatorCodeT(min(operator, 127), None, version, operator)


def _tensor(name: str, shape: tuple[int, ...], dtype: str, buffer: int = 0) -> schema.TensorT:
    return schema.TensorT(list(shape), TYPES[dtype], buffer, name)


def _node(code: int, inputs: list[int], outputs: list[int], kind: int, options: Any) -> schema.OperatorT:
    return schema.OperatorT(code, inputs, outputs, kind, options)


def _graph(
    tensors: Sequence[schema.TensorT], inputs: list[int], outputs: list[int], nodes: list[schema.OperatorT]
) -> schema.SubGraphT:
    return schema.SubGraphT(list(tensors), inputs, outputs, nodes)


def _packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(data: bytes) -> schema.BufferT:
    return schema.BufferT(np.frombuffer(data, np.uint8) if data else None)
