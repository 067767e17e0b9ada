"""Figures: captions stay inside, ink is readable, ticks say what they are."""

import pytest
from matplotlib import colormaps

from edge_runtime.reports.confusion_plot import plot_confusion
from edge_runtime.system import figures
from edge_runtime.system.quantities import percent_tick


@pytest.mark.parametrize("width", [2.0, 5.0, 14.0])
def test_title_and_note_are_inside_the_figure_however_narrow_it_is(width, tmp_path):
    figure = figures.new_figure(width, 4, "edge: 97.66 % of 2,947 test windows (9 subjects), seeds 0 to 4")
    figure.subplots()
    figures.save(figure, tmp_path / "x.png", "Each cell: windows, their share of the true class and of all windows.")
    figure.draw_without_rendering()
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


def test_ticks_have_as_many_digits_as_their_shares():
    shares = (0, 0.0025, 0.25, 0.8, 0.975, 0.30000000000000004, 1)
    assert list(map(percent_tick, shares)) == ["0 %", "0.25 %", "25 %", "80 %", "97.5 %", "30 %", "100 %"]


def test_labels_are_drawn_as_they_are(tmp_path):
    path = tmp_path / "x.svg"
    plot_confusion([[3, 1], [0, 2]], ["McDonald_walk", "a$b$"], "title", path)
    text = path.read_text()
    assert "McDonald_walk" in text
    assert "a$b$" in text.replace("\\", "")
