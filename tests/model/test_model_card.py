"""The card travels inside the model: same bytes each time, readable by anyone, and a damaged file is refused."""

import io
import json
import zipfile
from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import assert_one_sentence, har_edge

from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card, LiveSettings, Smoothing
from edge_runtime.model.novelty import GRAVITY, NoveltyDetector, TypicalMovement, TypicalPosture, TypicalSteps
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import Signal

FLATBUFFER = tiny_models.dense(np.arange(12, dtype=np.float32).reshape(2, 6), (3, 2))
CARD = tiny_models.card(samples=3, training={"seed": 1})
CONTENT = cards.attach(FLATBUFFER, CARD)


def with_archive(files: dict[str, bytes], content: bytes = FLATBUFFER, comment: bytes = b"") -> bytes:
    """As TFLite Metadata attaches files: a zip appended to the model, nothing in it compressed."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
        archive.comment = comment
    return stream.getvalue()


FOREIGN = {
    "half the model": FLATBUFFER[: len(FLATBUFFER) // 2],
    "bytes behind the card": CONTENT + b"\n",
    "other files": with_archive({"labels.txt": b"a\nb\n", "vocabulary.txt": b"x\ny\n"}),
    "other files with a comment": with_archive({"a.txt": b"1"}, comment=b"by another program"),
    "other files counted from their own start": FLATBUFFER + with_archive({"a.txt": b"1"}, b""),
    "an archive behind a cut card": with_archive({"a.txt": b"a"}, CONTENT[: len(FLATBUFFER) + 60]),
}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(CONTENT)
    return path


def refused(path, content: bytes, noun: str = "") -> None:
    """Let `read_model` refuse a file of this content, naming it."""
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name}.*{noun}"):
        cards.read_model(path)


def test_model_and_card_come_back_as_they_were_and_give_the_same_bytes(model):
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


@given(st.integers(0, len(CONTENT) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_short_anywhere_is_refused(model, length):
    refused(model, CONTENT[:length])
    if 8 <= length <= len(FLATBUFFER) - 4:  # at its end may be up to 4 bytes that mean nothing
        with pytest.raises(InputError, match="whole"):
            cards.read_tflite(model)


def test_buffers_behind_the_flatbuffer_belong_to_the_model(model):
    tables = schema.ModelT.InitFromObj(schema.Model.GetRootAs(FLATBUFFER, 0))
    weights = max(tables.buffers, key=lambda x: 0 if x.data is None else len(x.data))
    values, weights.data = bytes(weights.data), None
    weights.offset, weights.size = len(FLATBUFFER) + 64, len(values)
    builder = flatbuffers.Builder(1024)
    builder.Finish(tables.Pack(builder), b"TFL3")
    content = bytes(builder.Output()).ljust(weights.offset, b"\0") + values
    X = np.ones((1, 3, 2), np.float32)
    outside, inside = (open_model(x).run(X) for x in (content, FLATBUFFER))
    np.testing.assert_array_equal(outside, inside)
    model.write_bytes(content)
    assert cards.read_tflite(model) == content
    for n in range(1, len(values) + 1):
        model.write_bytes(content[:-n])
        with pytest.raises(InputError, match="whole"):
            cards.read_tflite(model)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_changed_byte_anywhere_is_refused(model, position, change):
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    refused(model, bytes(damaged))
    with pytest.raises(InputError, match=str(model)):
        cards.flatbuffer_of(bytes(damaged), str(model))


@pytest.mark.parametrize(
    ("content", "noun"),
    [
        *((x, "TFLite") for x in (b"", b"TFL3", b"\x89PNG\r\n\x1a\n" * 9, CONTENT[10:])),
        (FLATBUFFER, r"har-edge card .* --from"),
        *((x, "") for x in FOREIGN.values()),
    ],
)
def test_a_file_that_is_no_model_with_a_card_is_refused(model, content, noun):
    refused(model, content, noun)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(InputError, match=path.name):
            cards.read_model(path)


def signed(entries: dict[str, str], content: bytes = FLATBUFFER) -> bytes:
    """An archive made by hand with a digest that fits."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
        archive.comment = bytes(64)
    start = stream.getvalue()[:-64]
    return start + cards.digest(start)


