"""The benchmark's worker: its answers, its end, the files that it needs, and the interpreters that can run it."""

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_models
from programs import MODELS, interpreter, processes, start, wait_until, write_program

from edge_runtime.bench import measurement_job, measurement_worker, model_process
from edge_runtime.bench.measured import Measured, read_round
from edge_runtime.bench.measurement_job import Answer, JobModel, MeasurementJob
from edge_runtime.bench.model_process import TURN, ModelMeasurement
from edge_runtime.devices.python import PythonDevice
from edge_runtime.devices.targets import open_device
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
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


WORK = MeasurementJob("0", "measure", (JobModel("model.tflite", "m.tflite", windows="windows.npy"),), turns=3)


def of_models(*models: JobModel, **changes: object) -> MeasurementJob:
    """The job for these models too, which are in the same folder."""
    return replace(WORK, models=WORK.models + models, **changes)


def test_the_worker_answers_with_logits_and_times_for_each_model_and_ends(folder):
    control = replace(WORK.models[0], is_scored=False)
    scored, timed = PythonDevice().run(of_models(control), folder, ignore_progress)
    assert scored.arrays["logits"].tolist() == [[4, 4], [4, 4]]
    assert timed.arrays.keys() == {"latency_ns", "end_to_end_ns"}
    for answer in (scored, timed):
        latency, end_to_end = (answer.arrays[f"{kind}_ns"] for kind in ("latency", "end_to_end"))
        assert latency.shape == end_to_end.shape == (3, 16)
        assert (answer.facts["warm_up"]["calls"] >= 3, answer.facts["warm_up"]["seconds"] > 0.1) == (True, True)
        assert answer.facts["pinned_cpu"] == max(os.sched_getaffinity(0))
    assert not processes(folder)
    (threaded,) = PythonDevice().run(replace(WORK, threads=2), folder, ignore_progress)
    assert (threaded.facts["threads"], threaded.facts["pinned_cpu"]) == (2, None)


@pytest.mark.parametrize(("slice_s", "period_s", "n"), [(0.002, 0, 16), (0.125, 0, 8), (5, 0, 3), (0.002, 0.5, 16)])
def test_processes_take_turns_for_two_seconds_or_begin_when_windows_come(folder, monkeypatch, slice_s, period_s, n):
    turns, now = [], [7.0]

    def shuffled(turn):
        return ["ab"[i] for i in np.random.default_rng(turn).permutation(2)]

    class Child(SimpleNamespace):
        def do(self, command):
            turns.append((self.name, command, now[0] - 7))

        def end(self, folder):
            turns.append(self.name)

    monkeypatch.setattr(measurement_worker, "_start", lambda *_: [Child(name=x, slice_s=slice_s) for x in "ab"])
    monkeypatch.setattr(measurement_worker, "end_with_the_reader", lambda _: None)
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + seconds))
    monkeypatch.setattr(measurement_worker, "time", clock)
    measurement_worker.measure(replace(WORK, turns=0, threads=2, period_s=period_s), folder)
    begun = [(x, TURN, (turn + place / 2) * period_s) for turn in range(n) for place, x in enumerate(shuffled(turn))]
    assert turns[: 2 * n] == begun
    assert [turn[0] for turn in turns[2 * n :]] == ["a", "a", "b", "b"]


def test_a_model_of_raw_windows_has_equal_latency_and_end_to_end_times(folder):
    (folder / "model.tflite").write_bytes(MODELS["int8"].read_bytes())
    np.save(folder / "windows.npy", np.ones((3, 128, 9), np.float32))
    (answer,) = PythonDevice().run(WORK, folder, ignore_progress)
    assert answer.arrays["latency_ns"].tolist() == answer.arrays["end_to_end_ns"].tolist()
    assert answer.arrays["logits"].shape == (3, 6)


@pytest.mark.parametrize("period_s", [0, 0.01])
def test_end_to_end_counts_turning_windows_into_the_walking_frame(folder, monkeypatch, period_s):
    """Turning a window that is turned already changes nothing: the answers equal the answers to the data's windows."""
    windows = np.random.default_rng(0).normal(size=(3, 128, 9)).astype(np.float32)
    np.save(folder / "windows.npy", windows)
    (folder / "model.tflite").write_bytes(reference_model("edge-anywhere", "int8").read_bytes())
    turns = []
    monkeypatch.setattr(model_process, "turned", lambda *args: turns.append(mounting.turned(*args)) or turns[-1])
    measurement = ModelMeasurement(replace(WORK, period_s=period_s), WORK.models[0], folder)
    for _ in range(2):
        measurement.time_slice()
    _, arrays = measurement.finish()
    assert arrays["latency_ns"].shape == arrays["end_to_end_ns"].shape
    assert len(turns) >= arrays["end_to_end_ns"].size >= 2
    assert turns[0].tobytes() == windows[0].tobytes()
    assert (arrays["logits"] == Classifier("edge-anywhere").logits(windows)).all()


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


def test_a_model_that_is_damaged_or_crashes_its_process_costs_no_other_model(folder):
    crashing, damaged = (JobModel(f"{name}.tflite", name, windows="windows.npy") for name in ("crashing", "damaged"))
    cards.write_model(folder / crashing.model, tiny_models.crashing((4, 2)), tiny_models.card(samples=4))
    (folder / damaged.model).write_bytes((folder / "model.tflite").read_bytes()[:-9])
    crash, damage, answer = PythonDevice().run(
        replace(WORK, models=(crashing, damaged, *WORK.models)), folder, ignore_progress
    )
    assert re.search("crashing died of SIG.* while loading", str(crash))
    assert (type(damage), "damaged" in str(damage)) == (InputError, True)
    assert answer.arrays["latency_ns"].shape == (3, 16)


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


def test_an_answer_with_impossible_facts_or_logits_is_refused(folder):
    (answer,) = PythonDevice().run(WORK, folder, ignore_progress)
    assert read_round(answer, "m", "a device").measured == from_json(Measured, answer.facts)
    for facts, factor, noun in (({"load_ms": -1.0}, 1, "load_ms"), ({}, np.nan, "logits")):
        changed = Answer({**answer.facts, **facts}, {**answer.arrays, "logits": answer.arrays["logits"] * factor})
        with pytest.raises(DeviceError, match=f"a device.*{noun}"):
            read_round(changed, "m", "a device")


def test_an_answer_is_complete_or_none(tmp_path):
    measurement_job.write_answer(tmp_path, "x", {"a": 1}, {"v": np.arange(3)})
    whole = measurement_job.read_answer(tmp_path, "x")
    assert whole.facts == {"a": 1}
    assert whole.arrays["v"].tolist() == [0, 1, 2]
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:50])
    assert measurement_job.read_answer(tmp_path, "x") is None
    measurement_job.write_answer(tmp_path, "x", 5, {})
    assert measurement_job.read_answer(tmp_path, "x") is None


@pytest.mark.parametrize(("script", "noun"), [("echo hello", "3.10"), ("echo no numpy >&2; exit 1", "no numpy")])
def test_an_interpreter_that_cannot_measure_is_refused(tmp_path, script, noun):
    path = write_program(tmp_path / "python", script)
    with pytest.raises(InputError, match=rf"{path}.*{noun}"):
        open_device(f"python:{path}")
