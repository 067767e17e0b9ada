"""A model file contains its card: same bytes each time, readable by any unzip program, and refused if damaged."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tiny_models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import assert_one_sentence

from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_card import Card, LiveSettings, Smoothing
from edge_runtime.model.novelty import GRAVITY, NoveltyDetector, TypicalMovement, TypicalPosture, TypicalSteps
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import Signal

FLATBUFFER = tiny_models.dense(np.arange(12, dtype=np.float32).reshape(2, 6), (3, 2))
CARD = tiny_models.card(samples=3, training={"seed": 1})
CONTENT = cards.attach(FLATBUFFER, CARD)
OF_ANOTHER = FLATBUFFER[:-1] + bytes([FLATBUFFER[-1] ^ 1]) + CONTENT[len(FLATBUFFER) : -64]
ANYWHERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def archive(name: str, text: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "a") as file:
        file.writestr(name, text)
    return stream.getvalue()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(CONTENT)
    return path


def refused(path, content: bytes, noun: str = "") -> None:
    """Check that `read_model` refuses a file of this content and names it."""
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name}.*{noun}"):
        cards.read_model(path)


def test_a_model_and_its_card_are_read_unchanged_and_written_with_the_same_bytes(model):
    flatbuffer, card = cards.read_model(model)
    assert flatbuffer == cards.strip(CONTENT) == cards.strip(FLATBUFFER) == FLATBUFFER
    assert replace(card, file={}) == CARD
    assert card.input_shape == (3, 2)
    assert cards.attach(flatbuffer, card) == CONTENT
    assert cards.attach(FLATBUFFER, replace(CARD, name="other")) != CONTENT


def test_any_unzip_reads_card_and_labels(model):
    with zipfile.ZipFile(model) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["card.json", "labels.txt"]
        assert archive.read("labels.txt") == b"SITTING\nWALKING\n"
        assert json.loads(archive.read("card.json"))["name"] == "tiny"
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
@ANYWHERE
def test_one_changed_byte_anywhere_is_refused(model, position, change):
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    refused(model, bytes(damaged))
    if position < len(FLATBUFFER):
        with pytest.raises(InputError, match=r"m\.tflite"):
            cards.strip(bytes(damaged), "m.tflite")


@pytest.mark.parametrize(
    ("content", "noun"),
    [
        *((content, "TFLite") for content in (b"", b"TFL3", CONTENT[10:])),
        (OF_ANOTHER + cards.digest(OF_ANOTHER), "another"),
        (FLATBUFFER, "har-edge card .* --labels"),
        (FLATBUFFER + archive("a.txt", b"a"), "har-edge card .* --labels"),
    ],
)
def test_a_file_that_is_not_a_model_with_a_card_is_refused(model, content, noun):
    refused(model, content, noun)
    refused(model.with_suffix(".KERAS"), b"PK", "har-edge convert")


def changed(**changes: object) -> str:
    return json.dumps(json.loads(CARD.to_json()) | changes)


def normalised(**changes: object) -> str:
    return changed(normalisation=json.loads(CARD.to_json())["normalisation"] | changes)


def live(**changes: object) -> str:
    content = json.loads(CARD.to_json())["live"]
    return changed(live=content | {"smoothing": content["smoothing"] | changes})


def test_a_card_survives_json():
    full = replace(
        CARD,
        live=LiveSettings(
            Smoothing(evidence=0.25),
            NoveltyDetector(
                (TypicalPosture(((1.0, 0.2), (0.9, 0.4)), 0.3, 0.5),) * 2,
                (TypicalMovement((-1.7, -0.8), ((83.0, -42.0), (-42.0, 39.0)), 3.9, 6.6),) * 2,
                rest=0.003,
                steps=TypicalSteps(2.2, 0.22),
            ),
        ),
        signals=tuple(Signal(name, "g") for name in GRAVITY),
        normalisation=Normalisation((0.0,) * 3, (1.0,) * 3, (3.0,) * 3, (0.25, None, None)),
        personal_correction=PersonalCorrection(
            (0.9, 0.1, 0.2), ((0.5, -9.0, 4.0), (-0.5, 9.0, -4.0)), (-1.0, -2.0), (1.0, 2.0), {"a": 1}
        ),
    )
    unknown_rate = replace(CARD, window=replace(CARD.window, rate_hz=None))
    assert (unknown_rate.window.hop_s, str(unknown_rate.window)) == (None, "3 samples at an unknown rate")
    for card in (CARD, full, unknown_rate):
        assert Card.from_json(card.to_json(), "x") == card


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        (changed(temperature=float("nan")), "JSON"),
        ("{}", "card"),
        (changed(signals=3), "card"),
        (changed(format=2), "format"),
        (changed(labels=["A"]), "label"),
        (changed(labels=["A", "A"]), "label"),
        (changed(signals=[]), "signal"),
        (changed(signals=[{"name": "x"}]), "unit"),
        (changed(window={"rate_hz": 50, "samples": 0, "hop": 1}), "samples"),
        (normalised(mean=[0], std=[1], clip=[1], knee=[None]), "2 signals"),
        (normalised(std=[1, 0]), "above 0"),
        (changed(temperature=0), "temperature"),
        (live(evidence=1e9), "evidence"),
        (changed(frame="walking"), "body_acc"),
        (changed(temperature=1e39), "1e\\+39"),
        (changed(quantisation={"ranges": {"a": [1, 2, 3]}}), "ranges"),
        (changed(alike=[{"labels": list(CARD.labels[:2]), "placements": ["wrist"]}]), "alike"),
    ],
)
def test_an_unusable_card_is_refused_with_its_source(text, noun):
    with pytest.raises(InputError, match=rf"my\.json.*{noun}"):
        Card.from_json(text, "my.json")


DAMAGED = b"".join((FLATBUFFER[:-40], bytes([FLATBUFFER[-40] ^ 1]), CONTENT[len(FLATBUFFER) - 39 :]))


@pytest.mark.parametrize(
    ("content", "notes"),
    [(FLATBUFFER[:200], ""), (DAMAGED, ""), (CONTENT, "x" * (2 << 20))],
    ids=("half", "bad", "big"),
)
def test_a_model_that_could_not_be_read_back_is_not_written(har_edge_here, tmp_path, content, notes):
    (tmp_path / "m.tflite").write_bytes(content)
    cards.save(replace(CARD, training={"notes": notes}), tmp_path / "card.json")
    assert_one_sentence(har_edge_here("card", "m.tflite", "--from", "card.json"), 2, "m.tflite")
    assert (tmp_path / "m.tflite").read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2
