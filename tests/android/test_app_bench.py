"""Check that the app does the jobs of `har-edge bench` as a worker does."""

import json
from dataclasses import replace

import looped_model
import numpy as np
import pytest

from edge_runtime.bench import doubts
from edge_runtime.bench.measured import Round, read_round
from edge_runtime.bench.measurement_job import Answer, Answers, JobModel, MeasurementJob, read_answers
from edge_runtime.data.uci_har import load
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model

MODEL = JobModel("model.tflite", "my model", windows="windows.npy")


@pytest.fixture
def job(jvm) -> MeasurementJob:
    """Return a job whose files are in the folder of the JVM."""
    np.save(jvm.folder / "windows.npy", load().test.X[:100])
    for network in ("edge", "edge-anywhere"):
        (jvm.folder / f"{network}.tflite").write_bytes(reference_model(network, "int8").read_bytes())
    (jvm.folder / MODEL.model).write_bytes(reference_model("edge", "int8").read_bytes())
    return MeasurementJob("round-0", "measure", (MODEL,), turns=4)


def answers(jvm, job: MeasurementJob) -> Answers:
    job.write(jvm.folder)
    lines = jvm.drive("worker", job.path(jvm.folder).name, jvm.folder).splitlines()
    assert {json.loads(line)["stage"] for line in lines} <= {"opening", "timing", "classifying"}
    read = read_answers(jvm.folder, job)
    assert read is not None
    return read


def measured_round(answer: Answer | HarEdgeError) -> Round:
    assert isinstance(answer, Answer)
    return read_round(answer, "my model", "the app")


def test_models_of_a_job_take_turns_and_answer_as_a_worker_does(jvm, job):
    turned = replace(MODEL, model="edge-anywhere.tflite")
    plain, walking, control = answers(jvm, replace(job, models=(MODEL, turned, replace(MODEL, is_scored=False))))
    assert set(control.arrays) == {"latency_ns", "end_to_end_ns"}
    for answer, n_labels, network in ((plain, 6, "edge"), (walking, 7, "edge-anywhere"), (control, None, "")):
        result = measured_round(answer)
        assert 1 <= result.latency_ns.shape[1] <= 16
        assert result.latency_ns.shape == result.end_to_end_ns.shape == (4, result.latency_ns.shape[1])
        # The graph takes windows as they come, unless they have to be turned into the walking frame.
        assert np.array_equal(result.end_to_end_ns, result.latency_ns) == (answer is not walking)
        assert doubts.of_state(result.measured.after) == doubts.of_state(result.measured.before)
        if n_labels:
            expected = Classifier(network).logits(np.load(jvm.folder / "windows.npy"))
            assert (result.logits.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_the_app_answers_as_litert_does(jvm, job):
    """TFLite's own kernels would answer a quarter of the windows differently in int8."""
    windows = load().test.X
    np.save(jvm.folder / MODEL.windows, windows)
    (jvm.folder / "float32.tflite").write_bytes(reference_model("edge", "float32").read_bytes())
    models = (MODEL, replace(MODEL, model="float32.tflite"))
    measured = answers(jvm, replace(job, models=models, turns=1))
    for answer, model, limit in zip(measured, models, (1e-12, 1e-5), strict=True):
        assert np.abs(answer.arrays["logits"] - Classifier(jvm.folder / model.model).logits(windows)).max() < limit


def test_a_job_without_a_number_of_turns_takes_as_many_as_a_worker(jvm, job):
    (answer,) = answers(jvm, replace(job, turns=0, score=False))
    assert 3 <= len(measured_round(answer).latency_ns) <= 16
    assert "logits" not in answer.arrays


def test_paced_models_infer_once_a_period(jvm, job):
    paced = replace(job, models=(MODEL, replace(MODEL, model="edge-anywhere.tflite")), period_s=0.2, score=False)
    rounds = [measured_round(answer) for answer in answers(jvm, paced)]
    for result in rounds:
        assert result.latency_ns.shape == result.end_to_end_ns.shape == (4, 1)
        assert (result.end_to_end_ns >= result.latency_ns).all()
    measured = rounds[0].measured
    assert measured.after.time - measured.before.time > 3.5 * 0.2


def test_loops_answer_as_in_python(jvm, job):
    X = np.load(jvm.folder / "windows.npy")
    model = looped_model.write(jvm.folder / "model.tflite", X)
    (answer,) = answers(jvm, replace(job, turns=1))
    logits = measured_round(answer).logits
    assert (logits.argmax(axis=1) == Classifier(model).logits(X).argmax(axis=1)).all()


def test_a_model_that_cannot_be_measured_has_its_own_error(jvm, job):
    flatbuffer, card = cards.read_model(jvm.folder / "model.tflite")
    damaged = cards.attach(flatbuffer[:200] + bytes(len(flatbuffer) - 200), card)  # only the interpreter notices
    cases = (
        (damaged, np.zeros((5, 128, 9), np.float32), "my model"),
        (cards.attach(flatbuffer, replace(card, raw_input=False)), np.zeros((5, 128, 9), np.float32), "outside the"),
        (cards.attach(flatbuffer, card), np.zeros((5, 128, 6), np.float32), "shape"),
        (cards.attach(flatbuffer, card), np.zeros((5, 128, 9)), "float32"),
    )
    models = [replace(MODEL, model=f"{i}.tflite", windows=f"{i}.npy") for i in range(len(cases))]
    for model, (content, windows, _) in zip(models, cases, strict=True):
        (jvm.folder / model.model).write_bytes(content)
        np.save(jvm.folder / model.windows, windows)
    *errors, answer = answers(jvm, replace(job, models=(*models, MODEL)))
    for error, (*_, noun) in zip(errors, cases, strict=True):
        assert isinstance(error, InputError)
        assert noun in str(error)
    measured_round(answer)
