"""The app's Java core gives what `edge_runtime` gives."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import build_app
import numpy as np
import pytest

from edge_runtime.data import uci_har
from edge_runtime.data.uci_har import load
from edge_runtime.live.recognizer import UNKNOWN, Decision, LiveRecognizer
from edge_runtime.model import classifier as classifiers
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.live_settings import Smoothing
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.posture_correction import PostureCorrection
from edge_runtime.signals import frontend

MODELS = ("edge_int8", "edge_float32")


@pytest.fixture
def own_kernels(monkeypatch):
    """LiteRT without XNNPACK, as TFLite on the desktop's JVM is: int8 then agrees to the last bit."""
    open_model = classifiers.open_model
    monkeypatch.setattr(classifiers, "open_model", lambda content, *rest, name: open_model(content, *rest, False, name))


def test_signals_of_a_recording_are_equal_to_the_last_bit(jvm):
    recording = uci_har.recordings()[0].samples
    recording.astype("<f8").tofile(jvm.folder / "raw")
    jvm.drive("signals", reference_model("edge", "int8"), "raw", "signals")
    assert np.array_equal(_doubles(jvm.folder / "signals", 9), frontend.signals(recording))


def test_test_windows_inside_the_app_are_the_published_ones(jvm):
    said = jvm.drive("windows", jvm.assets, "windows", "about")
    data = load()
    assert said.split() == ["UCI", "HAR", data.fingerprint]
    assert np.array_equal(_windows(jvm.folder / "windows"), data.test.X)
    about = np.fromfile(jvm.folder / "about", "<f4").reshape(-1, 2)
    assert np.array_equal(about, np.stack([data.test.y, data.test.subject], axis=1))


@pytest.mark.usefixtures("own_kernels")
@pytest.mark.parametrize("name", MODELS)
def test_inputs_are_equal_and_answers_agree(jvm, name):
    windows = load().test.X[::7]
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", jvm.assets / f"{name}.tflite", "windows", "inputs", "answers")
    classifier = Classifier(reference_model(*name.split("_")))
    inputs = np.fromfile(jvm.folder / "inputs", classifier.model.input.dtype).reshape(len(windows), *windows.shape[1:])
    prepare = classifiers.Preparation(classifier.card.normalisation, classifier.model.input)
    assert np.array_equal(inputs, np.concatenate([prepare(x).copy() for x in windows]))
    logits, probabilities = np.fromfile(jvm.folder / "answers", "<f4").reshape(len(windows), 2, -1).swapaxes(0, 1)
    assert np.abs(logits - classifier.logits(windows)).max() < (1e-5 if name.endswith("float32") else 1e-12)
    assert np.abs(probabilities - classifier.probabilities(windows)).max() < 1e-5


@pytest.mark.usefixtures("own_kernels")
def test_what_was_learnt_about_a_person_corrects_the_answers_alike(jvm):
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    correction = PostureCorrection((3, 4, 5), (0.9, 0.1, 0.2), ((0.5, -9.0, 4.0), (-0.5, 9.0, -4.0), (3.0, 1.0, -2.0)))
    cards.write_model(jvm.folder / "mine.tflite", flatbuffer, replace(card, posture_correction=correction))
    windows = load().test.X[::11]
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", "mine.tflite", "windows", "inputs", "answers")
    logits = np.fromfile(jvm.folder / "answers", "<f4").reshape(len(windows), 2, -1)[:, 0]
    wanted = Classifier(jvm.folder / "mine.tflite").logits(windows)
    assert np.abs(logits - wanted).max() < 1e-5
    uncorrected = Classifier(reference_model("edge", "int8")).logits(windows)
    assert (wanted.argmax(axis=1) != uncorrected.argmax(axis=1)).sum() > 10


def test_a_card_without_smoothing_means_the_same_numbers():
    source = (build_app.MAIN / "java/haredge/live/Smoother.java").read_text()
    defaults = {name: float(x) for name, x in re.findall(r'getDouble\("(\w+)"\) : ([\d.]+);', source)}
    assert defaults == asdict(Smoothing())


def on_a_table(rng) -> np.ndarray:
    """Four minutes of a sensor's noise."""
    return rng.normal([0, 0, 1, 0, 0, 0], 0.003, (12000, 6))


@dataclass(frozen=True)
class Stream:
    """Samples `[n, 6]` with their times `[n]`."""

    seconds: np.ndarray
    samples: np.ndarray


def as_recorded(samples, rng) -> Stream:
    return Stream(1000 + np.arange(len(samples)) / frontend.RATE_HZ, samples)


