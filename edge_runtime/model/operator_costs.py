"""Count operators, multiply-accumulates and bytes of a graph, by type of operator.

TFLite's Python interpreters do not time operators, but shapes tell how much work each operator does.
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
    """Count the work by operator type, the most multiplications first. The body of a loop counts at each turn."""
    costs: dict[str, OperatorCost] = {}
    for graph in running(graphs):
        _add(graph, graphs, costs)
    return dict(sorted(costs.items(), key=lambda item: (-item[1].macs, -item[1].count, item[0])))


def _add(graph: Graph, graphs: Sequence[Graph], costs: dict[str, OperatorCost]) -> None:
    computed = {i for operator in graph.operators for i in operator.outputs} | {*graph.inputs}
    constants: dict[str, set[int]] = {}
    unchanged = _passed_through(graph, graphs)
    for operator in graph.operators:
        name = operator.name
        inputs = [graph.tensors[i] if i >= 0 else None for i in operator.inputs]
        outputs = [graph.tensors[i] for i in operator.outputs if i >= 0 and i not in unchanged]
        # A constant that an unrolled graph uses at every step is stored once.
        counted = constants.setdefault(name, set())
        new = {i for i in operator.inputs if i >= 0} - computed - counted
        counted |= new
        before = costs.get(name, OperatorCost(0, 0, 0, 0))
        costs[name] = OperatorCost(
            before.count + 1,
            before.macs + graph.turns * _macs(name, inputs, outputs, computed),
            before.constant_bytes + sum(_size(graph.tensors[i]) for i in new),
            before.output_bytes + graph.turns * sum(map(_size, outputs)),
        )


def _passed_through(graph: Graph, graphs: Sequence[Graph]) -> set[int]:
    """Find outputs of loops that equal their inputs and that nothing reads: runtimes do not write them."""
    read = {i for operator in graph.operators for i in operator.inputs} | {*graph.outputs}
    bodies = [(operator.outputs, graphs[operator.loop[1]]) for operator in graph.operators if operator.loop]
    return {
        i
        for outputs, body in bodies
        for i, before, after in zip(outputs, body.inputs, body.outputs, strict=True)
        if before == after and i not in read
    }


def _macs(name: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], computed: set[int]) -> int:
    """Count the multiply-accumulates of an operator; 0 unless it multiplies matrices."""
    if not outputs or not inputs or inputs[0] is None:
        return 0
    if name in _LSTM_LIKE:
        steps = math.prod(inputs[0].shape[:-1])
        weights = [x.shape for x in inputs[1:] if x is not None and len(x.shape) == 2 and x.index not in computed]
        return steps * sum(math.prod(shape) for shape in weights if shape[0] > 1)  # [1, n] is the state
    if len(inputs) < 2 or inputs[1] is None:
        return 0
    size, kernel = math.prod(outputs[0].shape), inputs[1].shape
    if name == "FULLY_CONNECTED":
        return size * kernel[-1]
    if name == "BATCH_MATMUL":
        return size * inputs[0].shape[-1]
    if name == "CONV_2D":  # kernel [outputs, height, width, inputs]
        return size * math.prod(kernel[1:])
    if name == "DEPTHWISE_CONV_2D":  # kernel [1, height, width, outputs]
        return size * math.prod(kernel[1:3])
    return 0


def _size(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * _BYTES.get(tensor.dtype, 0)
