"""A run remembers its data and test subjects: commands take them, or say what became of them."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from programs import MODELS, assert_one_sentence, har_edge, succeeded
from written_recordings import write_subjects

from edge_runtime.commands.model_arguments import data_for, recordings_for
from edge_runtime.data import loading, recordings
from edge_runtime.data.data_sources import sources
from edge_runtime.errors import InputError
from edge_runtime.model import model_card
from edge_runtime.runs import Run, remembered_data

pytestmark = pytest.mark.long

BENCH = ("--runs", 2, "--rounds", 1, "--no-control")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Recordings of five people, and a run on them with a test subject of its own, converted from elsewhere."""
    home = tmp_path_factory.mktemp("home")
    (home / "mine").mkdir()
    write_subjects(home / "mine", ("a", "b", "c", "d", "e"), n=600)
    people = ("--test-subjects", "b", "--held-out", "a,e")
    options = ("--network", "edge-small", "--epochs", 1, "--data", "mine", *people)
    succeeded(har_edge("train", *options, "--out", "run", cwd=home))
    (home / "elsewhere").mkdir()
    succeeded(har_edge("convert", "../run", "--max-drop", 100, cwd=home / "elsewhere"))
    return home


@pytest.fixture
def copy(home, tmp_path) -> Path:
    """The same run, remembering a copy of the data that a test may spoil."""
    shutil.copytree(home, tmp_path / "home")
    run = Run(tmp_path / "home" / "run")
    content = json.loads(run.card.read_text())
    content["training"]["data"]["path"] = str(tmp_path / "home" / "mine")
    run.card.write_text(json.dumps(content))
    return tmp_path / "home"


def test_the_card_names_the_people_and_the_place_which_no_model_carries(home):
    run = Run(home / "run")
    training = model_card.load(run.card).training
    assert (training["test_subjects"], sorted(training["held_out_subjects"])) == (["b"], ["a", "e"])
    assert training["subjects"] == ["a", "c", "d", "e"]
    assert training["data"]["path"] == str((home / "mine").resolve())
    carried = model_card.read_model(run.tflite("float32"))[1].training
    kept = ("name", "fingerprint", "sources", "placements")
    assert carried == training | {"data": {x: training["data"][x] for x in kept}}


def test_a_model_is_scored_on_its_own_test_subjects(home):
    where = home / "elsewhere"
    succeeded(har_edge("bench", "../run", *BENCH, "--json", "bench.json", cwd=where))
    windows = len(loading.load_data(home / "mine").with_test(["b"]).test)
    assert json.loads((where / "bench.json").read_text())["results"][0]["windows"] == windows
    model = Run(Path("../run")).tflite("float32")
    for options in ((), ("--live",)):
        succeeded(har_edge("evaluate", model, *options, "--json", "scores.json", cwd=where))
        assert list(json.loads((where / "scores.json").read_text())["per_subject"]) == ["b"]


def commands(home: Path) -> list[tuple[object, ...]]:
    model = Run(home / "run").tflite("float32")
    return [
        ("convert", home / "run"),
        ("stream", model, "--replay", 0, "--speed", 0),
        ("bench", home / "run", *BENCH),
        ("evaluate", model),
        ("evaluate", model, "--live"),
        ("personalise", model, "--evaluate"),
    ]


def test_data_that_is_gone_or_has_changed_is_said(copy, har_edge_here):
    run = copy / "run"
    assert_one_sentence(har_edge_here("bench", run, "edge", *BENCH), 2, "--data")
    (copy / "mine").rename(copy / "moved")
    for arguments in commands(copy):
        assert_one_sentence(har_edge_here(*arguments), 2, str(run), "--data")
    (copy / "moved").rename(copy / "mine")
    assert "subject a" in har_edge_here(*commands(copy)[1]).stderr
    (copy / "mine" / "rec-e.csv").unlink()
    for arguments in commands(copy)[2:]:
        assert_one_sentence(har_edge_here(*arguments), 2, "'edge-small'", "--data")
    assert_one_sentence(har_edge("convert", run, cwd=copy), 2, "--data")
    assert har_edge_here(*commands(copy)[3], "--data", copy / "mine").returncode == 0


def test_own_recordings_are_read_once(home, har_edge_here, monkeypatch):
    read, files = recordings.read_tables, []
    monkeypatch.setattr(
        recordings, "read_tables", lambda content, place, *rest: files.append(place) or read(content, place, *rest)
    )
    for arguments in (("evaluate",), ("evaluate", "--live")):
        succeeded(har_edge_here(*arguments, Run(home / "run").tflite("float32")))
        assert sorted(Path(x).name for x in files) == [f"rec-{x}.csv" for x in "abcde"]
        files.clear()


@pytest.mark.parametrize("training", [{}, {"data": {"name": "mine"}}, {"data": "mine"}])
def test_a_card_that_tells_of_no_data_is_not_trained_on_any(training, uci_har):
    card = dataclasses.replace(model_card.read_model(MODELS["int8"])[1], training=training)
    with pytest.raises(InputError, match="'edge'"):
        loading.check_unchanged(uci_har, sources("mine"), card)


def test_recordings_of_a_remembered_official_copy_are_the_embedded_ones(tmp_path):
    run = Run(tmp_path)
    with zipfile.ZipFile(official := tmp_path / "official.zip", "w") as archive:
        archive.writestr("UCI HAR Dataset.zip", b"")
    run.model.touch()
    card = model_card.read_model(MODELS["int8"])[1]
    training = card.training | {"data": card.training["data"] | {"path": str(official)}}
    model_card.save(dataclasses.replace(card, training=training), run.card)
    assert data_for([run.model], None) == sources(official)
    assert recordings_for(run.model, None) == ()
    assert recordings_for(run.model, sources(official)) == sources(official)


def test_a_model_beside_a_card_of_anybody_is_in_no_run_folder(home, tmp_path):
    model = shutil.copy(Run(home / "run").tflite("float32"), tmp_path)
    (tmp_path / "card.json").write_text("{}")
    assert remembered_data(Path(model)) == ()


def test_windows_change_parts_with_their_subjects(uci_har):
    testing = [1, 2]
    split = uci_har.with_test(testing)
    assert set(split.test.subject.tolist()) == {1, 2}
    assert not set(split.train.subject.tolist()) & {1, 2}
    assert len(split.train) + len(split.test) == len(uci_har.train) + len(uci_har.test)
    for subject in testing:
        source = uci_har.train if subject == 1 else uci_har.test
        assert np.array_equal(split.test.X[split.test.subject == subject], source.X[source.subject == subject])
    assert uci_har.with_test(uci_har.test.subject.tolist()) is uci_har
    assert split.with_test(uci_har.test.subject.tolist()).fingerprint != split.fingerprint


def test_only_the_people_of_a_training_are_divided_as_it_did(uci_har, trained_run):
    card = model_card.load(trained_run.card)
    assert uci_har.split_for(card) is uci_har
    people = {"subjects": [x for x in range(1, 31) if x != 7], "test_subjects": [7]}
    other = dataclasses.replace(card, training=card.training | people)
    assert set(uci_har.split_for(other).test.subject.tolist()) == {7}
    for subjects, test_subjects in (([1], [7]), (None, [7]), ([{}], [7]), ([1, 2], "7")):
        odd = dataclasses.replace(card, training={"subjects": subjects, "test_subjects": test_subjects})
        assert uci_har.split_for(odd) is uci_har
