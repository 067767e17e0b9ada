"""`har-edge card` as a user calls it: printing a card, attaching one, and what gets none."""

import json
import shutil

import numpy as np
import pytest
import tiny_models
from programs import MODELS, assert_one_sentence

from edge_runtime.model import model_card as cards


@pytest.fixture
def tiny(tmp_path):
    """A small model with its card."""
    path = tmp_path / "tiny.tflite"
    cards.write_model(path, tiny_models.dense(np.ones((2, 256), np.float32), (128, 2)), tiny_models.card())
    return path


def test_a_card_can_be_printed_and_attached_again(har_edge_here, tmp_path):
    model = tmp_path / "m.tflite"
    shutil.copy(MODELS["int8"], model)
    printed = har_edge_here("card", model)
    content = json.loads(printed.stdout)
    (tmp_path / "card.json").write_text(json.dumps(content | {"name": "renamed"}))
    done = har_edge_here("card", model, "--from", "card.json")
    assert done.returncode == 0, done.stderr
    flatbuffer, card = cards.read_model(model)
    assert card.name == "renamed"
    assert flatbuffer == cards.read_model(MODELS["int8"])[0]
    (tmp_path / "card.json").write_text(printed.stdout)
    har_edge_here("card", model, "--from", "card.json")
    assert model.read_bytes() == MODELS["int8"].read_bytes()


def test_a_model_of_any_converter_can_get_a_card(har_edge_here, tmp_path, tiny):
    flatbuffer, card = cards.read_model(tiny)
    tiny.write_bytes(flatbuffer)
    cards.save(card, tmp_path / "card.json")
    assert_one_sentence(har_edge_here("info", tiny), 2, "no model card", "har-edge card")
    assert har_edge_here("card", tiny, "--from", "card.json").returncode == 0
    assert har_edge_here("info", tiny).returncode == 0


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (tiny_models.card(samples=64), "takes an input of [1, 128, 2], but its card says [1, 64, 2]"),
        (tiny_models.card(labels=("A", "B", "C")), "gives an output of [1, 2], but its card has 3 labels"),
    ],
)
def test_a_card_that_does_not_fit_is_not_attached(har_edge_here, tmp_path, tiny, card, words):
    before = tiny.read_bytes()
    cards.save(card, tmp_path / "card.json")
    assert_one_sentence(har_edge_here("card", tiny, "--from", "card.json"), 2, str(tiny), words)
    assert tiny.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff"])
def test_a_card_file_that_is_none_is_refused(har_edge_here, tmp_path, tiny, content):
    before = tiny.read_bytes()
    if content is not None:
        (tmp_path / "c.json").write_bytes(content)
    assert_one_sentence(har_edge_here("card", tiny, "--from", "c.json"), 2, "c.json")
    assert tiny.read_bytes() == before
