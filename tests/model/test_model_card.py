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
from edge_runtime.model.model_paths import reference_model
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


FOREIGN = with_archive({"labels.txt": b"a\nb\n", "vocabulary.txt": b"x\ny\n"})
FLIPPED = bytearray(CONTENT)
FLIPPED[len(FLATBUFFER) // 2] ^= 1
REFUSED = {
    "a bit changed": bytes(FLIPPED),
    "half the model": FLATBUFFER[: len(FLATBUFFER) // 2],
    "bytes behind the card": CONTENT + b"\n",
    "other files": FOREIGN,
    "other files with a comment": with_archive({"a.txt": b"1"}, comment=b"by another program"),
    "other files counted from their own start": FLATBUFFER + with_archive({"a.txt": b"1"}, b""),
    "an archive of no files": with_archive({}),
    "an archive behind a cut card": with_archive({"a.txt": b"a"}, CONTENT[: len(FLATBUFFER) + 60]),
}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(CONTENT)
    return path


def test_model_and_card_come_back_as_they_were(model):
    flatbuffer, card = cards.read_model(model)
    assert flatbuffer == FLATBUFFER
    assert replace(card, file={}) == CARD
    assert card.input_shape == (3, 2)


def test_the_same_model_and_card_give_the_same_bytes(model):
    flatbuffer, card = cards.read_model(model)
    assert cards.attach(flatbuffer, card) == CONTENT
    assert cards.attach(FLATBUFFER, replace(CARD, name="other")) != CONTENT


def test_any_unzip_reads_card_and_labels(model):
    with zipfile.ZipFile(model) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["card.json", "labels.txt"]
        assert archive.read("labels.txt") == b"SITTING\nWALKING\n"
        assert json.loads(archive.read("card.json"))["name"] == "tiny"
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_strip_gives_the_flatbuffer_alone():
    assert cards.strip(CONTENT) == FLATBUFFER
    assert cards.strip(FLATBUFFER) == FLATBUFFER


@given(st.integers(0, len(CONTENT) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_short_anywhere_is_refused(model, length):
    model.write_bytes(CONTENT[:length])
    with pytest.raises(InputError, match=str(model)):
        cards.read_model(model)


@given(st.integers(8, len(FLATBUFFER) - 4))  # at its end may be up to 4 bytes that mean nothing
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_model_cut_short_anywhere_is_told_so_and_not_of_cards(model, length):
    model.write_bytes(CONTENT[:length])
    with pytest.raises(InputError, match=r"whole.*copy") as refused:
        cards.read_tflite(model)
    assert "card" not in str(refused.value)


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


def test_each_command_says_the_same_of_a_model_that_was_cut_short(har_edge_here, tmp_path):
    content = reference_model("edge", "int8").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 2])
    (tmp_path / "card.json").write_text(CARD.to_json())
    commands = (
        "info",
        "card",
        "bench",
        "evaluate",
        "personalise --data uci-har -o own.tflite",
        "card --from card.json",
    )
    results = [har_edge_here(*x.split(), "cut.tflite") for x in commands]
    assert len({x.stderr for x in results}) == 1
    assert_one_sentence(results[0], 2, "cut.tflite", "whole")


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_changed_byte_anywhere_is_refused(model, position, change):
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    model.write_bytes(damaged)
    with pytest.raises(InputError, match=str(model)):
        cards.read_model(model)
    with pytest.raises(InputError, match=str(model)):
        cards.flatbuffer_of(bytes(damaged), str(model))


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x89PNG\r\n\x1a\n" * 9, b"a,b\n1,2\n", CONTENT[10:]])
def test_a_file_that_is_no_model_is_refused(model, content):
    model.write_bytes(content)
    with pytest.raises(InputError, match="not a TFLite model"):
        cards.read_model(model)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(InputError, match=path.name):
            cards.read_model(path)


def test_a_model_without_a_card_is_told_how_to_get_one(model):
    model.write_bytes(FLATBUFFER)
    with pytest.raises(InputError, match=r"har-edge card .* --from"):
        cards.read_model(model)


def signed(entries: dict[str, str], content: bytes = FLATBUFFER) -> bytes:
    """An archive made by hand with a digest that fits."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
        archive.comment = bytes(64)
    start = stream.getvalue()[:-64]
    return start + cards.digest(start)


def test_a_card_that_belongs_to_another_model_is_refused(model):
    other = tiny_models.dense(np.ones((2, 6), np.float32), (3, 2))
    model.write_bytes(signed({"card.json": cards.read_model(model)[1].to_json()}, other))
    with pytest.raises(InputError, match="damaged"):
        cards.read_model(model)


@pytest.mark.parametrize(
    "entries", [{"labels.txt": "a"}, {"card.json": "{"}, {"card.json": " " * (2 << 20)}, {"card.json": "{}", "": "a"}]
)
def test_an_archive_without_a_usable_card_is_refused(model, entries):
    model.write_bytes(signed(entries))
    with pytest.raises(InputError, match=model.name):
        cards.read_model(model)


def test_an_archive_of_another_hand_is_refused_though_its_digest_fits(model):
    """Encrypted, of an unknown compression, without a name, at a place beyond the file, before it, or spoilt."""
    content = model.read_bytes()
    entry, end = content.find(b"PK\x01\x02"), content.rfind(b"PK\x05\x06")  # APPNOTE.TXT 4.3.12, 4.3.16
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    changes = [(entry + 8, b"\x01\x00"), (entry + 10, b"\x63\x00"), (entry + 28, b"\x00\x00")]
    changes += [(entry + 42, b"\xff\xff\xff\x7f"), (end + 16, (end - size + 1000).to_bytes(4, "little"))]
    changes += [(content.find(b"card.json") + len("card.json"), b"\xff" * 30)]
    for place, new in changes:
        model.write_bytes(with_bytes(content, place, new))
        with pytest.raises(InputError, match=model.name):
            cards.read_model(model)


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


def test_a_card_without_settings_of_its_own_has_the_default_ones():
    content = {key: x for key, x in json.loads(CARD.to_json()).items() if key not in ("live", "front_end", "scores")}
    card = Card.from_json(json.dumps(content), "x")
    assert (card.live, card.front_end) == (LiveSettings(), None)


def test_a_card_from_before_raw_windows_is_of_prepared_ones():
    content = {key: x for key, x in json.loads(CARD.to_json()).items() if key != "raw_input"}
    assert not Card.from_json(json.dumps(content | {"format": 3}), "x").raw_input


def test_a_card_from_before_frames_is_of_the_devices():
    content = {key: x for key, x in json.loads(CARD.to_json()).items() if key not in ("frame", "alike")}
    card = Card.from_json(json.dumps(content | {"format": 4}), "x")
    assert (card.frame, card.alike) == ("device", ())


def test_a_card_from_before_steps_counts_none():
    content = json.loads(novelty())
    del content["live"]["novelty"]["steps"]
    assert Card.from_json(json.dumps(content), "x").live.novelty.steps is None


def test_a_model_of_the_walking_frame_takes_the_accelerations_that_show_it():
    with pytest.raises(InputError, match="needs body_acc and total_acc"):
        Card.from_json(changed(frame="walking"), "x")
    with pytest.raises(InputError, match="frame is none of device, walking"):
        Card.from_json(changed(frame="table"), "x")
    with pytest.raises(InputError, match="walking frame"):
        Card.from_json(changed(alike=[{"labels": list(CARD.labels[:2]), "placements": ["wrist"]}]), "x")


def test_a_rate_that_nobody_knows_is_null():
    card = Card.from_json(changed(window={"rate_hz": None, "samples": 3, "hop": 1}), "x")
    assert (card.window.rate_hz, card.window.hop_s, str(card.window)) == (None, None, "3 samples at an unknown rate")
    assert Card.from_json(card.to_json(), "x") == card


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "card"),
        ("{}", "card"),
        (changed(format=2), "card format other than 5"),
        (changed(labels=["A"]), "at least two labels"),
        (changed(labels=["A", "A"]), "at least two labels"),
        (changed(labels="AB"), "labels"),
        (changed(signals=[]), "at least one signal"),
        (changed(signals=[{"name": "x"}]), "unit"),
        (changed(signals=3), "card"),
        (changed(window=None), "card"),
        (changed(window={"rate_hz": 50, "samples": 0, "hop": 1}), "above 0"),
        (changed(window={"rate_hz": 50, "samples": float("inf"), "hop": 1}), "JSON"),
        (changed(window={"rate_hz": float("nan"), "samples": 3, "hop": 1}), "JSON"),
        (normalised(mean=[0], std=[1], clip=[1], knee=[None]), "each of its 2 signals"),
        (normalised(std=[1, 0]), "above 0"),
        (normalised(mean=[0, float("nan")]), "JSON"),
        (normalised(knee=[None, 0]), "knee above 0"),
        (normalised(knee=1), "knee"),
        (changed(normalisation={"mean": [0, 0], "std": [1, 1], "clip": [1, 1]}), "knee"),
        (normalised(mean=["a", 0]), "card"),
        (changed(temperature=0), "temperature"),
        (changed(scores=5), "card"),
        (changed(live=None), "live"),
        (changed(window={"rate_hz": 50, "samples": 10**12, "hop": 1}), "at most 1,000,000"),
        (changed(window={"rate_hz": 50, "samples": 3, "hop": 10**18}), "at most 1,000,000"),
        (changed(window={"rate_hz": 5e-324, "samples": 3, "hop": 1}), "above 0"),
        (changed(window={"rate_hz": 1e308, "samples": 3, "hop": 1}), "at most 1,000,000"),
        (changed(temperature=1e300), "beyond ±1e\\+12"),
        (changed(temperature=1e-300), "temperature above 0"),
        (normalised(std=[1, 5e-324]), "above 0"),
        (live(movement=float("nan")), "JSON"),
        (live(evidence=1e9), "evidence above 0 and at most 10"),
        (novelty(centres=[]), "postures"),
        (novelty(precision=[[-1.0, 0.0], [0.0, 1.0]]), "movements"),
        (novelty(novel=float("inf")), "JSON"),
        (novelty(unusual=0.0), "above 0"),
        (novelty(novel=-0.5), "above 0"),
        (novelty(most=0.0), "steps"),
        (novelty(most="two"), "steps.most"),
        (live("novelty", posture=[], movement=[], steps=3), "novelty.steps"),
    ],
)
def test_an_unusable_card_is_refused_with_its_source(text, words):
    with pytest.raises(InputError, match=words) as refused:
        Card.from_json(text, "my.json")
    assert "my.json" in str(refused.value)


def test_reading_a_card_file(tmp_path):
    path = tmp_path / "card.json"
    cards.save(CARD, path)
    assert cards.load(path) == CARD
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=str(path)):
        cards.load(path)
    with pytest.raises(InputError, match=r"none\.json"):
        cards.load(tmp_path / "none.json")


@pytest.fixture
def attach(tmp_path):
    """Runs `har-edge card m.tflite --from card.json` on a model of the given bytes."""
    cards.save(CARD, tmp_path / "card.json")

    def call(content: bytes):
        (tmp_path / "m.tflite").write_bytes(content)
        return har_edge("card", "m.tflite", "--from", "card.json", cwd=tmp_path)

    return call


@pytest.mark.parametrize("kind", REFUSED)
def test_a_model_that_is_not_whole_gets_no_card_and_is_left_alone(attach, tmp_path, kind):
    assert_one_sentence(attach(REFUSED[kind]), 2, "m.tflite")
    assert (tmp_path / "m.tflite").read_bytes() == REFUSED[kind]
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_that_look_like_an_archive_are_read_with_their_model(tmp_path):
    inside = with_archive({"a.txt": bytes(500)}, b"")
    weights = np.frombuffer(inside + bytes(2048 - len(inside)), np.float32).reshape(2, 256)
    flatbuffer = tiny_models.dense(weights, (128, 2))
    assert inside in flatbuffer
    cards.write_model(tmp_path / "m.tflite", flatbuffer, CARD)
    assert cards.read_model(tmp_path / "m.tflite")[0] == flatbuffer


def test_a_card_that_could_not_be_read_again_is_not_written(attach, tmp_path):
    """One that is larger than any card that is read."""
    content = json.loads(CARD.to_json()) | {"training": {"notes": "x" * (2 << 20)}}
    (tmp_path / "card.json").write_text(json.dumps(content))
    assert_one_sentence(attach(CONTENT), 2, "m.tflite", "1,048,576")
    assert (tmp_path / "m.tflite").read_bytes() == CONTENT
