"""A model without the preparation in its graph is the one that the preparation was put into."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from programs import ROOT

from convert.quantise.compaction import write
from convert.quantise.raw_input import take_prepared_windows, take_raw_windows
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Preparation, predict, preparation
from edge_runtime.model.interpreters import MICRO, open_model


def shipped(name: str) -> tuple[bytes, cards.Card]:
    return cards.read_model(ROOT / "edge_runtime" / "models" / f"{name}.tflite")


@pytest.mark.parametrize("name", ["edge_int8", "edge-small_int8"])
@pytest.mark.parametrize("runtime", ["litert", MICRO])
def test_int8_in_and_out_and_the_same_answers(name, runtime, uci_har):
    if runtime == MICRO:
        pytest.importorskip("tflite_micro")
    flatbuffer, card = shipped(name)
    raw, prepared = open_model(flatbuffer, runtime), open_model(take_prepared_windows(flatbuffer), runtime)
    assert (prepared.input.shape, prepared.input.dtype, prepared.output.dtype) == (raw.input.shape, "int8", "int8")
    X = uci_har.test.X[::10]
    answers = predict(prepared, Preparation(card.normalisation, prepared.input), X)
    assert np.array_equal(answers, predict(raw, preparation(card, raw.input), X))
    assert {"QUANTIZE", "DEQUANTIZE", "SUB", "DIV"} & prepared.operators.counts.keys() == set()
    if runtime == MICRO:
        assert prepared.arena_bytes() < 0.85 * raw.arena_bytes()


@pytest.mark.parametrize("name", ["edge_int8", "edge-small_int8"])
def test_with_the_preparation_again_it_is_the_same_file(name):
    flatbuffer, card = shipped(name)
    # Written anew, since the shipped files are of before equal tables were shared.
    expected = write(schema.ModelT.InitFromPackedBuf(flatbuffer), "raw_windows")
    assert len(expected) < len(flatbuffer)
    assert take_raw_windows(take_prepared_windows(flatbuffer), card.normalisation) == expected


def test_a_float32_model_and_one_of_prepared_windows_are_refused():
    for flatbuffer in (shipped("edge_float32")[0], take_prepared_windows(shipped("edge_int8")[0])):
        with pytest.raises(ValueError, match="does not quantise its windows"):
            take_prepared_windows(flatbuffer)
