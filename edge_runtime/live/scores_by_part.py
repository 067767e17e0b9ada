"""Score live recognition by person, placement, data set and activity, and list the reports during all other labels.

The mean over all windows hides for whom, and in which activity, recognition is bad. A transition between postures is no
activity and has no right answer: the shares of what is reported while it lasts are given instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.data.dataset import segments
from edge_runtime.data.scores import per_class
from edge_runtime.data.uci_har import TRANSITIONS
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.stream_scores import (
    NO_DECISION,
    Integers,
    Track,
    counts_with_unknown,
    inside_activity,
    mean_f1,
    share,
)


@dataclass(frozen=True)
class PartScores:
    """Shares, 0 to 1, of the `windows` wholly in one activity: right alone, right as reported, `unknown`.

    `window_f1` and `live_f1` are the mean F1 of the activities that the part has, or that of the one that it is.
    """

    windows: int
    window_accuracy: float
    window_f1: float
    live_accuracy: float
    live_f1: float
    unknown: float


@dataclass(frozen=True)
class Reported:
    """Reports during one label, which came so many `times`: shares of its `seconds` by activity and `UNKNOWN`."""

    times: int
    seconds: float
    shares: dict[str, float]


def is_transition(label: str) -> bool:
    """Tell whether a label is that of a transition between two postures."""
    return label.casefold() in TRANSITIONS


def per_group(tracks: Sequence[Track], names: Sequence[str], n_activities: int, samples: int) -> dict[str, PartScores]:
    """Scores by person, placement or data set, of windows of `samples`, in the order of the tracks; "" is no group.

    `names` are those of the tracks' groups. Without groups that have no window.
    """
    parts = [_windows(x, n_activities, samples) for x in tracks]
    found = {}
    for name in dict.fromkeys(names):
        own = [part for part, of in zip(parts, names, strict=True) if of == name]
        truth, answers, shown = np.concatenate(own, axis=1)
        if name and len(truth):
            f1 = (mean_f1(truth, x, n_activities) for x in (answers, shown))
            found[name] = _scores(truth, answers, shown, *f1)
    return found


def per_activity(tracks: Sequence[Track], labels: Sequence[str], samples: int) -> dict[str, PartScores]:
    """Scores by activity, of windows of `samples`; `labels` are those of the model. Without those that nobody did."""
    n = len(labels)
    truth, answers, shown = np.concatenate([_windows(x, n, samples) for x in tracks], axis=1)
    f1 = [per_class(counts_with_unknown(truth, x, n)[:n], labels) for x in (answers, shown)]
    rows = {label: truth == i for i, label in enumerate(labels)}
    return {
        label: _scores(truth[own], answers[own], shown[own], *(x[label].f1 or 0.0 for x in f1))
        for label, own in rows.items()
        if own.any()
    }


def reported_during(
    tracks: Sequence[Track], names: Sequence[str], n_activities: int, rate_hz: float
) -> dict[str, Reported]:
    """Give the reports during each label that is no activity, by label.

    `names` are those of `Track.labels`, the activities first. Time before anything is reported does not count.
    """
    columns = [*range(n_activities), NO_DECISION]
    found = {}
    for label in range(n_activities, len(names)):
        shown = np.concatenate([x.shown_at()[x.begin :][x.labels[x.begin :] == label] for x in tracks])
        times = sum(own == label and end > x.begin for x in tracks for _, end, own in segments(x.labels))
        if len(shown):
            shares = {UNKNOWN if x == NO_DECISION else names[x]: float((shown == x).mean()) for x in columns}
            found[names[label]] = Reported(times, len(shown) / rate_hz, shares)
    return found


def _windows(track: Track, n_activities: int, samples: int) -> Integers:
    """Labels, answers and reports of the windows wholly in one activity `[3, n]`."""
    inside = inside_activity(track, n_activities, samples)
    return np.stack([track.labels[track.ends[inside] - 1], track.answers[inside], track.shown[inside]])


def _scores(truth: Integers, answers: Integers, shown: Integers, window_f1: float, live_f1: float) -> PartScores:
    return PartScores(
        windows=len(truth),
        window_accuracy=share(answers == truth),
        window_f1=window_f1,
        live_accuracy=share(shown == truth),
        live_f1=live_f1,
        unknown=share(shown == NO_DECISION),
    )
