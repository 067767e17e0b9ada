"""Score live recognition: compare the decisions about continuous recordings with their labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.data.recording import label_runs
from edge_runtime.data.scores import confusion_matrix
from edge_runtime.signals.types import Window

NO_DECISION = -1  # in `Track.shown`: unknown; in `Track.labels`: without a label
Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Track:
    """The `labels` `[n_samples]` of a recording and the decisions about it.

    The window of decision i ends before sample `ends[i]`, the network's answer is `answers[i]`, and `shown[i]` is
    reported from then on. The network does not know labels from `n_activities` on. Scores leave out the samples that
    `lacks_mounting` `[n_samples]` marks: labelled postures before the first walk in this mounting. `notices` are
    sentences about faults of sensors and about axes, by kind.
    """

    subject: int | str
    labels: Integers
    ends: Integers
    answers: Integers
    shown: Integers
    lacks_mounting: npt.NDArray[np.bool_]
    notices: Mapping[str, str] = field(default_factory=dict)

    @property
    def begin(self) -> int:
        """Find the first sample at which something is reported."""
        return int(self.ends[0]) if len(self.ends) else len(self.labels)

    def shown_at(self) -> Integers:
        """Find the reported activity at each sample `[n_samples]`, `NO_DECISION` before the first decision."""
        lengths = np.diff(np.append(self.ends, len(self.labels)))
        before = np.full(self.begin, NO_DECISION, self.shown.dtype)
        return np.concatenate([before, np.repeat(self.shown, lengths)])

    def windows(self, n_activities: int, samples: int) -> Integers:
        """Collect labels, answers and reports `[3, n]` of the windows of `samples` that lie wholly in one activity."""
        changes = np.concatenate([[0], np.cumsum(np.diff(self.labels) != 0)])
        label = self.labels[self.ends - 1]
        rows = (changes[self.ends - 1] == changes[self.ends - samples]) & (label >= 0) & (label < n_activities)
        rows &= ~self.lacks_mounting[self.ends - 1]
        return np.stack([label[rows], self.answers[rows], self.shown[rows]])


@dataclass(frozen=True)
class WindowScores:
    """Shares (0 to 1) of the `windows` wholly in one activity: right unsmoothed, right as reported, unknown."""

    windows: int
    window_accuracy: float
    live_accuracy: float
    unknown: float


@dataclass(frozen=True)
class LiveScores:
    """Scores of live recognition: shares from 0 to 1, times in seconds, NaN where there is nothing to score.

    docs/formats.md explains them. A delay is infinite if an activity is never reported.
    """

    windows: int
    window_accuracy: float
    live_accuracy: float
    reported_accuracy: float
    delay_median_s: float
    delay_p90_s: float
    false_changes_per_hour: float
    false_answers_per_hour: float
    unknown_in_activities: float
    mounting_not_known: float
    hours: float
    hours_not_known: float


def score(tracks: Sequence[Track], n_activities: int, window: Window) -> LiveScores:
    """Score decisions about windows of recordings at the rate of `window`."""
    assert window.rate_hz
    samples, rate_hz = window.samples, window.rate_hz
    truth, answers, shown = np.concatenate([track.windows(n_activities, samples) for track in tracks], axis=1)
    labels = np.concatenate([track.labels[track.begin :] for track in tracks])
    reported = np.concatenate([track.shown_at()[track.begin :] for track in tracks])
    lacks = np.concatenate([track.lacks_mounting[track.begin :] for track in tracks])
    in_activity = (labels >= 0) & (labels < n_activities)
    delays = np.array([delay for track in tracks for delay in _delays(track, n_activities)]) / rate_hz
    all_labels = np.concatenate([track.labels for track in tracks])
    hours = int(((all_labels >= 0) & (all_labels < n_activities)).sum()) / rate_hz / 3600
    hours_not_known = int((labels >= n_activities).sum()) / rate_hz / 3600
    n_false_changes = sum(_false_changes(track, n_activities) for track in tracks)
    n_false_answers = sum(_false_answers(track, n_activities) for track in tracks)
    return LiveScores(
        windows=len(truth),
        window_accuracy=share(answers == truth),
        live_accuracy=share(shown == truth),
        reported_accuracy=share((shown == truth)[shown != NO_DECISION]),
        delay_median_s=float(np.median(delays)) if len(delays) else float("nan"),
        delay_p90_s=float(np.quantile(delays, 0.9, method="higher")) if len(delays) else float("nan"),
        false_changes_per_hour=n_false_changes / hours if hours else float("nan"),
        false_answers_per_hour=n_false_answers / hours_not_known if hours_not_known else float("nan"),
        unknown_in_activities=share((reported == NO_DECISION)[in_activity & ~lacks]),
        mounting_not_known=share(lacks[in_activity]),
        hours=hours,
        hours_not_known=hours_not_known,
    )


def per_group(
    tracks: Sequence[Track], names: Sequence[str], n_activities: int, samples: int
) -> dict[str, WindowScores]:
    """Score each group that has windows; `names` are the tracks' groups, "" for a track without a group."""
    scores = {}
    for name in dict.fromkeys(filter(None, names)):
        group = [track.windows(n_activities, samples) for track, of in zip(tracks, names, strict=True) if of == name]
        truth, answers, shown = np.concatenate(group, axis=1)
        if len(truth):
            shares = share(answers == truth), share(shown == truth), share(shown == NO_DECISION)
            scores[name] = WindowScores(len(truth), *shares)
    return scores


def confusion(tracks: Sequence[Track], n_activities: int, samples: int) -> Integers:
    """Count the windows wholly in one activity: `[true, reported]`, without unknown."""
    truth, _, shown = np.concatenate([track.windows(n_activities, samples) for track in tracks], axis=1)
    is_known = shown != NO_DECISION
    return confusion_matrix(truth[is_known], shown[is_known], n_activities)


def share(hits: Iterable[bool]) -> float:
    """Compute the share of true `hits`, 0 to 1; NaN without hits."""
    values = np.asarray(hits, np.float64)
    return float(values.mean()) if len(values) else float("nan")


def _delays(track: Track, n_activities: int) -> Iterator[float]:
    """Count the samples from the beginning of each activity until it is reported."""
    reported = track.shown_at()
    for first, end, label in label_runs(track.labels):
        # An activity that began before anything could be reported has no delay.
        if 0 <= label < n_activities and first >= track.begin and not track.lacks_mounting[first:end].any():
            hits = np.flatnonzero(reported[first:end] == label)
            yield float(hits[0]) if len(hits) else np.inf


def _false_changes(track: Track, n_activities: int) -> int:
    """Count the changes to another activity than the label, ignoring unknown in between."""
    ends, shown = (values[track.shown != NO_DECISION] for values in (track.ends, track.shown))
    labels = track.labels[np.minimum(ends, len(track.labels) - 1)]
    is_change = np.diff(shown, prepend=shown[:1]) != 0
    return int((is_change & (labels >= 0) & (labels < n_activities) & (shown != labels)).sum())


def _false_answers(track: Track, n_activities: int) -> int:
    """Count the reports of an activity that begin, also after unknown, in labels that the model does not know."""
    before = np.concatenate([[NO_DECISION], track.shown[:-1]])
    begins = (track.shown != NO_DECISION) & (track.shown != before)
    return int((begins & (track.labels[track.ends - 1] >= n_activities)).sum())
