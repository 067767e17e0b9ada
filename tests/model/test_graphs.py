"""The graphs of a model are read as its runtime lists them."""

import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema
from programs import MODELS

from edge_runtime.model import graphs
from edge_runtime.model import model_card as cards
from edge_runtime.model.graphs import operator_names, ports, read_graphs, running, scheme_of, with_first
from edge_runtime.model.interpreters import load_runtime

DENSE = tiny_models.dense(np.array([[1, 0, 0, 0], [0, 2, 0, 0]], np.float32), (2, 2))
LOOP = tiny_models.doubling_loop(3, 5)


@pytest.fixture(scope="module", params=["float32", "int8"])
def reference(request):
    """The reference models: their scheme and flatbuffer."""
    return request.param, cards.read_model(MODELS[request.param])[0]


def test_operators_and_tensors_are_those_that_the_interpreter_lists(reference):
    scheme, flatbuffer = reference
    interpreter = load_runtime().module.Interpreter(model_content=flatbuffer)
    interpreter.allocate_tensors()
    (main,) = read_graphs(flatbuffer)
    listed = [x for x in interpreter._get_ops_details() if x["op_name"] != "DELEGATE"]
    assert [(x.name, [*x.inputs], [*x.outputs]) for x in main.operators] == [
        (x["op_name"], [*x["inputs"]], [*x["outputs"]]) for x in listed
    ]
    assert {x.name for x in main.operators} == operator_names(flatbuffer)
    for tensor, details in zip(main.tensors, interpreter.get_tensor_details(), strict=True):
        quantisation = details["quantization_parameters"]
        assert (tensor.index, tensor.name) == (details["index"], details["name"])
        assert (tensor.shape, tensor.dtype) == ((*details["shape"],), np.dtype(details["dtype"]).name)
        assert [[*tensor.scales], [*tensor.zero_points]] == [
            quantisation[x].tolist() for x in ("scales", "zero_points")
        ]
    assert ports(flatbuffer) == ([main.tensors[main.inputs[0]]], [main.tensors[main.outputs[0]]])
    assert scheme_of([main]) == scheme


def test_a_stored_tensor_has_its_bytes():
    (main,) = read_graphs(DENSE)
    (weights,) = (x.index for x in main.tensors if x.name == "weights")
    assert np.frombuffer(main.constants[weights], np.float32).tolist() == [1, 0, 0, 0, 0, 2, 0, 0]


def test_numbers_of_operators_and_types_are_those_of_the_schema():
    for kind, names in ((schema.BuiltinOperator, graphs.OPERATORS), (schema.TensorType, graphs.TYPES)):
        for number, name in enumerate(names):
            assert getattr(kind, name.upper()) == number
    assert schema.BuiltinOptions.WhileOptions == graphs.WHILE_OPTIONS


def test_the_body_of_a_loop_runs_at_each_turn_and_its_condition_is_no_work():
    found = read_graphs(LOOP)
    assert [[x.name for x in graph.operators] for graph in found] == [["WHILE"], ["LESS"], ["ADD", "ADD"]]
    assert [x.turns for x in found] == [1, 0, 5]
    assert running(found) == [found[0], found[2]]
    assert operator_names(LOOP) == {"WHILE", "LESS", "ADD"}
    assert [x.turns for x in read_graphs(tiny_models.nested_loops(3, 5, 4))] == [1, 0, 5, 0, 20]
    assert [x.name for x in read_graphs(with_first(LOOP, 2))[0].operators] == ["ADD", "ADD"]
    assert read_graphs(with_first(LOOP, 0)) == found


def test_the_scheme_is_read_from_the_graph_and_not_from_its_float_input():
    assert scheme_of(read_graphs(tiny_models.quantise(4, 0.5, 3))) == "int8"
    assert scheme_of(read_graphs(DENSE)) == "float32"


@pytest.mark.parametrize("flatbuffer", [DENSE, LOOP], ids=["dense", "loop"])
def test_a_model_that_was_cut_short_is_refused(flatbuffer):
    for end in range(0, len(flatbuffer) - 8, 4):
        with pytest.raises(ValueError, match=r"\w"):
            read_graphs(flatbuffer[:end])
