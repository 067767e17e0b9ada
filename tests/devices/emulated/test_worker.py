"""The benchmark's worker on a board: the machine that it describes, and its answers beside this machine's."""

from functools import cache
from pathlib import Path

import looped_model
import machine_trees as trees
import numpy as np
import pytest
from on_board import laid_over, run_on_board
from programs import MODELS

from edge_runtime.bench.measurement_job import Answer, MeasurementJob
from edge_runtime.data import loading
from edge_runtime.devices.emulated.board import Board
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import predict, preparation
from edge_runtime.model.interpreters import open_model

# How far float sums go apart that are added up in another order, of logits as large as 20.
TOLERANCE = 1e-5
TOLERANCE_32_BIT = 1e-4  # vectors of Arm's 32-bit instruction set flush denormals, and its kernels approximate more


@cache
def windows(every: int = 1) -> np.ndarray:
    """The test windows, or some of them."""
    return loading.load_data(None).test.X[::every]


@cache
def here(model: str | Path, every: int = 1, xnnpack: bool = True) -> np.ndarray:
    """The logits of a model, or of a reference model by its scheme, on this machine."""
    opened, prepare = _open(model, xnnpack)
    return predict(opened, prepare, windows(every))


def on(board: Board, model: str | Path, folder: Path, every: int = 1) -> np.ndarray:
    """The logits of the same model on the board."""
    answer = _measure(board, model, folder, every)
    assert answer.facts["machine"]["emulated"]
    return answer.arrays["logits"]


@pytest.mark.parametrize("cpu", ["a72", "a76"])
def test_int8_answers_are_to_the_bit_those_of_this_machine(cpu, request, tmp_path):
    logits = on(request.getfixturevalue(cpu), "int8", tmp_path)
    assert len(logits) == 2947
    assert logits.tobytes() == here("int8").tobytes()


@pytest.mark.parametrize("cpu", ["a72", "a76"])
def test_float_answers_are_those_of_this_machine(cpu, request, tmp_path):
    every = 6
    logits = on(request.getfixturevalue(cpu), "float32", tmp_path, every)
    assert np.abs(logits - here("float32", every)).max() < TOLERANCE
    assert (logits.argmax(1) == here("float32", every).argmax(1)).all()


@pytest.mark.parametrize(("cpu", "every"), [("older", 3), ("armv7", 10)])
def test_int8_answers_of_the_older_runtime_are_to_the_bit_those_of_tflites_own_kernels(cpu, every, request, tmp_path):
    logits = on(request.getfixturevalue(cpu), "int8", tmp_path, every)
    assert logits.tobytes() == here("int8", every, xnnpack=False).tobytes()


def test_float_answers_of_a_32_bit_machine(armv7, tmp_path):
    every = 20
    logits = on(armv7, "float32", tmp_path, every)
    assert np.abs(logits - here("float32", every)).max() < TOLERANCE_32_BIT
    assert (logits.argmax(1) == here("float32", every).argmax(1)).all()


@pytest.fixture(scope="module")
def loops(tmp_path_factory) -> Path:
    return looped_model.write(tmp_path_factory.mktemp("loops") / "model.tflite", windows(200))


@pytest.mark.parametrize(("cpu", "every", "xnnpack"), [("a72", 30, True), ("a76", 30, True), ("armv7", 60, False)])
def test_loops_answer_to_the_bit_as_on_this_machine(cpu, every, xnnpack, loops, request, tmp_path):
    logits = on(request.getfixturevalue(cpu), loops, tmp_path, every)
    assert logits.tobytes() == here(loops, every, xnnpack=xnnpack).tobytes()


def test_a_raspberry_pi_that_is_throttled(a76, tmp_path):
    tree, job = trees.pi5_hot(tmp_path / "pi"), tmp_path / "job"
    job.mkdir()
    facts = _measure(a76, "int8", job, 300, laid_over(tree)).facts
    assert facts["machine"]["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert facts["machine"]["governor"] == "ondemand"
    assert facts["machine"]["max_clock_khz"] == 2400000
    assert facts["machine"]["features"] == ["asimd", "asimdhp", "asimddp"]
    assert facts["machine"]["virtual"] is False
    assert facts["after"]["temperatures_c"] == {"cpu-thermal": 86.5}
    assert facts["after"]["throttled"] == {
        "now": ["throttled", "soft temperature limit"],
        "since_boot": ["under-voltage", "throttled"],
    }
    assert facts["after"]["firmware_clock_khz"] == 1500019


def _measure(board, model: str | Path, folder: Path, every: int, binds=None) -> Answer:
    (folder / "model.tflite").write_bytes(MODELS.get(model, model).read_bytes())
    np.save(folder / "windows.npy", windows(every))
    job = MeasurementJob("job", "measure", "model.tflite", str(model), windows="windows.npy", runs=1)
    return run_on_board(job, board, folder, binds)


def _open(model: str | Path, xnnpack: bool):
    flatbuffer, card = cards.read_model(MODELS.get(model, model))
    model = open_model(flatbuffer, "litert", xnnpack=xnnpack)
    return model, preparation(card, model.input)
