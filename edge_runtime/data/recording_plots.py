"""Draw a whole recording with its labels."""

from pathlib import Path

import numpy as np

from edge_runtime.data.dataset import Recording, segments
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.system.figures import FORMATS, activity_colour, legend_below, new_figure, save, short_name

_LINES = ("#0072b2", "#d55e00", "#009e73")  # x, y, z: told apart by the colour-blind too (Okabe and Ito, 2008)
_INK = "#333333"
_SPAN_ALPHA = 0.45
_TITLES = {"body_acc": "Body acceleration", "body_gyro": "Rotation", "total_acc": "Acceleration with gravity"}


def plot_recording(path: Path, recording: Recording, title: str) -> None:
    """Draw the signals of a recording over its minutes, with its labels as coloured spans, into `path`.

    Raises `MissingExtraError` without matplotlib, `InputError` for a file that cannot be written.
    """
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise InputError(f"{path} has to end in one of {', '.join(f'.{x}' for x in FORMATS)}")
    signals, names, minute = recording.signals, recording.label_names, 60 * recording.rate_hz
    values = frontend.signals(recording.samples, recording.begins_midway)[:, [SIGNALS.index(x) for x in signals]]
    figure = new_figure(14, 8, title)
    panels = list(figure.subplots(len(signals) // 3, 1, sharex=True))
    from matplotlib.patches import Patch

    minutes = np.arange(len(values)) / minute
    for first, panel in zip(range(0, len(signals), 3), panels, strict=True):
        quantity = signals[first].name.removesuffix("_x")
        panel.set_title(_TITLES[quantity], loc="left", fontsize=11, color=_INK)
        panel.set_ylabel(f"{quantity} ({signals[first].unit})")
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        for axis, colour in enumerate(_LINES):
            panel.plot(minutes, values[:, first + axis], color=colour, linewidth=0.5, label="xyz"[axis])
        for start, end, label in segments(recording.labels):
            if label >= 0:
                panel.axvspan(start / minute, end / minute, color=activity_colour(label), alpha=_SPAN_ALPHA, lw=0)
    legend = panels[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, title="axis")
    for line in legend.get_lines():
        line.set_linewidth(2)
    panels[-1].set_xlim(0, len(values) / minute)
    panels[-1].set_xlabel("time (min)")
    figure.align_ylabels(panels)
    present = [x for x in range(len(names)) if (recording.labels == x).any()]
    handles = [Patch(facecolor=activity_colour(x), alpha=_SPAN_ALPHA, label=short_name(names[x])) for x in present]
    if handles:
        legend_below(figure, handles, "label (white: none)")
    save(figure, path)
