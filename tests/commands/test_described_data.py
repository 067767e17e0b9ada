"""Layouts, several data sets and windows of another length go through every command that reads data."""

import json

import numpy as np
import pytest
from programs import assert_one_sentence, har_edge, succeeded
from written_recordings import motion, write_few

from edge_runtime.model import model_card
from edge_runtime.runs import Run, remembered_data

pytestmark = pytest.mark.long

LAYOUT = """\
files = "{subject}/{label}.txt"
rate = 50
[acceleration]
columns = [1, 2, 3]
unit = "g"
[rotation]
columns = [4, 5, 6]
unit = "rad/s"
[labels]
run = "JOGGING"
go = "WALKING"
[other_labels]
turn = "turning"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run on own recordings and on those of a layout together, with windows of 1.6 s, converted."""
    home = tmp_path_factory.mktemp("described")
    write_few(home / "few")
    for seed, subject in enumerate("abc"):
        (home / "theirs" / subject).mkdir(parents=True)
        for label in ("run", "go", "turn"):
            rows = [",".join(map(repr, map(float, x))) for x in motion(400, seed)[1]]
            (home / "theirs" / subject / f"{label}.txt").write_text("\n".join(rows))
    (home / "mine.toml").write_text(LAYOUT)
    options = ("--data", "few", "--data", "mine.toml=theirs", "--window", "1.6s", "--hop", "0.4s")
    succeeded(har_edge("train", "--network", "edge-small", "--epochs", 1, *options, "--out", "run", cwd=home))
    succeeded(har_edge("convert", "run", "--max-drop", 100, cwd=home))
    return home


def test_the_card_remembers_all_of_the_data_and_the_window(home):
    run = Run(home / "run")
    card = model_card.load(run.card)
    assert (card.window.samples, card.window.hop) == (80, 20)
    assert card.labels[-1] == "JOGGING"
    assert "turning" not in card.labels
    assert card.training["data"]["path"] == [f"{home}/few", f"{home}/mine.toml={home}/theirs"]
    assert card.training["data"]["name"] == "few + mine"
    assert card.training["test_subjects"] == ["few-5", "mine-c"]
    assert [x.path for x in remembered_data(run.model)] == [home / "few", home / "theirs"]


def test_other_commands_follow_the_card(home):
    model = Run(home / "run").tflite("float32")
    succeeded(har_edge("bench", "run", "--runs", 2, "--rounds", 1, "--no-control", "--json", "bench.json", cwd=home))
    succeeded(har_edge("evaluate", model, "--json", "scores.json", cwd=home))
    bench, scores = (json.loads((home / x).read_text()) for x in ("bench.json", "scores.json"))
    assert bench["results"][0]["windows"] == scores["windows"] > 30
    assert list(scores["per_subject"]) == ["few-5", "mine-c"]
    succeeded(har_edge("evaluate", model, "--live", "--json", "live.json", cwd=home))
    assert json.loads((home / "live.json").read_text())["hours_not_known"] > 0  # of turning
    decisions = succeeded(har_edge("stream", model, "--replay", 0, "--speed", 0, "--jsonl", cwd=home)).stdout
    assert '"seconds": 1.58' in decisions
    assert "80 samples at 50 Hz" in succeeded(har_edge("info", model, cwd=home)).stdout


def test_predict_takes_the_recordings_of_a_layout(home, har_edge_here):
    name = f"{home}/mine.toml={home}/theirs"
    done = succeeded(har_edge_here("predict", name, "--model", "edge", "--json", "-"))
    found = json.loads(done.stdout)["recordings"]
    files = [f"{home}/theirs/{subject}/{label}.txt" for subject in "abc" for label in ("go", "run", "turn")]
    assert [x["file"] for x in found] == files
    assert [x["labels"] for x in found][:3] == [["WALKING"], ["JOGGING"], ["turning"]]
    assert all(x["segments"] for x in found)
    refused = har_edge_here("predict", name, "--model", "edge", "--rate", 50)
    assert_one_sentence(refused, 2, "layout", "--")


@pytest.mark.parametrize(
    "command",
    [
        "evaluate run --data",
        "bench run --runs 2 --rounds 1 --no-control --data",
        "predict --model run",
        "stream run --replay 0 --speed 0 --quiet --data",
        "personalise run --subject a -o me.tflite --data",
        "crossval --network edge-small --epochs 1 --folds subjects --out wrong --data",
    ],
)
def test_a_wrong_unit_is_said_by_every_command_that_takes_a_layout(home, command):
    (home / "wrong.toml").write_text(LAYOUT.replace('"g"', '"m/s2"'))
    said = har_edge(*command.split(), "wrong.toml=theirs", cwd=home).stderr
    assert "wrong.toml" in said
    assert "not fit" in " ".join(said.split())


def test_a_finished_training_knows_its_options(home):
    done = succeeded(
        har_edge("train", "--resume", "--out", "run", "--data", "few", "--data", "mine.toml=theirs", cwd=home)
    )
    assert "has ended" in done.stderr


def test_data_shows_and_checks_what_a_layout_says(home, har_edge_here):
    shown = succeeded(har_edge_here("data", "--data", home / "theirs", "--layout", home / "mine.toml"))
    for part in ("JOGGING", "turning", "50 samples a second", "Gravity"):
        assert part in shown.stdout
    several = succeeded(har_edge_here("data", "--data", home / "few", "--data", f"{home}/mine.toml={home}/theirs"))
    assert "few-1 (JOGGING)" in several.stdout.replace("\n", " ")


def test_windows_that_are_cut_already_keep_their_length(tmp_path, har_edge_here):
    np.savez(tmp_path / "w.npz", X=np.random.default_rng(0).normal(size=(60, 8, 1)), y=np.arange(60) % 2)
    done = har_edge_here("train", "--data", tmp_path / "w.npz", "--window", "2s", "--out", tmp_path / "run")
    assert_one_sentence(done, 2, "--window", "8 samples")
    longer = har_edge_here("train", "--window", "2s", "--hop", "3s", "--out", tmp_path / "run")
    assert_one_sentence(longer, 2, "--hop")
