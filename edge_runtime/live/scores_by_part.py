"""Score live recognition by person and by activity, and list the reports during all other labels.

The mean over all windows hides for whom, and in which activity, recognition is bad. A transition between postures is no
activity and has no right answer: the shares of what is reported while it lasts are given instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.data.dataset import segments
from edge_runtime.data.uci_har import TRANSITIONS
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.stream_scores import NO_DECISION, Integers, Track, inside_activity, share


@dataclass(frozen=True)
class PartScores:
    """Shares, 0 to 1, of the `windows` wholly in one activity: right alone, right as reported, `unknown`."""

    windows: int
    window_accuracy: float
    live_accuracy: float
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


def per_subject(tracks: Sequence[Track], n_activities: int, samples: int) -> dict[str, PartScores]:
    """Scores by subject, of windows of `samples`, in the order of the tracks; without those who have no window."""
    subjects = list(dict.fromkeys(str(x.subject) for x in tracks))
    return _parts(
        tracks, n_activities, samples, subjects, lambda x, truth: np.full(len(truth), subjects.index(str(x.subject)))
    )


def per_activity(tracks: Sequence[Track], labels: Sequence[str], samples: int) -> dict[str, PartScores]:
    """Scores by activity, of windows of `samples`; `labels` are those of the model. Without those that nobody did."""
    return _parts(tracks, len(labels), samples, labels, lambda _, truth: truth)


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


def _parts(
    tracks: Sequence[Track],
    n_activities: int,
    samples: int,
    names: Sequence[str],
    part_of: Callable[[Track, Integers], Integers],
) -> dict[str, PartScores]:
    """Scores of the parts `names`; `part_of` says to which of them windows of a track and a truth belong."""
    rows = []
    for x in tracks:
        inside = inside_activity(x, n_activities, samples)
        truth = x.labels[x.ends[inside] - 1]
        rows.append(np.stack([part_of(x, truth), truth, x.answers[inside], x.shown[inside]]))
    part, truth, answers, shown = np.concatenate(rows, axis=1)
    found = (answers == truth, shown == truth, shown == NO_DECISION)
    own = {name: part == i for i, name in enumerate(names) if (part == i).any()}
    return {name: PartScores(int(rows.sum()), *(share(x[rows]) for x in found)) for name, rows in own.items()}
