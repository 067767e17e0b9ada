"""Draw a confusion matrix: counts, their share of the true class and of all windows."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.system.figures import new_figure, percent_ticks, save, short_name, text_width
from edge_runtime.system.quantities import percent

_CELL, _LEAST_CELL = 0.95, 0.14  # inches: with its three numbers, and with a name beside it
_LIGHTEST_DARK = 0.715  # share of the row from which white has more contrast with Blues than black (WCAG 2.2)
_TEXT = 10  # points, of names
_MOST_NUMBERS = 32  # classes; with more, cells are smaller and have no numbers


def plot_confusion(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw true classes as rows and predictions as columns into `path`, which is written whole or not at all.

    Each cell has its count, its share of the row and of all windows. Raises `MissingExtraError` without matplotlib.
    """
    names = list(map(short_name, labels))
    beside = text_width(max(names, key=len), _TEXT)
    cell = _CELL if len(names) <= _MOST_NUMBERS else max(_LEAST_CELL, _CELL * _MOST_NUMBERS / len(names))
    size = max(1.6, cell * len(names))  # the bar beside it has a caption to hold
    figure = new_figure(max(5.0, size + beside + 1.9), size + 0.6 * beside + 1.6, title)
    counts = np.asarray(confusion)
    total = max(counts.sum(), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count and len(names) <= _MOST_NUMBERS:
            text = f"{count}\n{percent(share[row, column], 1)}\n({percent(count / total, 1)})"
            ink = "white" if share[row, column] > _LIGHTEST_DARK else "black"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    inches = size / len(names)
    every = math.ceil(1.8 * _TEXT / 72 / inches) if beside > inches else 1
    axes.set_xticks(range(0, len(names), every), names[::every])
    if beside > inches:  # slanted, or they would overlap
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, aspect=20 if size < 10 else 40)
    bar.set_label("share of the true class", fontsize=9)
    percent_ticks(bar.ax.yaxis)
    numbers = "Each cell: windows, their share of the true class and, in brackets, of all windows."
    save(figure, path, numbers if len(names) <= _MOST_NUMBERS else "")
