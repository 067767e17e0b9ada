"""Check TensorFlow Lite Micro behind the project's interface: its answers, its arena, and its refusals."""

import ctypes
import signal
from pathlib import Path

import looped_model
import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema
from programs import ROOT

from edge_runtime.devices.trial import try_model
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import predict, preparation
from edge_runtime.model.interpreters import MICRO, open_model
from edge_runtime.model.micro_interpreter import in_fork, resolver_method

micro = pytest.importorskip("tflite_micro")

DENSE = tiny_models.dense(np.array([[1, 0, 0, 0], [0, 2, 0, 0]], np.float32), (2, 2))
LOOP = tiny_models.doubling_loop(3, 5)
BUILTIN = [x for x in vars(schema.BuiltinOperator) if x.isupper() and x not in ("CUSTOM", "DELEGATE")]


def shipped(network: str, scheme: str = "int8") -> tuple[bytes, cards.Card]:
    return cards.read_model(ROOT / "edge_runtime" / "models" / f"{network}_{scheme}.tflite")


def answers(flatbuffer: bytes, card: cards.Card, windows: np.ndarray, runtime: str, **more: bool) -> np.ndarray:
    model = open_model(flatbuffer, runtime, **more)
    return predict(model, preparation(card, model.input), windows)


@pytest.mark.parametrize(
    ("network", "scheme", "most", "mean"),
    [("edge", "int8", 0.2, 0.003), ("edge-small", "int8", 0.2, 0.003), ("edge-small", "float32", 1e-5, 1e-5)],
)
def test_the_shipped_models_answer_as_in_tflites_own_kernels(network, scheme, most, mean, uci_har):
    """0.2 are six steps of int8 logits, whose standard deviation is 1.5."""
    flatbuffer, card = shipped(network, scheme)
    here, own = (answers(flatbuffer, card, uci_har.test.X[::8], x, xnnpack=False) for x in (MICRO, "litert"))
    assert (here.argmax(1) == own.argmax(1)).all()
    assert np.abs(here - own).max() < most
    assert np.abs(here - own).mean() < mean


def test_the_smallest_arena_is_enough_and_a_little_less_is_not():
    flatbuffer, _ = shipped("edge-small")
    arena = open_model(flatbuffer, MICRO).arena_bytes()
    assert 10_000 < arena < len(flatbuffer) + 10_000
    micro.runtime.Interpreter.from_bytes(flatbuffer, arena_size=arena)
    with pytest.raises(RuntimeError):
        micro.runtime.Interpreter.from_bytes(flatbuffer, arena_size=arena - 16)
    assert open_model(flatbuffer, "litert").arena_bytes() is None


@pytest.mark.parametrize("runtime", ["litert", MICRO])
def test_a_loop_runs_and_state_is_reset_before_each_window_as_in_litert(runtime):
    assert open_model(LOOP, runtime).run(np.array([[1, -2, 0.5]], np.float32)).tolist() == [[32, -64, 16]]
    values, model = np.array([[1, 2, 3]], np.float32), open_model(tiny_models.running_sum(3), runtime)
    assert model.stateful
    assert model.run(values).tolist() == model.run(values).tolist() == [[1, 2, 3]]


def test_the_resolver_has_a_method_for_exactly_the_kernels_that_the_package_has():
    (library,) = Path(micro.__file__).parent.rglob("_runtime*.so")
    content = library.read_bytes()
    registered = {x for x in BUILTIN if f"Register_{x}Ev".encode() in content}
    assert len(registered) >= 100
    assert {x for x in BUILTIN if resolver_method(x)} == registered


def test_what_it_cannot_do_is_refused():
    with pytest.raises(InputError, match=r"m\.tflite .*RNN"):
        open_model(tiny_models.recurrent(3), MICRO, name="m.tflite")
    with pytest.raises(InputError, match="threads"):
        open_model(DENSE, MICRO, threads=2)
    with pytest.raises(HarEdgeError, match=r"m\.tflite") as refused:
        try_model(DENSE[:60], "m.tflite", MICRO)
    assert "\n" not in str(refused.value)


@pytest.mark.long
def test_the_arena_of_a_model_with_loops_is_found_though_some_smaller_ones_end_the_process(tmp_path, uci_har):
    path = looped_model.write(tmp_path / "loops.tflite", uci_har.train.X[::50])
    model = open_model(cards.read_model(path)[0], MICRO)
    assert model.run(np.zeros(model.input.shape, model.input.dtype)).shape == model.output.shape
    assert 10_000 < model.arena_bytes() < 200_000


def test_a_copy_that_finds_no_end_is_ended_also_in_a_command_which_handles_alarms():
    before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    try:
        assert in_fork(lambda: b"%d" % ctypes.CDLL(None).pause(), 1) is None
    finally:
        signal.signal(signal.SIGALRM, before)
