"""A timeline shows what is wrong with what was reported."""

import matplotlib.image
import numpy as np
import pytest

from edge_runtime.live.display.timeline_plot import plot_timeline
from edge_runtime.live.stream_scores import NO_DECISION, Track


def test_another_activity_is_marked_as_long_as_it_is_reported(tmp_path):
    def red(labels, shown):
        """Draw `labels` and, from second 2 on, `shown`, 20 s each; the share of the width that is marked wrong."""
        ends = 100 + 1000 * np.arange(len(shown))
        track = Track(1, np.repeat(labels, 1000), ends, np.zeros(len(shown), int), np.array(shown))
        plot_timeline(tmp_path / "x.png", track, ("SITTING", "STANDING", "sit_to_stand"), 2, 50.0, "anna")
        pixels = matplotlib.image.imread(tmp_path / "x.png")[..., :3]
        above_legend = pixels[: round(0.8 * len(pixels))]
        return (np.abs(above_legend - [0xD0 / 255, 0, 0]) < 0.02).all(axis=2).any(axis=0).mean()

    one = red([1, 1, 1], [1, 0, 1])
    assert 0.2 < one < 0.4
    assert red([1, 1, 1], [1, 0, 0]) == pytest.approx(1.9 * one, rel=0.05)  # the last is cut off by the end
    assert 0.02 < red([0, 1, 1], [0, 1, 1]) < 0.04  # a late report
    assert red([1, 2, NO_DECISION], [1, NO_DECISION, 1]) == 0
