"""Check that every network, built-in or a user's, takes any signals and classes."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT

from edge_runtime.errors import InputError
from train.fit.named_networks import build, check
from train.fit.networks import NETWORKS
from train.training_data import TrainingInput

OWN = Path(__file__).parents[1] / "support" / "own_networks.py"


@pytest.fixture
def users_networks(tmp_path, monkeypatch):
    """A module of a user's networks in the working folder."""
    (tmp_path / "mine.py").write_bytes(OWN.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield
    sys.modules.pop("mine", None)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_any_signals_answers_with_logits_and_has_its_documented_size(name):
    whole = build(name, (128, 9), 6)
    assert whole.name == name
    assert f"{round(whole.count_params() / 1000)} k parameters" in NETWORKS[name].__doc__
    rows = re.findall(rf"^\| `{name}` \|.*\| ([\d,]+) \|$", (ROOT / "docs/networks.md").read_text(), re.M)
    assert rows == [f"{whole.count_params():,}"]
    assert whole.output_shape == (None, 6)
    if name != "residual-bidir-lstm":  # it takes seconds
        answers = np.asarray(build(name, (32, 6), 4)(np.ones((2, 32, 6), np.float32)))
        assert answers.shape == (2, 4)
        assert not np.allclose(answers.sum(axis=1), 1), "probabilities"


@pytest.mark.parametrize(
    ("samples", "steps", "kernel"), [(128, 8, 25), (200, 13, 25), (49, 5, 19), (1, 1, 2), (1000, 16, 98)]
)
def test_edge_has_at_most_16_steps_for_any_length_of_window(samples, steps, kernel):
    convolution = build("edge", (samples, 3), 2).get_layer("steps")
    assert (convolution.output.shape[1], convolution.kernel_size) == (steps, (kernel,))


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("mine:other_input", "64, 3"),
        ("mine:other_output", "logit"),
        ("mine:probabilities", "softmax"),
        ("mine:subclassed", "functional API"),
        ("mine:absent", "absent"),
    ],
)
def test_the_fault_of_a_users_network_is_named(users_networks, name, noun):
    with pytest.raises(InputError, match=noun) as caught:
        build(name, (128, 9), 6)
    assert name in str(caught.value)


def test_a_network_that_cannot_be_loaded_or_converted_is_found_before_training(users_networks):
    with pytest.raises(InputError, match="'mine'"):
        check("mine:own_function", (128, 9), 6)
    refused = check("mine:not_convertible", (128, 9), 6)
    assert refused == ["'mine' (UpSampling1D)", "'theirs' (UnitNormalization)"]
    assert check("mine:good", (128, 9), 6) == []


def test_the_choice_of_signals_does_not_change_windows(uci_har):
    chosen = TrainingInput(sensors="accelerometer").load_data()
    assert [x.name for x in chosen.signals] == [
        f"{quantity}_{axis}" for quantity in ("body_acc", "total_acc") for axis in "xyz"
    ]
    np.testing.assert_array_equal(chosen.train.X, uci_har.train.X[..., [0, 1, 2, 6, 7, 8]])
    assert TrainingInput().load_data().fingerprint == uci_har.fingerprint != chosen.fingerprint
