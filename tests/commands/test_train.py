"""Check `har-edge train`: a complete run folder, nothing overwritten, refusals of one sentence."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from programs import assert_one_sentence, in_shell, succeeded
from training_fixtures import EPOCHS, run_card

from edge_runtime.errors import InputError
from edge_runtime.model import model_card
from edge_runtime.model.classifier import Classifier
from edge_runtime.runs import Run, settings_path
from train.cli import _work
from train.fit.fit import hash_weights
from train.run.training import TrainingSettings, folder_lock


def test_the_run_folder_tells_the_whole_training(trained_run, uci_har):
    pictures = {"curves.png", "confusion.png", "confusion_held_out.png", "subjects.png"}
    files = {"card.json", "model.keras", "selection.keras", "history.csv"}
    assert {x.name for x in trained_run.folder.iterdir()} >= pictures | files
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
    assert [(x["fit"], int(x["epoch"])) for x in rows] == [
        (f, e + 1) for f in ("selection", "final") for e in range(EPOCHS)
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
    before = {x: x.read_bytes() for x in trained_run.folder.iterdir() if x.is_file()}
    result = har_edge_here("train", "--out", trained_run.folder, cwd=trained_run.folder)
    assert_one_sentence(result, 2, str(trained_run.folder), "choose another --out")
    assert before == {x: x.read_bytes() for x in trained_run.folder.iterdir() if x.is_file()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "transformer"], ["transformer", "edge"]),
        (["--seeds", "3", "--seed", str(2**32 - 2)], ["--seed", "last seed"]),
        (["--data", "absent"], ["absent"]),
        (["--resume"], ["stopped training"]),
        (["--resume", "--out", "absent"], ["absent", "stopped training"]),
        (["--test-subjects", "2,31"], ["--test-subjects", "31", "30"]),
        (["--test-subjects", ","], ["--test-subjects", "nobody"]),
        (["--test-subjects", "2,3", "--held-out", "3"], ["--held-out", "3", "training subjects"]),
        (["--test-subjects", ",".join(map(str, range(2, 31)))], ["at least two training subjects"]),
        (
            ["--held-out", "1,3,5,6,7,8,11,14,15,16,17,19,21,22,23,25,26,27,28,29,30"],
            ["--held-out", "no training subject"],
        ),
    ],
)
def test_bad_usage_is_one_sentence(har_edge_here, tmp_path, arguments, words):
    assert_one_sentence(har_edge_here("train", *arguments), 2, *words)
    assert not (tmp_path / "runs").exists()


SETTINGS = {"recipe": {"epochs": 1}, "seed": 0, "data": None, "fingerprint": "0" * 64}


def write_settings(folder, **changes):
    path = settings_path(folder)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(SETTINGS | changes))
    return path


def test_resuming_on_other_data_is_refused(har_edge_here, tmp_path):
    write_settings(tmp_path / "runs" / "stopped")
    assert_one_sentence(har_edge_here("train", "--resume"), 2, "changed since")


@pytest.mark.parametrize(
    ("key", "value"), [("recipe", {"epochs": "x"}), ("seed", "a"), ("data", 5), ("recipe", 3), ("seeds", "x")]
)
def test_damaged_settings_are_named(tmp_path, key, value):
    path = write_settings(tmp_path, **{key: value})
    with pytest.raises(InputError, match=r"settings\.json is damaged"):
        TrainingSettings.load(path)


def test_a_finished_training_that_was_killed_while_tidying_up_is_whole(har_edge_here, trained_run, tmp_path):
    """The settings go first: what is left of the checkpoint then means nothing."""
    folder = tmp_path / "run"
    shutil.copytree(trained_run.folder, folder)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "final.npz").write_bytes(b"left over")
    result = har_edge_here("train", "--resume", "--out", folder, "--epochs", EPOCHS, "--network", "edge")
    assert result.returncode == 0
    assert "has ended, and nothing is left to do" in result.stderr
    assert f"{100 * run_card(trained_run)['scores']['test']['accuracy']:.2f} %" in result.stdout
    assert_one_sentence(
        har_edge_here("train", "--resume", "--out", folder, "--seed", 1),
        2,
        "--seed 1 cannot be changed on --resume",
        "with --seed 0",
    )


@pytest.mark.parametrize(
    ("option", "began"),
    [
        (("--epochs", 2), "with --epochs 1"),
        (("--network", "edge-small"), "with --network edge"),
        (("--classes", "coarse"), "with --classes six"),
        (("--seeds", 2), "without --seeds"),
        (("--held-out", "3,1"), "with --held-out 1, 2"),
        (("--data", "elsewhere"), "without --data"),
    ],
)
def test_an_option_that_differs_from_the_stopped_trainings_is_refused_by_name(har_edge_here, tmp_path, option, began):
    write_settings(tmp_path / "run", held_out=["1", "2"])
    result = har_edge_here("train", "--resume", "--out", "run", *option)
    assert_one_sentence(result, 2, f"{option[0]} ", "cannot be changed on --resume", began)


def test_options_that_are_the_stopped_trainings_are_taken(har_edge_here, tmp_path):
    """They are: what is refused after that is the data."""
    write_settings(tmp_path / "run", held_out=["1", "3"])
    same = ("--epochs", 1, "--network", "edge", "--seed", 0, "--classes", "six", "--held-out", "3, 1")
    assert_one_sentence(har_edge_here("train", "--resume", "--out", "run", *same), 2, "changed since")


def test_without_a_folder_the_newest_stopped_training_is_resumed_else_the_latest_told_of(
    har_edge_here, trained_run, tmp_path
):
    home = trained_run.folder.parent.parent
    shutil.copytree(home / "runs", tmp_path / "runs", symlinks=True)
    ended = succeeded(har_edge_here("train", "--resume"))
    assert "The training in runs/latest has ended" in ended.stderr
    assert_one_sentence(har_edge_here("train", "--resume", "--format", "pdf"), 2, "--format pdf", "has ended")
    write_settings(tmp_path / "runs" / "at-work")
    with folder_lock(tmp_path / "runs" / "at-work"):
        assert_one_sentence(har_edge_here("train", "--resume"), 2, "a training into runs/at-work is under way")
        write_settings(tmp_path / "runs" / "stopped", data=("absent",))
        os.utime(settings_path(tmp_path / "runs" / "stopped"), (1, 1))
        assert_one_sentence(har_edge_here("train", "--resume"), 2, "absent does not exist")


def test_a_training_that_is_under_way_is_said(har_edge_here, tmp_path):
    write_settings(tmp_path / "run")
    with folder_lock(tmp_path / "run"):
        for arguments in (("train", "--out", "run"), ("convert", "run"), ("train", "--resume", "--out", "run")):
            assert_one_sentence(har_edge_here(*arguments), 2, "a training into run is under way")
    assert_one_sentence(har_edge_here("train", "--out", "run"), 2, "stopped training", "--resume --out run")
    assert_one_sentence(har_edge_here("convert", "run"), 2, "was stopped", "--resume --out run")


def test_what_is_left_to_do_is_counted():
    assert _work(2, 1, 8) == "2 fits of 1 epoch, 2 at a time"
    assert _work(1, 6, 8) == "1 fit of 6 epochs, 1 at a time"
    assert _work(0, 6, 8) == "all fits are done"


@pytest.mark.parametrize(
    "text", ["{", "[]", "[" * 100_000, '{"seed": 1e999}', '{"seed": ' + "9" * 5000 + "}", '"\\ud800"']
)
def test_settings_from_elsewhere_are_refused_in_a_sentence(har_edge_here, tmp_path, text):
    write_settings(tmp_path / "run").write_text(text)
    assert_one_sentence(har_edge_here("train", "--resume", "--out", "run"), 2, "settings.json is damaged")
    seeds = tmp_path / "run" / "seeds.json"
    settings_path(tmp_path / "run").unlink()
    seeds.write_text(text)
    assert_one_sentence(har_edge_here("convert", "run"), 2, "seeds.json is damaged")


def test_training_goes_on_when_nobody_reads_its_output_and_where_one_was_killed_at_once(tmp_path):
    """A training that was killed while it wrote its first file has left only its checkpoint folder."""
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint" / ".settings-x.json").write_text("{")
    assert in_shell("train --epochs 1 --out run | true", tmp_path).returncode == 0
    assert Run(tmp_path / "run").card.exists()


def test_an_unwritable_run_folder_is_named(har_edge_here, tmp_path):
    (tmp_path / "file").write_text("")
    for command in ("train", "crossval"):
        result = har_edge_here(command, "--data", "absent", "--out", tmp_path / "file" / "run")
        assert_one_sentence(result, 2, "cannot write into", str(tmp_path / "file" / "run"))


@pytest.mark.long
def test_a_network_of_the_walking_frame_is_trained_converted_and_live(har_edge_here, tmp_path, uci_har):
    options = ("--frame", "walking", "--network", "edge-small", "--epochs", 1, "--out", "run")
    succeeded(har_edge_here("train", *options))
    succeeded(har_edge_here("convert", "run"))
    card = run_card(Run(tmp_path / "run"))
    assert (card["frame"], card["training"]["recipe"]["turn"]) == ("walking", 0.3)
    classifier = Classifier(Run(tmp_path / "run").tflite("float32"))
    test = uci_har.in_walking_frame().test
    accuracy = np.mean(classifier.logits(test.X).argmax(axis=1) == test.y)
    assert accuracy == pytest.approx(card["scores"]["test"]["accuracy"], abs=1e-3)
    assert accuracy > 0.5
    streamed = succeeded(har_edge_here("stream", "run", "--replay", 0, "--speed", 0, "--jsonl")).stdout.splitlines()
    assert "mounting" in [x["kind"] for x in map(json.loads, streamed) if x["type"] == "notice"]
