"""Draw a confusion matrix: counts, their share of the true class and of all windows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.system.figures import ink_on, new_figure, percent_ticks, plain_text, save
from edge_runtime.system.quantities import percent


def plot_confusion(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Rows are true classes, columns predictions; each cell has its count, its share of the row and of all windows.

    Writes `path` whole or not at all. Raises `MissingExtraError` without matplotlib.
    """
    size = 1.5 + 0.95 * len(labels)
    figure = new_figure(size + 0.9, size + 0.3, title)
    counts = np.asarray(confusion)
    total = max(counts.sum(), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = list(map(plain_text, labels))
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            text = f"{count}\n{percent(share[row, column], 1)}\n({percent(count / total, 1)})"
            ink = ink_on(image.cmap(float(share[row, column])))
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, label="share of the true class")
    percent_ticks(bar.ax.yaxis)
    save(figure, path, "Each cell: windows, their share of the true class and, in brackets, of all windows.")
