"""Draw a confusion matrix, the curves of a training, a recording or the front of a search, in one style.

Each picture is written whole or not at all. Functions raise `InputError` without matplotlib, which they import.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from edge_runtime.data.recording import Recording, label_runs
from edge_runtime.errors import InputError
from edge_runtime.live.display.timeline import activity_colour
from edge_runtime.signals import frontend
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.system.files import atomic_path
from edge_runtime.system.installation import pip_install
from edge_runtime.system.quantities import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# From the palette of Okabe and Ito (2008), for any colour vision.
_AXES = ("#0072b2", "#d55e00", "#009e73")  # x, y, z
_CURVES = ("#0072b2", "#d55e00", "#56b4e9")

_INK = "#333333"
_LETTER = 0.086  # inches; the average letter of a label is narrower
_LONGEST_NAME = 28  # letters
_CELL = 0.95  # inches of a confusion matrix: three numbers
_MOST_NUMBERS = 32  # classes; with more, cells are smaller and have no numbers
_LIGHTEST_DARK = 0.715  # share of the row from which white has more contrast with Blues than black (WCAG 2.2)
_TITLES = {"body_acc": "Body acceleration", "body_gyro": "Rotation", "total_acc": "Acceleration with gravity"}


def require_matplotlib() -> None:
    """Raise `InputError` without matplotlib; have it draw without a notebook, whose MPLBACKEND may be set here."""
    os.environ["MPLBACKEND"] = "agg"
    if find_spec("matplotlib") is None:
        raise InputError(f"a picture needs matplotlib, which is not installed here: {pip_install('matplotlib')}")


def plot_confusion(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw true classes as rows and predictions as columns: counts, their share of the row and of all windows."""
    names = [_name(label) for label in labels]
    name_width = _LETTER * max(map(len, names))
    size = _CELL * min(max(2, len(names)), _MOST_NUMBERS)
    figure = _figure(max(5.0, size + name_width + 1.9), size + 0.6 * name_width + 1.6, title)
    axes = figure.subplots()
    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    has_numbers = len(names) <= _MOST_NUMBERS
    for (row, column), count in np.ndenumerate(counts):
        if count and has_numbers:
            share = shares[row, column]
            text = f"{count}\n{percent(share, 1)}\n({percent(count / counts.sum(), 1)})"
            ink = "white" if share > _LIGHTEST_DARK else "black"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    is_wide = name_width > size / len(names)
    axes.set_xticks(
        range(len(names)), names, rotation=35 * is_wide, ha="right" if is_wide else "center", rotation_mode="anchor"
    )
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, format=_percent)
    bar.set_label("share of the true class", fontsize=9)
    note = "Each cell: windows, their share of the true class and, in brackets, of all windows."
    _save(figure, path, note if has_numbers else "")


def plot_curves(
    loss: Mapping[str, Sequence[float]], accuracy: Mapping[str, Sequence[float]], title: str, note: str, path: Path
) -> None:
    """Draw three curves each of loss and accuracy (0 to 1) over the epochs, by their names, with `note` below."""
    figure = _figure(10, 4.2, title)
    from matplotlib.ticker import MaxNLocator

    panels = figure.subplots(1, 2)
    for panel, curves, quantity in zip(panels, (loss, accuracy), ("cross-entropy", "accuracy"), strict=True):
        n_epochs = max(map(len, curves.values()))
        marker = "o" if n_epochs == 1 else ""  # a line needs two points
        for (name, values), colour in zip(curves.items(), _CURVES, strict=True):
            panel.plot(range(1, n_epochs + 1), values, marker=marker, markersize=4, color=colour, label=name)
        panel.set(xlabel="epoch", ylabel=quantity, xlim=(0.5, n_epochs + 0.5))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _style(panel, "y")
    panels[0].legend(frameon=False)
    panels[1].yaxis.set_major_formatter(_percent)
    _save(figure, path, note)


