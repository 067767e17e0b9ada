"""The golden vectors are what the package makes of their raw samples; a change of any of them is noticed."""

import json
import shutil

import numpy as np
import pytest

from edge_runtime.data import loading
from edge_runtime.errors import CheckFailedError
from edge_runtime.model.classifier import Classifier
from tools.golden import FOLDER, LENGTH, MODEL, STRETCHES, SUBJECT, check, stretches


@pytest.fixture(scope="module")
def classifier():
    return Classifier(MODEL)


def test_the_vectors_are_what_is_made_of_their_raw_samples(classifier):
    check(FOLDER, classifier)


def test_the_raw_samples_are_those_of_a_real_recording_of_a_training_subject():
    subjects = set(loading.load_data().train.subject.tolist())
    assert SUBJECT in subjects
    for name, raw in stretches():
        stored = np.loadtxt(FOLDER / name / "raw.csv", delimiter=",", skiprows=1)
        assert stored.shape == (LENGTH, 6)
        assert np.array_equal(stored, raw)


@pytest.mark.parametrize("field", ["int8", "logits", "activity", "live_activity"])
def test_a_changed_value_is_found_and_its_place_named(field, classifier, tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    name = list(STRETCHES)[1]
    path = tmp_path / name / "windows.json"
    content = json.loads(path.read_text())
    content["windows"][3][field] = _changed(content["windows"][3][field])
    path.write_text(json.dumps(content))
    with pytest.raises(CheckFailedError, match=f"{name}/windows.json, window 3, {field} "):
        check(tmp_path, classifier)


def test_a_changed_signal_is_found(classifier, tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    name = next(iter(STRETCHES))
    path = tmp_path / name / "signals.csv"
    lines = path.read_text().splitlines()
    first, rest = lines[100].split(",", 1)
    lines[100] = f"{float(first) + 2e-6:.9f},{rest}"
    path.write_text("\n".join(lines))
    with pytest.raises(CheckFailedError, match=f"{name}/signals.csv"):
        check(tmp_path, classifier)


def _changed(value):
    if isinstance(value, str):
        return value + "!"
    if isinstance(value, list):
        return [_changed(value[0]), *value[1:]]
    return value + 1
