"""The golden vectors match the package; a change of any value is noticed."""

import json
import shutil

import numpy as np
import pytest

from edge_runtime.data import loading
from edge_runtime.errors import CheckFailedError
from edge_runtime.live.decider import Decision
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier
from tools.golden import FOLDER, LENGTH, OF_ANY_MOUNTING, STRETCHES, SUBJECT, WORN_ANY_WAY, check, stretches


def test_the_vectors_match_the_package():
    check(FOLDER)


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


def test_the_raw_samples_are_from_a_real_recording_of_a_training_subject():
    subjects = set(loading.load_data().train.subject.tolist())
    assert SUBJECT in subjects
    for name, raw in stretches():
        stored = np.loadtxt(FOLDER / name / "raw.csv", delimiter=",", skiprows=1)
        assert stored.shape == (LENGTH, 6)
        assert np.array_equal(stored, raw)


def test_the_place_of_a_changed_value_is_named(tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    name = list(STRETCHES)[1]
    path = tmp_path / name / "windows.json"
    content = json.loads(path.read_text())
    content["windows"][3]["logits"][0] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(CheckFailedError, match=f"{name}/windows.json, window 3, logits "):
        check(tmp_path)
