"""Training is repeatable to the last bit, can be stopped at any moment, and leaves a run folder that tells all."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from programs import assert_one_sentence, har_edge, in_shell
from sklearn.metrics import f1_score
from training_fixtures import EPOCHS, run_card

from edge_runtime.data.dataset import Split
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.runs import Run
from edge_runtime.signals.normalisation import Normalisation
from train.fit.augment import augment
from train.fit.batches import Key
from train.fit.fit import fit, hash_weights, measure_normalisation
from train.fit.networks import NETWORKS, build
from train.fit.recipe import Recipe
from train.run.experiment import check_data, hold_out
from train.run.training_settings import TrainingSettings
from train.scoring import fit_temperature, score

RECIPE, KEY = Recipe(epochs=3, batch_size=16), Key(0, 0)


@pytest.fixture(scope="module")
def few(uci_har) -> Split:
    rows = slice(None, None, 100)
    return Split(uci_har.train.X[rows], uci_har.train.y[rows], uci_har.train.subject[rows])


class StopAt:
    """Counts steps; raises at the given one, as Ctrl-C would."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.seen = stop, []

    def __call__(self, step) -> None:
        self.seen.append((step.epoch, step.step))
        if len(self.seen) == self.stop:
            raise KeyboardInterrupt


def fit_few(few: Split, path, on_step, key: Key = KEY, recipe: Recipe = RECIPE, **options):
    return fit("selection fit", few, few, 6, recipe, key, path, on_step, **options)


@pytest.fixture(scope="module")
def uninterrupted(few, tmp_path_factory):
    tf.config.experimental.enable_op_determinism()
    return fit_few(few, tmp_path_factory.mktemp("fit") / "state.npz", StopAt())


@pytest.mark.parametrize("stop", [1, 4, 5, 10, 12])
def test_a_stopped_fit_ends_with_the_same_weights_and_history(few, uninterrupted, tmp_path, stop):
    """4 steps an epoch: stopped in its first step, at an epoch's last, its first, in the middle and at the very end."""
    stopped, resumed = StopAt(stop), StopAt()
    with pytest.raises(KeyboardInterrupt):
        fit_few(few, tmp_path / "state.npz", stopped)
    result = fit_few(few, tmp_path / "state.npz", resumed)
    finished = {epoch for epoch, step in stopped.seen[:-1] if step == 3}
    assert not finished & {epoch for epoch, _ in resumed.seen}, "a finished epoch ran twice"
    assert hash_weights(result.model) == hash_weights(uninterrupted.model)
    assert result.history == uninterrupted.history


@pytest.mark.parametrize("key", [Key(1, 0), Key(0, 1)])
def test_another_seed_or_stream_gives_other_weights(few, uninterrupted, tmp_path, key):
    other = fit_few(few, tmp_path / "state.npz", StopAt(), key)
    assert hash_weights(other.model) != hash_weights(uninterrupted.model)


def test_a_stopped_fit_with_shifted_windows_and_teachers_ends_with_the_same_weights(few, uninterrupted, tmp_path):
    generator = np.random.default_rng(0)
    options = {
        "recipe": replace(RECIPE, shift=True),
        "hop": 64,
        "soft_targets": generator.dirichlet(np.ones(6), len(few)).astype(np.float32),
    }
    whole = fit_few(few, tmp_path / "whole.npz", StopAt(), **options)
    with pytest.raises(KeyboardInterrupt):
        fit_few(few, tmp_path / "state.npz", StopAt(6), **options)
    resumed = fit_few(few, tmp_path / "state.npz", StopAt(), **options)
    assert hash_weights(resumed.model) == hash_weights(whole.model) != hash_weights(uninterrupted.model)