def test_an_archive_without_a_usable_card_is_refused_though_its_digest_fits(model):
    own = cards.read_model(model)[1].to_json()
    refused(model, signed({"card.json": own}, tiny_models.dense(np.ones((2, 6), np.float32), (3, 2))))
    for entries in (
        {"labels.txt": "a"},
        {"card.json": "{"},
        {"card.json": " " * (2 << 20)},
        {"card.json": "{}", "": "a"},
    ):
        refused(model, signed(entries))


def test_an_archive_of_another_hand_is_refused_though_its_digest_fits(model):
    """Encrypted, of an unknown compression, without a name, at a place beyond the file, before it, or spoilt."""
    entry, end = CONTENT.find(b"PK\x01\x02"), CONTENT.rfind(b"PK\x05\x06")  # APPNOTE.TXT 4.3.12, 4.3.16
    size = int.from_bytes(CONTENT[end + 12 : end + 16], "little")
    for place, new in (
        *((entry + 8, b"\x01\x00"), (entry + 10, b"\x63\x00"), (entry + 28, b"\x00\x00")),
        *((entry + 42, b"\xff\xff\xff\x7f"), (end + 16, (end - size + 1000).to_bytes(4, "little"))),
        (CONTENT.find(b"card.json") + len("card.json"), b"\xff" * 30),
    ):
        refused(model, with_bytes(CONTENT, place, new))


def with_bytes(content: bytes, place: int, new: bytes) -> bytes:
    """A model file with other bytes at `place`, signed again."""
    changed = content[:place] + new + content[place + len(new) : -64]
    return changed + cards.digest(changed)


def changed(**changes: object) -> str:
    return json.dumps(json.loads(CARD.to_json()) | changes)


def normalised(**changes: object) -> str:
    return changed(normalisation=json.loads(CARD.to_json())["normalisation"] | changes)


def live(part: str = "smoothing", **changes: object) -> str:
    content = json.loads(CARD.to_json())["live"]
    return changed(live=content | {part: (content[part] or {}) | changes})


def novelty(**changes: object) -> str:
    posture = {"centres": [[1.0, 0.2]], "unusual": 0.3, "novel": 0.5}
    movement = {"mean": [-1.7, -0.8], "precision": [[83.0, -42.0], [-42.0, 39.0]], "unusual": 3.9, "novel": 6.6}
    spoilt = [x | {key: y for key, y in changes.items() if key in x} for x in (posture, movement)]
    steps = {"most": 2.2, "unusual": 0.22} | {key: y for key, y in changes.items() if key == "most"}
    return live("novelty", posture=[spoilt[0]] * 2, movement=[spoilt[1]] * 2, steps=steps)


def test_a_card_survives_json():
    assert Card.from_json(CARD.to_json(), "x") == CARD
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
        signals=tuple(Signal(x, "g") for x in GRAVITY),
        normalisation=Normalisation((0.0,) * 3, (1.0,) * 3, (3.0,) * 3, (0.25, None, None)),
        personal_correction=PersonalCorrection(
            (0.9, 0.1, 0.2), ((0.5, -9.0, 4.0), (-0.5, 9.0, -4.0)), (-1.0, -2.0), (1.0, 2.0), {"a": 1}
        ),
    )
    assert Card.from_json(full.to_json(), "x") == full


def without(text: str, *path: str, version: int = 5) -> Card:
    """The card without the value at `path`, in a format of before."""
    content = part = json.loads(text) | {"format": version}
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return Card.from_json(json.dumps(content), "x")


def test_what_a_card_from_before_does_not_say_has_its_default():
    assert without(CARD.to_json(), "live").live == LiveSettings()
    assert without(CARD.to_json(), "front_end").front_end is None
    assert without(CARD.to_json(), "scores").scores == {}
    assert without(CARD.to_json(), "raw_input", version=3).raw_input is False
    assert without(CARD.to_json(), "frame", version=4).frame == "device"
    assert without(CARD.to_json(), "alike", version=4).alike == ()
    assert without(novelty(), "live", "novelty", "steps").live.novelty.steps is None


