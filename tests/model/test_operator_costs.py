"""The work of operators, counted from their shapes."""

import numpy as np
import pytest
import tiny_models

from edge_runtime.model.interpreters import Graph, Tensor, open_model
from edge_runtime.model.operator_costs import count


def tensor(index: int, *shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(index, f"t{index}", shape, dtype, (), ())


def node(name: str, inputs: list[int], outputs: list[int]) -> dict:
    return {"op_name": name, "inputs": inputs, "outputs": outputs}


def of(model) -> dict:
    return count(model.graphs)


def graph(nodes: list[dict], tensors: list[Tensor], turns: int = 1) -> Graph:
    return Graph(tuple(nodes), tuple(tensors), frozenset([0]), frozenset(), turns)


def test_a_fully_connected_layer_costs_its_matrix():
    found = of(open_model(tiny_models.dense(np.ones((6, 256), np.float32), (128, 2))))
    assert found == {
        "FULLY_CONNECTED": {"count": 1, "macs": 6 * 256, "constant_bytes": 4 * (6 * 256 + 6), "output_bytes": 24}
    }


def test_a_recurrent_layer_costs_its_matrices_at_each_step():
    cost = of(open_model(tiny_models.recurrent(5)))["RNN"]
    assert cost["macs"] == 2 * 25
    assert cost["constant_bytes"] == 4 * (2 * 25 + 5 + 5)  # the state too


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
    cost = count([graph([node(name, [0, 1, -1], [2])], tensors)])[name]
    assert cost["macs"] == macs
    assert cost["output_bytes"] == 128
    assert cost["constant_bytes"] == np.prod(weights)


def test_weights_that_many_steps_use_are_stored_once_and_multiplied_each_time():
    tensors = [tensor(0, 1, 4), tensor(1, 4, 4), tensor(2, 1, 4), tensor(3, 1, 4)]
    nodes = [node("FULLY_CONNECTED", [0, 1], [2]), node("FULLY_CONNECTED", [2, 1], [3]), node("TANH", [3], [0])]
    found = count([graph(nodes, tensors)])
    assert list(found) == ["FULLY_CONNECTED", "TANH"]
    assert found["FULLY_CONNECTED"] == {"count": 2, "macs": 32, "constant_bytes": 64, "output_bytes": 32}
    assert found["TANH"]["macs"] == found["TANH"]["constant_bytes"] == 0


def test_the_body_of_a_loop_works_at_each_turn_and_is_stored_once():
    tensors = [tensor(0, 1, 4), tensor(1, 4, 4), tensor(2, 1, 4)]
    once, often = (count([graph([node("FULLY_CONNECTED", [0, 1], [2])], tensors, turns=n)]) for n in (1, 9))
    work = {"macs": 9 * 16, "output_bytes": 9 * 16}
    assert often == {"FULLY_CONNECTED": once["FULLY_CONNECTED"] | work}
