"""Read the graphs of a model: operators, tensors, and how often loops turn.

Fields are numbered as in TFLite's schema.fbs. A file that is not whole raises `ValueError`.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.model.flatbuffer import Table, number_at, root_table
from edge_runtime.model.scheme_names import DYNAMIC, FLOAT16, FLOAT32, INT8, MIXED

# BuiltinOperator and TensorType, from 0 on; later operators are named by their numbers.
_OPERATOR_NAMES = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG
SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5
SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
"""
OPERATORS = tuple(_OPERATOR_NAMES.split())
_CUSTOM = OPERATORS.index("CUSTOM")
_TYPE_NAMES = """
float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64 resource
"""
TYPES = tuple(_TYPE_NAMES.split())
WHILE_OPTIONS = 93  # in the union BuiltinOptions


@dataclass(frozen=True)
class Tensor:
    """A tensor. `scales` and `zero_points` hold one number, one number per channel or, if not quantised, nothing."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]

    @property
    def scale(self) -> float | None:
        """The scale of a tensor quantised as a whole."""
        return self.scales[0] if len(self.scales) == 1 else None

    @property
    def zero_point(self) -> int | None:
        """The zero point of a tensor quantised as a whole."""
        return self.zero_points[0] if len(self.scales) == 1 else None


@dataclass(frozen=True)
class Operator:
    """An operator. Its tensors are indices, -1 for an absent one; `loop` is the condition and the body of a WHILE."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    loop: tuple[int, int] | None = None


