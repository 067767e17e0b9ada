"""Attach a card to a whole model alone; refuse damaged files and other programs' archives, unchanged."""

import io
import json
import zipfile

import numpy as np
import pytest
import tiny_models
from programs import assert_one_sentence, har_edge

from edge_runtime.model import model_card as cards

FLATBUFFER = tiny_models.dense(np.ones((2, 256), np.float32), (128, 2))
CARD = tiny_models.card()
CONTENT = cards.attach(FLATBUFFER, CARD)


def with_archive(files: dict[str, bytes], content: bytes = FLATBUFFER, comment: bytes = b"") -> bytes:
    """As TFLite Metadata attaches files: a zip appended to the model, nothing in it compressed."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
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
    "other files cut short": FOREIGN[:-30],
    "other files with a comment": with_archive({"a.txt": b"1"}, comment=b"by another program"),
    "other files counted from their own start": FLATBUFFER + with_archive({"a.txt": b"1"}, b""),
    "an archive of no files": with_archive({}),
    "an archive behind a cut card": with_archive({"a.txt": b"a"}, CONTENT[: len(FLATBUFFER) + 60]),
}


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
    assert_one_sentence(attach(REFUSED[kind]), 2, "m.tflite", "copy")
    assert (tmp_path / "m.tflite").read_bytes() == REFUSED[kind]
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_that_look_like_an_archive_are_read_with_their_model(tmp_path):
    inside = with_archive({"a.txt": bytes(500)}, b"")
    weights = np.frombuffer(inside + bytes(2048 - len(inside)), np.float32).reshape(2, 256)
    flatbuffer = tiny_models.dense(weights, (128, 2))
    assert inside in flatbuffer
    cards.write_model(tmp_path / "m.tflite", flatbuffer, CARD)
    assert cards.read_model(tmp_path / "m.tflite")[0] == flatbuffer


def test_a_card_that_could_not_be_read_again_is_not_written(har_edge_here, attach, tmp_path):
    """One that is larger than any card that is read."""
    content = json.loads(CARD.to_json()) | {"training": {"notes": "x" * (2 << 20)}}
    (tmp_path / "card.json").write_text(json.dumps(content))
    assert_one_sentence(attach(CONTENT), 2, "m.tflite was not written", "too large")
    assert (tmp_path / "m.tflite").read_bytes() == CONTENT
