"""Check cross-validation over groups of training subjects."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from programs import assert_one_sentence, succeeded
from training_fixtures import TINY, har_edge_within
from written_windows import of_people, write_windows

from edge_runtime.data.dataset import Split
from edge_runtime.errors import InputError
from train.cross_validation import choose_folds

PEOPLE = [*(f"s{i}" for i in range(1, 11)), "test"]


@pytest.fixture(scope="module")
def windows(tmp_path_factory) -> Path:
    """Windows of the training subjects s1 to s10, and of a test subject."""
    path = tmp_path_factory.mktemp("data") / "own.npz"
    return write_windows(path, of_people(220), subject=np.repeat(PEOPLE, 20), split=[0] * 200 + [1] * 20)


def test_every_training_subject_is_in_one_fold_and_no_test_subject_in_any(uci_har):
    folds = choose_folds(uci_har.train, uci_har.labels, 4)
    assert sorted(x for fold in folds for x in fold) == np.unique(uci_har.train.subject).tolist()
    assert not {x for fold in folds for x in fold} & set(uci_har.test.subject.tolist())
    folds = choose_folds(uci_har.train, uci_har.labels, None)
    assert folds == [[x] for x in np.unique(uci_har.train.subject).tolist()]


@pytest.mark.parametrize(("n_folds", "words"), [(3, "3 folds"), (2, "RUNNING")])
def test_impossible_folds_are_refused(n_folds, words):
    """There are two people, and only the second runs."""
    y, subject = np.array([0, 0, 1, 0], np.uint8), np.array(["a", "a", "a", "b"])
    with pytest.raises(InputError, match=words):
        choose_folds(Split(np.zeros((4, 1, 1), np.float32), y, subject), ("LYING", "RUNNING"), n_folds)


def test_file_and_table_agree(windows, tmp_path):
    options = ("--network", TINY, "--epochs", 3, "--folds", 2, "--data", windows)
    result = succeeded(har_edge_within("crossval", *options, cwd=tmp_path))
    (folder,) = (tmp_path / "runs").iterdir()
    assert {x.name for x in folder.iterdir()} == {"crossval.json", "confusion.png"}
    content = json.loads((folder / "crossval.json").read_text())
    folds = content["folds"]
    assert [fold["windows"] for fold in folds] == [100, 100]
    assert sorted(x for fold in folds for x in fold["subjects"]) == sorted(PEOPLE[:-1])
    assert all(fold["subjects"] == sorted(fold["subjects"], key=PEOPLE.index) for fold in folds), "s2 before s10"
    accuracies = [fold["accuracy"] for fold in folds]
    assert content["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert content["macro_f1"]["mean"] == pytest.approx(np.mean([fold["macro_f1"] for fold in folds]))
    assert content["accuracy"]["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert content["scores"]["windows"] == 200
    assert content["scores"]["accuracy"] == pytest.approx(np.mean(accuracies))
    assert all(f"{100 * accuracy:.2f} %" in result.stdout for accuracy in accuracies)
    assert f"{100 * np.mean(accuracies):.2f} ± " in result.stdout
    assert " \n" not in result.stdout
    assert "│" not in result.stdout
    epochs = re.findall(r"(\d) of 3 epochs", result.stderr)
    assert epochs == sorted(epochs)
    assert epochs[-1] == "3"


def test_folds_that_are_not_a_number_are_refused_before_any_fit(har_edge_here, tmp_path):
    assert_one_sentence(har_edge_here("crossval", "--folds", "people"), 2, "--folds", "people")
    assert not (tmp_path / "runs").exists()