@dataclass(frozen=True)
class Graph:
    """A graph that runs `turns` times in an inference (0 for a condition); `constants` are stored tensors."""

    operators: tuple[Operator, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    constants: Mapping[int, bytes]
    turns: int = 0


def read_graphs(flatbuffer: bytes) -> tuple[Graph, ...]:
    """Read all graphs of a model, the main graph first. Raises `ValueError`.

    A loop is expected to count from 0 to a constant in equal steps, as TensorFlow's converter writes it.
    """
    with _references():
        root = root_table(flatbuffer)
        names, buffers = _names(root), [buffer.numbers(0, "<u1").tobytes() for buffer in root.tables(4)]
        graphs = [_graph(table, names, buffers) for table in root.tables(2)]
        turns = _count_turns(graphs)
        return tuple(replace(graph, turns=turns.get(i, 0)) for i, graph in enumerate(graphs))


def operator_names(flatbuffer: bytes) -> set[str]:
    """Name the operators of all graphs of a model. Raises `ValueError`."""
    with _references():
        root = root_table(flatbuffer)
        names = _names(root)
        return {names[operator.number(0, "<I")] for graph in root.tables(2) for operator in graph.tables(3)}


def ports(flatbuffer: bytes) -> tuple[list[Tensor], list[Tensor]]:
    """Read the inputs and the outputs of a model's main graph, where they are tensors. Raises `ValueError`."""
    main = next(root_table(flatbuffer).tables(2), None)
    if main is None:
        raise ValueError("it has no graph")
    tensors = list(main.tables(0))
    places = ([i for i in _indices(main, field, len(tensors)) if i >= 0] for field in (1, 2))
    inputs, outputs = ([_tensor(i, tensors[i]) for i in indices] for indices in places)
    return inputs, outputs


def with_first(flatbuffer: bytes, graph: int) -> bytes:
    """Make another graph the first one of the model, because runtimes list only the first graph."""
    first, place = (root_table(flatbuffer).items(2, 4)[i] for i in (0, graph))
    changed = bytearray(flatbuffer)
    struct.pack_into("<I", changed, first, place + number_at(flatbuffer, place, "<I") - first)
    return bytes(changed)


def with_logits(flatbuffer: bytes) -> bytes:
    """Let a model whose answer is a softmax, dequantised or not, return the logits before it. Raises `ValueError`."""
    main = read_graphs(flatbuffer)[0]
    producers = {operator.outputs[0]: operator for operator in main.operators if operator.outputs}
    last = producers.get(main.outputs[0])
    if last and last.name == "DEQUANTIZE":
        last = producers.get(last.inputs[0])
    if not last or last.name != "SOFTMAX":
        return flatbuffer
    changed = bytearray(flatbuffer)
    struct.pack_into("<i", changed, next(root_table(flatbuffer).tables(2)).items(2, 4)[0], last.inputs[0])
    return bytes(changed)


def running(graphs: Iterable[Graph]) -> list[Graph]:
    """Select the main graph and the bodies of loops: the work of an inference."""
    return [graph for graph in graphs if graph.turns]


def scheme_of(graphs: Sequence[Graph]) -> str:
    """Return the quantisation of a model's graphs: one of the `SCHEMES`, or `int16x8`."""
    used = running(graphs)
    stored = {tensor.dtype for graph in used for tensor in graph.tensors}
    outputs = ((graph, i) for graph in used for operator in graph.operators for i in operator.outputs)
    computed = {graph.tensors[i].dtype for graph, i in outputs if i >= 0}
    if "int16" in computed:
        return "int16x8"
    if "int8" in computed:
        return MIXED if any(map(_computes_float_from_int8, used)) else INT8
    return next((scheme for dtype, scheme in (("int8", DYNAMIC), ("float16", FLOAT16)) if dtype in stored), FLOAT32)


def _computes_float_from_int8(graph: Graph) -> bool:
    """Tell whether an operator other than DEQUANTIZE has a float32 output that depends on int8 activations."""
    dependent: set[int] = set()
    for operator in graph.operators:
        outputs = {i for i in operator.outputs if i >= 0}
        depends = bool(dependent & {*operator.inputs})
        if depends and operator.name != "DEQUANTIZE" and any(graph.tensors[i].dtype == "float32" for i in outputs):
            return True
        dependent |= {i for i in outputs if depends or graph.tensors[i].dtype == "int8"}
    return False


def _count_turns(graphs: Sequence[Graph]) -> dict[int, int]:
    """Count how often each graph runs, by its index."""
    turns, to_visit = {0: 1}, [0] if graphs else []
    while to_visit:
        outer = to_visit.pop()
        for condition, body in (operator.loop for operator in graphs[outer].operators if operator.loop):
            if body not in turns:
                turns[body] = turns[outer] * _turns(graphs[condition], graphs[body])
                to_visit.append(body)
    return turns


def _turns(condition: Graph, body: Graph) -> int:
    """Count the turns of a loop: `body` adds a constant to a counter, which `condition` compares with another."""
    counts = []
    for comparison in condition.operators:
        if comparison.name == "LESS":
            counter, limit = comparison.inputs
            number, most = _variable(condition, counter), _constant(condition, limit)
            step = None if number is None else _step(body, number)
            if most is not None and step is not None and step.max() > 0:
                counts.append(math.ceil(int(most.max()) / int(step.max())))
    return max(1, min(counts, default=1))


def _variable(condition: Graph, tensor: int) -> int | None:
    """Find the loop's variable that a tensor is, or is a part of."""
    producers = {operator.outputs[0]: operator for operator in condition.operators}
    while tensor in producers:
        tensor = producers.pop(tensor).inputs[0]
    return condition.inputs.index(tensor) if tensor in condition.inputs else None


def _step(body: Graph, number: int) -> npt.NDArray[np.generic] | None:
    """Find the constant that a turn adds to the variable `number`."""
    begin, end = body.inputs[number], body.outputs[number]
    for operator in body.operators:
        if operator.name == "ADD" and end in operator.outputs and begin in operator.inputs:
            return _constant(body, next((i for i in operator.inputs if i != begin), begin))
    return None


def _constant(graph: Graph, tensor: int) -> npt.NDArray[np.generic] | None:
    """Read the integers that are stored for a tensor, if there are any."""
    dtype = graph.tensors[tensor].dtype
    stored = graph.constants.get(tensor, b"")
    return np.frombuffer(stored, dtype) if stored and dtype in ("int32", "int64") else None


def _graph(table: Table, names: Sequence[str], buffers: Sequence[bytes]) -> Graph:
    tensors, constants = [], {}
    for i, tensor in enumerate(table.tables(0)):
        tensors.append(_tensor(i, tensor))
        if stored := buffers[tensor.number(2, "<I")]:
            constants[i] = stored
    operators = tuple(_operator(operator, names, len(tensors)) for operator in table.tables(3))
    inputs, outputs = (_indices(table, field, len(tensors)) for field in (1, 2))
    return Graph(operators, tuple(tensors), inputs, outputs, constants)


def _operator(table: Table, names: Sequence[str], n_tensors: int) -> Operator:
    options = table.table(4) if table.number(3, "<B") == WHILE_OPTIONS else None
    inputs, outputs = (_indices(table, field, n_tensors) for field in (1, 2))
    loop = (options.number(0, "<I"), options.number(1, "<I")) if options else None
    return Operator(names[table.number(0, "<I")], inputs, outputs, loop)


def _tensor(index: int, table: Table) -> Tensor:
    quantisation, kind = table.table(4), table.number(1, "<b")
    return Tensor(
        index,
        table.text(3),
        tuple(table.numbers(0, "<i4").tolist()),
        TYPES[kind] if 0 <= kind < len(TYPES) else f"type {kind}",
        tuple(quantisation.numbers(2, "<f4").tolist()) if quantisation else (),
        tuple(quantisation.numbers(3, "<i8").tolist()) if quantisation else (),
    )


def _names(root: Table) -> list[str]:
    """Read the names in the model's table of operators."""
    names = []
    for entry in root.tables(1):
        code = max(entry.number(0, "<b"), entry.number(3))  # only the newer field holds numbers beyond 127
        builtin = OPERATORS[code] if 0 <= code < len(OPERATORS) else f"BUILTIN_{code}"
        names.append(entry.text(1) if code == _CUSTOM else builtin)
    return names


def _indices(table: Table, field: int, n_tensors: int) -> tuple[int, ...]:
    indices = table.numbers(field, "<i4")
    if len(indices) and not -1 <= indices.min() <= indices.max() < n_tensors:
        raise ValueError("it refers to a tensor that it does not have")
    return tuple(indices.tolist())


@contextmanager
def _references() -> Iterator[None]:
    """Turn a reference to an absent part into a `ValueError`."""
    try:
        yield
    except LookupError as error:
        raise ValueError("it refers to parts that it does not have") from error
