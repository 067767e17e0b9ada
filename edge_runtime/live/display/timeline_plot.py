"""Plot live recognition over time: labels above reported activities, with errors marked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_runtime.data.dataset import segments
from edge_runtime.live.recognizer import WARM_UP_S
from edge_runtime.live.stream_scores import NO_DECISION, Integers, Track
from edge_runtime.system.figures import activity_colour, legend_below, new_figure, save, short_name

_DONE, _REPORTED, _WRONG = 1.0, 0.0, -0.16  # where the rows begin
_HEIGHT, _WRONG_HEIGHT = 0.9, 0.08
_UNKNOWN: dict[str, Any] = {"facecolor": "#eeeeee", "edgecolor": "#999999", "hatch": "////"}
_BLANK = "blank: not labelled, or nothing reported yet"
_WARM_UP_COLOUR = "#fdf3d8"
_WRONG_COLOUR = "#d00000"


def plot_timeline(
    path: Path, track: Track, names: Sequence[str], n_activities: int, rate_hz: float, title: str
) -> None:
    """Draw a track over its minutes; `names` are those of its labels, the `n_activities` of the model first.

    A line below shows where another activity was reported than the labelled one. Raises `MissingExtraError` without
    matplotlib, `InputError` for a file that cannot be written.
    """
    figure = new_figure(14, 2.9, title)
    from matplotlib.patches import Patch

    panel = figure.subplots()
    minute = 60 * rate_hz
    shown = track.shown_at()
    panel.axvspan(0, WARM_UP_S / 60, color=_WARM_UP_COLOUR, linewidth=0, zorder=0)
    for row, labels in ((_DONE, track.labels), (_REPORTED, shown)):
        for first, end, label in segments(labels):
            if label < 0:
                continue
            bar = [(first / minute, (end - first) / minute)]
            panel.broken_barh(bar, (row, _HEIGHT), facecolor=activity_colour(label), edgecolor="white", linewidth=0.6)
    for first, end in _runs(shown == NO_DECISION, track.begin):
        panel.broken_barh([(first / minute, (end - first) / minute)], (_REPORTED, _HEIGHT), linewidth=0, **_UNKNOWN)
    is_activity = (track.labels >= 0) & (track.labels < n_activities)
    for first, end in _runs(is_activity & (shown != NO_DECISION) & (shown != track.labels), track.begin):
        panel.broken_barh([(first / minute, (end - first) / minute)], (_WRONG, _WRONG_HEIGHT), color=_WRONG_COLOUR)
    panel.set_yticks([_DONE + _HEIGHT / 2, _REPORTED + _HEIGHT / 2], ["done", "reported"])
    panel.set_ylim(_WRONG - 0.05, _DONE + _HEIGHT + 0.05)
    panel.set_xlim(0, len(track.labels) / minute)
    panel.set_xlabel("time (min)")
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(left=False)
    present = [x for x in range(len(names)) if x in track.labels or x in track.shown]
    handles = [Patch(facecolor=activity_colour(x), label=short_name(names[x])) for x in present]
    handles += [
        Patch(**_UNKNOWN, linewidth=0, label="unknown"),
        Patch(color=_WRONG_COLOUR, label="another is reported"),
        Patch(color=_WARM_UP_COLOUR, label="filters settle"),
    ]
    legend_below(figure, handles, _BLANK)
    save(figure, path)


def _runs(rows: Integers, begin: int) -> Iterator[tuple[int, int]]:
    """First and end of each run of true `rows` `[n_samples]` from `begin` on."""
    yield from ((begin + first, begin + end) for first, end, is_true in segments(rows[begin:]) if is_true)
