"""The benchmark's worker: its answers, its end, the files that it needs, and the interpreters that can run it."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from programs import MODELS, interpreter, processes, start, wait_until, write_program

from edge_runtime.bench import measurement_job, measurement_worker
from edge_runtime.bench.measured import Energy, Measured, read_round
from edge_runtime.bench.measurement_job import Answer, MeasurementJob
from edge_runtime.devices.python import PythonDevice
from edge_runtime.devices.targets import opener
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.interpreters import Model, open_model
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import mounting
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.progress import ignore_progress


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with a tiny model and two windows."""
    np.save(tmp_path / "windows.npy", np.ones((2, 4, 2), np.float32))
    model = tiny_models.dense(np.tile(np.eye(2, dtype=np.float32), 4), (4, 2))
    cards.write_model(tmp_path / "model.tflite", model, tiny_models.card(samples=4))
    return tmp_path


WORK = MeasurementJob("0-0", "measure", "model.tflite", "m.tflite", windows="windows.npy", runs=3)


@pytest.fixture(autouse=True)
def every_cpu() -> Iterator[None]:
    """A measurement in this process pins it."""
    allowed = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, allowed)


def test_the_worker_answers_with_logits_and_times_and_ends(folder):
    answer = PythonDevice().run(WORK, folder, ignore_progress)
    assert answer.arrays["logits"].tolist() == [[4, 4], [4, 4]]
    assert answer.arrays["latency_ns"].shape == answer.arrays["end_to_end_ns"].shape == (3,)
    assert answer.facts["warm_up"]["calls"] >= 3
    assert answer.facts["pinned_cpu"] == max(os.sched_getaffinity(0))
    assert not processes(folder)


def test_a_model_of_raw_windows_has_equal_latency_and_end_to_end_times(folder):
    (folder / "model.tflite").write_bytes(MODELS["int8"].read_bytes())
    np.save(folder / "windows.npy", np.ones((3, 128, 9), np.float32))
    for job in (WORK, replace(WORK, runs=0, seconds=0.01), replace(WORK, runs=2, period_s=0.01)):
        _, arrays = measurement_worker.measure(job, folder)
        assert arrays["latency_ns"].tolist() == arrays["end_to_end_ns"].tolist()
        assert arrays["logits"].shape == (3, 6)


def test_end_to_end_counts_turning_windows_into_the_walking_frame(folder, monkeypatch):
    """Turning a window that is turned already changes nothing: the answers equal the answers to the data's windows."""
    windows = np.random.default_rng(0).normal(size=(3, 128, 9)).astype(np.float32)
    np.save(folder / "windows.npy", windows)
    (folder / "model.tflite").write_bytes(reference_model("edge-anywhere", "int8").read_bytes())
    turns = []
    monkeypatch.setattr(measurement_worker, "turned", lambda *args: turns.append(mounting.turned(*args)) or turns[-1])
    for job in (WORK, replace(WORK, runs=2, period_s=0.01)):
        turns.clear()
        _, arrays = measurement_worker.measure(job, folder)
        assert len(turns) >= job.runs
        assert len(arrays["latency_ns"]) == len(arrays["end_to_end_ns"]) == job.runs
        assert turns[0].tobytes() == windows[0].tobytes()
        assert (arrays["logits"] == Classifier("edge-anywhere").logits(windows)).all()


def test_timing_begins_after_the_first_call_and_a_warm_up(folder, monkeypatch):
    calls, before = [], []
    run, timing = Model.run, measurement_worker.time_calls
    monkeypatch.setattr(Model, "run", lambda self, window: calls.append(0) or run(self, window))
    monkeypatch.setattr(measurement_worker, "time_calls", lambda *args: before.append(len(calls)) or timing(*args))
    measured, _ = measurement_worker.measure(WORK, folder)
    assert before[0] == 1 + measured.warm_up.calls
    assert measured.warm_up.seconds > 0.1


def test_energy_is_measured_on_request(folder, monkeypatch):
    monkeypatch.setattr(measurement_worker.energy, "per_inference", lambda call: Energy(0.5, "a meter"))
    assert measurement_worker.measure(replace(WORK, energy=True), folder)[0].energy == Energy(0.5, "a meter")
    assert measurement_worker.measure(WORK, folder)[0].energy is None


