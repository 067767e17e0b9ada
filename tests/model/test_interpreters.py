"""Check the interface to every runtime: a model's facts, its refusals, and no state between windows."""

import sys
from collections import Counter

import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema
from programs import MODELS, run_program

from edge_runtime.errors import InputError
from edge_runtime.model import interpreters
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import load_runtime, open_model
from edge_runtime.system.installation import MissingExtraError

DENSE = tiny_models.dense(np.array([[1, 0, 0, 0], [0, 2, 0, 0]], np.float32), (2, 2))


@pytest.fixture(scope="module", params=["float32", "int8"])
def reference(request):
    """The reference models: their scheme and flatbuffer."""
    return request.param, cards.read_model(MODELS[request.param])[0]


def test_running_a_model_gives_its_output():
    model = open_model(DENSE, "litert")
    assert model.run(np.array([[[3, 4], [5, 6]]], np.float32)).tolist() == [[3, 8]]
    assert (model.runtime.name, model.scheme, model.stateful) == ("litert", "float32", False)
    assert model.runtime.version


def test_inputs_and_outputs_are_described(reference):
    scheme, flatbuffer = reference
    model = open_model(flatbuffer)
    assert model.scheme == scheme
    assert (model.input.shape, model.output.shape) == ((1, 128, 9), (1, 6))
    assert model.input.dtype == model.output.dtype == "float32"
    assert model.input.scale is model.output.zero_point is None
    quantised = [x for x in model.tensors if x.dtype == "int8"]
    assert (quantised != []) == (scheme == "int8")
    assert all(x > 0 for tensor in quantised for x in tensor.scales)
    assert all(-128 <= x <= 127 for tensor in quantised for x in tensor.zero_points)


def test_auto_is_litert_where_it_is_installed():
    assert load_runtime("auto").name == "litert"


def test_xnnpack_takes_nearly_all_of_the_reference_models_and_nothing_when_it_is_off(reference):
    _, flatbuffer = reference
    with_it, without = open_model(flatbuffer).operators, open_model(flatbuffer, xnnpack=False).operators
    assert with_it.counts == without.counts
    assert without.taken == 0
    assert without.left == without.counts
    assert with_it.total - 2 <= with_it.taken <= with_it.total
    assert sum(with_it.left.values()) == with_it.total - with_it.taken
    assert all(n <= with_it.counts[name] for name, n in with_it.xnnpack.items())


def test_operators_between_a_delegates_borders_are_those_it_took():
    """Two delegates with an operator between them, as the interpreter lists them."""
    nodes = [
        {"index": 0, "inputs": [0, 10], "outputs": [1]},
        {"index": 1, "inputs": [1], "outputs": [2, 3]},
        {"index": 2, "inputs": [2], "outputs": [4]},
        {"index": 3, "inputs": [4, 3, -1], "outputs": [5]},
        {"index": 4, "inputs": [5], "outputs": [6]},
        {"index": 5, "inputs": [4], "outputs": [7, -1]},  # a loop of which nobody reads the second output
    ]
    delegates = [{"inputs": [0, 10], "outputs": [2, 3]}, {"inputs": [3, 4], "outputs": [6]}]
    assert interpreters.operators_inside(delegates, nodes) == {0, 1, 3, 4}


def test_the_scheme_is_read_from_the_graph_and_not_from_the_input():
    """int8 inside a float input."""
    assert open_model(tiny_models.quantise(4, 0.5, 3)).scheme == "int8"
    assert open_model(tiny_models.dense(np.ones((2, 4), np.float32), (2, 2))).scheme == "float32"


def test_state_is_found_and_reset_before_each_window(reference):
    flatbuffer = tiny_models.recurrent(3)
    assert not open_model(reference[1]).stateful
    values = np.array([[1, 2, 3]], np.float32)
    model = open_model(flatbuffer)
    assert model.stateful
    assert model.run(values).tolist() == model.run(values).tolist() == [[1, 2, 3]]


def test_state_in_the_body_of_a_loop_is_found_too():
    values = np.array([[1, 2, 3]], np.float32)
    assert not open_model(tiny_models.doubling_loop(3, 5)).stateful
    model = open_model(tiny_models.doubling_loop(3, 5, sums=True))
    assert model.stateful
    assert model.run(values).tolist() == model.run(values).tolist()
    with pytest.raises(InputError, match=r"m\.tflite keeps state that cannot be reset \(VAR_HANDLE\)"):
        open_model(tiny_models.doubling_loop(3, 5, variable=True), name="m.tflite")