def test_teachers_without_weight_change_nothing(few, uninterrupted, tmp_path):
    result = fit_few(
        few,
        tmp_path / "state.npz",
        StopAt(),
        recipe=replace(RECIPE, distillation_weight=0.0),
        soft_targets=np.full((len(few), 6), 1 / 6, np.float32),
    )
    for ours, theirs in zip(result.model.weights, uninterrupted.model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_finished_fit_takes_no_further_step(few, uninterrupted, tmp_path):
    fit_few(few, tmp_path / "state.npz", StopAt())
    again = StopAt()
    assert hash_weights(fit_few(few, tmp_path / "state.npz", again).model) == hash_weights(uninterrupted.model)
    assert again.seen == []


@pytest.mark.parametrize("damage", [lambda x: b"", lambda x: x[: len(x) // 2], lambda x: b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused_by_name(few, tmp_path, damage):
    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        fit_few(few, path, StopAt(5))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"state\.npz cannot be used"):
        fit_few(few, path, StopAt())


def test_the_checkpoint_of_another_recipe_is_refused(few, tmp_path):
    fit_few(few, tmp_path / "state.npz", StopAt())
    with pytest.raises(InputError, match="another training's"):
        fit_few(few, tmp_path / "state.npz", StopAt(), recipe=replace(RECIPE, noise=0.5))


def test_augmentation_rotates_the_three_triads_alike_and_keeps_their_lengths(few):
    X = few.X[:8]
    plain = Normalisation((0.0,) * 9, (1.0,) * 9, (1e9,) * 9, (None,) * 9)
    turned = augment(
        tf.constant(X), tf.constant([1, 2]), Recipe(gain=0, noise=0, intensity=0, rotation=0.3), plain
    ).numpy()
    assert np.abs(turned - X).max() > 0.05
    for triad in range(3):
        part = slice(3 * triad, 3 * triad + 3)
        np.testing.assert_allclose(
            np.linalg.norm(turned[..., part], axis=-1), np.linalg.norm(X[..., part], axis=-1), atol=1e-5
        )
    # One rotation matrix per window explains all three triads.
    for before, after in zip(X, turned, strict=True):
        matrix = np.linalg.lstsq(before.reshape(-1, 3), after.reshape(-1, 3), rcond=None)[0]
        np.testing.assert_allclose(before.reshape(-1, 3) @ matrix, after.reshape(-1, 3), atol=1e-4)


def test_augmented_windows_are_clipped_before_the_noise(few):
    recipe = Recipe(noise=0, clip=2.0)
    clipped = augment(tf.constant(few.X), tf.constant([1, 2]), recipe, measure_normalisation(few.X, recipe)).numpy()
    assert np.abs(clipped).max() == 2.0


STILL = Recipe(gain=0, noise=0, rotation=0, turn=0, intensity=0)


def test_training_normalises_as_the_device_does(few):
    normalisation = measure_normalisation(few.X, STILL)
    assert normalisation.knee == (STILL.knee,) * 6 + (None,) * 3
    plain = augment(tf.constant(few.X), tf.constant([1, 2]), STILL, normalisation).numpy()
    np.testing.assert_allclose(plain, normalisation.apply(few.X), atol=2e-6)


def test_moving_more_briskly_scales_all_but_gravity(few):
    plain = Normalisation((0.0,) * 9, (1.0,) * 9, (1e9,) * 9, (None,) * 9)
    X = augment(tf.constant(few.X), tf.constant([1, 2]), replace(STILL, intensity=0.3), plain).numpy()
    np.testing.assert_allclose(X[..., 6:] - X[..., :3], few.X[..., 6:] - few.X[..., :3], atol=1e-5)
    factors = np.linalg.norm(X[..., :6], axis=(1, 2)) / np.linalg.norm(few.X[..., :6], axis=(1, 2))
    np.testing.assert_allclose(X[..., :6], factors[:, None, None] * few.X[..., :6], atol=1e-5)
    assert 0.1 < np.log(factors).std() < 0.6


def test_turning_about_the_upright_axis_leaves_its_signals_alone(few):
    plain = Normalisation((0.0,) * 9, (1.0,) * 9, (1e9,) * 9, (None,) * 9)
    X = augment(tf.constant(few.X), tf.constant([1, 2]), replace(STILL, turn=0.5), plain).numpy()
    np.testing.assert_allclose(X[..., ::3], few.X[..., ::3], atol=1e-5)
    assert np.abs(X - few.X).max() > 0.1


def test_held_out_subjects_do_not_depend_on_the_seed_and_leave_most(uci_har):
    held = hold_out(uci_har.train.subject)
    assert held == [3, 8, 16, 22, 27]
    assert hold_out(np.array(["s2", "s2", "s10"])) == ["s10"]
    with pytest.raises(InputError, match="two training subjects"):
        hold_out(np.array([1, 1]))


@pytest.mark.parametrize(("name", "parameters", "steps"), [("edge", 47_878, 8), ("edge-small", 23_078, 8)])
def test_networks_are_as_large_as_their_descriptions_say(name, parameters, steps):
    network = build(name, (128, 9), 6)
    assert network.name == name
    assert network.count_params() == parameters
    assert network.get_layer("steps").output.shape[1] == steps
    assert f"{round(parameters / 1000)} k parameters" in NETWORKS[name].__doc__


def test_scores_are_scikit_learns():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 200).astype(np.uint8)
    predicted = np.where(generator.random(200) < 0.7, y, generator.integers(0, 3, 200))
    subject = np.repeat([4, 7], 100)
    scores = score(Split(np.zeros((200, 1, 1), np.float32), y, subject), predicted, ("a", "b", "c"))
    assert scores["accuracy"] == np.mean(y == predicted)
    assert scores["macro_f1"] == pytest.approx(f1_score(y, predicted, average="macro"))
    assert scores["weighted"]["f1"] == pytest.approx(f1_score(y, predicted, average="weighted"))
    assert scores["per_subject"]["7"] == np.mean(y[100:] == predicted[100:])
    assert np.sum(scores["confusion"]) == 200
    assert scores["confusion"][1][2] == np.sum((y == 1) & (predicted == 2))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_is_found_again(temperature):
    generator = np.random.default_rng(1)
    honest = generator.normal(size=(20_000, 4)) * 2
    shares = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    y = (shares.cumsum(1) > generator.random((20_000, 1))).argmax(1).astype(np.uint8)
    assert fit_temperature((honest * temperature).astype(np.float32), y) == pytest.approx(temperature, rel=0.05)


def test_the_run_folder_tells_the_whole_training(trained_run, uci_har):
    pictures = {"curves.png", "confusion.png", "confusion_held_out.png", "subjects.png"}
    files = {"card.json", "model.keras", "selection.keras", "history.csv"}
    assert {x.name for x in trained_run.folder.iterdir()} >= pictures | files
    assert not (trained_run.folder / "checkpoint").exists()
    card = run_card(trained_run)
    assert card["training"]["data"]["fingerprint"] == uci_har.fingerprint
    assert card["training"]["recipe"]["name"] == "default"
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
    from edge_runtime.model import model_card as cards

    X = cards.load(trained_run.card).normalisation.apply(uci_har.test.X)
    accuracy = np.mean(np.asarray(trained_network(X, training=False)).argmax(1) == uci_har.test.y)
    assert accuracy == pytest.approx(run_card(trained_run)["scores"]["test"]["accuracy"])
    assert hash_weights(trained_network) == run_card(trained_run)["training"]["weights_sha256"]["model"]


def test_training_never_overwrites(trained_run):
    before = {x: x.read_bytes() for x in trained_run.folder.iterdir() if x.is_file()}
    result = har_edge("train", "--out", trained_run.folder, cwd=trained_run.folder)
    assert_one_sentence(result, 2, str(trained_run.folder), "choose another --out")
    assert before == {x: x.read_bytes() for x in trained_run.folder.iterdir() if x.is_file()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "transformer"], ["transformer", "edge"]),
        (["--recipe", "slow"], ["slow", "default", "best"]),
        (["--seeds", "3", "--seed", str(2**32 - 2)], ["--seed", "last seed"]),
        (["--data", "absent"], ["absent"]),
        (["--resume"], ["stopped training"]),
        (["--resume", "--out", "absent"], ["absent", "stopped training"]),
        (["--resume", "--seed", "3"], ["--seed"]),
        (["--resume", "--recipe", "best"], ["--recipe"]),
    ],
)
def test_bad_usage_is_one_sentence(tmp_path, arguments, words):
    assert_one_sentence(har_edge("train", *arguments, cwd=tmp_path), 2, *words)
    assert not (tmp_path / "runs").exists()


