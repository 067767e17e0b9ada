"""Check that the app's Java core answers as `edge_runtime` does."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from deliveries import (
    DELIVERIES,
    EDGE,
    Stream,
    as_faulty_sensors_deliver,
    as_recorded,
    model_of,
    some_recordings,
    streams_for,
)
from streams import decisions, feed, notices

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.data.recording import Recording
from edge_runtime.data.uci_har import load
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.decider import UNKNOWN, Notice
from edge_runtime.live.mounting_search import UNKNOWN_MOUNTING
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals import frontend


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


def _walk(recording: Recording) -> np.ndarray:
    return recording.samples[recording.labels == 0]


@pytest.mark.parametrize("deliver", DELIVERIES)
@pytest.mark.parametrize(
    ("kind", "least", "reasons"),
    [("edge", 1500, {0, 1, 2, 3, 4}), ("walking", 1500, {0, 1, 2, 3, 4, 6}), ("edge-anywhere", 1100, {0, 1, 2, 3, 6})],
)
def test_the_app_decides_as_the_live_recogniser_does(jvm, kind, least, reasons, deliver):
    """Also if each recording is turned, and turned again halfway."""
    streams = [(times / 1e6, samples) for times, samples in streams_for(kind, deliver)]
    rows, kinds = _decisions_as_in_python(jvm, model_of(jvm.folder, kind), streams)
    assert len(rows) > least
    assert set(rows[:, 3]) == reasons | ({5} if deliver is as_faulty_sensors_deliver else set())
    if kind == "edge-anywhere":
        alike = {7} if deliver is as_recorded else set()  # 3 or 5, while the phone leans back
        assert {0, 1, 2, 4} | alike <= set(rows[:, 1])
    assert ("ROTATION_AXES" in kinds) == (deliver is as_faulty_sensors_deliver)
    assert kind == "edge" or {"MOUNTING_FOUND", "MOUNTING_LOST"} <= kinds


def test_sway_and_turning_the_phone_over_change_the_mounting_as_in_python(jvm):
    """Steps that sway the wrong way show no mounting so soon; jogging on with the phone turned over loses it."""
    walk = _walk(some_recordings()[0])
    jogging = walk.mean(axis=0) + 4 * (walk - walk.mean(axis=0))
    for samples, expected in (
        (walk[:700] * [1, 1, 1, -1, 1, 1], set()),
        (np.concatenate([walk, jogging]), {"MOUNTING_FOUND"}),
        (np.concatenate([walk, jogging * [-1, -1, 1, -1, -1, 1]]), {"MOUNTING_FOUND", "MOUNTING_LOST"}),
    ):
        _, kinds = _decisions_as_in_python(jvm, model_of(jvm.folder, "walking"), [as_recorded(samples, None)])
        assert {kind for kind in kinds if kind.startswith("MOUNTING")} == expected


def test_people_who_take_more_steps_than_in_training_are_unknown_as_in_python(jvm):
    """Played 1.7 times as fast, recordings of people who walk show people who run."""
    walks = map(_walk, some_recordings()[:3])
    runs = [as_recorded(walk[np.arange(0, len(walk) - 1, 1.7).astype(int)], None) for walk in walks]
    flatbuffer, card = cards.read_model(EDGE)
    boundless = replace(card, live=replace(card.live, novelty=replace(card.live.novelty, steps=None)))
    (jvm.folder / "boundless.tflite").write_bytes(cards.attach(flatbuffer, boundless))
    models = (EDGE, jvm.folder / "boundless.tflite")
    bounded, unbounded = (_decisions_as_in_python(jvm, model, runs)[0] for model in models)
    assert (bounded[:, 1] == -1).mean() > (unbounded[:, 1] == -1).mean() + 0.3


def test_a_card_that_cannot_be_used_is_refused_as_in_python(jvm):
    flatbuffer, card = cards.read_model(EDGE)
    novelty = replace(card.live.novelty, steps=replace(card.live.novelty.steps, most=0.0))
    np.zeros((1, 7)).tofile(jvm.folder / "samples")
    for unusable, reason in (
        (replace(card, live=replace(card.live, novelty=novelty)), "steps"),
        (replace(card, frame="walking", labels=("JOGGING", *uci_har.LABELS[1:])), "WALKING"),
    ):
        (jvm.folder / "unusable.tflite").write_bytes(cards.attach(flatbuffer, unusable))
        with pytest.raises(DeviceError, match=reason):
            jvm.drive("live", "unusable.tflite", "samples", "decisions")
        with pytest.raises(InputError, match=reason):
            cards.read_model(jvm.folder / "unusable.tflite")


def _decisions_as_in_python(jvm, model: Path, streams: list[Stream]) -> tuple[np.ndarray, set[str]]:
    """Compare the app's decisions and notices with Python's; return the decisions and the kinds of notices."""
    files = [(f"samples-{i}", f"decisions-{i}") for i in range(len(streams))]
    for stream, (samples, _) in zip(streams, files, strict=True):
        np.column_stack(stream).astype("<f8").tofile(jvm.folder / samples)
    lines = [line.split() for line in jvm.drive("live", model, *chain(*files)).splitlines()]
    rows = []
    for i, stream in enumerate(streams):
        decided, noticed = _in_python(model, stream)
        rows.append(_doubles(jvm.folder / files[i][1], decided.shape[1]))
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
