"""Options with which a network is right more often are named only if they gain much."""

from collections.abc import Sequence

import numpy as np
import pytest

from edge_runtime.data.mistaken_options import better_options

Y = np.arange(90) % 3
LABELS = ("sit", "walk fast", "run")


def advice(**predicted: np.ndarray) -> str:
    """Return the advice if the network answers like this under `none`, which is in use, and under `data`."""
    return better_options(lambda option, _: predicted[option], Y, LABELS, ("a", "b"), "none")


def test_an_output_that_no_window_needs_keeps_its_label_and_a_shell_takes_the_option():
    y = np.arange(90) % 2
    named = better_options(lambda *_: 1 - y, y, LABELS, ("a", "b"), "none")
    assert named.endswith(" --labels 'walk fast,sit,run'")
    assert "100.00 %" in named
    assert " 0.00 %" in named


def test_a_small_gain_is_not_named_and_of_two_that_gain_alike_the_fewer_options_are():
    def partly_wrong(n_wrong: int) -> np.ndarray:
        return np.where(np.arange(90) < n_wrong, (Y + 1) % 3, Y)

    assert advice(none=partly_wrong(15), data=partly_wrong(7)) == ""
    assert advice(none=0 * Y, data=np.where(np.arange(90) % 4, 0, Y)) == "", "the network is not trained"
    swapped = np.array([1, 0, 2])
    assert advice(none=swapped[partly_wrong(8)], data=swapped[Y]).endswith(" --labels 'walk fast,sit,run'")
    assert advice(none=partly_wrong(30), data=partly_wrong(5)).endswith(" --normalisation data")


def test_two_rare_labels_that_are_exchanged_are_named():
    y = np.repeat(np.arange(4), (80, 80, 4, 4))
    labels = ("sit", "walk", "jump", "squat")
    named = better_options(lambda *_: np.array([0, 1, 3, 2])[y], y, labels, ("a", "b"), "none")
    assert named.endswith(" --labels sit,walk,squat,jump")


@pytest.mark.parametrize("expected", ["gx,gy,gz,ax,ay,az", "ux,uy,uz,ax,ay,az,gx,gy,gz"])
def test_sensors_in_another_order_are_named(expected):
    signals = sorted(expected.split(","))

    def predicted(_: str, order: Sequence[int]) -> np.ndarray:
        return Y if [signals[i] for i in order] == expected.split(",") else (Y + (Y == 2)) % 3

    named = better_options(predicted, Y, LABELS, signals, "none")
    assert named.endswith(f" with --signals {expected}")
