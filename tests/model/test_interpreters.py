"""Check the interface to TFLite runtimes: a model's facts, refusals, and no state between windows."""

import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema
from programs import MODELS

from edge_runtime.errors import InputError
from edge_runtime.model import interpreters
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import Model, load_runtime, open_model

DENSE = tiny_models.dense(np.array([[1, 0, 0, 0], [0, 2, 0, 0]], np.float32), (2, 2))


def test_running_a_model_gives_its_output():
    model = open_model(DENSE)
    assert model.run(np.array([[[3, 4], [5, 6]]], np.float32)).tolist() == [[3, 8]]
    assert (model.runtime.name, model.scheme, model.stateful) == ("litert", "float32", False)
    assert model.runtime.version


@pytest.mark.parametrize("scheme", MODELS)
def test_xnnpack_takes_nearly_all_operators_of_the_reference_models_and_none_when_it_is_off(scheme):
    flatbuffer, _ = cards.read_model(MODELS[scheme])
    with_it, without = open_model(flatbuffer).operators, open_model(flatbuffer, xnnpack=False).operators
    assert with_it.counts == without.counts
    assert without.taken == 0
    assert with_it.total - 2 <= with_it.taken <= with_it.total
    assert all(n <= with_it.counts[name] for name, n in with_it.xnnpack.items())


@pytest.mark.parametrize("uncalled", [0, 1000])  # uncalled graphs must not be opened: each would stay in memory
def test_xnnpack_takes_operators_of_a_loop_too(uncalled, monkeypatch):
    n_opened, opens = [], Model._open
    monkeypatch.setattr(Model, "_open", lambda *args: n_opened.append(1) or opens(*args))
    loop = open_model(tiny_models.doubling_loop(3, 5, uncalled=uncalled)).operators
    assert (loop.counts, loop.xnnpack) == ({"WHILE": 1, "ADD": 2}, {"ADD": 1})  # not the int32 ADD of the counter
    assert len(n_opened) == 2


def test_the_interpreter_gets_the_number_of_threads(monkeypatch):
    module, numbers = load_runtime("litert").module, []
    make = module.Interpreter
    monkeypatch.setattr(module, "Interpreter", lambda **args: numbers.append(args["num_threads"]) or make(**args))
    assert open_model(DENSE, "litert", threads=3).threads == 3
    assert numbers == [3]


def test_state_is_reset_before_each_window_in_the_body_of_a_loop_too():
    values = np.array([[1, 2, 3]], np.float32)
    for flatbuffer in (tiny_models.recurrent(3), tiny_models.doubling_loop(3, 5, sums=True)):
        model = open_model(flatbuffer)
        assert model.stateful
        assert model.run(values).tolist() == model.run(values).tolist()
    assert not open_model(tiny_models.doubling_loop(3, 5)).stateful
    with pytest.raises(InputError, match=r"m\.tflite .*VAR_HANDLE"):
        open_model(tiny_models.doubling_loop(3, 5, variable=True), name="m.tflite")


@pytest.mark.parametrize(
    ("name", "noun"),
    [("onnx", "litert"), ("tensorflow", r"\[train\]"), ("auto", "ai-edge-litert")],
)
def test_an_unknown_or_missing_runtime_is_refused(monkeypatch, name, noun):
    monkeypatch.setattr(interpreters.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=noun):
        load_runtime(name)


def test_a_model_that_cannot_run_is_one_sentence():
    too_new = tiny_models.dense(np.ones((2, 4), np.float32), (2, 2), version=99)
    for flatbuffer in (DENSE[:60], too_new):
        with pytest.raises(InputError, match=r"m\.tflite") as refused:
            open_model(flatbuffer, name="m.tflite")
        assert "\n" not in str(refused.value)


def test_a_model_without_the_tensor_of_its_output_is_refused():
    model = schema.ModelT.InitFromPackedBuf(DENSE)
    model.subgraphs[0].outputs = [-1]
    with pytest.raises(InputError, match=r"m\.tflite"):
        open_model(tiny_models.packed(model), name="m.tflite")
