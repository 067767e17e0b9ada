"""Figures: captions stay inside, ink is readable, ticks say what they are."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.patches import Patch

from edge_runtime.reports import confusion_plot
from edge_runtime.system import figures


@pytest.mark.parametrize("width", [2.0, 14.0])
def test_title_and_note_are_inside_the_figure_however_narrow_it_is(width, tmp_path):
    figure = figures.new_figure(width, 4, "edge: 97.66 % of 2,947 test windows (9 subjects), seeds 0 to 4")
    figures.save(figure, tmp_path / "x.png", "Each cell: windows, their share of the true class and of all windows.")
    for text in (figure._suptitle, figure._supxlabel):
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_ink_has_at_least_the_contrast_of_readable_text():
    def luminance(colour):
        return sum(
            weight * (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4)
            for weight, x in zip((0.2126, 0.7152, 0.0722), colour, strict=False)
        )

    for shade in range(256):
        for colour in (colormaps["Blues"](shade), colormaps["viridis"](shade)):
            dark, light = sorted((luminance(colour), 1.0 if figures.ink_on(colour) == "white" else 0.0))
            assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_labels_are_drawn_as_they_are(tmp_path):
    path = tmp_path / "x.svg"
    confusion_plot.plot_confusion([[3, 1], [0, 2]], ["McDonald_walk", "a$b$"], "title", path)
    text = path.read_text()
    assert "McDonald_walk" in text
    assert "a$b$" in text.replace("\\", "")


@pytest.mark.parametrize("names", [["1", "2", "30"], [f"subject_{i}_of_the_home" for i in range(30)]])
def test_names_of_subjects_do_not_lie_on_each_other(names, tmp_path):
    figure = figures.new_figure(8, 4, "title")
    axes = figure.subplots()
    figures.name_ticks(axes, range(len(names)), names, 6.5 / len(names))
    axes.set_xlim(-1, len(names))
    figures.save(figure, tmp_path / "x.png")
    figure.draw_without_rendering()
    labels = axes.get_xticklabels()
    assert len(labels) == len(names) or len(labels) > 5
    for one, next_one in pairwise(labels):
        apart = next_one.get_window_extent().x1 - one.get_window_extent().x1
        # Slanted lines of text are as far apart as their ends, times the sine of the slant.
        angle = np.radians(one.get_rotation())
        room = apart * np.sin(angle) if angle else next_one.get_window_extent().x0 - one.get_window_extent().x1
        assert room > (one.get_fontsize() * figure.dpi / 72 if angle else 0)


@pytest.mark.parametrize("n", [2, 14, 60])
def test_a_legend_lies_inside_its_figure_and_leaves_room_for_the_axes(n, tmp_path):
    figure = figures.new_figure(14, 2.9, "title")
    axes = figure.subplots()
    figures.legend_below(figure, [Patch(label=f"a_rather_long_name_of_an_activity_{i}") for i in range(n)], "label")
    figures.save(figure, tmp_path / "x.png")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert axes.get_window_extent().height > 60
    assert box.y1 <= axes.get_tightbbox().y0


@pytest.mark.parametrize("n", [1, 40, 256])
def test_a_picture_of_many_classes_is_no_larger_than_programs_open(n, monkeypatch):
    drawn = []
    monkeypatch.setattr(confusion_plot, "save", lambda figure, *rest: drawn.append(figure))
    confusion_plot.plot_confusion(np.eye(n, dtype=int).tolist(), [f"class_{i}" for i in range(n)], "title", Path("x"))
    assert max(drawn[0].get_size_inches()) <= 50
