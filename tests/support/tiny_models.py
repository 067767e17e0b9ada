"""Make TFLite models of one operator without TensorFlow, including models that no converter would make."""

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

KINDS = schema.BuiltinOperator


@dataclass(frozen=True)
class Part:
    """A tensor: `values` for a constant, `scale` and `zero_point` for a quantised tensor."""

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
    options: Any = None,
    version: int = 1,
) -> bytes:
    """A model of one operator that `takes` tensors. `inputs` and `outputs` belong to the graph."""
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
    windows, answers, operands = ([index[x] for x in names] for names in (inputs, outputs, takes))
    graph = _graph(tensors, windows, answers, [_node(0, operands, answers, options)])
    codes = [_operator_code(operator, version)]
    return packed(schema.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers))


def dense(weights: np.ndarray, window: tuple[int, int], version: int = 1, name: str = "window") -> bytes:
    """Logits `[1, n_labels]` = `weights` `[n_labels, samples * n_signals]` times a float32 window."""
    n_labels, n_inputs = weights.shape
    assert n_inputs == window[0] * window[1]
    constants = [Part("weights", weights.shape, values=weights), Part("bias", (n_labels,), values=np.zeros(n_labels))]
    parts, takes = (
        [Part(name, (1, *window)), *constants, Part("logits", (1, n_labels))],
        [name, "weights", "bias"],
    )
    options = schema.FullyConnectedOptionsT()
    return build(KINDS.FULLY_CONNECTED, parts, [name], ["logits"], takes, options, version)


def quantise(n: int, scale: float, zero_point: int) -> bytes:
    """TFLite's own quantisation of `[1, n]` float32 values to int8."""
    parts = [Part("values", (1, n)), Part("steps", (1, n), "int8", scale=scale, zero_point=zero_point)]
    return build(KINDS.QUANTIZE, parts, ["values"], ["steps"], ["values"], schema.QuantizeOptionsT())


def softmax(n: int) -> bytes:
    """The softmax of `[1, 1, n]` int8 values as logits `[1, n]`: an operator that is computed row by row."""
    parts = [
        Part("values", (1, 1, n), "int8", scale=0.1, zero_point=0),
        Part("shares", (1, n), "int8", scale=1 / 256, zero_point=-128),
    ]
    return build(KINDS.SOFTMAX, parts, ["values"], ["shares"], ["values"], schema.SoftmaxOptionsT(1.0), version=2)


def recurrent(n: int) -> bytes:
    """A fused recurrent cell with a variable as its state: the sum of its inputs so far."""
    matrices = [Part(name, (n, n), values=np.eye(n)) for name in ("weights", "recurrent_weights")]
    others = [*matrices, Part("bias", (n,), values=np.zeros(n)), Part("state", (1, n), is_variable=True)]
    takes = ["values", *(part.name for part in others)]
    parts = [Part("values", (1, n)), *others, Part("sums", (1, n))]
    return build(KINDS.RNN, parts, ["values"], ["sums"], takes, schema.RNNOptionsT())


def doubling_loop(n: int, turns: int, *, sums: bool = False, variable: bool = False, uncalled: int = 0) -> bytes:
    """A loop that doubles `[1, n]` values `turns` times: operators in three graphs.

    With `sums`, a recurrent cell as in `recurrent` adds the values up instead; `variable` adds a variable to the body.
    Graphs that nothing calls contain `uncalled` more loops.
    """
    buffers = [_buffer(b""), *(_buffer(np.int32([number]).tobytes()) for number in (0, 1, turns))]
    zero, one, limit = (_tensor(name, (), "int32", i + 1) for i, name in enumerate(("zero", "one", "limit")))
    state = [_tensor("turn", (), "int32"), _tensor("values", (1, n), "float32")]
    results = [_tensor("next", (), "int32"), _tensor("doubled", (1, n), "float32")]
    loop = schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=2)
    codes = [_operator_code(kind) for kind in (KINDS.WHILE, KINDS.LESS, KINDS.ADD)]
    less = _node(1, [0, 2], [3], schema.LessOptionsT())
    doubling = [_node(2, [0, 2], [3], schema.AddOptionsT()), _node(2, [1, 1], [4], schema.AddOptionsT())]
    body = _graph([*state, one, *results], [0, 1], [3, 4], doubling)
    main = _graph([zero, state[1], *results], [1], [3], [_node(0, [0, 1], [2, 3], loop)])
    condition = _graph([*state, limit, _tensor("less", (), "bool")], [0, 1], [3], [less])
    if sums:
        codes.append(_operator_code(KINDS.RNN))
        buffers += [_buffer(np.eye(n, dtype=np.float32).tobytes()), _buffer(bytes(4 * n))]
        memory = _tensor("memory", (1, n), "float32")
        memory.isVariable = True
        body.tensors += [_tensor("eye", (n, n), "float32", 4), _tensor("bias", (n,), "float32", 5), memory]
        body.operators[1] = _node(3, [1, 5, 5, 6, 7], [4], schema.RNNOptionsT())
    if variable:
        codes.append(_operator_code(KINDS.VAR_HANDLE))
        body.tensors.append(_tensor("handle", (), "resource"))
        body.operators.append(_node(len(codes) - 1, [], [len(body.tensors) - 1], schema.VarHandleOptionsT()))
    graphs = [main, condition, body, *[main] * uncalled]
    return packed(schema.ModelT(version=3, operatorCodes=codes, subgraphs=graphs, buffers=buffers))


