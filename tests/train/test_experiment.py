"""Check a run: held-out subjects, refused data, scores, temperature and pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import InputError
from train import training_plots
from train.fit.fit_job import Epoch
from train.run.experiment import fit_temperature
from train.training_data import check_data, hold_out
from train.training_plots import plot_curves


def test_held_out_subjects_do_not_depend_on_the_seed_and_leave_most(uci_har):
    held = hold_out(uci_har.train.subject)
    assert held == [3, 8, 16, 22, 27]
    assert hold_out(np.array(["s2", "s2", "s10"])) == ["s10"]
    with pytest.raises(InputError, match="two training subjects"):
        hold_out(np.array([1, 1]))


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


@pytest.mark.parametrize("n", [1, 2, 30])
def test_all_curves_are_seen_and_ticks_are_at_whole_epochs(n, monkeypatch):
    figures = []
    monkeypatch.setattr(training_plots, "save", lambda figure, *rest: figures.append(figure))
    epochs = [Epoch(i + 1, 0.5, 0.5 + 0.01 * i, 0.4, 0.7 + 0.01 * i) for i in range(n)]
    plot_curves(epochs, epochs, "title", Path("curves.png"))
    for axes in figures[0].axes:
        low, high = axes.get_xlim()
        shown = [x for x in axes.get_xticks() if low <= x <= high]
        assert shown
        assert all(x == round(x) for x in shown)
        curves = [x for x in axes.get_lines() if len(x.get_xdata()) == n]
        assert len(curves) == 3
        assert n > 1 or all(x.get_marker() not in ("None", None, "") for x in curves), "a line of one point is not seen"
