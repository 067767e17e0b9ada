"""Count operators, multiply-accumulates and bytes of a graph, by type of operator.

TFLite's Python interpreters give no time per operator, and XNNPACK runs those it took as one. The work can be counted
from the shapes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from edge_runtime.model.interpreters import Graph, Tensor

NO_TIMES = (
    "TFLite's Python interpreters tell no times per operator, and XNNPACK runs those it took as one: "
    "this is the work, not the time"
)

_BYTES = {"float32": 4, "float16": 2, "int32": 4, "int64": 8, "int16": 2, "int8": 1, "uint8": 1, "bool": 1}
_LSTM_LIKE = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "RNN")


def count(graphs: Iterable[Graph]) -> dict[str, dict[str, int]]:
    """The fields of `edge_runtime.bench.results.OperatorCost` by operator type, the most multiplications first.

    The operators in the body of a loop are counted once, their work for each turn.
    """
    found: dict[str, dict[str, int]] = {}
    for graph in graphs:
        _add(graph, found)
    return dict(sorted(found.items(), key=lambda item: (-item[1]["macs"], -item[1]["count"], item[0])))


def _add(graph: Graph, found: dict[str, dict[str, int]]) -> None:
    by_index = {tensor.index: tensor for tensor in graph.tensors}
    computed = {int(i) for node in graph.nodes for i in node["outputs"]} | graph.inputs
    constants: dict[str, set[int]] = {}
    for node in graph.nodes:
        name = node["op_name"]
        inputs = [by_index.get(int(i)) for i in node["inputs"]]
        outputs = [by_index[int(i)] for i in node["outputs"] if int(i) in by_index]
        cost = found.setdefault(name, {"count": 0, "macs": 0, "constant_bytes": 0, "output_bytes": 0})
        cost["count"] += 1
        cost["macs"] += graph.turns * _macs(name, inputs, outputs, computed)
        cost["output_bytes"] += graph.turns * sum(map(_size, outputs))
        # A constant that an unrolled graph uses at every step is stored, and counted, once.
        known = constants.setdefault(name, set())
        new = {x.index: x for x in inputs if x is not None and x.index not in computed and x.index not in known}
        cost["constant_bytes"] += sum(map(_size, new.values()))
        known.update(new)


def _macs(name: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], computed: Collection[int]) -> int:
    """Multiply-accumulates of one operator; 0 for those that are no product of matrices."""
    if not outputs or not inputs or inputs[0] is None:
        return 0
    if name in _LSTM_LIKE:
        steps = math.prod(inputs[0].shape[:-1])
        matrices = [x for x in inputs[1:] if x is not None and len(x.shape) == 2 and x.index not in computed]
        return steps * sum(math.prod(x.shape) for x in matrices if x.shape[0] > 1)  # [1, n] is the state
    if len(inputs) < 2 or inputs[1] is None:
        return 0
    size, weights = math.prod(outputs[0].shape), inputs[1].shape
    if name == "FULLY_CONNECTED":
        return size * weights[-1]
    if name == "BATCH_MATMUL":
        return size * inputs[0].shape[-1]
    if name == "CONV_2D":  # weights [outputs, height, width, inputs]
        return size * math.prod(weights[1:])
    if name == "DEPTHWISE_CONV_2D":  # weights [1, height, width, outputs]
        return size * math.prod(weights[1:3])
    return 0


def _size(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * _BYTES.get(tensor.dtype, 0)
