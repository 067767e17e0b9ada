"""Check that a fit is repeatable to the last bit, and the choice of held-out subjects and temperature."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from training_fixtures import TINY

from convert.tensorflow_setup import hash_weights
from edge_runtime.data.dataset import Split
from edge_runtime.data.names import default_held_out
from edge_runtime.data.scores import fit_temperature
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.signals.frontend import SIGNALS
from train.fit.fit import fit
from train.fit.fit_job import FitJob
from train.fit.recipe import Recipe
from train.training_data import check_data

NAMES = tuple(x.name for x in SIGNALS)
SHORT = Recipe(network=TINY, epochs=3, batch_size=16)


@pytest.fixture(scope="module")
def pairs(uci_har) -> Split:
    """Windows from all over the training data, in pairs that mostly continue each other."""
    return uci_har.train.select(np.arange(len(uci_har.train)) % 200 < 2)


class StopAt:
    """Counts epochs; raises at epoch `stop` before it is stored, as Ctrl-C does."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.seen = stop, []

    def __call__(self, epoch) -> None:
        self.seen.append(epoch.epoch)
        if len(self.seen) == self.stop:
            raise KeyboardInterrupt


def job_in(folder, **options) -> FitJob:
    options = {"recipe": SHORT, "seed": 0, "stream": 0, "signals": NAMES, "hop": 64, **options}
    return FitJob("state", "selection fit", folder=folder, held_out=(), n_classes=6, **options)


def fit_pairs(pairs, folder, on_epoch=lambda epoch: None, **options):
    return fit(job_in(folder, **options), pairs, pairs, on_epoch)


@pytest.fixture(scope="module")
def uninterrupted(pairs, tmp_path_factory):
    """The folder and the outcome of a whole fit."""
    tf.config.experimental.enable_op_determinism()
    folder = tmp_path_factory.mktemp("fit")
    return folder, fit_pairs(pairs, folder)[1]


@pytest.mark.parametrize("stop", [1, 3])
def test_a_stopped_fit_ends_with_the_same_weights_and_history(pairs, uninterrupted, tmp_path, stop):
    stopped, resumed = StopAt(stop), StopAt()
    with pytest.raises(KeyboardInterrupt):
        fit_pairs(pairs, tmp_path, stopped)
    model, outcome = fit_pairs(pairs, tmp_path, resumed)
    assert stopped.seen[:-1] + resumed.seen == [1, 2, 3], "a finished epoch ran twice"
    assert outcome.history == uninterrupted[1].history
    assert hash_weights(model) == outcome.weights_sha256 == uninterrupted[1].weights_sha256


@pytest.mark.parametrize("options", [{"seed": 1}, {"stream": 1}, {"hop": 0}])
def test_another_seed_stream_or_offset_of_windows_changes_the_weights(pairs, uninterrupted, tmp_path, options):
    assert fit_pairs(pairs, tmp_path, **options)[1].weights_sha256 != uninterrupted[1].weights_sha256


def test_the_checkpoint_of_another_recipe_is_refused_by_name(pairs, uninterrupted):
    with pytest.raises(InputError, match=r"state\.npz"):
        fit_pairs(pairs, uninterrupted[0], recipe=replace(SHORT, noise=0.5))


def test_a_fit_that_diverges_is_named(pairs, tmp_path):
    X = np.where(np.arange(9) == 2, np.float32("nan"), pairs.X)
    with pytest.raises(CheckFailedError, match="selection fit diverged in epoch 1"):
        fit_pairs(replace(pairs, X=X), tmp_path)


def test_every_fourth_subject_is_held_out(uci_har):
    assert default_held_out(uci_har.train.subject.tolist()) == [3, 8, 16, 22, 27]
    assert default_held_out(["s2", "s2", "s10"]) == ["s10"]
    with pytest.raises(InputError, match="two training subjects"):
        default_held_out([1, 1])


def test_a_sensor_that_was_off_is_named_before_training(uci_har):
    X = uci_har.train.X.copy()
    X[..., 4] = 0.25
    with pytest.raises(InputError, match="body_gyro_y"):
        check_data(replace(uci_har, train=replace(uci_har.train, X=X)), [])


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_of_logits_is_estimated(temperature):
    generator = np.random.default_rng(1)
    honest = generator.normal(size=(20_000, 4)) * 2
    shares = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    y = (shares.cumsum(1) > generator.random((20_000, 1))).argmax(1).astype(np.uint8)
    assert fit_temperature((honest * temperature).astype(np.float32), y) == pytest.approx(temperature, rel=0.05)


def test_faultless_logits_do_not_become_certain():
    y = np.arange(100, dtype=np.uint8) % 4
    logits = np.eye(4, dtype=np.float32)[y]
    certain = np.exp(1 / fit_temperature(logits, y))
    assert certain / (certain + 3) == pytest.approx(101 / 102, abs=1e-3)