def test_resuming_on_other_data_is_refused(tmp_path):
    folder = tmp_path / "runs" / "stopped" / "checkpoint"
    folder.mkdir(parents=True)
    settings = {"recipe": {"epochs": 1}, "seed": 0, "data": None, "fingerprint": "0" * 64}
    (folder / "settings.json").write_text(json.dumps(settings))
    assert_one_sentence(har_edge("train", "--resume", cwd=tmp_path), 2, "changed since")


@pytest.mark.parametrize(
    ("key", "value"), [("recipe", {"epochs": "x"}), ("seed", "a"), ("data", 5), ("recipe", 3), ("seeds", "x")]
)
def test_damaged_settings_are_named(tmp_path, key, value):
    folder = tmp_path / "runs" / "stopped" / "checkpoint"
    folder.mkdir(parents=True)
    settings = {"recipe": {"epochs": 1}, "seed": 0, "data": None, "fingerprint": "0" * 64}
    (folder / "settings.json").write_text(json.dumps(settings | {key: value}))
    with pytest.raises(InputError, match=r"settings\.json is damaged"):
        TrainingSettings.load(folder / "settings.json")


def test_a_finished_training_that_was_killed_while_tidying_up_is_whole(trained_run, tmp_path):
    """The settings go first: what is left of the checkpoint then means nothing."""
    folder = tmp_path / "run"
    shutil.copytree(trained_run.folder, folder)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "final.npz").write_bytes(b"left over")
    assert_one_sentence(har_edge("train", "--resume", "--out", folder, cwd=tmp_path), 2, "no stopped training")


def test_a_sensor_that_was_off_is_named_before_training(few, uci_har):
    X = few.X.copy()
    X[..., 4] = 0.25
    with pytest.raises(InputError, match="no variation in body_gyro_y"):
        check_data(replace(uci_har, train=Split(X, few.y, few.subject)))


def test_a_fit_that_diverges_stops(few, tmp_path):
    broken = Split(np.where(np.arange(9) == 2, np.float32("nan"), few.X), few.y, few.subject)
    with pytest.raises(CheckFailedError, match="selection fit diverged in epoch 1"):
        fit_few(broken, tmp_path / "state.npz", StopAt())


def test_training_goes_on_when_nobody_reads_its_output_and_where_one_was_killed_at_once(tmp_path):
    """A training that was killed while it wrote its first file has left only its checkpoint folder."""
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint" / ".settings-x.json").write_text("{")
    assert in_shell("train --epochs 1 --out run | true", tmp_path).returncode == 0
    assert Run(tmp_path / "run").card.exists()


def test_an_unwritable_run_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert_one_sentence(har_edge("train", "--epochs", 1, "--out", tmp_path / "file" / "run", cwd=tmp_path), 2, "file")
