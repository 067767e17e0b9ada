"""Check that the app's Java core answers as `edge_runtime` does."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from streams import decisions, feed, notices

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.data.recording import Recording
from edge_runtime.data.uci_har import load
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.decider import UNKNOWN, Notice
from edge_runtime.live.mounting_search import UNKNOWN_MOUNTING
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model import model_card as cards
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals import frontend

EDGE = reference_model("edge", "int8")
SUBJECTS = (1, 3, 5)  # training subjects
Stream = tuple[np.ndarray, np.ndarray]  # times [n] and samples [n, 6]


def test_signals_of_a_recording_are_equal_to_the_last_bit(jvm):
    recording = embedded_recordings.load()[0].samples
    recording.astype("<f8").tofile(jvm.folder / "raw")
    jvm.drive("signals", EDGE, "raw", "signals")
    assert np.array_equal(_doubles(jvm.folder / "signals", 9), frontend.signals(recording))


def _classified(jvm, model: Path | str, windows: np.ndarray) -> np.ndarray:
    """Return the app's logits and probabilities `[2, n, n_labels]`."""
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", model, "windows", "answers")
    return np.fromfile(jvm.folder / "answers", "<f4").reshape(len(windows), 2, -1).swapaxes(0, 1)


@pytest.mark.parametrize(("form", "limit"), [("int8", 1e-12), ("float32", 1e-5)])
def test_the_app_answers_as_litert_does(jvm, form, limit):
    """TFLite's own kernels would answer a quarter of the windows differently in int8."""
    windows, model = load().test.X, reference_model("edge", form)
    classifier = Classifier(model)
    logits, probabilities = _classified(jvm, model, windows)
    assert np.abs(logits - classifier.logits(windows)).max() < limit
    assert np.abs(probabilities - classifier.probabilities(windows)).max() < 1e-5


def test_a_personal_correction_changes_the_answers_as_in_python(jvm):
    flatbuffer, card = cards.read_model(EDGE)
    weights = tuple(map(tuple, np.random.default_rng(0).normal(0, 0.3, (6, 45)).tolist()))
    correction = PersonalCorrection((1.0,) + (0.0,) * 44, weights, (-3.0,) * 6, (2.0,) * 6)
    cards.write_model(jvm.folder / "mine.tflite", flatbuffer, replace(card, personal_correction=correction))
    windows = load().test.X[::11]
    expected = Classifier(jvm.folder / "mine.tflite").logits(windows)
    assert np.abs(_classified(jvm, "mine.tflite", windows)[0] - expected).max() < 1e-5
    assert (expected.argmax(axis=1) != Classifier(EDGE).logits(windows).argmax(axis=1)).sum() > 10


def on_a_table(rng) -> np.ndarray:
    """Four minutes of a sensor's noise."""
    return rng.normal([0, 0, 1, 0, 0, 0], 0.003, (12000, 6))


def as_recorded(samples, rng) -> Stream:
    return 1000 + np.arange(len(samples)) / frontend.RATE_HZ, samples


