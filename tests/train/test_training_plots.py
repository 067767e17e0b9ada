"""The pictures of a training show what they are of, however little that is."""

import matplotlib.image
import numpy as np
import pytest

from train.fit.fit_job import Epoch
from train.training_plots import plot_curves

COLOURS = ("0072B2", "D55E00", "56B4E9")


def of_colour(picture: np.ndarray, colour: str) -> int:
    """How many pixels have it."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)])
    return int((np.abs(np.round(255 * picture[..., :3]) - wanted).max(axis=-1) <= 2).sum())


@pytest.mark.parametrize("n", [1, 3, 30])
def test_all_curves_are_seen_after_one_epoch_too(n, tmp_path):
    selection = [Epoch(i + 1, 0.5, 0.5 + 0.01 * i, 0.4, 0.7 + 0.01 * i) for i in range(n)]
    final = [Epoch(i + 1, 0.3, 0.4 + 0.01 * i, np.nan, np.nan) for i in range(n)]
    plot_curves(selection, final, "title", tmp_path / "curves.png")
    picture = matplotlib.image.imread(tmp_path / "curves.png")
    accuracy = picture[:, picture.shape[1] // 2 :]  # the half without the legend
    assert all(of_colour(accuracy, x) > 20 for x in COLOURS)
