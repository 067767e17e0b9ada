"""Check that every network, built-in or a user's, takes the signals and classes that are asked for."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.data.names import coarse_classes
from edge_runtime.errors import InputError
from train.fit.named_networks import build, check
from train.fit.networks import NETWORKS
from train.fit.recipe import Recipe, choose_recipe
from train.training_data import TrainingInput

OWN = """
import keras
from keras import layers

def good(input_shape, n_classes):
    return keras.Sequential([keras.Input(input_shape), layers.GlobalAveragePooling1D(), layers.Dense(n_classes)])

def other_input(input_shape, n_classes):
    return good((64, 3), n_classes)

def other_output(input_shape, n_classes):
    return good(input_shape, n_classes + 1)

def probabilities(input_shape, n_classes):
    return keras.Sequential([good(input_shape, n_classes), layers.Dense(n_classes, "softmax")])

class Subclassed(keras.Model):
    def call(self, x):
        return x[:, 0, :6]

def subclassed(input_shape, n_classes):
    network = Subclassed()
    network.build((None, *input_shape))
    return network

def twice(x):
    return 2 * x

def ending(input_shape, n_classes, *middle):
    middle = [keras.Input(input_shape), *middle, layers.GlobalAveragePooling1D(), layers.Dense(n_classes)]
    return keras.Sequential(middle)

def own_function(input_shape, n_classes):
    inner = ending(input_shape, n_classes, layers.Dense(4, activation=twice, name="mine"))
    return keras.Sequential([keras.Input(input_shape), inner])

def not_convertible(input_shape, n_classes):
    pooled = keras.Sequential([layers.UnitNormalization(name="theirs")])
    return ending(input_shape, n_classes, layers.UpSampling1D(name="mine"), layers.TimeDistributed(pooled))
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield
    sys.modules.pop("own_networks", None)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_any_signals_answers_with_logits_and_is_as_large_as_it_says(name):
    whole = build(name, (128, 9), 6)
    assert whole.name == name
    assert f"{round(whole.count_params() / 1000)} k parameters" in NETWORKS[name].__doc__
    assert whole.output_shape == (None, 6)
    if name != "residual-bidir-lstm":  # which takes seconds
        answers = np.asarray(build(name, (32, 6), 4)(np.ones((2, 32, 6), np.float32)))
        assert answers.shape == (2, 4)
        assert not np.allclose(answers.sum(axis=1), 1), "probabilities"


@pytest.mark.parametrize(
    ("samples", "steps", "kernel"),
    [(128, 8, 25), (200, 13, 25), (49, 5, 19), (1, 1, 2), (1000, 16, 98)],
)
def test_edge_has_about_as_many_steps_however_long_a_window_is(samples, steps, kernel):
    convolution = build("edge", (samples, 3), 2).get_layer("steps")
    assert (convolution.output.shape[1], convolution.kernel_size) == (steps, (kernel,))


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("own_networks:other_input", "64, 3"),
        ("own_networks:other_output", "logit"),
        ("own_networks:probabilities", "softmax"),
        ("own_networks:subclassed", "functional API"),
        ("own_networks:absent", "absent"),
    ],
)
def test_what_is_wrong_with_a_network_of_ones_own_is_said(own, name, noun):
    with pytest.raises(InputError, match=noun) as caught:
        build(name, (128, 9), 6)
    assert name in str(caught.value)


def test_what_could_not_be_loaded_again_or_converted_is_known_before_a_training(own):
    with pytest.raises(InputError, match="'mine'"):
        check("own_networks:own_function", (128, 9), 6)
    refused = check("own_networks:not_convertible", (128, 9), 6)
    assert refused == ["'mine' (UpSampling1D)", "'theirs' (UnitNormalization)"]
    assert check("own_networks:good", (128, 9), 6) == []


def test_coarse_classes_join_what_looks_alike(uci_har):
    labels, classes = coarse_classes(uci_har.labels)
    assert labels == ("WALKING", "STAIRS", "SITTING_OR_STANDING", "LAYING")
    assert classes == (0, 1, 1, 2, 2, 3)
    with pytest.raises(InputError, match="DANCING belongs to no coarse class"):
        coarse_classes(["WALKING", "DANCING"])


def test_the_choice_of_signals_and_classes_leaves_the_windows_as_they_are(uci_har):
    chosen = TrainingInput(sensors="accelerometer", classes="coarse").load_data()
    assert [x.name for x in chosen.signals] == [f"{x}_acc_{axis}" for x in ("body", "total") for axis in "xyz"]
    np.testing.assert_array_equal(chosen.train.X, uci_har.train.X[..., [0, 1, 2, 6, 7, 8]])
    np.testing.assert_array_equal(chosen.test.y == 1, np.isin(uci_har.test.y, [1, 2]))
    assert TrainingInput().load_data().fingerprint == uci_har.fingerprint != chosen.fingerprint


def test_a_network_with_a_coarse_stage_has_a_recipe_with_one_and_is_refused_for_labels_without(uci_har):
    gru, short = choose_recipe("gru-coarse"), choose_recipe("gru-coarse", epochs=10)
    assert choose_recipe("edge") == Recipe()
    assert 0 < gru.coarse_epochs < gru.epochs
    assert (short.epochs, short.coarse_epochs) == (10, 4)
    dancing = replace(uci_har, labels=("DANCING", *uci_har.labels[1:]))
    with pytest.raises(InputError, match="DANCING"):
        TrainingInput(network="gru-coarse").check_fit(dancing)
