"""Figures: captions stay inside, ink is readable, ticks say what they are."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps

from edge_runtime.reports import confusion_plot
from edge_runtime.system import figures


def luminance(colour):
    weights = (0.2126, 0.7152, 0.0722)
    linear = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour[:3])
    return sum(weight * x for weight, x in zip(weights, linear, strict=True))


def test_ink_has_at_least_the_contrast_of_readable_text():
    for shade in range(256):
        colour = colormaps["Blues"](shade)
        dark, light = sorted((luminance(colour), 1.0 if figures.ink_on(colour) == "white" else 0.0))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_labels_are_drawn_as_they_are(tmp_path):
    path = tmp_path / "x.svg"
    confusion_plot.plot_confusion([[3, 1], [0, 2]], ["McDonald_walk", "a$b$"], "title", path)
    text = path.read_text()
    assert "McDonald_walk" in text
    assert "a$b$" in text.replace("\\", "")


@pytest.mark.parametrize("names", [["1", "2", "30"], [f"subject_{i}_of_the_home" for i in range(30)]])
def test_title_and_names_of_ticks_fit(names, tmp_path):
    figure = figures.new_figure(8, 4, "edge: 97.66 % of 2,947 test windows (9 subjects), seeds 0 to 4" * 2)
    axes = figure.subplots()
    figures.name_ticks(axes, range(len(names)), names, 6.5 / len(names))
    axes.set_xlim(-1, len(names))
    figures.save(figure, tmp_path / "x.png")
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    labels = axes.get_xticklabels()
    assert len(labels) == len(names) or len(labels) > 5
    for one, next_one in pairwise(labels):
        apart = next_one.get_window_extent().x1 - one.get_window_extent().x1
        # Slanted lines of text are as far apart as their ends, times the sine of the slant.
        angle = np.radians(one.get_rotation())
        room = apart * np.sin(angle) if angle else next_one.get_window_extent().x0 - one.get_window_extent().x1
        assert room > (one.get_fontsize() * figure.dpi / 72 if angle else 0)
