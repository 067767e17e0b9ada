"""Draw one window, or a whole recording with its labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Recording, segments
from edge_runtime.signals import frontend
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import Signal, triads
from edge_runtime.system.figures import activity_colour, check_ending, legend_below, new_figure, save, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = ("#0072b2", "#d55e00", "#009e73")  # x, y, z: told apart by the colour-blind too (Okabe and Ito, 2008)
_INK = "#333333"
_SPAN_ALPHA = 0.45
_MOST_PANELS, _PANEL = 12, 1.6  # panels, and the least height of one in inches
_TITLES = {"body_acc": "Body acceleration", "body_gyro": "Rotation", "total_acc": "Acceleration with gravity"}


def plot_window(
    path: Path, window: npt.NDArray[np.floating], signals: Sequence[Signal], rate_hz: float | None, title: str
) -> None:
    """Draw one window `[samples, n_signals]` over its seconds, or samples, into `path`.

    Raises `MissingExtraError` without matplotlib, `InputError` for a file that cannot be written.
    """
    figure, _ = _figure(path, window, signals, rate_hz or 1.0, "s" if rate_hz else "samples", (9, 7), 1.6, title)
    save(figure, path)


def plot_recording(path: Path, recording: Recording, title: str) -> None:
    """Draw the signals of a recording over its minutes, with its labels as coloured spans. Raises as `plot_window`."""
    signals, names, minute = recording.signals, recording.label_names, 60 * recording.rate_hz
    values = frontend.signals(recording.samples, recording.begins_midway)[:, [SIGNALS.index(x) for x in signals]]
    figure, panels = _figure(path, values, signals, minute, "min", (14, 8), 0.5, title)
    from matplotlib.patches import Patch

    for first, end, label in segments(recording.labels):
        if label >= 0:
            for panel in panels:
                panel.axvspan(first / minute, end / minute, color=activity_colour(label), alpha=_SPAN_ALPHA, lw=0)
    present = [x for x in range(len(names)) if (recording.labels == x).any()]
    handles = [Patch(facecolor=activity_colour(x), alpha=_SPAN_ALPHA, label=short_name(names[x])) for x in present]
    if handles:
        legend_below(figure, handles, "label (white: none)")
    save(figure, path)


def _figure(
    path: Path,
    values: npt.NDArray[np.floating],
    signals: Sequence[Signal],
    samples_in_unit: float,
    unit: str,
    size: tuple[float, float],
    linewidth: float,
    title: str,
) -> tuple["Figure", list["Axes"]]:
    """Lines of `values` `[n, n_signals]` over the time in `unit`, in a panel for each of the first quantities."""
    check_ending(path)
    starts = triads([x.name for x in signals])
    triples = {first: (name, [first, first + 1, first + 2]) for first, name in starts.items()}
    inside = {x for _, columns in triples.values() for x in columns[1:]}
    quantities = [triples.get(i, (x.name, [i])) for i, x in enumerate(signals) if i not in inside]
    if len(quantities) > _MOST_PANELS:
        quantities, title = quantities[:_MOST_PANELS], f"{title} · the first {_MOST_PANELS} signals"
    width, height = size
    figure = new_figure(width, max(height, _PANEL * len(quantities)), title)
    panels = list(figure.subplots(len(quantities), 1, sharex=True, squeeze=False)[:, 0])
    time = np.arange(len(values)) / samples_in_unit
    for panel, (quantity, columns) in zip(panels, quantities, strict=True):
        panel.set_title(_TITLES.get(quantity, short_name(quantity)), loc="left", fontsize=11, color=_INK)
        panel.set_ylabel(short_name(f"{quantity} ({signals[columns[0]].unit})"))
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        for colour, column in zip(_LINES, columns):  # noqa: B905 - one line, or three
            panel.plot(time, values[:, column], color=colour, linewidth=linewidth, label=signals[column].name[-1])
        if len(columns) > 1 and not any(x.get_legend() for x in panels):
            legend = panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, title="axis")
            for line in legend.get_lines():
                line.set_linewidth(2)
    panels[-1].set_xlim(0, len(values) / samples_in_unit)
    panels[-1].set_xlabel(f"time ({unit})")
    figure.align_ylabels(panels)
    return figure, panels