def test_an_interpreter_with_several_threads_is_not_pinned(folder, monkeypatch):
    threads = []
    monkeypatch.setattr(
        measurement_worker, "open_model", lambda *arguments: threads.append(arguments[2]) or open_model(*arguments)
    )
    measured, _ = measurement_worker.measure(replace(WORK, threads=2), folder)
    assert threads == [2]
    assert (measured.threads, measured.pinned_cpu) == (2, None)


@pytest.mark.parametrize(
    ("script", "noun"),
    [
        ("echo 'F tensorflow: bad op' >&2; kill -SEGV $$", r"SIGSEGV .*bad op"),
        ('echo \'{"stage": "timing", "share": 0.5}\'; exit 4', "4.*timing"),
        ("exec 1>&-; sleep 30", "1 s"),
    ],
)
def test_a_worker_that_dies_or_hangs_ends_in_one_sentence(folder, script, noun):
    with pytest.raises(DeviceError, match=rf"m\.tflite.*{noun}") as error:
        interpreter(folder, script).run(WORK, folder, ignore_progress)
    assert "\n" not in str(error.value)


def test_a_worker_with_an_endless_model_ends_with_its_parent(folder):
    cards.write_model(folder / "model.tflite", tiny_models.endless_but_in_trials((4, 2)), tiny_models.card(samples=4))
    WORK.write(folder)
    code = "import sys; from pathlib import Path; from edge_runtime.bench.measurement_worker import main; "
    code += "main(Path(sys.argv[1]))"
    parent = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE).wait()"
    device = start(sys.executable, "-c", parent, sys.executable, "-c", code, WORK.path(folder))
    wait_until(lambda: len(processes(folder)) == 2)
    device.kill()
    device.communicate()
    wait_until(lambda: not processes(folder))


def test_an_answer_with_impossible_facts_or_arrays_is_refused(folder):
    answer = PythonDevice().run(WORK, folder, ignore_progress)
    assert read_round(answer, WORK, "a device", (2, 2)).measured == from_json(Measured, answer.facts)
    times, logits = answer.arrays["latency_ns"], answer.arrays["logits"]
    for facts, arrays, noun in (
        ({"load_ms": -1.0}, {}, "load_ms"),
        ({}, {"latency_ns": times * 0}, "latency_ns"),
        ({}, {"end_to_end_ns": times[:0]}, "end_to_end_ns"),
        ({}, {"logits": logits[:1]}, "logits"),
        ({}, {"logits": logits * np.nan}, "logits"),
    ):
        changed = Answer({**answer.facts, **facts}, {**answer.arrays, **arrays})
        with pytest.raises(DeviceError, match=f"a device.*{noun}"):
            read_round(changed, WORK, "a device", (2, 2))


def test_an_answer_is_complete_or_none(tmp_path, monkeypatch):
    monkeypatch.delattr(hashlib, "file_digest")  # Python 3.10 lacks it
    measurement_job.write_answer(tmp_path, "x", {"a": 1}, {"v": np.arange(3)})
    whole = measurement_job.read_answer(tmp_path, "x")
    assert whole.facts == {"a": 1}
    assert whole.arrays["v"].tolist() == [0, 1, 2]
    np.savez(tmp_path / "x.npz", v=np.arange(4))  # of another answer
    assert measurement_job.read_answer(tmp_path, "x") is None


@pytest.mark.parametrize(
    ("version", "packages", "noun"),
    [(None, [], "Python"), ([3, 9, 1], ["numpy"], r"3\.9\.1"), ([3, 10, 1], ["numpy"], "litert")],
)
def test_an_interpreter_that_cannot_measure_is_refused(tmp_path, version, packages, noun):
    output = json.dumps({"version": version, "packages": packages}) if version else "hello"
    path = write_program(tmp_path / "python", f"echo '{output}'")
    with pytest.raises(InputError, match=rf"{path}.*{noun}"):
        opener(f"python:{path}", "auto")()
