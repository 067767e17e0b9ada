"""Check that every command takes windows of any signals, except commands for live signals, which refuse them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_models
from programs import assert_one_sentence, har_edge, succeeded
from written_recordings import motion, write
from written_windows import of_people, write_windows

from edge_runtime import Classifier, load_data
from edge_runtime.devices import trial
from edge_runtime.model import model_card
from edge_runtime.runs import Run
from edge_runtime.signals.types import UNKNOWN_UNIT
from train.training_data import TrainingInput


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """Make a run on a small file of windows, with a model that adds some of their values."""
    monkeypatch.setattr(trial, "try_model", lambda *_: None)  # the model is harmless
    data = load_data(write_windows(tmp_path / "waves.npz", of_people(150)))
    people = {"subjects": ["anna", "bert", "dora", "emil"], "test_subjects": ["carl"]}
    record = {"name": "waves", "sources": ["waves"], "fingerprint": data.fingerprint, "path": f"{tmp_path}/waves.npz"}
    card = tiny_models.card(64, data.labels, [signal.name for signal in data.signals], front_end=None)
    card = replace(card, signals=data.signals, window=data.window, training=people | {"data": record})
    run = Run(tmp_path / "runs" / "waves")
    run.folder.mkdir(parents=True)
    run.model.touch()
    model_card.save(card, run.card)
    weights = np.random.default_rng(0).normal(size=(2, 128)).astype(np.float32)
    model_card.write_model(run.tflite("int8"), tiny_models.dense(weights, (64, 2)), card)
    (tmp_path / "runs" / "latest").symlink_to("waves")
    return run


def test_bench_and_evaluate_agree_on_the_remembered_windows(har_edge_here, run, tmp_path):
    succeeded(har_edge_here("bench", "--rounds", 1, "--runtime", "litert", "--json", "bench.json"))
    done = succeeded(har_edge_here("evaluate", "--json", "scores.json"))
    assert "carl" in done.stdout
    bench, scores = (json.loads((tmp_path / name).read_text()) for name in ("bench.json", "scores.json"))
    assert bench["data"]["period_s"] is None
    test = load_data(tmp_path / "waves.npz").test
    right = np.mean(Classifier(run.folder).logits(test.X).argmax(axis=1) == test.y)
    assert bench["results"][0]["accuracy"] == scores["accuracy"] == right
    assert scores["windows"] == 30


@pytest.mark.parametrize(
    ("command", "noun"),
    [
        ("stream runs/waves --csv walk.csv", "channel_1"),
        ("predict runs/waves walk.csv", "channel_1"),
        ("evaluate runs/waves --live", "channel_1"),
        ("personalise runs/waves --data waves.npz -o mine.tflite", "channel_1"),
        ("personalise edge --data waves.npz -o mine.tflite", "waves.npz"),
        ("bench --paced", "--paced"),
        ("bench edge --data waves.npz", "fast, slow"),
    ],
)
def test_commands_that_need_live_signals_people_or_a_rate_refuse(har_edge_here, run, tmp_path, command, noun):
    del run
    write(tmp_path / "walk.csv", *motion(300), ["walk"] * 300, "a")
    assert_one_sentence(har_edge_here(*command.split()), 2, noun)


def test_a_label_with_few_windows_to_train_on_is_named(tmp_path):
    members, notices = of_people(300), list[str]()
    members["y"] = np.where(np.arange(300) % 60 == 7, "jumps", members["y"])
    training = TrainingInput(data=(str(write_windows(tmp_path / "own.npz", members)),))
    training.check_fit(training.load_data(), notices.append)
    assert [("jumps (" in notice, "slow" in notice) for notice in notices] == [(True, False)]


@pytest.mark.long
def test_a_network_of_windows_is_trained_converted_and_scored(tmp_path):
    write_windows(tmp_path / "waves.npz", of_people(150))
    options = ("--epochs", 100, "--out", "runs/waves")  # each epoch is one step
    assert "name no subjects" not in succeeded(har_edge("train", "--data", "waves.npz", *options, cwd=tmp_path)).stderr
    succeeded(har_edge("convert", "--quantize", cwd=tmp_path))
    card = model_card.read_model(Run(tmp_path / "runs/waves").tflite("int8"))[1]
    assert card.input_shape == (64, 2)
    signals = [(signal.name, signal.unit) for signal in card.signals]
    assert signals == [("channel_1", UNKNOWN_UNIT), ("channel_2", UNKNOWN_UNIT)]
    assert (card.window.rate_hz, card.window.hop, card.front_end, card.live.novelty) == (None, 64, None, None)
    assert card.normalisation.knee == (None, None)
    assert card.training["test_subjects"] == ["carl"]
    assert card.scores["test"]["accuracy"] > 0.9


@pytest.mark.long
def test_a_network_of_sensor_counts_is_converted_with_their_whole_range(tmp_path):
    from keras import Input, Sequential, layers

    members = of_people(150)
    members["X"] = np.round(4000 * members["X"])
    path = write_windows(tmp_path / "counts.npz", members)
    network = Sequential([Input((64, 2)), layers.Conv1D(4, 3, strides=8), layers.Flatten(), layers.Dense(2)])
    network.save(tmp_path / "own.keras")
    succeeded(har_edge("convert", "own.keras", "--data", path, cwd=tmp_path))
    X = load_data(path).test.X
    assert np.abs(X).max() > 8000
    logits = Classifier(tmp_path / "own_float32.tflite").logits(X)
    np.testing.assert_allclose(logits, np.asarray(network(X)), rtol=1e-4, atol=0.01)
