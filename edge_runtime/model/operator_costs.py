"""Count operators, multiply-accumulates and bytes of a graph, by type of operator.

TFLite's Python interpreters give no time per operator; the work can be counted from the shapes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from edge_runtime.model.graphs import Graph, Tensor, running
from edge_runtime.system.dataclass_json import Quantity

_BYTES = {"float32": 4, "float16": 2, "int32": 4, "int64": 8, "int16": 2, "int8": 1, "uint8": 1, "bool": 1}
_LSTM_LIKE = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "RNN")


@dataclass(frozen=True)
class OperatorCost:
    """The work of all operators of one type in one inference."""

    count: Annotated[int, Quantity(at_least=0), "operators"]
    macs: Annotated[int, Quantity(at_least=0), "multiply-accumulates"]
    constant_bytes: Annotated[
        int,
        Quantity("bytes", at_least=0),
        "weights, other constants and the state of fused recurrent operators, each once",
    ]
    output_bytes: Annotated[int, Quantity("bytes", at_least=0), "results"]


def count(graphs: Sequence[Graph]) -> dict[str, OperatorCost]:
    """The work by operator type, the most multiplications first; that of a loop's body for each turn."""
    found: dict[str, OperatorCost] = {}
    for graph in running(graphs):
        _add(graph, graphs, found)
    return dict(sorted(found.items(), key=lambda item: (-item[1].macs, -item[1].count, item[0])))


def _add(graph: Graph, graphs: Sequence[Graph], found: dict[str, OperatorCost]) -> None:
    computed = {i for x in graph.operators for i in x.outputs} | {*graph.inputs}
    constants: dict[str, set[int]] = {}
    kept = _passed_through(graph, graphs)
    for operator in graph.operators:
        name = operator.name
        inputs = [graph.tensors[i] if i >= 0 else None for i in operator.inputs]
        outputs = [graph.tensors[i] for i in operator.outputs if i >= 0 and i not in kept]
        # A constant that an unrolled graph uses at every step is stored once.
        known = constants.setdefault(name, set())
        new = {i for i in operator.inputs if i >= 0} - computed - known
        known |= new
        before = found.get(name, OperatorCost(0, 0, 0, 0))
        found[name] = OperatorCost(
            before.count + 1,
            before.macs + graph.turns * _macs(name, inputs, outputs, computed),
            before.constant_bytes + sum(_size(graph.tensors[i]) for i in new),
            before.output_bytes + graph.turns * sum(map(_size, outputs)),
        )


def _passed_through(graph: Graph, graphs: Sequence[Graph]) -> set[int]:
    """Outputs of loops that are their inputs and that nobody reads: runtimes do not write them."""
    read = {i for x in graph.operators for i in x.inputs} | {*graph.outputs}
    bodies = [(x.outputs, graphs[x.loop[1]]) for x in graph.operators if x.loop]
    return {
        i
        for outputs, body in bodies
        for i, before, after in zip(outputs, body.inputs, body.outputs, strict=True)
        if before == after and i not in read
    }


def _macs(name: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], computed: set[int]) -> int:
    """Multiply-accumulates of an operator; 0 unless it is a product of matrices."""
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
