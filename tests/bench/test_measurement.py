"""A measurement: fresh processes that take turns, raw times, scores of the same interpreter, doubts."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from programs import MODELS, interpreter

from edge_runtime.bench import measurement, statistics
from edge_runtime.bench.measurement import MeasurementSettings
from edge_runtime.bench.measurement_job import Instructions, MeasurementJob
from edge_runtime.data import evaluation_data, scores
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import DeviceError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_file import ModelFile, open_model_file
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.rivals import STOCK, Rival


class Watched:
    """A real device that also notes which jobs it did, and may change what the machine said or the interpreter."""

    most_windows = None

    def __init__(self, interpreters: dict[str, PythonDevice] | None = None, told=None, **changes: object) -> None:
        self.name = "watched"
        self.jobs: list[MeasurementJob] = []
        self._interpreters = interpreters or {}
        self._changes, self._told = changes, told or {}

    def run(self, work, folder, on_progress):
        self.jobs.append(work)
        answer = self._interpreters.get(work.model, PythonDevice()).run(work, folder, on_progress)
        machine = answer.facts["machine"] | self._changes
        return replace(answer, facts={**answer.facts, "machine": machine, **self._told})

    def instructions(self, work, folder):
        if not self._changes.get("emulated"):
            return None
        self.jobs.append(work)
        return Instructions(1000 + len(self.jobs), "by hand")


@pytest.fixture(scope="module")
def measured(models, few):
    """One real measurement of both reference models, and the jobs it took."""
    device = Watched()
    return measurement.measure(models, few, device, MeasurementSettings(runs=50, rounds=3)), device.jobs


def test_the_name_of_a_rivals_file_reaches_no_device(models, few):
    device, content = Watched(), cards.strip(models[0].content)
    rival = replace(models[0], content=content, path=Path("x.$(id)"), rival=Rival(STOCK, "float32", "x.$(id)"))
    measurement.measure([models[1], rival], few, device, MeasurementSettings(runs=1, rounds=1, control=False))
    assert [x.model for x in device.jobs] == ["model-0.tflite", "model-1.tflite"]


def test_models_take_turns_each_time_in_a_fresh_process(measured, models):
    report, jobs = measured
    # The third is the control: the first model once more.
    assert [job.title for job in jobs] == [models[i].title for i in (0, 1, 0)] * 3
    assert [job.model for job in jobs[2::3]] == ["model-0.tflite"] * 3
    assert len({job.name for job in jobs}) == 9
    assert [job.runs for job in jobs] == [16] * 3 + [17] * 6
    assert [job.score for job in jobs] == [True, True, False] * 2 + [False] * 3
    assert [job.energy for job in jobs] == [True, True, False] + [False] * 6
    low, high = report.control.p50_ratio_ci95
    assert low <= report.control.p50_ratio <= high
    assert report.control.passed == (low <= 1 <= high)


def test_two_models_are_compared_over_the_same_rounds_and_windows(measured, few):
    (comparison,) = measured[0].comparisons
    float_result, int8_result = measured[0].results
    assert (comparison.result, comparison.against) == (1, 0)
    assert comparison.p50_ratio == pytest.approx(int8_result.latency_ms.p50 / float_result.latency_ms.p50, abs=1e-3)
    assert comparison.p50_ratio_ci95[0] <= comparison.p50_ratio <= comparison.p50_ratio_ci95[1]
    answers = [Classifier(path).logits(few.test.X).argmax(axis=1) for path in MODELS.values()]
    right = [classes == few.test.y for classes in answers]
    assert comparison.only_result_right == (right[1] & ~right[0]).sum()
    assert comparison.only_against_right == (right[0] & ~right[1]).sum()
    assert comparison.accuracy_difference == pytest.approx(100 * (int8_result.accuracy - float_result.accuracy))
    assert comparison.agreement == int8_result.agreement == pytest.approx((answers[0] == answers[1]).mean())
    assert float_result.agreement is None


def test_the_report_describes_the_models_the_method_and_the_device(measured):
    report = measured[0]
    settings = report.settings
    assert settings.mode == "back-to-back"
    assert (settings.runs, settings.rounds, settings.threads, settings.duration_s) == (50, 3, 1, None)
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
            assert [len(part) for part in samples] == [16, 17, 17]
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
    device, settings = Watched(), MeasurementSettings(runs=8, rounds=2, paced=True, control=False)
    report = measurement.measure([model, weighing(few.labels, weights.reshape(6, -1), signals)], few, device, settings)
    assert {job.model: job.period_s for job in device.jobs} == {"model-0.tflite": 0.1, "model-1.tflite": 1.28}
    (comparison,) = report.comparisons
    times = [report.results[i].end_to_end_ms.p50 for i in (comparison.result, comparison.against)]
    assert comparison.end_to_end_ratio == pytest.approx(times[0] / times[1], abs=1e-3) != comparison.p50_ratio
    assert comparison.end_to_end_ratio_ci95[0] <= comparison.end_to_end_ratio <= comparison.end_to_end_ratio_ci95[1]
    expected = np.where(few.test.X[:, :, 6].sum(axis=1) > 0, 3, 0)
    assert report.results[0].accuracy == pytest.approx((expected == few.test.y).mean())
    samples = report.results[0].samples_ms
    assert report.settings.mode == "paced"
    assert [len(part) for part in samples.latency] == [4, 4]
    assert (np.array(samples.latency) < samples.end_to_end).all()


def test_a_duration_is_shared_by_the_rounds_and_the_result_has_the_interpreters_threads_and_doubts(models, few):
    device = Watched(told={"others_busy": 1.5, "threads": 1})
    settings = MeasurementSettings(rounds=2, duration_s=0.2, threads=2, control=False)
    report = measurement.measure(models[1:], few, device, settings)
    assert [(job.seconds, job.threads) for job in device.jobs] == [(0.1, 2), (0.1, 2)]
    (result,) = report.results
    assert (result.threads, result.pinned_cpu) == (1, None)
    assert result.latency_ms.runs == sum(map(len, result.samples_ms.latency))
    for noun in ("1.5 CPUs", "no control"):
        assert any(noun in doubt for doubt in result.doubts)


def test_a_model_whose_worker_dies_is_a_failure_and_the_others_are_measured(models, few, tmp_path):
    device = Watched({"model-0.tflite": interpreter(tmp_path, "kill -KILL $$")})
    report = measurement.measure(models, few, device, MeasurementSettings(runs=4, rounds=2))
    (result,), (failure,) = report.results, report.failures
    assert (result.file, result.latency_ms.runs, failure.file) == (models[1].title, 4, models[0].title)
    assert report.control is None  # without the first model there is nothing to control
    assert [job.model for job in device.jobs].count("model-0.tflite") == 1
    with pytest.raises(DeviceError, match=r"edge_float32\.tflite.*KILL"):
        measurement.measure(models[:1], few, device, MeasurementSettings(runs=4, rounds=2))


def test_scores_equal_the_classifiers(measured, few):
    for path, result in zip(MODELS.values(), measured[0].results, strict=True):
        predicted = Classifier(path).logits(few.test.X).argmax(axis=1)
        assert result.accuracy == pytest.approx((predicted == few.test.y).mean())
        assert np.trace(result.confusion) == (predicted == few.test.y).sum()
        for low, high in (result.accuracy_ci95, result.accuracy_subjects_ci95):
            assert low <= result.accuracy <= high
        assert result.macro_f1_subjects_ci95[0] <= result.macro_f1 <= result.macro_f1_subjects_ci95[1]
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
    report = measurement.measure(models, few, device, MeasurementSettings(runs=20, rounds=10))
    # Two rounds of each, to see that answers repeat, no control, and instructions once.
    assert len(device.jobs) == 6
    assert report.control is report.settings.harness_overhead_us is None
    for i, result in enumerate(report.results):
        assert result.instructions == Instructions(1005 + i, "by hand")
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


def test_a_device_for_fewer_windows_gets_every_nth_window_in_the_frame_of_all_windows(few):
    class Small(Watched):
        most_windows = 50

        def run(self, work, folder, on_progress):
            self.windows = np.load(folder / work.windows)
            raise DeviceError("no answer")

    model, device = open_model_file(reference_model("edge-anywhere", "int8")), Small()
    with pytest.raises(DeviceError):
        measurement.measure([model], few, device, MeasurementSettings(rounds=1))
    windows = evaluation_data.evaluated(model.card, few).test.X
    assert 25 < len(device.windows) <= 50
    assert (device.windows == windows[:: -(-len(windows) // 50)]).all()
