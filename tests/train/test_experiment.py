"""Check a run: held-out subjects, refused data and temperature."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.errors import InputError
from train.run.experiment import fit_temperature
from train.training_data import check_data, default_held_out


def test_held_out_subjects_do_not_depend_on_the_seed_and_leave_most(uci_har):
    held = default_held_out(uci_har.train.subject)
    assert held == [3, 8, 16, 22, 27]
    assert default_held_out(np.array(["s2", "s2", "s10"])) == ["s10"]
    with pytest.raises(InputError, match="two training subjects"):
        default_held_out(np.array([1, 1]))


def test_a_sensor_that_was_off_is_named_before_training(uci_har):
    X = uci_har.train.X.copy()
    X[..., 4] = 0.25
    with pytest.raises(InputError, match="body_gyro_y"):
        check_data(replace(uci_har, train=replace(uci_har.train, X=X)), [])


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_is_found_again(temperature):
    generator = np.random.default_rng(1)
    honest = generator.normal(size=(20_000, 4)) * 2
    shares = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    y = (shares.cumsum(1) > generator.random((20_000, 1))).argmax(1).astype(np.uint8)
    assert fit_temperature((honest * temperature).astype(np.float32), y) == pytest.approx(temperature, rel=0.05)