def endless_but_in_trials(window: tuple[int, int]) -> bytes:
    """The greatest value of each signal, after a loop that only ends if x, the greatest of all, is 0 or +-100."""
    kinds = (KINDS.WHILE, KINDS.REDUCE_MAX, KINDS.MAXIMUM, KINDS.MUL, KINDS.NOT_EQUAL)
    values, same = (_tensor(name, (1, *window), "float32") for name in ("x", "y"))
    logits = _tensor("z", (1, window[1]), "float32")
    axis, axes = _tensor("axis", (1,), "int32", 1), _tensor("axes", (3,), "int32", 2)
    c = _tensor("c", (), "float32", 3)
    greatest, product, unequal = schema.ReducerOptionsT(), schema.MulOptionsT(), schema.NotEqualOptionsT()
    loop = _node(0, [0], [1], schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=2))
    main = _graph([values, same, axis, logits], [0], [3], [loop, _node(1, [1, 2], [3], greatest)])
    body = _graph([values, same], [0], [1], [_node(2, [0, 0], [1], schema.MaximumMinimumOptionsT())])
    steps = [
        _node(1, [0, 1], [3], greatest),
        *(_node(3, factors, [to], product) for to, factors in {4: [3, 3], 5: [4, 3], 6: [2, 3]}.items()),
    ]
    scalars = [_tensor(name, (), "float32") for name in ("x", "x2", "x3", "cx")]
    tensors = [values, axes, c, *scalars, _tensor("goes_on", (), "bool")]
    condition = _graph(tensors, [0], [7], [*steps, _node(4, [5, 6], [7], unequal)])
    buffers = [_buffer(bytes(x)) for x in (b"", np.int32([1]), np.int32([0, 1, 2]), np.float32([100**2]))]
    codes, graphs = [_operator_code(kind) for kind in kinds], [main, condition, body]
    return packed(schema.ModelT(version=3, operatorCodes=codes, subgraphs=graphs, buffers=buffers))


def crashing(window: tuple[int, int]) -> bytes:
    """A model that crashes its interpreter: its operator lacks the options that it needs."""
    parts = [Part("axis", (1,), "int32", values=[0]), Part("window", (1, *window)), Part("same", (1, *window))]
    return build(KINDS.SPLIT, parts, ["window"], ["same"], ["axis", "window"])


def card(
    samples: int = 128,
    labels: Sequence[str] = ("SITTING", "WALKING"),
    signals: Sequence[str] = ("total_acc_x", "total_acc_y"),
    **more: Any,
) -> Card:
    """A card for a model of any shape, with a normalisation that changes nothing below 1000."""
    n, window = len(signals), Window(50.0, samples, max(1, samples // 2))
    normalisation = Normalisation((0.0,) * n, (1.0,) * n, (1000.0,) * n, (None,) * n)
    rest = {"normalisation": normalisation, "front_end": FILTERS} | more
    return Card("tiny", tuple(labels), tuple(Signal(name, "g") for name in signals), window, **rest)


def _operator_code(operator: int, version: int = 1) -> schema.OperatorCodeT:
    return schema.OperatorCodeT(min(operator, 127), None, version, operator)


def _tensor(name: str, shape: tuple[int, ...], dtype: str, buffer: int = 0) -> schema.TensorT:
    return schema.TensorT(list(shape), getattr(schema.TensorType, dtype.upper()), buffer, name)


def _node(code: int, inputs: list[int], outputs: list[int], options: Any) -> schema.OperatorT:
    kind = 0 if options is None else getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return schema.OperatorT(code, inputs, outputs, kind, options)


def _graph(tensors: list, inputs: list[int], outputs: list[int], operators: list) -> schema.SubGraphT:
    return schema.SubGraphT([*tensors], inputs, outputs, operators)


def packed(model: schema.ModelT) -> bytes:
    """Return the flatbuffer of `model`."""
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(data: bytes) -> schema.BufferT:
    return schema.BufferT(np.frombuffer(data, np.uint8) if data else None)