def as_phones_deliver(samples, rng) -> Stream:
    """Add jitter, lost, late, doubled and NaN samples, gaps, and a clock that is set back."""
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
    samples[700:705, 1], samples[800, 5], samples[900, 0] = 1e39, -200.1, 100.0
    seconds[len(seconds) // 2 :] -= 5
    return seconds, samples


def as_fast_sensors_deliver(samples, rng) -> Stream:
    """Resample to 200 or 104 Hz with vibration above 25 Hz, lost samples and a wrong timestamp."""
    rate = rng.choice([104.0, 200.0])
    seconds = np.arange(int(len(samples) * rate / frontend.RATE_HZ) - 4) / rate
    fast = np.stack(
        [np.interp(seconds, np.arange(len(samples)) / frontend.RATE_HZ, axis) for axis in samples.T], axis=1
    )
    fast[:, 0] += 0.3 * np.sin(2 * np.pi * 45 * seconds)
    kept = rng.random(len(seconds)) > 0.02
    kept[5000 : 5000 + rng.integers(20, 300)] = False
    seconds, fast = seconds[kept], fast[kept]
    seconds[8000] = 1e9
    return seconds, fast


def as_faulty_sensors_deliver(samples, rng) -> Stream:
    """Let sensors get stuck, saturate, change units and axes, and the clock step back."""
    samples, seconds = samples.copy(), 1000 + np.arange(len(samples)) / frontend.RATE_HZ
    samples[1000:1800] = samples[1000]
    samples[2500:4000, rng.integers(6)] = 0
    samples[4500:5000, 3:] *= 180 / np.pi
    samples[6000:6800, 3:] *= 180 / np.pi
    samples[7000:9000] = np.clip(2 * samples[7000:9000], -1.6, 1.6)
    samples[9000:, 3:] = samples[9000:, [5, 3, 4]]
    seconds[9000:] -= 0.6
    seconds[9500:9540] = seconds[9500]
    return seconds, samples


def _recordings() -> list[Recording]:
    return [recording for recording in embedded_recordings.load() if recording.subject in SUBJECTS]


def _walk(recording: Recording) -> np.ndarray:
    return recording.samples[recording.labels == 0]


def _model(jvm, kind: str) -> Path:
    """Return the path of `edge`, of `edge-anywhere`, or of `edge` as if it used the walking frame."""
    if kind != "walking":
        return reference_model(kind, "int8")
    flatbuffer, card = cards.read_model(EDGE)
    walking = replace(card, frame="walking", alike=(IN_A_POCKET,))
    (jvm.folder / "walking.tflite").write_bytes(cards.attach(flatbuffer, walking))
    return jvm.folder / "walking.tflite"


@pytest.mark.parametrize(
    "deliver", [as_recorded, as_phones_deliver, as_fast_sensors_deliver, as_faulty_sensors_deliver]
)
@pytest.mark.parametrize(
    ("kind", "least", "reasons"),
    [("edge", 1500, {0, 1, 2, 3, 4}), ("walking", 1500, {0, 1, 2, 3, 4, 6}), ("edge-anywhere", 1100, {0, 1, 2, 3, 6})],
)
def test_the_app_decides_as_the_live_recogniser_does(cores, kind, least, reasons, deliver):
    """On a JVM and in browsers, also if each recording is turned, and turned again halfway."""
    rng = np.random.default_rng(kind == "edge-anywhere")
    whole = [recording.samples for recording in _recordings()]
    sent = whole[:4] if kind == "edge-anywhere" else [*whole, on_a_table(rng)]
    if kind != "edge":
        sent = [_turned(samples, rng.integers(len(samples) // 3, len(samples)), rng) for samples in sent]
    streams = [deliver(samples, rng) for samples in sent]
    rows, kinds = _decisions_as_in_python(cores, _model(cores[0], kind), streams)
    assert len(rows) > least
    assert set(rows[:, 3]) == reasons | ({5} if deliver is as_faulty_sensors_deliver else set())
    if kind == "edge-anywhere":
        alike = set() if deliver is as_faulty_sensors_deliver else {7}  # 3 or 5, while the phone leans back
        assert {0, 1, 2, 4} | alike <= set(rows[:, 1])
    assert ("ROTATION_AXES" in kinds) == (deliver is as_faulty_sensors_deliver)
    assert kind == "edge" or {"MOUNTING_FOUND", "MOUNTING_LOST"} <= kinds


def test_sway_and_turning_the_phone_over_change_the_mounting_as_in_python(jvm):
    """Steps that sway the wrong way show no mounting so soon; jogging on with the phone turned over loses it."""
    walk = _walk(_recordings()[0])
    jogging = walk.mean(axis=0) + 4 * (walk - walk.mean(axis=0))
    for samples, expected in (
        (walk[:700] * [1, 1, 1, -1, 1, 1], set()),
        (np.concatenate([walk, jogging]), {"MOUNTING_FOUND"}),
        (np.concatenate([walk, jogging * [-1, -1, 1, -1, -1, 1]]), {"MOUNTING_FOUND", "MOUNTING_LOST"}),
    ):
        _, kinds = _decisions_as_in_python([jvm], _model(jvm, "walking"), [as_recorded(samples, None)])
        assert {kind for kind in kinds if kind.startswith("MOUNTING")} == expected


def test_people_who_take_more_steps_than_in_training_are_unknown_as_in_python(jvm):
    """Played 1.7 times as fast, recordings of people who walk show people who run."""
    walks = map(_walk, _recordings()[:3])
    runs = [as_recorded(walk[np.arange(0, len(walk) - 1, 1.7).astype(int)], None) for walk in walks]
    flatbuffer, card = cards.read_model(EDGE)
    boundless = replace(card, live=replace(card.live, novelty=replace(card.live.novelty, steps=None)))
    (jvm.folder / "boundless.tflite").write_bytes(cards.attach(flatbuffer, boundless))
    models = (EDGE, jvm.folder / "boundless.tflite")
    bounded, unbounded = (_decisions_as_in_python([jvm], model, runs)[0] for model in models)
    assert (bounded[:, 1] == -1).mean() > (unbounded[:, 1] == -1).mean() + 0.3


def _turned(samples: np.ndarray, moved: int, rng) -> np.ndarray:
    """Turn `samples` `[n, 6]` at random, and differently from sample `moved` on."""
    parts = []
    for part in (samples[:moved], samples[moved:]):
        rotation = Rotation.random(random_state=int(rng.integers(1000))).as_matrix()
        parts.append(np.concatenate([part[:, :3] @ rotation.T, part[:, 3:] @ rotation.T], axis=1))
    return np.concatenate(parts)


def test_a_card_that_cannot_be_used_is_refused_as_in_python(jvm):
    flatbuffer, card = cards.read_model(EDGE)
    novelty = replace(card.live.novelty, steps=replace(card.live.novelty.steps, most=0.0))
    np.zeros((1, 7)).tofile(jvm.folder / "samples")
    for unusable, reason in (
        (replace(card, live=replace(card.live, novelty=novelty)), "above 0"),
        (replace(card, frame="walking", labels=("JOGGING", *uci_har.LABELS[1:])), "WALKING"),
    ):
        (jvm.folder / "unusable.tflite").write_bytes(cards.attach(flatbuffer, unusable))
        with pytest.raises(DeviceError, match=reason):
            jvm.drive("live", "unusable.tflite", "samples", "decisions")
        with pytest.raises(InputError, match=reason):
            cards.read_model(jvm.folder / "unusable.tflite")


def _decisions_as_in_python(cores, model: Path, streams: list[Stream]) -> tuple[np.ndarray, set[str]]:
    """Compare each core's decisions and notices with Python's; return the decisions and the kinds of notices."""
    files = [(f"samples-{i}", f"decisions-{i}") for i in range(len(streams))]
    expected = [_in_python(model, stream) for stream in streams]
    for core in cores:
        for stream, (samples, _) in zip(streams, files, strict=True):
            np.column_stack(stream).astype("<f8").tofile(core.folder / samples)
        lines = [line.split() for line in core.drive("live", model, *chain(*files)).splitlines()]
        rows = []
        for i, (decided, noticed) in enumerate(expected):
            rows.append(_doubles(core.folder / files[i][1], decided.shape[1]))
            assert np.array_equal(rows[-1][:, :4], decided[:, :4])
            assert np.abs(rows[-1][:, 4:] - decided[:, 4:]).max() < 1e-6
            assert sorted(notice for number, *notice in lines if number == str(i)) == sorted(noticed)
    return np.concatenate(rows), {kind for _, kind, _ in lines}


def _in_python(model: Path, stream: Stream) -> tuple[np.ndarray, list[list[str]]]:
    """Return decisions as `Drive` writes them and notices as it prints them, for samples in uneven chunks."""
    recogniser = LiveRecognizer(Classifier(model))
    seconds, samples = stream
    events = feed(recogniser, samples, seconds, [37] * (len(samples) // 37))
    answers = [*recogniser.card.answers, UNKNOWN]
    rows = []
    for decision in decisions(events):
        place = answers.index(decision.activity) if decision.activity != UNKNOWN else -1
        rows.append([decision.seconds, place, decision.warming_up, _reason(decision.reason), *decision.probabilities])
    left_out = recogniser.duplicates + recogniser.late + recogniser.invalid
    # The app has no notice about axes.
    lines = [[_kind(notice), repr(notice.seconds)] for notice in notices(events) if notice.kind != "axes"]
    return np.array(rows), [*lines, ["LEFT_OUT", str(left_out)]]


def _kind(notice: Notice) -> str:
    """Return the app's name for the kind of a notice."""
    names = {"mounting": "mounting found" if "is known" in notice.text else "mounting lost"}
    return names.get(notice.kind, notice.kind).upper().replace(" ", "_")


def _reason(text: str) -> int:
    """Return the number of a reason in the app."""
    if text.endswith("stuck, or switched off"):
        return 5
    if text == UNKNOWN_MOUNTING:
        return 6
    beginnings = ("", "no activity is certain", "orientation", "movement", "the phone is lying still")
    return max(i for i, beginning in enumerate(beginnings) if text.startswith(beginning)) if text else 0


def _doubles(path: Path, width: int) -> np.ndarray:
    return np.fromfile(path, "<f8").reshape(-1, width)
