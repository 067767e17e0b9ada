"""Check that the app does the jobs of `har-edge bench` as a worker does."""

import json
from dataclasses import replace

import looped_model
import numpy as np
import pytest

from edge_runtime.bench import doubts
from edge_runtime.bench.measured import Measured
from edge_runtime.bench.measurement_job import MeasurementJob, read_answer
from edge_runtime.data.uci_har import load
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.system.dataclass_json import from_json


@pytest.fixture
def job(jvm) -> MeasurementJob:
    """Return a job whose files are in the folder of the JVM."""
    np.save(jvm.folder / "windows.npy", load().test.X[:100])
    (jvm.folder / "model.tflite").write_bytes(reference_model("edge", "int8").read_bytes())
    return MeasurementJob("0-0", "measure", "model.tflite", "my model", windows="windows.npy", runs=50)


def test_an_answer_has_the_arrays_and_facts_that_a_worker_writes(jvm, job):
    job.write(jvm.folder)
    lines = jvm.drive("worker", "0-0.job.json", jvm.folder).splitlines()
    shares = [json.loads(line)["share"] for line in lines]
    assert shares == sorted(shares)
    answer = read_answer(jvm.folder, "0-0")
    assert {key: (array.shape, array.dtype) for key, array in answer.arrays.items()} == {
        "latency_ns": ((50,), np.int64),
        "end_to_end_ns": ((50,), np.int64),
        "logits": ((100, 6), np.float32),
    }
    assert (answer.arrays["latency_ns"] > 0).all()
    # The graph takes windows as they come.
    assert np.array_equal(answer.arrays["end_to_end_ns"], answer.arrays["latency_ns"])
    assert (answer.arrays["logits"].argmax(axis=1) == load().test.y[:100]).mean() > 0.9
    assert answer.facts["model"]["input"] == {"shape": [1, 128, 9], "dtype": "float32"}
    assert answer.facts["peak_memory_bytes"] >= answer.facts["baseline_memory_bytes"] > 0
    measured = from_json(Measured, answer.facts)
    assert doubts.of_state(measured.after) == doubts.of_state(measured.before)


@pytest.mark.parametrize("period_s", [0.0, 0.01])
def test_end_to_end_includes_turning_windows_into_the_walking_frame(jvm, job, period_s):
    (jvm.folder / "model.tflite").write_bytes(reference_model("edge-anywhere", "int8").read_bytes())
    replace(job, runs=5, period_s=period_s, score=not period_s).write(jvm.folder)
    stages = [json.loads(line)["stage"] for line in jvm.drive("worker", "0-0.job.json", jvm.folder).splitlines()]
    assert any(stage.startswith("timing end to end") for stage in stages)
    arrays = read_answer(jvm.folder, "0-0").arrays
    assert len(arrays["latency_ns"]) == len(arrays["end_to_end_ns"]) == 5
    assert ("logits" in arrays) == (not period_s)
    if not period_s:
        expected = Classifier("edge-anywhere").logits(np.load(jvm.folder / "windows.npy"))
        assert (arrays["logits"].argmax(axis=1) == expected.argmax(axis=1)).all()


def test_loops_answer_as_in_python(jvm, job):
    X = np.load(jvm.folder / "windows.npy")
    model = looped_model.write(jvm.folder / "model.tflite", X)
    replace(job, runs=2).write(jvm.folder)
    jvm.drive("worker", "0-0.job.json", jvm.folder)
    logits = read_answer(jvm.folder, "0-0").arrays["logits"]
    assert (logits.argmax(axis=1) == Classifier(model).logits(X).argmax(axis=1)).all()


def test_a_job_that_cannot_be_measured_is_answered_in_a_sentence(jvm, job):
    flatbuffer, card = cards.read_model(jvm.folder / "model.tflite")
    damaged = cards.attach(flatbuffer[:200] + bytes(len(flatbuffer) - 200), card)  # only the interpreter notices
    for model, windows, noun in (
        (damaged, np.zeros((5, 128, 9), np.float32), "my model"),
        (cards.attach(flatbuffer, replace(card, raw_input=False)), np.zeros((5, 128, 9), np.float32), "outside the"),
        (cards.attach(flatbuffer, card), np.zeros((5, 128, 6), np.float32), "shape"),
        (cards.attach(flatbuffer, card), np.zeros((5, 128, 9)), "float32"),
    ):
        (jvm.folder / "model.tflite").write_bytes(model)
        np.save(jvm.folder / "windows.npy", windows)
        job.write(jvm.folder)
        jvm.drive("worker", "0-0.job.json", jvm.folder)
        with pytest.raises(InputError, match=noun):
            read_answer(jvm.folder, "0-0")
