"""Check that the app recognises as Python does, by its own code on a Java virtual machine, with the C for this one."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from c_recognizer import REASONS, Answer, Events, in_python
from deliveries import (
    CASES,
    EDGE,
    Stream,
    as_faulty_sensors_deliver,
    as_recorded,
    model_of,
    some_recordings,
    streams_for,
)
from streams import delivered
from tiny_models import card, dense

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import RAW_INPUT, Classifier
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.types import Signal, Window


@pytest.mark.parametrize(("kind", "deliver", "placement"), CASES)
def test_decisions_reasons_and_notices_are_pythons(jvm, kind, deliver, placement):
    """Also if each recording is turned, and turned again halfway."""
    answers = _recognised_as_in_python(jvm, model_of(jvm.folder, kind), streams_for(kind, deliver), placement)
    assert len(answers) > (1100 if kind == "edge-anywhere" else 1500)
    assert ("stuck" in {answer.reason for answer in answers}) == (deliver is as_faulty_sensors_deliver)


def test_an_hour_of_a_fast_sensor_is_recognised_as_by_python(jvm):
    """With jitter, lost and late samples."""
    samples = np.concatenate([recording.samples for recording in embedded_recordings.load()])[: 3600 * 50]
    streams = []
    for rate_hz in (100, 200):
        rows, seconds = delivered(3600 * rate_hz - 10, rate_hz, seed=1)
        fast = np.stack([np.interp(rows / rate_hz, np.arange(len(samples)) / 50, axis) for axis in samples.T], axis=1)
        streams.append((np.rint(1e6 * (seconds + 1)).astype(np.int64), fast))
    assert len(_recognised_as_in_python(jvm, EDGE, streams)) > 5400


def test_a_personal_correction_changes_the_answers_as_in_python(jvm):
    flatbuffer, edge = cards.read_model(EDGE)
    weights = tuple(map(tuple, np.random.default_rng(0).normal(0, 0.3, (6, 45)).tolist()))
    correction = PersonalCorrection((1.0,) + (0.0,) * 44, weights, (-3.0,) * 6, (2.0,) * 6)
    cards.write_model(jvm.folder / "mine.tflite", flatbuffer, replace(edge, personal_correction=correction))
    streams = [_stream(some_recordings()[0].samples)]
    answers, plain = (_recognised_as_in_python(jvm, x, streams) for x in (jvm.folder / "mine.tflite", EDGE))
    assert [answer.activity for answer in answers] != [answer.activity for answer in plain]


def test_a_model_of_raw_signals_in_other_units_is_recognised_as_in_python(jvm):
    """Without a novelty detector, and at another rate than the sensor's."""
    weights = np.random.default_rng(0).normal(0, 0.05, (3, 150))
    signals = tuple(Signal(f"a{axis}", "m/s2") for axis in "xyz")
    content = card(50, ("SITTING", "WALKING", "LAYING"), "xyz", raw_input=True)
    raw = replace(content, signals=signals, window=Window(25.0, 50, 25))
    model = jvm.folder / "raw.tflite"
    cards.write_model(model, dense(weights, (50, 3), name=RAW_INPUT), raw)
    answers = _recognised_as_in_python(jvm, model, [_stream(some_recordings()[0].samples)])
    assert len({answer.activity for answer in answers}) > 1


def test_a_card_that_cannot_be_used_is_refused_as_in_python(jvm):
    flatbuffer, edge = cards.read_model(EDGE)
    novelty = replace(edge.live.novelty, steps=replace(edge.live.novelty.steps, most=0.0))
    np.zeros((1, 7)).tofile(jvm.folder / "samples")
    for unusable, reason in (
        (replace(edge, live=replace(edge.live, novelty=novelty)), "steps"),
        (replace(edge, frame="walking", labels=("JOGGING", *uci_har.LABELS[1:])), "WALKING"),
    ):
        (jvm.folder / "unusable.tflite").write_bytes(cards.attach(flatbuffer, unusable))
        with pytest.raises(DeviceError, match=reason):
            jvm.drive("live", "unusable.tflite", "", "samples", "decisions")
        with pytest.raises(InputError, match=reason):
            cards.read_model(jvm.folder / "unusable.tflite")


def _stream(samples: np.ndarray) -> Stream:
    seconds, _ = as_recorded(samples, None)
    return np.rint(1e6 * seconds).astype(np.int64), samples


def _recognised_as_in_python(jvm, model: Path, streams: list[Stream], placement: str = "") -> list[Answer]:
    """Compare the app's decisions and notices with Python's; return the decisions."""
    files = [(f"samples-{i}", f"decisions-{i}") for i in range(len(streams))]
    for stream, (samples, _) in zip(streams, files, strict=True):
        np.column_stack(stream).astype("<f8").tofile(jvm.folder / samples)
    lines = [line.split() for line in jvm.drive("live", model, placement, *chain(*files)).splitlines()]
    classifier = Classifier(model)
    answers: list[Answer] = []
    for i, (times, samples) in enumerate(streams):
        app = _events(classifier, jvm.folder / files[i][1], [line for number, *line in lines if number == str(i)])
        python = in_python(classifier, samples, times, placement)
        assert app.answers == python.answers
        assert np.abs(app.probabilities - python.probabilities).max() < 1e-6
        assert sorted(app.notices) == sorted(python.notices)
        answers += app.answers
    return answers


def _events(classifier: Classifier, decisions: Path, lines: list[list[str]]) -> Events:
    """Read what `Drive` wrote and printed of a stream."""
    card = classifier.card
    rows = np.fromfile(decisions, "<f8").reshape(-1, 4 + len(card.labels))
    names = [*card.answers, UNKNOWN]
    answers = [
        Answer(int(us), names[int(activity)], REASONS[int(reason)], bool(warming_up))
        for us, activity, warming_up, reason, *_ in rows
    ]
    kinds = [(int(us), kind.lower().replace("_", " ")) for kind, us in lines]
    return Events(answers, rows[:, 4:], kinds)
