"""Compare the graphs of a model with the runtime's list, and count the work of operators."""

import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema
from programs import MODELS

from edge_runtime.model import graphs
from edge_runtime.model import model_card as cards
from edge_runtime.model.graphs import (
    Graph,
    Operator,
    Tensor,
    operator_names,
    ports,
    read_graphs,
    running,
    scheme_of,
    with_first,
)
from edge_runtime.model.interpreters import load_runtime
from edge_runtime.model.macs import count_macs

DENSE = tiny_models.dense(np.array([[1, 0, 0, 0], [0, 2, 0, 0]], np.float32), (2, 2))
LOOP = tiny_models.doubling_loop(3, 5)


@pytest.mark.parametrize("scheme", MODELS)
def test_operators_and_tensors_equal_the_interpreters_list(scheme):
    flatbuffer, _ = cards.read_model(MODELS[scheme])
    interpreter = load_runtime().module.Interpreter(model_content=flatbuffer)
    interpreter.allocate_tensors()
    (main,) = read_graphs(flatbuffer)
    listed = [node for node in interpreter._get_ops_details() if node["op_name"] != "DELEGATE"]
    assert [(x.name, [*x.inputs], [*x.outputs]) for x in main.operators] == [
        (node["op_name"], [*node["inputs"]], [*node["outputs"]]) for node in listed
    ]
    assert {operator.name for operator in main.operators} == operator_names(flatbuffer)
    for tensor, details in zip(main.tensors, interpreter.get_tensor_details(), strict=True):
        quantisation = details["quantization_parameters"]
        assert (tensor.index, tensor.name) == (details["index"], details["name"])
        assert (tensor.shape, tensor.dtype) == ((*details["shape"],), np.dtype(details["dtype"]).name)
        assert [[*tensor.scales], [*tensor.zero_points]] == [
            quantisation[name].tolist() for name in ("scales", "zero_points")
        ]
    assert ports(flatbuffer) == ([main.tensors[main.inputs[0]]], [main.tensors[main.outputs[0]]])
    assert scheme_of([main]) == scheme


def test_numbers_of_operators_and_types_equal_the_schema():
    for kind, names in ((schema.BuiltinOperator, graphs.OPERATORS), (schema.TensorType, graphs.TYPES)):
        for number, name in enumerate(names):
            assert getattr(kind, name.upper()) == number
    assert schema.BuiltinOptions.WhileOptions == graphs.WHILE_OPTIONS


def test_the_body_of_a_loop_runs_at_each_turn_and_its_condition_does_not_count():
    main, condition, body = read_graphs(LOOP)
    assert [[x.name for x in graph.operators] for graph in (main, condition, body)] == [
        ["WHILE"],
        ["LESS"],
        ["ADD"] * 2,
    ]
    assert (main.turns, condition.turns, body.turns) == (1, 0, 5)
    assert running([main, condition, body]) == [main, body]
    assert operator_names(LOOP) == {"WHILE", "LESS", "ADD"}
    assert [operator.name for operator in read_graphs(with_first(LOOP, 2))[0].operators] == ["ADD", "ADD"]
    assert read_graphs(with_first(LOOP, 0)) == (main, condition, body)


def tensor(index: int, *shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(index, f"t{index}", shape, dtype, (), ())


def graph(operators: list[tuple], tensors: list[Tensor], turns: int = 1) -> Graph:
    return Graph(tuple(Operator(*fields) for fields in operators), tuple(tensors), (0,), (), {}, turns)


def test_a_layer_multiplies_by_its_matrix_and_a_recurrent_one_by_its_matrices_at_each_step():
    assert count_macs(read_graphs(tiny_models.dense(np.ones((6, 256), np.float32), (128, 2)))) == 6 * 256
    assert count_macs(read_graphs(tiny_models.recurrent(5))) == 2 * 25


@pytest.mark.parametrize(
    ("name", "weights", "macs"),
    [
        ("CONV_2D", (8, 3, 5, 4), 16 * 8 * 3 * 5 * 4),
        ("DEPTHWISE_CONV_2D", (1, 3, 5, 8), 16 * 8 * 3 * 5),
        ("ADD", (1, 16, 1, 8), 0),
    ],
)
def test_a_convolution_multiplies_by_its_kernel_at_each_place(name, weights, macs):
    tensors = [tensor(0, 1, 16, 1, 4), tensor(1, *weights, dtype="int8"), tensor(2, 1, 16, 1, 8, dtype="int8")]
    assert count_macs([graph([(name, (0, 1, -1), (2,))], tensors)]) == macs


def test_each_turn_of_a_loop_multiplies():
    tensors = [tensor(0, 1, 4), tensor(1, 4, 4), tensor(2, 1, 4)]
    assert count_macs([graph([("FULLY_CONNECTED", (0, 1), (2,)), ("TANH", (2,), (0,))], tensors, turns=9)]) == 9 * 16
