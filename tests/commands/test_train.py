"""Check `har-edge train`: a complete run folder, nothing overwritten, stopped trainings, one-sentence errors."""

import csv
import json
import os

import numpy as np
import pytest
from programs import assert_one_sentence, succeeded
from training_fixtures import EPOCHS, run_card

from convert.tensorflow_setup import hash_weights
from edge_runtime.model import model_card
from edge_runtime.model.classifier import Classifier
from edge_runtime.runs import Run, lock_path, settings_path
from train.run.fit_processes import locked

ALL_WHO_TRAIN = "1,3,5,6,7,8,11,14,15,16,17,19,21,22,23,25,26,27,28,29,30"


def test_the_run_folder_describes_the_training(trained_run, uci_har):
    pictures = {"curves.png", "confusion.png", "confusion_held_out.png"}
    assert {path.name for path in trained_run.folder.iterdir()} >= pictures | {"selection.keras"}
    assert not (trained_run.folder / "checkpoint").exists()
    card = run_card(trained_run)
    assert card["training"]["data"]["fingerprint"] == uci_har.fingerprint
    assert card["training"]["recipe"]["epochs"] == EPOCHS
    assert card["training"]["held_out_subjects"] == [3, 8, 16, 22, 27]
    assert card["training"]["test_subjects"] == [2, 4, 9, 10, 12, 13, 18, 20, 24]
    assert card["scores"]["test"]["windows"] == 2947
    assert card["scores"]["test"]["accuracy"] > 0.85
    assert 0.05 < card["temperature"] < 2
    rows = list(csv.DictReader(trained_run.history.open()))
    assert [(row["fit"], int(row["epoch"])) for row in rows] == [
        (fit, epoch + 1) for fit in ("selection", "final") for epoch in range(EPOCHS)
    ]
    assert float(rows[0]["held_out_accuracy"]) > 0.5
    assert rows[-1]["held_out_accuracy"] == ""
    assert (trained_run.folder.parent / "latest").resolve() == trained_run.folder.resolve()


def test_the_saved_network_has_the_scores_of_the_card(trained_run, trained_network, uci_har):
    X = model_card.load(trained_run.card).normalisation.apply(uci_har.test.X)
    accuracy = np.mean(np.asarray(trained_network(X, training=False)).argmax(1) == uci_har.test.y)
    assert accuracy == pytest.approx(run_card(trained_run)["scores"]["test"]["accuracy"])
    assert hash_weights(trained_network) == run_card(trained_run)["training"]["weights_sha256"]["model"]


def test_training_never_overwrites(har_edge_here, trained_run):
    before = {path: path.read_bytes() for path in trained_run.folder.iterdir() if path.is_file()}
    result = har_edge_here("train", "--out", trained_run.folder, cwd=trained_run.folder)
    assert_one_sentence(result, 2, str(trained_run.folder))
    assert before == {x: x.read_bytes() for x in before}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "transformer"], ["transformer"]),
        (["--window", "1", "--hop", "2"], ["--hop"]),
        (["--resume", "--out", "absent"], ["absent"]),
        (["--test-subjects", "2,31"], ["--test-subjects", "31"]),
        (["--test-subjects", "2,3", "--held-out", "3"], ["--held-out", "3"]),
        (["--held-out", ALL_WHO_TRAIN], ["--held-out"]),
    ],
)
def test_bad_usage_is_one_sentence(har_edge_here, tmp_path, arguments, words):
    assert_one_sentence(har_edge_here("train", *arguments), 2, *words)
    assert not (tmp_path / "runs").exists()


def write_settings(folder, **changes):
    path = settings_path(folder)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"epochs": 1, "fingerprint": "0" * 64} | changes))
    return path


@pytest.mark.parametrize("option", [("--epochs", 2), ("--seeds", 2), ("--held-out", "3,1"), ("--data", "elsewhere")])
def test_resume_refuses_another_value_of_an_option_by_name(har_edge_here, tmp_path, option):
    write_settings(tmp_path / "run", held_out=["1", "2"])
    result = har_edge_here("train", "--resume", "--out", "run", *option)
    assert_one_sentence(result, 2, f"{option[0]} ", "--resume")


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"network": "theirs:build"}, ["--network theirs:build"]), ({"pictures": "png/../x"}, ["png"])],
)
def test_a_stopped_training_neither_runs_code_nor_leaves_its_folder(har_edge_here, tmp_path, setting, words):
    (tmp_path / "theirs.py").write_text("open('ran', 'w')")
    write_settings(tmp_path / "run", **setting)
    assert_one_sentence(har_edge_here("train", "--resume", "--out", "run"), 2, *words)
    assert not (tmp_path / "ran").exists()


def test_without_a_folder_the_newest_stopped_training_is_resumed(har_edge_here, tmp_path):
    for age, name in enumerate(("at-work", "newest", "older")):
        os.utime(write_settings(tmp_path / "runs" / name, data=(name,)), (9 - age, 9 - age))
    with locked(lock_path(tmp_path / "runs" / "at-work")):
        assert_one_sentence(har_edge_here("train", "--resume"), 2, "newest does")


def test_no_command_takes_a_training_that_is_running_or_stopped(har_edge_here, tmp_path):
    with locked(lock_path(tmp_path / "run")):
        assert_one_sentence(har_edge_here("train", "--out", "run"), 2, "running")
        assert not settings_path(tmp_path / "run").exists()
    lock_path(tmp_path / "run").unlink()
    lock_path(tmp_path / "run").parent.rmdir()
    write_settings(tmp_path / "run")
    with locked(lock_path(tmp_path / "run")):
        for arguments in (("convert", "run"), ("train", "--resume", "--out", "run")):
            assert_one_sentence(har_edge_here(*arguments), 2, "running")
    for arguments in (("train", "--out", "run"), ("convert", "run")):
        assert_one_sentence(har_edge_here(*arguments), 2, "--resume --out run")


@pytest.mark.long
def test_a_network_in_the_walking_frame_without_gyroscope_is_converted(har_edge_here, tmp_path, uci_har):
    options = ("--frame", "walking", "--sensors", "accelerometer", "--network", "edge-small")
    succeeded(har_edge_here("train", *options, "--epochs", 1, "--out", "run"))
    succeeded(har_edge_here("convert", "run"))
    card = run_card(Run(tmp_path / "run"))
    assert (card["frame"], card["training"]["recipe"]["turn"]) == ("walking", 0.3)
    classifier = Classifier(Run(tmp_path / "run").tflite("float32"))
    test = uci_har.as_for(classifier.card).test
    assert test.X.shape[-1] == 6
    accuracy = np.mean(classifier.logits(test.X).argmax(axis=1) == test.y)
    assert accuracy == pytest.approx(card["scores"]["test"]["accuracy"], abs=1e-3)
