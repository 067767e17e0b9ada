"""Check that windows of any signals go through every command that makes sense of them, and live ones say no."""

import json
import re
import shutil

import numpy as np
import pytest
from programs import assert_one_sentence, har_edge, succeeded
from written_recordings import motion, write
from written_windows import of_people, two_frequencies, write_windows

from edge_runtime import Classifier, load_data
from edge_runtime.model import model_card
from edge_runtime.runs import Run
from edge_runtime.signals.types import UNKNOWN_UNIT

EPOCHS = 100  # of one step each


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Trained on a small file of windows, and converted."""
    folder = tmp_path_factory.mktemp("windows")
    write_windows(folder / "waves.npz", of_people(150))
    trained = succeeded(har_edge("train", "--data", "waves.npz", "--epochs", EPOCHS, "--out", "runs/waves", cwd=folder))
    assert "name no subjects" not in trained.stderr
    succeeded(har_edge("convert", "--quantize", cwd=folder))
    return Run(folder / "runs" / "waves")


@pytest.mark.long
def test_the_card_says_what_is_known_and_what_is_not(run):
    card = model_card.read_model(run.tflite("int8"))[1]
    assert card.input_shape == (64, 2)
    assert [(x.name, x.unit) for x in card.signals] == [("channel_1", UNKNOWN_UNIT), ("channel_2", UNKNOWN_UNIT)]
    assert (card.window.rate_hz, card.window.hop, card.front_end, card.live.novelty) == (None, 64, None, None)
    assert card.normalisation.knee == (None, None)
    assert card.training["test_subjects"] == ["emil"]
    assert card.scores["test"]["accuracy"] > 0.9


@pytest.mark.long
def test_bench_and_evaluate_agree_on_the_remembered_windows(run):
    folder = run.folder.parents[1]
    succeeded(har_edge("bench", "--runs", 20, "--rounds", 2, "--json", "bench.json", cwd=folder))
    done = succeeded(har_edge("evaluate", "--json", "scores.json", "--plots", "pictures", cwd=folder))
    assert "emil" in done.stdout
    bench, scores = (json.loads((folder / x).read_text()) for x in ("bench.json", "scores.json"))
    assert bench["data"]["period_s"] is None
    assert bench["results"][1]["accuracy"] == scores["accuracy"] > 0.9
    assert scores["windows"] == 30
    test = load_data(folder / "waves.npz").test
    assert np.mean(Classifier(run.folder).logits(test.X).argmax(axis=1) == test.y) > 0.9
    assert "unknown rate" in succeeded(har_edge("info", run.folder, cwd=folder)).stdout


def test_a_network_of_sensor_counts_is_converted_with_all_of_their_range(tmp_path):
    import keras

    members = of_people(150)
    members["X"] = np.round(4000 * members["X"])
    path = write_windows(tmp_path / "counts.npz", members)
    network = keras.Sequential(
        [
            keras.Input((64, 2)),
            keras.layers.Conv1D(4, 3, strides=8, activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2),
        ]
    )
    network.save(tmp_path / "own.keras")
    succeeded(har_edge("convert", "own.keras", "--data", path, cwd=tmp_path))
    X = load_data(path).test.X
    assert np.abs(X).max() > 8000
    logits = Classifier(tmp_path / "own_float32.tflite").logits(X)
    np.testing.assert_allclose(logits, np.asarray(network(X)), rtol=1e-4, atol=0.01)


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "noun"),
    [
        ("stream runs/waves --csv walk.csv", "'channel_1'"),
        ("stream runs/waves --replay 0", "'channel_1'"),
        ("predict walk.csv --model runs/waves", "'channel_1'"),
        ("evaluate runs/waves --live", "'channel_1'"),
        ("personalise runs/waves --data waves.npz -o mine.tflite", "gravity"),
        ("personalise edge --data waves.npz -o mine.tflite", "waves.npz"),
        ("bench --paced", "--paced"),
        ("bench edge --data waves.npz", "fast, slow"),
    ],
)
def test_what_needs_live_signals_people_or_a_rate_is_refused(har_edge_here, run, command, noun):
    folder = run.folder.parents[1]
    write(folder / "walk.csv", *motion(300), ["walk"] * 300, "a")
    assert_one_sentence(har_edge_here(*command.split(), cwd=folder), 2, noun)


@pytest.mark.long
def test_changed_windows_are_no_longer_those_of_the_training(har_edge_here, run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "waves")
    card = json.loads((tmp_path / "waves/card.json").read_text())
    card["training"]["data"]["path"] = str(write_windows(tmp_path / "others.npz", of_people(150, seed=1)))
    (tmp_path / "waves/card.json").write_text(json.dumps(card))
    assert_one_sentence(har_edge_here("evaluate", "waves", cwd=tmp_path), 2, "others.npz")


@pytest.mark.long
def test_blocks_of_windows_are_divided_and_not_called_subjects(tmp_path):
    path = write_windows(tmp_path / "blocks.npz", two_frequencies(60))
    done = succeeded(har_edge("crossval", "--data", path, "--epochs", 1, "--folds", 2, "--out", "folds", cwd=tmp_path))
    folds = json.loads((tmp_path / "folds/crossval.json").read_text())["folds"]
    assert sorted(x for fold in folds for x in fold["subjects"]) == sorted(f"block-{x}" for x in range(1, 9))
    options = ("--network", "edge-small", "--epochs", 1)
    trained = succeeded(har_edge("train", "--data", path, *options, "--out", "run", "--format", "svg", cwd=tmp_path))
    succeeded(har_edge("convert", "run", "--max-drop", 100, cwd=tmp_path))
    evaluated = succeeded(har_edge("evaluate", "run/model_float32.tflite", cwd=tmp_path))
    drawn = [(tmp_path / f"run/{x}.svg").read_text() for x in ("confusion", "subjects", "curves")]
    for text in (done.stdout + done.stderr, trained.stdout, evaluated.stdout, *drawn):
        assert "block" in text
    for text in (done.stdout, trained.stdout, evaluated.stdout, *drawn):
        assert "subject" not in text
    done = har_edge("train", "--data", path, "--epochs", 1, "--test-subjects", "emil", cwd=tmp_path)
    assert_one_sentence(done, 2, "emil", "block-1")


def test_data_explains_what_it_found_and_what_is_missing(har_edge_here, tmp_path):
    members = of_people()
    path = write_windows(tmp_path / "own.npz", members, rate=20, signals=["ecg [/red]", "x"], labels=["slow", "fast"])
    done = succeeded(har_edge_here("data", "--data", path, env={"COLUMNS": "100"}))
    shown = "\n".join(" ".join(x.split()) for x in done.stdout.splitlines())
    for part in ("slow 40 10", "fast 40 10", "all 80 20", "64 samples at 20 Hz", "4 subjects: anna, bert, carl, dora"):
        assert part in shown
    assert "ecg [/red] unknown unit" in shown


def test_a_window_of_any_signals_is_drawn(har_edge_here, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 16, 14))
    path = write_windows(tmp_path / "many.npz", two_frequencies(60), X=X)
    for name, more in (("many.svg", ()), ("one.svg", ("--part", "test"))):
        succeeded(har_edge_here("data", "plot", "--data", path, "--window", 3, *more, "-o", tmp_path / name))
    texts = re.findall(r"<!-- (.*?) -->", (tmp_path / "many.svg").read_text())
    assert "without the last 2 signals" in " ".join(texts)
    assert "time (samples)" in texts