def test_a_body_that_cannot_stand_alone_is_said_to_be_missing():
    values = np.array([[1, 2, 3]], np.float32)
    whole, model = (open_model(tiny_models.doubling_loop(3, 5, sums=True, width=x)) for x in (3, 4))
    assert model.run(values).tolist() == whole.run(values).tolist()
    assert [(x.unlisted_bodies, len(x.graphs)) for x in (whole, model)] == [(0, 2), (1, 1)]
    assert dict(model.operators.counts) == {"WHILE": 1}


def test_operators_that_keep_state_have_the_numbers_of_the_schema():
    for number, name in {**interpreters.STATEFUL, **interpreters.UNRESETTABLE}.items():
        assert getattr(schema.BuiltinOperator, name) == number


def test_an_unknown_runtime_is_refused_by_name():
    with pytest.raises(InputError, match="no TFLite runtime 'onnx': choose one of auto, litert"):
        load_runtime("onnx")


def test_a_missing_runtime_says_what_to_install(monkeypatch):
    find = interpreters.importlib.util.find_spec
    for name, package, words in (
        ("tflite-runtime", "tflite_runtime", r"pip install .*\[tflite-runtime\]"),
        ("tensorflow", "tensorflow", r"pip install .*\[train\]"),
        ("tflite-micro", "tflite_micro", r"pip install .*\[micro\]"),
        ("litert", "ai_edge_litert", "pip install ai-edge-litert"),
    ):
        hidden = lambda x, package=package: None if x == package else find(x)  # noqa: E731
        monkeypatch.setattr(interpreters.importlib.util, "find_spec", hidden)
        with pytest.raises(InputError, match=words) as refused:
            load_runtime(name)
        assert isinstance(refused.value, MissingExtraError) == (name != "litert")
    monkeypatch.setattr(interpreters.importlib.util, "find_spec", lambda x: None)
    with pytest.raises(InputError, match="no TFLite runtime is installed here: pip install ai-edge-litert"):
        load_runtime("auto")


def test_a_runtime_that_cannot_be_imported_is_not_passed_over(tmp_path):
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").write_text("raise ImportError('libc.so.9 is missing\\nmore')")
    code = "from edge_runtime.model.interpreters import load_runtime\nload_runtime('auto')"
    done = run_program(sys.executable, "-c", code, env={"PYTHONPATH": str(tmp_path)})
    assert done.stderr.splitlines()[-1].endswith(
        "the runtime litert is installed but cannot be loaded (libc.so.9 is missing); install it again"
    )


@pytest.mark.parametrize(
    ("flatbuffer", "words"),
    [
        *((DENSE[:cut], "litert .* does not take m.tflite .* copy") for cut in (8, 9, 20, 60, 100, len(DENSE) - 4)),
        (b"\0\0\0\0TFL3" + bytes(100), "litert .* does not take m.tflite"),
        (
            tiny_models.dense(np.ones((2, 4), np.float32), (2, 2), version=99),
            r"litert .*'FULLY_CONNECTED' version '99'\)",
        ),
        (tiny_models.two_inputs(3), "m.tflite has 2 inputs"),
    ],
)
def test_a_model_that_cannot_run_is_one_sentence(flatbuffer, words):
    with pytest.raises(InputError, match=words) as refused:
        open_model(flatbuffer, name="m.tflite")
    assert "\n" not in str(refused.value)


def test_a_wrong_input_is_one_sentence():
    with pytest.raises(InputError, match="does not take the model"):
        open_model(DENSE).run(np.zeros((1, 3, 3), np.float32))


def test_threads_are_at_least_one():
    with pytest.raises(InputError, match="0 threads"):
        open_model(DENSE, threads=0)


def test_tensors_are_listed_with_their_scales(reference):
    scheme, flatbuffer = reference
    tensors = open_model(flatbuffer, xnnpack=False).tensors
    kinds = Counter(tensor.dtype for tensor in tensors)
    assert kinds[scheme] > 100
    assert all(len(tensor.scales) == len(tensor.zero_points) for tensor in tensors)
    assert any(tensor.scales for tensor in tensors) == (scheme == "int8")
