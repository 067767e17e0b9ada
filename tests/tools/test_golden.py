"""The golden vectors match the package; after an intended change, run `make golden`."""

import json

import numpy as np
import pytest

from edge_runtime.live.decider import Decision
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier
from edge_runtime.system.files import sha256
from tools.golden import FOLDER, OF_ANY_MOUNTING, STRETCHES, WORN_ANY_WAY, make, model_of


@pytest.mark.parametrize("name", [*STRETCHES, WORN_ANY_WAY])
def test_the_vectors_match_the_package(name):
    raw, signals = (np.loadtxt(FOLDER / name / f"{x}.csv", delimiter=",", skiprows=1) for x in ("raw", "signals"))
    content = json.loads((FOLDER / name / "windows.json").read_text())
    assert content["model_sha256"] == sha256(model_of(name))
    new_signals, new_windows = make(raw, Classifier(model_of(name)))
    np.testing.assert_allclose(new_signals, signals, rtol=0, atol=1e-6)
    for new, stored in zip(new_windows, content["windows"], strict=True):
        for field, value in new.items():
            is_float = field.endswith(("logits", "probabilities"))
            assert stored[field] == (pytest.approx(value, rel=0, abs=1e-5) if is_float else value), field


def test_windows_are_turned_as_live_recognition_turns_them():
    """The vectors' search for the mounting gives the same windows as the recogniser's."""
    raw = np.loadtxt(FOLDER / WORN_ANY_WAY / "raw.csv", delimiter=",", skiprows=1)
    vectors = json.loads((FOLDER / WORN_ANY_WAY / "windows.json").read_text())["windows"]
    recognizer = LiveRecognizer(Classifier(OF_ANY_MOUNTING), gentle=False)
    decisions = [x for x in [*recognizer.push(raw), *recognizer.flush()] if isinstance(x, Decision)]
    for vector, decision in zip(vectors, decisions, strict=True):
        assert decision.window_probabilities == pytest.approx(vector["probabilities"], abs=1e-5)
    has_mounting = [vector["mounting"] is not None for vector in vectors]
    assert has_mounting == sorted(has_mounting)
    assert has_mounting[0] != has_mounting[-1]
