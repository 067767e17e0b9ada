"""A measurement: fresh processes that take turns, raw times, scores of the same interpreter, doubts."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from compiled_c import CC
from programs import MODELS

from edge_runtime.bench import measurement, statistics
from edge_runtime.bench.measurement_job import Answer, Instructions, MeasurementJob
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data import evaluation_data, scores
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_file import ModelFile, open_model_file
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.rivals import STOCK, Rival


class Watched:
    """A real device that also notes its jobs and first answers, and may change what the machine answers."""

    name, most_windows = "watched", None

    def __init__(self, facts=None, **changes: object) -> None:
        self.jobs: list[MeasurementJob] = []
        self.first: list[Answer] = []
        self._changes, self._facts = changes, facts or {}

    def run(self, job, folder, on_progress):
        self.jobs.append(job)
        answers = PythonDevice().run(job, folder, on_progress)
        for answer in answers:
            if isinstance(answer, Answer) and job.task == "measure":
                answer.facts.update(self._facts, machine=answer.facts["machine"] | self._changes)
        self.first = self.first or answers
        return answers

    def instructions(self, model, folder):
        return Instructions(1000 + int(model.model[6]), "by hand") if self._changes.get("emulated") else None


@pytest.fixture(scope="module")
def measured(models, few):
    """One real measurement of both reference models, and its device."""
    device = Watched()
    return measurement.measure(models, few, device, MeasurementSettings(rounds=3)), device


@pytest.mark.parametrize(
    ("noise", "settings", "n"),
    [
        (0.1, {}, range(24, 25)),
        (0.25, {}, range(28, 100, 4)),
        (0.25, {"until": 1e-6, "duration_s": 1e-6}, range(1, 2)),
        (1.0, {"rounds": 5, "duration_s": 1e-6}, range(5, 6)),
        (0.05, {"paced": True}, range(8, 9)),
    ],
)
def test_rounds_follow_until_ratios_are_precise_or_the_time_is_up_or_as_often_as_requested(
    measured, models, few, noise, settings, n
):
    random = np.random.default_rng(0)

    def answer_at_once(job, folder, on_progress):
        """Answer as in the real measurement, but that each inference takes 20 us and some noise."""
        times = [(20_000 * np.exp(noise * random.standard_normal((16, 2)))).astype(np.int64) for _ in job.models]
        return [
            replace(answer, arrays=answer.arrays | {"latency_ns": part, "end_to_end_ns": part})
            for answer, part in zip(measured[1].first, times, strict=True)
        ]

    device = Watched()
    device.run = answer_at_once
    report = measurement.measure(models, few, device, MeasurementSettings(**{"until": 0.05} | settings))
    assert report.settings.rounds in n


def test_the_name_of_a_rivals_file_reaches_no_device(models, few):
    device, content = Watched(), cards.strip(models[0].content)
    rival = replace(models[0], content=content, path=Path("x.$(id)"), rival=Rival(STOCK, "float32", "x.$(id)"))
    measurement.measure([models[1], rival], few, device, MeasurementSettings(rounds=1, control=False))
    assert [x.model for x in device.jobs[0].models] == ["model-0.tflite", "model-1.tflite"]


def test_each_round_has_all_models_and_the_first_once_more_as_control(measured, models):
    report, jobs = measured[0], measured[1].jobs
    for job in jobs:
        assert [model.title for model in job.models] == [models[i].title for i in (0, 1, 0)]
        assert [model.is_scored for model in job.models] == [True, True, False]
    assert [(job.name, job.score, job.energy, job.turns) for job in jobs] == [
        ("round-0", True, True, 0),
        ("round-1", True, False, 0),
        ("round-2", False, False, 0),
    ]
    low, high = report.control.p50_ratio_ci95
    assert low <= report.control.p50_ratio <= high
    assert report.control.passed == (low <= 1 <= high)


def test_two_models_are_compared_over_the_same_rounds_and_windows(measured, few):
    (comparison,) = measured[0].comparisons
    float_result, int8_result = measured[0].results
    assert (comparison.result, comparison.against) == (1, 0)
    ratio = int8_result.latency_ms.undisturbed / float_result.latency_ms.undisturbed
    assert comparison.p50_ratio == pytest.approx(ratio, rel=0.2)
    assert comparison.p50_ratio_ci95[0] <= comparison.p50_ratio <= comparison.p50_ratio_ci95[1]
    answers = [Classifier(path).logits(few.test.X).argmax(axis=1) for path in MODELS.values()]
    assert comparison.accuracy_difference == pytest.approx(100 * (int8_result.accuracy - float_result.accuracy))
    assert comparison.agreement == int8_result.agreement == pytest.approx((answers[0] == answers[1]).mean())
    assert float_result.agreement is None


def test_the_report_describes_the_models_the_method_and_the_device(measured):
    report = measured[0]
    settings = report.settings
    assert settings.mode == "back-to-back"
    assert (settings.rounds, settings.threads, settings.duration_s, settings.until) == (3, 1, None, None)
    assert settings.harness_overhead_us > 0
    assert report.device.before.time < report.device.after.time
    assert report.data.period_s == 1.28
    assert (report.device.name, report.device.runtime.name) == ("watched", "litert")
    for result, (scheme, path) in zip(report.results, MODELS.items(), strict=True):
        assert (result.model, result.file, result.quantization) == ("edge", str(path), scheme)
        assert result.size_bytes == path.stat().st_size
        assert result.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert min(result.load_ms, result.first_ms) > 0
        assert (result.energy.per_inference_mj is None) == bool(result.energy.reason)
        for latency, samples in (
            (result.latency_ms, result.samples_ms.latency),
            (result.end_to_end_ms, result.samples_ms.end_to_end),
        ):
            assert [len(part) for part in samples] == [16 * n for n in result.samples_ms.turns]
            assert latency.undisturbed_ci95[0] <= latency.undisturbed <= latency.undisturbed_ci95[1]
            assert latency.p95 == pytest.approx(np.percentile(np.concatenate(samples), 95), abs=1e-6)
        assert 10e6 < result.baseline_memory_bytes < result.peak_memory_bytes


def weighing(labels, weights, signals=("total_acc_x",), hop=64) -> ModelFile:
    """A model of the sums that `weights` `[6, 128 n_signals]` make."""
    card = tiny_models.card(labels=labels, signals=signals)
    card = replace(card, window=replace(card.window, hop=hop))
    return ModelFile("m", cards.attach(tiny_models.dense(weights, (128, len(signals))), card), card)


def test_paced_windows_have_the_period_and_the_signals_of_the_card(few):
    """The class with the largest mean of total_acc_x, from a model that takes two signals."""
    weights = np.zeros((6, 128, 2), np.float32)
    weights[3, :, 1] = 1
    signals = ("body_acc_x", "total_acc_x")
    model = weighing(few.labels, weights.reshape(6, -1), signals, hop=5)  # a window every 0.1 s
    device, settings = Watched(), MeasurementSettings(rounds=2, paced=True, control=False)
    report = measurement.measure([model, model], few, device, settings)
    assert [(job.period_s, job.turns) for job in device.jobs] == [(0.1, 3)] * 2
    expected = np.where(few.test.X[:, :, 6].sum(axis=1) > 0, 3, 0)
    assert report.results[0].accuracy == pytest.approx((expected == few.test.y).mean())
    samples = report.results[0].samples_ms
    assert report.settings.mode == "paced"
    assert [len(part) for part in samples.latency] == [3, 3]
    assert (np.array(samples.latency) < samples.end_to_end).all()


def test_a_result_has_the_interpreters_threads_and_doubts(models, few):
    device = Watched({"others_busy": 1.5, "threads": 1})
    report = measurement.measure(models[1:], few, device, MeasurementSettings(rounds=1, threads=2, control=False))
    assert device.jobs[0].threads == 2
    (result,) = report.results
    assert (result.threads, result.pinned_cpu) == (1, None)
    assert result.latency_ms.runs == sum(map(len, result.samples_ms.latency))
    for noun in ("1.5 CPUs", "no control"):
        assert any(noun in doubt for doubt in result.doubts)


CRASHES_AFTER_A_PAUSE = """
#define _POSIX_C_SOURCE 199309L
#include <signal.h>
#include <time.h>
#include "crash.h"
const char *crash_instruction_set(void) { return "any"; }
void crash_predict(const float *window, float *logits) {
    static struct timespec last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (last.tv_sec && now.tv_sec - last.tv_sec + (now.tv_nsec - last.tv_nsec) * 1e-9 > 0.25) raise(SIGSEGV);
    last = now;
    logits[0] = window[0];
}
"""


@pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")
def test_a_process_that_dies_in_the_middle_of_a_round_is_a_failure_and_the_others_are_measured(few, tmp_path):
    (tmp_path / "crash.c").write_text(CRASHES_AFTER_A_PAUSE)
    (tmp_path / "crash.h").touch()
    model = weighing(few.labels, np.eye(6, 128, dtype=np.float32), hop=25)
    as_c, device = replace(model, title="m as C", c_source=tmp_path / "crash.c"), Watched()
    settings = MeasurementSettings(rounds=2, paced=True, control=False, needs_c=True)
    report = measurement.measure([as_c, model], few, device, settings)
    (result,), (failure,) = report.results, report.failures
    assert (result.file, len(result.samples_ms.latency), failure.file) == ("m", 2, "m as C")
    assert "SIGSEGV while timing" in failure.error
    assert [len(job.models) for job in device.jobs if job.task == "measure"] == [2, 1]
    not_needed = measurement.measure([model, as_c], few, device, replace(settings, needs_c=False, rounds=1))
    assert (not_needed.failures, "SIGSEGV" in not_needed.without_c) == ((), True)


def test_a_model_that_fails_is_one_failure_and_without_another_model_an_error(models, few):
    flatbuffer, card = models[0].content[:1000], models[0].card
    damaged, device = replace(models[0], title="damaged", content=cards.attach(flatbuffer, card)), Watched()
    report = measurement.measure([damaged, models[1]], few, device, MeasurementSettings(rounds=2))
    assert [result.file for result in report.results] == [models[1].title]
    assert [failure.file for failure in report.failures] == ["damaged"]
    assert report.control is None  # without the first model there is nothing to control
    with pytest.raises(InputError, match="damaged"):
        measurement.measure([damaged], few, device, MeasurementSettings(rounds=2))


def test_scores_equal_the_classifiers(measured, few):
    for path, result in zip(MODELS.values(), measured[0].results, strict=True):
        predicted = Classifier(path).logits(few.test.X).argmax(axis=1)
        assert result.accuracy == pytest.approx((predicted == few.test.y).mean())
        assert np.trace(result.confusion) == (predicted == few.test.y).sum()
        low, high = result.accuracy_subjects_ci95
        assert low <= result.accuracy <= high
        assert tuple(result.per_class) == few.labels
        assert result.windows == sum(score.windows for score in result.per_class.values()) == len(few.test)
        expected = scores.calibration_error(np.log(Classifier(path).probabilities(few.test.X)), few.test.y)
        assert result.calibration_error == pytest.approx(expected, abs=1e-6)


def test_an_emulated_device_reports_scores_and_no_times_and_no_memory(few):
    device = Watched(emulated=True)
    eye = np.eye(6, 128, dtype=np.float32)
    models = [
        weighing(few.labels, weights) for weights in (eye, eye[::-1])
    ]  # the second has the logits of the first reversed
    report = measurement.measure(models, few, device, MeasurementSettings())
    # Two rounds, to see that answers repeat; only the first has a control, before the emulation is known.
    assert [(len(job.models), job.turns) for job in device.jobs] == [(3, 0), (2, 1)]
    assert report.control is report.settings.harness_overhead_us is None
    for i, result in enumerate(report.results):
        assert result.instructions == Instructions(1000 + i, "by hand")
        assert result.latency_ms is result.end_to_end_ms is result.samples_ms is result.energy is result.warm_up is None
        assert result.load_ms is result.first_ms is result.peak_memory_bytes is result.baseline_memory_bytes is None
        (doubt,) = result.doubts  # and none about time
        assert "emulated" in doubt
    (comparison,) = report.comparisons
    assert comparison.p50_ratio is comparison.end_to_end_ratio is None
    answers = few.test.X[:, :6, 6].argmax(axis=1)
    right = [classes == few.test.y for classes in (answers, 5 - answers)]
    difference = statistics.accuracy_difference(
        *(right[place] for place in (comparison.result, comparison.against)), few.test.subject
    )
    assert (comparison.accuracy_difference, comparison.accuracy_difference_ci95) == difference


def test_every_nth_window_of_the_training_data_is_not_other_data(few):
    device, model = Watched(emulated=True), weighing(few.labels, np.eye(6, 128, dtype=np.float32))
    device.most_windows = 50
    data = {"name": few.name, "fingerprint": few.as_for(model.card).fingerprint}
    learnt = replace(model, card=replace(model.card, training={"data": data}))
    report = measurement.measure([learnt], few, device, MeasurementSettings())
    assert report.results[0].windows <= 50
    assert report.data.name.startswith(f"{few.name}, one test window of ")
    (doubt,) = report.results[0].doubts
    assert "emulated" in doubt


def test_a_device_for_fewer_windows_gets_every_nth_window_in_the_frame_of_all_windows(few):
    class Small(Watched):
        most_windows = 50

        def run(self, job, folder, on_progress):
            self.windows = np.load(folder / job.models[0].windows)
            raise DeviceError("no answer")

    model, device = open_model_file(reference_model("edge-anywhere", "int8")), Small()
    with pytest.raises(DeviceError):
        measurement.measure([model], few, device, MeasurementSettings(rounds=1))
    windows = evaluation_data.evaluated(model.card, few).test.X
    assert 25 < len(device.windows) <= 50
    assert (device.windows == windows[:: -(-len(windows) // 50)]).all()