def test_a_rate_that_nobody_knows_is_null():
    card = Card.from_json(changed(window={"rate_hz": None, "samples": 3, "hop": 1}), "x")
    assert (card.window.rate_hz, card.window.hop_s, str(card.window)) == (None, None, "3 samples at an unknown rate")
    assert Card.from_json(card.to_json(), "x") == card


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        *((x, "JSON") for x in ("", "[" * 100_000, changed(temperature=float("nan")))),
        *((x, "card") for x in ("[]", "{}", changed(signals=3), changed(window=None), changed(scores=5))),
        (changed(format=2), "format"),
        *((changed(labels=x), "label") for x in (["A"], ["A", "A"], "AB")),
        (changed(signals=[]), "signal"),
        (changed(signals=[{"name": "x"}]), "unit"),
        *((changed(window={"rate_hz": x, "samples": 3, "hop": 1}), "rate_hz") for x in (5e-324, 1e308)),
        *((changed(window={"rate_hz": 50, "samples": x, "hop": 1}), "samples") for x in (0, 10**12)),
        (changed(window={"rate_hz": 50, "samples": 3, "hop": 10**18}), "hop"),
        (normalised(mean=[0], std=[1], clip=[1], knee=[None]), "2 signals"),
        *((normalised(std=[1, x]), "above 0") for x in (0, 5e-324)),
        *((normalised(knee=x), "knee") for x in ([None, 0], 1)),
        (changed(normalisation={"mean": [0, 0], "std": [1, 1], "clip": [1, 1]}), "knee"),
        *((changed(temperature=x), "temperature") for x in (0, 1e-300)),
        (changed(temperature=1e300), "temperature"),
        (changed(live=None), "live"),
        (live(evidence=1e9), "evidence"),
        (novelty(centres=[]), "postures"),
        (novelty(precision=[[-1.0, 0.0], [0.0, 1.0]]), "movements"),
        (novelty(unusual=0.0), "above 0"),
        *((novelty(most=x), "steps") for x in (0.0, "two")),
        (live("novelty", posture=[], movement=[], steps=3), "novelty.steps"),
        (changed(frame="walking"), "body_acc"),
        (changed(frame="table"), "frame"),
        (changed(alike=[{"labels": list(CARD.labels[:2]), "placements": ["wrist"]}]), "alike"),
    ],
)
def test_an_unusable_card_is_refused_with_its_source(text, noun):
    with pytest.raises(InputError, match=rf"my\.json.*{noun}"):
        Card.from_json(text, "my.json")


def test_reading_a_card_file(tmp_path):
    path = tmp_path / "card.json"
    cards.save(CARD, path)
    assert cards.load(path) == CARD
    path.write_bytes(b"\xff\xfe")
    for wrong in (path, tmp_path / "none.json"):
        with pytest.raises(InputError, match=wrong.name):
            cards.load(wrong)


@pytest.mark.parametrize("kind", ["half the model", "other files", "a card that is too large"])
def test_what_could_not_be_read_again_is_not_written(tmp_path, kind):
    """Of a model that is not whole, or has another archive, and of a card larger than any that is read."""
    content, notes = FOREIGN.get(kind, CONTENT), "" if kind in FOREIGN else "x" * (2 << 20)
    (tmp_path / "m.tflite").write_bytes(content)
    cards.save(replace(CARD, training={"notes": notes}), tmp_path / "card.json")
    assert_one_sentence(har_edge("card", "m.tflite", "--from", "card.json", cwd=tmp_path), 2, "m.tflite")
    assert (tmp_path / "m.tflite").read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_that_look_like_an_archive_are_read_with_their_model(model):
    inside = with_archive({"a.txt": bytes(500)}, b"")
    weights = np.frombuffer(inside + bytes(2048 - len(inside)), np.float32).reshape(2, 256)
    flatbuffer = tiny_models.dense(weights, (128, 2))
    assert inside in flatbuffer
    cards.write_model(model, flatbuffer, CARD)
    assert cards.read_model(model)[0] == flatbuffer
