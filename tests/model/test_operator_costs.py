"""The work of operators, counted from their shapes."""

import numpy as np
import pytest
import tiny_models

from edge_runtime.model.graphs import Graph, Operator, Tensor, read_graphs
from edge_runtime.model.operator_costs import OperatorCost, count


def tensor(index: int, *shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(index, f"t{index}", shape, dtype, (), ())


def graph(operators: list[tuple], tensors: list[Tensor], turns: int = 1) -> Graph:
    return Graph(tuple(Operator(*x) for x in operators), tuple(tensors), (0,), (), {}, turns)


def test_a_layer_costs_its_matrix_and_a_recurrent_one_its_matrices_at_each_step():
    found = count(read_graphs(tiny_models.dense(np.ones((6, 256), np.float32), (128, 2))))
    assert found == {"FULLY_CONNECTED": OperatorCost(1, 6 * 256, 4 * (6 * 256 + 6), 24)}
    cost = count(read_graphs(tiny_models.recurrent(5)))["RNN"]
    assert (cost.macs, cost.constant_bytes) == (2 * 25, 4 * (2 * 25 + 5 + 5))  # the state too


@pytest.mark.parametrize(
    ("name", "weights", "macs"),
    [
        ("CONV_2D", (8, 3, 5, 4), 16 * 8 * 3 * 5 * 4),
        ("DEPTHWISE_CONV_2D", (1, 3, 5, 8), 16 * 8 * 3 * 5),
        ("ADD", (1, 16, 1, 8), 0),
    ],
)
def test_a_convolution_costs_its_kernel_at_each_place(name, weights, macs):
    tensors = [tensor(0, 1, 16, 1, 4), tensor(1, *weights, dtype="int8"), tensor(2, 1, 16, 1, 8, dtype="int8")]
    assert count([graph([(name, (0, 1, -1), (2,))], tensors)])[name] == OperatorCost(1, macs, np.prod(weights), 128)


def test_weights_that_many_steps_or_turns_use_are_stored_once_and_multiplied_each_time():
    tensors = [tensor(0, 1, 4), tensor(1, 4, 4), tensor(2, 1, 4), tensor(3, 1, 4)]
    operators = [("FULLY_CONNECTED", (0, 1), (2,)), ("FULLY_CONNECTED", (2, 1), (3,)), ("TANH", (3,), (0,))]
    assert count([graph(operators, tensors)]) == {
        "FULLY_CONNECTED": OperatorCost(2, 32, 64, 32),
        "TANH": OperatorCost(1, 0, 0, 16),
    }
    body = graph(operators[:1], tensors, turns=9)
    assert count([body]) == {"FULLY_CONNECTED": OperatorCost(1, 9 * 16, 64, 9 * 16)}


def test_a_loop_within_a_loop_works_at_each_turn_of_both():
    found = count(read_graphs(tiny_models.nested_loops(3, 5, 4)))
    # The outer counter 5 times; the inner one and the values of 12 bytes 20 times.
    assert found["ADD"] == OperatorCost(3, 0, 4 + 4, 4 * 5 + (4 + 12) * 20)


def test_a_loop_writes_what_it_changes_or_somebody_reads():
    """The counter, which changes, and of two values that it passes on the one that is read."""
    tensors = [tensor(i, 1, 4) for i in range(7)]
    body = Graph((), tuple(tensors), (0, 1, 2), (3, 1, 2), {}, 5)
    loop = ("WHILE", (0, 1, 2), (3, 4, 5), (1, 1))
    main = graph([loop, ("TANH", (4,), (6,))], tensors)
    assert count([main, body])["WHILE"].output_bytes == 2 * 16
