"""Count the multiply-accumulates of an inference, from the shapes of its tensors."""

import math
from collections.abc import Sequence

from edge_runtime.model.graphs import Graph, Tensor, running

_LSTM_LIKE = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "RNN")


def count_macs(graphs: Sequence[Graph]) -> int:
    """Count the multiply-accumulates of an inference. The body of a loop counts at each turn."""
    total = 0
    for graph in running(graphs):
        computed = {i for operator in graph.operators for i in operator.outputs} | {*graph.inputs}
        for operator in graph.operators:
            inputs = [graph.tensors[i] if i >= 0 else None for i in operator.inputs]
            outputs = [graph.tensors[i] for i in operator.outputs if i >= 0]
            total += graph.turns * _macs(operator.name, inputs, outputs, computed)
    return total


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
