"""A timeline shows what is wrong with what was reported."""

import matplotlib.image
import numpy as np
import pytest

from edge_runtime.live.display.timeline_plot import plot_timeline
from edge_runtime.live.stream_scores import NO_DECISION, Track

NAMES = ("SITTING", "STANDING", "sit_to_stand")
RATE = 50.0


@pytest.fixture
def red_columns(tmp_path):
    """Shares of the picture's width, 0 to 1, in which the line of wrong stretches is drawn."""

    def draw(labels, shown):
        """`labels` last 20 s each, `shown` likewise from second 2 on."""
        ends = 100 + 1000 * np.arange(len(shown))
        track = Track(1, np.repeat(labels, 1000), ends, np.zeros(len(shown), int), np.array(shown))
        plot_timeline(tmp_path / "x.png", track, NAMES, 2, RATE, "anna")
        pixels = matplotlib.image.imread(tmp_path / "x.png")[..., :3]
        above_legend = pixels[: round(0.8 * len(pixels))]
        red = (np.abs(above_legend - [0xD0 / 255, 0, 0]) < 0.02).all(axis=2).any(axis=0)
        return red.mean()

    return draw


def test_another_activity_is_marked_as_long_as_it_is_reported(red_columns):
    one, two = red_columns([1, 1, 1], [1, 0, 1]), red_columns([1, 1, 1], [1, 0, 0])
    assert 0.2 < one < 0.4
    assert two == pytest.approx(1.9 * one, rel=0.05)  # the last is cut off by the end


def test_a_late_report_is_marked(red_columns):
    assert 0.02 < red_columns([0, 1, 1], [0, 1, 1]) < 0.04


def test_what_is_right_unknown_or_in_a_transition_has_no_mark(red_columns):
    assert red_columns([1, 1, 1], [1, 1, 1]) == 0
    assert red_columns([1, 2, 1], [1, NO_DECISION, 1]) == 0
    assert red_columns([1, 2, NO_DECISION], [1, 1, 1]) == 0
