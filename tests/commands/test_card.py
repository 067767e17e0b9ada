"""`har-edge card` as a user calls it: printing a card, attaching one, and what gets none."""

import json
import shutil

import numpy as np
import pytest
import tiny_models
from programs import MODELS, assert_one_sentence, har_edge, succeeded

from edge_runtime.model import model_card as cards


@pytest.fixture
def tiny(tmp_path):
    """A small model with its card."""
    path = tmp_path / "tiny.tflite"
    cards.write_model(path, tiny_models.dense(np.ones((2, 256), np.float32), (128, 2)), tiny_models.card())
    return path


def test_a_card_can_be_printed_and_attached_again(tmp_path):
    model = tmp_path / "m.tflite"
    shutil.copy(MODELS["int8"], model)
    printed = har_edge("card", model, cwd=tmp_path)
    content = json.loads(printed.stdout)
    (tmp_path / "card.json").write_text(json.dumps(content | {"name": "renamed"}))
    succeeded(har_edge("card", model, "--from", "card.json", cwd=tmp_path))
    flatbuffer, card = cards.read_model(model)
    assert card.name == "renamed"
    assert flatbuffer == cards.read_model(MODELS["int8"])[0]
    (tmp_path / "card.json").write_text(printed.stdout)
    har_edge("card", model, "--from", "card.json", cwd=tmp_path)
    assert model.read_bytes() == MODELS["int8"].read_bytes()


def test_a_model_of_any_converter_can_get_a_card(tmp_path, tiny):
    flatbuffer, card = cards.read_model(tiny)
    tiny.write_bytes(flatbuffer)
    cards.save(card, tmp_path / "card.json")
    assert_one_sentence(har_edge("info", tiny, cwd=tmp_path), 2, "no model card", "har-edge card")
    assert har_edge("card", tiny, "--from", "card.json", cwd=tmp_path).returncode == 0
    assert har_edge("info", tiny, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (tiny_models.card(samples=64), "takes an input of [1, 128, 2], but its card says [1, 64, 2]"),
        (tiny_models.card(labels=("A", "B", "C")), "gives an output of [1, 2], but its card has 3 labels"),
    ],
)
def test_a_card_that_does_not_fit_is_not_attached(tmp_path, tiny, card, words):
    before = tiny.read_bytes()
    cards.save(card, tmp_path / "card.json")
    assert_one_sentence(har_edge("card", tiny, "--from", "card.json", cwd=tmp_path), 2, str(tiny), words)
    assert tiny.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff"])
def test_a_card_file_that_is_none_is_refused(tmp_path, tiny, content):
    before = tiny.read_bytes()
    if content is not None:
        (tmp_path / "c.json").write_bytes(content)
    assert_one_sentence(har_edge("card", tiny, "--from", "c.json", cwd=tmp_path), 2, "c.json")
    assert tiny.read_bytes() == before
