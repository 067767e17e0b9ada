"""A few windows of a person move the network's answers towards theirs, and as little as the ridge says."""

import numpy as np
import pytest
from programs import MODELS
from tiny_models import card, quantise

from edge_runtime.errors import InputError
from edge_runtime.live.ridge_adaptation import adapt
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.last_layer import FeatureExtractor


@pytest.mark.parametrize("form", ["int8", "float32"])
def test_the_last_layer_of_the_features_gives_the_logits(form, uci_har):
    windows = uci_har.train.X[::700]
    features = FeatureExtractor(MODELS[form]).features(windows)
    assert features.shape == (len(windows), 64)
    logits = Classifier(MODELS[form]).logits(windows)
    more = uci_har.train.X[::7]
    basis = np.column_stack([FeatureExtractor(MODELS[form]).features(more), np.ones(len(more))])
    found, *_ = np.linalg.lstsq(basis, Classifier(MODELS[form]).logits(more), rcond=None)
    error = np.column_stack([features, np.ones(len(features))]) @ found - logits
    # int8 rounds the logits by up to 0.011, and cuts off few of them at the end of their range.
    assert np.quantile(np.abs(error), 0.8) < (0.03 if form == "int8" else 1e-3)


def test_a_model_without_such_a_layer_is_refused(tmp_path):
    path = tmp_path / "odd.tflite"
    cards.write_model(path, quantise(2, 0.5, 0), card(labels=("a", "b")))
    with pytest.raises(InputError, match="does not end in a fully connected layer"):
        FeatureExtractor(path)


def person(seed, n=60):
    """Features of three activities, two of which this person does where others do the other one."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], n // 3)
    centres = np.array([[1.0, 0, 0, 0], [0.8, 0, 0, 0.6], [-1.0, 0, 0, 0]])
    features = centres[y] + 0.1 * rng.normal(size=(n, 4))
    logits = np.full((n, 4), -1.0)
    logits[np.arange(n), np.where(y == 1, 0, y)] = 1.0  # the network takes 1 for 0
    logits[:, 3] = -3
    return features, logits, y


def test_one_window_of_each_activity_is_enough_where_people_differ():
    features, logits, y = person(0)
    later, before, truth = person(1)
    rows = [0, 20, 40]
    learnt = adapt(logits[rows], features[rows], y[rows], ridge=0.01)
    assert (before.argmax(axis=1) == truth).mean() < 0.7
    assert (learnt.apply(before, later).argmax(axis=1) == truth).mean() > 0.95


def test_a_stronger_ridge_changes_less_and_an_endless_one_nothing():
    features, logits, y = person(0)
    sizes = [np.abs(adapt(logits, features, y, ridge).weights).max() for ridge in (1.0, 100.0, 1e12)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] < 1e-9
