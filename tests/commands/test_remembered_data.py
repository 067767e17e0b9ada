"""Check that commands use the data and test subjects of a run, or say that its data is missing or changed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from described_recordings import LAYOUT, write_layout, write_tree
from programs import MODELS, assert_one_sentence, har_edge, succeeded
from written_recordings import write_few, write_subjects

from edge_runtime.data import loading
from edge_runtime.devices import trial
from edge_runtime.model import model_card
from edge_runtime.runs import Run

QUICK = ("--rounds", 1, "--runtime", "litert", "--json", "bench.json")
LABELS = ("WALKING", "SITTING")
DESCRIBED = LAYOUT.replace("walk =", "go =").replace("SITTING", "JOGGING")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Write recordings of five people, and a run of the reference model whose card names them."""
    monkeypatch.setattr(trial, "try_model", lambda *_: None)  # the model is harmless
    folder = tmp_path / "home"
    (folder / "mine").mkdir(parents=True)
    write_subjects(folder / "mine", "abcde", LABELS, n=600)
    run = Run(folder / "run")
    run.folder.mkdir()
    flatbuffer, card = model_card.read_model(MODELS["int8"])
    people = {"subjects": [*"acde"], "test_subjects": ["b"], "held_out_subjects": [*"ae"]}
    card = replace(card, name="mine", training=people | {"data": {"name": "mine", "sources": ["mine"]}})
    fingerprint = loading.load_data(folder / "mine").as_for(card).fingerprint
    data = card.training["data"] | {"fingerprint": fingerprint, "path": str(folder / "mine")}
    card = replace(card, training=people | {"data": data})
    run.model.touch()
    model_card.save(card, run.card)
    model_card.write_model(run.tflite("int8"), flatbuffer, card)
    return folder


def commands(home: Path) -> list[tuple[object, ...]]:
    model = Run(home / "run").tflite("int8")
    return [
        ("stream", model, "--replay", 0, "--speed", 0),
        ("bench", home / "run", *QUICK),
        ("evaluate", model),
        ("evaluate", model, "--live"),
    ]


def test_a_model_is_scored_on_its_own_test_subjects(home, har_edge_here, tmp_path):
    _, bench, *evaluations = commands(home)
    for command in evaluations:
        succeeded(har_edge_here(*command, "--json", "scores.json"))
        assert list(json.loads((tmp_path / "scores.json").read_text())["per_subject"]) == ["b"]
    succeeded(har_edge_here(*bench))
    (result,) = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert list(result["per_subject"]) == ["b"]
    assert result["windows"] == len(loading.load_data(home / "mine").with_test(["b"]).test)


def test_data_that_is_missing_or_has_changed_is_named(home, har_edge_here):
    run = home / "run"
    assert_one_sentence(har_edge_here("bench", run, "edge", *QUICK), 2, "--data")
    (home / "mine").rename(home / "moved")
    for arguments in commands(home):
        assert_one_sentence(har_edge_here(*arguments), 2, str(run), "--data")
    (home / "moved").rename(home / "mine")
    assert "trained on subject a" in har_edge_here(*commands(home)[0]).stderr  # a is a training subject
    (home / "mine" / "rec-e.csv").unlink()
    for arguments in commands(home)[1:]:
        assert_one_sentence(har_edge_here(*arguments), 2, "'mine'", "--data")
    assert har_edge_here(*commands(home)[2], "--data", home / "mine").returncode == 0


def test_people_are_divided_as_in_a_training_that_knows_all_of_them(uci_har):
    card = model_card.read_model(MODELS["int8"])[1]
    assert uci_har.as_for(card) is uci_har
    for subjects, testing in (([1], [7]), ([1, 2], "7")):
        assert uci_har.as_for(replace(card, training={"subjects": subjects, "test_subjects": testing})) is uci_har
    others = [*range(1, 7), *range(8, 31)]
    split = uci_har.as_for(replace(card, training={"subjects": others, "test_subjects": [7]}))
    assert set(split.train.subject.tolist()) == {*others}
    assert np.array_equal(split.test.X, uci_har.train.X[uci_har.train.subject == 7])
    assert len(split.train) + len(split.test) == len(uci_har.train) + len(uci_har.test)
    assert split.fingerprint != uci_har.fingerprint


@pytest.fixture
def other_form(tmp_path) -> str:
    """Write recordings in another format, and their layout."""
    write_tree(tmp_path / "theirs", ("sit", "go", "fetch"), "abc")
    write_layout(tmp_path, DESCRIBED)
    (tmp_path / "wrong.toml").write_text(DESCRIBED.replace('"g"', '"m/s2"'))
    return "mine.toml=theirs"


def test_a_wrong_unit_is_named_by_every_command_that_takes_a_layout(har_edge_here, other_form):
    del other_form
    for command in (
        "evaluate edge --data",
        "bench edge --rounds 1 --runtime litert --data",
        "predict edge",
        "stream edge --replay 0 --speed 0 --data",
        "personalise edge --subject a -o me.tflite --data",
    ):
        message = har_edge_here(*command.split(), "wrong.toml=theirs").stderr
        assert "not fit" in " ".join(message.split()), command


@pytest.mark.long
def test_other_commands_follow_a_training_on_two_data_sets_with_shorter_windows(tmp_path, har_edge_here, other_form):
    write_few(tmp_path / "few")
    sources = ("--data", "few", "--data", other_form)
    options = ("--network", "edge-small", "--epochs", 1, *sources, "--window", "1.6", "--hop", "0.4", "--out", "run")
    succeeded(har_edge("train", *options, cwd=tmp_path))
    succeeded(har_edge("convert", "run", "--max-drop", 100, cwd=tmp_path))
    run = Run(tmp_path / "run")
    card = model_card.load(run.card)
    assert (card.window.samples, card.window.hop) == (80, 20)
    assert card.labels[-1] == "JOGGING"
    assert "fetching" not in card.labels
    assert card.training["data"]["path"] == [f"{tmp_path}/few", f"{tmp_path}/mine.toml={tmp_path}/theirs"]
    assert card.training["data"]["name"] == "few + mine"
    assert card.training["test_subjects"] == ["few-5", "mine-c"]
    model = run.tflite("float32")
    assert "path" not in model_card.read_model(model)[1].training["data"]
    succeeded(har_edge_here("evaluate", model, "--json", "scores.json"))
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores["per_subject"]) == ["few-5", "mine-c"]
    decisions = succeeded(har_edge_here("stream", model, "--replay", 0, "--speed", 0, "--jsonl")).stdout
    assert '"seconds": 1.58' in decisions
    assert "has ended" in succeeded(har_edge_here("train", "--resume", "--out", "run", *sources)).stderr