def as_phones_deliver(samples, rng) -> Stream:
    """Jitter, samples that are lost, late, doubled or no numbers, gaps, and a clock that is set back."""
    n = len(samples)
    seconds = 1000 + np.arange(n) / frontend.RATE_HZ + rng.normal(0, 0.003, n)
    kept = rng.random(n) > 0.02
    for start in rng.integers(0, n - 200, 3):
        kept[start : start + rng.integers(5, 120)] = False
    order = np.flatnonzero(kept)
    for i in rng.integers(0, len(order) - 8, 40):
        order[[i, i + 1]] = order[[i + 1, i]]
    order = np.insert(order, 300, order[[299, 299]])
    order = np.insert(order, 900, order[880])
    seconds, samples = seconds[order], samples[order].copy()
    samples[500] = np.nan
    seconds[len(seconds) // 2 :] -= 5
    return Stream(seconds, samples)


def as_fast_sensors_deliver(samples, rng) -> Stream:
    """At 200 or 104 Hz, with vibration that 50 Hz cannot show, some samples lost, and a wrong timestamp."""
    rate = rng.choice([104.0, 200.0])
    seconds = np.arange(int(len(samples) * rate / frontend.RATE_HZ) - 4) / rate
    fast = np.stack([np.interp(seconds, np.arange(len(samples)) / frontend.RATE_HZ, x) for x in samples.T], axis=1)
    fast[:, 0] += 0.3 * np.sin(2 * np.pi * 45 * seconds)
    kept = rng.random(len(seconds)) > 0.02
    kept[5000 : 5000 + rng.integers(20, 300)] = False
    seconds, fast = seconds[kept], fast[kept]
    seconds[8000] = 1e9
    return Stream(seconds, fast)


def as_faulty_sensors_deliver(samples, rng) -> Stream:
    """Both sensors stuck, then an axis, rotation in deg/s for a while, values at a limit, a clock that steps back."""
    samples, seconds = samples.copy(), 1000 + np.arange(len(samples)) / frontend.RATE_HZ
    samples[1000:1800] = samples[1000]
    samples[2500:4000, rng.integers(6)] = 0
    samples[4500:5000, 3:] *= 180 / np.pi
    samples[6000:6800, 3:] *= 180 / np.pi
    samples[7000:9000] = np.clip(2 * samples[7000:9000], -1.6, 1.6)
    seconds[9000:] -= 0.6
    seconds[9500:9540] = seconds[9500]
    return Stream(seconds, samples)


@pytest.mark.usefixtures("own_kernels")
@pytest.mark.parametrize(
    "deliver", [as_recorded, as_phones_deliver, as_fast_sensors_deliver, as_faulty_sensors_deliver]
)
def test_decisions_are_those_of_the_live_recogniser_over_all_recordings_of_the_test_subjects(jvm, deliver):
    rng = np.random.default_rng(0)
    model = reference_model("edge", "int8")
    subjects = set(load().test.subject.tolist())
    recordings = [x.samples for x in uci_har.recordings() if x.subject in subjects]
    streams = [deliver(x, rng) for x in (*recordings, on_a_table(rng))]
    for i, stream in enumerate(streams):
        np.column_stack([stream.seconds, stream.samples]).astype("<f8").tofile(jvm.folder / f"samples-{i}")
    said = jvm.drive("live", model, *(x for i in range(len(streams)) for x in (f"samples-{i}", f"decisions-{i}")))
    notices = [line.split() for line in said.splitlines()]
    n_decisions, reasons = 0, set()
    for i, stream in enumerate(streams):
        wanted, wanted_notices = _in_python(model, stream)
        found = _doubles(jvm.folder / f"decisions-{i}", wanted.shape[1])
        assert np.array_equal(found[:, :4], wanted[:, :4])
        assert np.abs(found[:, 4:] - wanted[:, 4:]).max() < 1e-6
        assert sorted(x for number, *x in notices if number == str(i)) == sorted(wanted_notices)
        n_decisions += len(found)
        reasons |= set(found[:, 3].tolist())
    assert n_decisions > 4800
    assert reasons == {0, 1, 2, 3, 4} | ({5} if deliver is as_faulty_sensors_deliver else set())


def _in_python(model: Path, stream: Stream) -> tuple[np.ndarray, list[list[str]]]:
    """Decisions as `Drive` writes them, and notices as it prints them, of samples in uneven chunks."""
    recogniser = LiveRecognizer(Classifier(model))
    events = [
        event
        for start in range(0, len(stream.samples), 37)
        for event in recogniser.push(stream.samples[start : start + 37], stream.seconds[start : start + 37])
    ] + recogniser.flush()
    labels = recogniser.card.labels
    decisions = [
        [
            x.seconds,
            -1 if x.activity == UNKNOWN else labels.index(x.activity),
            x.warming_up,
            _reason(x.reason),
            *x.probabilities,
        ]
        for x in events
        if isinstance(x, Decision)
    ]
    notices = [[x.kind.upper().replace(" ", "_"), repr(x.seconds)] for x in events if not isinstance(x, Decision)]
    left_out = recogniser.duplicates + recogniser.late + recogniser.invalid
    return np.array(decisions), [*notices, ["LEFT_OUT", str(left_out)]]


def _reason(text: str) -> int:
    """Its place among the reasons of the app."""
    if text.endswith("stuck, or switched off"):
        return 5
    beginnings = ("", "no activity is certain", "orientation", "movement", "the phone is lying still")
    return max(i for i, beginning in enumerate(beginnings) if text.startswith(beginning)) if text else 0


def _doubles(path: Path, width: int) -> np.ndarray:
    return np.fromfile(path, "<f8").reshape(-1, width)


def _windows(path: Path) -> np.ndarray:
    return np.fromfile(path, "<f4").reshape(-1, 128, 9)