def plot_recording(recording: Recording, title: str, path: Path) -> None:
    """Draw the signals of a recording over its minutes, with its labels as coloured spans."""
    signals, names, minute = recording.signals, recording.label_names, 60 * recording.rate_hz
    values = frontend.signals(recording.samples, recording.begins_midway)[
        :, [SIGNALS.index(signal) for signal in signals]
    ]
    n_columns = 6 if max(map(len, names), default=0) <= 20 else 4
    figure = _figure(14, 8 + 0.21 * max(0, len(names) // n_columns - 2), title)
    panels = figure.subplots(len(signals) // 3, 1, sharex=True)
    spans = {}
    for first, panel in zip(range(0, len(signals), 3), panels, strict=True):
        quantity = signals[first].name.removesuffix("_x")
        panel.set_title(_TITLES[quantity], loc="left", fontsize=11, color=_INK)
        panel.set_ylabel(f"{quantity} ({signals[first].unit})")
        _style(panel, "both")
        for axis, colour in enumerate(_AXES):
            minutes = np.arange(len(values)) / minute
            panel.plot(minutes, values[:, first + axis], color=colour, linewidth=0.5, label="xyz"[axis])
        for start, end, label in label_runs(recording.labels):
            if label >= 0:
                colour, name = activity_colour(label), _name(names[label])
                spans[label] = panel.axvspan(start / minute, end / minute, color=colour, alpha=0.45, lw=0, label=name)
    panels[0].legend(
        handles=panels[0].get_lines(), loc="upper left", bbox_to_anchor=(1, 1), frameon=False, title="axis"
    )
    panels[-1].set(xlim=(0, len(values) / minute), xlabel="time (min)")
    figure.align_ylabels(panels)
    if spans:
        handles = [spans[label] for label in sorted(spans)]
        where = {"loc": "outside lower center", "ncols": n_columns, "frameon": False}
        figure.legend(handles=handles, title="label (white: none)", **where)
    _save(figure, path)


def plot_front(series: Mapping[str, Mapping[str, tuple[float, float]]], most: float | None, path: Path) -> None:
    """Draw accuracy (0 to 1) against flash in bytes, of points by name in `series` by name, and the `most` of flash."""
    figure = _figure(8, 5, "Accuracy against flash")
    panel = figure.subplots()
    for (title, points), colour in zip(series.items(), _CURVES, strict=False):
        places = {name: (flash / 1000, accuracy) for name, (flash, accuracy) in points.items()}
        panel.plot(*zip(*places.values(), strict=True), "o", color=colour, label=title)
        for i, name in enumerate(places):
            offset, side = [((4, -10), "left"), ((-4, 5), "right")][i % 2]  # neighbours do not hide each other
            panel.annotate(_name(name), places[name], offset, textcoords="offset points", ha=side, fontsize=8)
    if most is not None:
        panel.axvline(most / 1000, color="0.5", linewidth=0.8, linestyle="--", label="budget")
    panel.margins(x=0.15)
    panel.set(xlabel="flash of the firmware (kB)", ylabel="accuracy")
    panel.yaxis.set_major_formatter(_percent)
    _style(panel, "both")
    panel.legend(frameon=False, loc="lower right")
    _save(figure, path)


def _figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure, in inches, with a title."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed", dpi=130, facecolor="white")
    figure.suptitle(_plain(title), fontsize=13, color=_INK, wrap=True)
    return figure


def _save(figure: Figure, path: Path, note: str = "") -> None:
    """Write a figure, with `note` below it, in the format of the name of `path`."""
    if note:
        figure.supxlabel(note, fontsize=8, color="0.35", wrap=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower().lstrip("."))


def _style(panel: Axes, grid: Literal["y", "both"]) -> None:
    """Draw grid lines across the axis `grid`, and no frame."""
    panel.grid(axis=grid, color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _percent(share: float, _: float) -> str:
    """Return a share, as a tick's label, with all its digits."""
    return f"{round(100 * share, 6):g} %"


def _name(text: str) -> str:
    """Return `text` for matplotlib, without its middle if it is long."""
    half = _LONGEST_NAME // 2
    return _plain(text if len(text) <= _LONGEST_NAME else f"{text[:half]}…{text[1 - half :]}")


def _plain(text: str) -> str:
    """Escape `text` for matplotlib, so that a dollar sign begins no formula."""
    return text.replace("$", r"\$")
