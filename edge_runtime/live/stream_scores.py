"""Score live recognition: compare decisions over continuous recordings with their labels.

Windows that lie wholly in one activity are scored as those of the data set are. Further scores are of what a user sees:
the delay until a new activity is reported, false changes, and `unknown` in activities and in transitions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import segments
from edge_runtime.data.scores import auroc, confusion_matrix, macro_f1

NO_DECISION = -1
"""In `Track.shown`: unknown. In `Track.labels`: not labelled."""

Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Track:
    """One recording: the `labels` `[n_samples]` and the decisions about it.

    The window of decision i ends before sample `ends[i]`, its own answer is `answers[i]`, and from then on `shown[i]`
    is reported; `novelty[i]` is that of the motion, NaN where the model does not know. Labels below `n_activities` are
    those of the network; those above are transitions and others. Where `joined[i]`, several activities were named, of
    which `shown[i]` is the right one, if any is. A track `finds_mounting` where it became known how the device is worn.
    Where `lacks_mounting` `[n_samples]`, the label is a posture and nothing of this mounting was labelled as walking
    before, without which no posture can be told.
    """

    subject: int | str
    labels: Integers
    ends: Integers
    answers: Integers
    shown: Integers
    novelty: npt.NDArray[np.float64] | None = None
    joined: npt.NDArray[np.bool_] | None = None
    lacks_mounting: npt.NDArray[np.bool_] | None = None
    finds_mounting: bool = False

    @property
    def begin(self) -> int:
        """The first sample at which something is reported."""
        return int(self.ends[0]) if len(self.ends) else len(self.labels)

    def shown_at(self) -> Integers:
        """Return the reported activity at each sample `[n_samples]`, `NO_DECISION` before the first decision."""
        if not len(self.ends):
            return np.full(len(self.labels), NO_DECISION, self.shown.dtype)
        held = np.diff(np.append(self.ends, len(self.labels)))
        return np.concatenate([np.full(self.ends[0], NO_DECISION, self.shown.dtype), np.repeat(self.shown, held)])


@dataclass(frozen=True)
class LiveScores:
    """Shares are between 0 and 1, times in seconds, rates per hour of labelled activity.

    `window_accuracy` and `live_accuracy` are of single and of smoothed answers to the same windows, those wholly in one
    activity; unknown counts as wrong, and is left out of `reported_accuracy`. `window_macro_f1` and `live_macro_f1` are
    the mean F1, over the activities that the windows have, of the same answers. `joined` is the share of these windows
    for which several activities were named, right where one of them is. `mounting_not_known` is the share of time in
    activities that are labelled postures before the first labelled walk of a mounting: nothing can be told there, and
    all scores of windows, samples and `unknown_in_activities` are of the rest. `sample_accuracy` is of the report at
    each sample of an activity, which cannot be right at its beginning. A delay is from an
    activity's first sample until it is reported. A false change is one to an activity other than the labelled one;
    `false_changes_seen` leaves out those whose window reaches back to before the activity began. A false answer is an
    activity that begins to be reported while something is done that the model does not know, per hour of that;
    `novelty_auroc` is how well `Track.novelty` tells such moments from windows wholly in one activity.
    """

    windows: int
    window_accuracy: float
    live_accuracy: float
    window_macro_f1: float
    live_macro_f1: float
    reported_accuracy: float
    sample_accuracy: float
    delay_median_s: float
    delay_p90_s: float
    missed: int
    activities: int
    false_changes_per_hour: float
    false_changes_seen_per_hour: float
    unknown_in_activities: float
    unknown_in_transitions: float
    hours: float
    false_answers_per_hour: float
    novelty_auroc: float
    hours_not_known: float
    joined: float
    mounting_not_known: float


def score(
    tracks: Sequence[Track],
    n_activities: int,
    samples: int,
    rate_hz: float,
    transitions: Sequence[int] | None = None,
) -> LiveScores:
    """Score decisions about windows of `samples` at `rate_hz`; a score of nothing is NaN.

    `transitions` are labels of `Track.labels`; None for all that are no activities.
    """
    inside = [inside_activity(x, n_activities, samples) for x in tracks]
    truth = np.concatenate([x.labels[x.ends[rows] - 1] for x, rows in zip(tracks, inside, strict=True)])
    answers, shown = (
        np.concatenate([getattr(x, name)[rows] for x, rows in zip(tracks, inside, strict=True)])
        for name in ("answers", "shown")
    )
    labels = np.concatenate([x.labels[x.begin :] for x in tracks])
    reported = np.concatenate([x.shown_at()[x.begin :] for x in tracks])
    lacks = np.concatenate([_lacks_mounting(x)[x.begin :] for x in tracks])
    in_any = (labels >= 0) & (labels < n_activities)
    in_activity = in_any & ~lacks
    in_transition = labels >= n_activities if transitions is None else np.isin(labels, transitions)
    delays = np.array([x for track in tracks for x in _delays(track, n_activities)]) / rate_hz
    false = [x for track in tracks for x in _false_changes(track, n_activities, samples)]
    hours = sum(int(((x.labels >= 0) & (x.labels < n_activities)).sum()) for x in tracks) / rate_hz / 3600
    hours_not_known = sum(int((x.labels[x.begin :] >= n_activities).sum()) for x in tracks) / rate_hz / 3600
    n_false_answers = sum(int(false_answers(x, n_activities).sum()) for x in tracks)
    return LiveScores(
        windows=len(truth),
        window_accuracy=share(answers == truth),
        live_accuracy=share(shown == truth),
        window_macro_f1=mean_f1(truth, answers, n_activities),
        live_macro_f1=mean_f1(truth, shown, n_activities),
        reported_accuracy=share((shown == truth)[shown != NO_DECISION]),
        sample_accuracy=share((reported == labels)[in_activity]),
        delay_median_s=float(np.median(delays)) if len(delays) else float("nan"),
        delay_p90_s=float(np.quantile(delays, 0.9, method="higher")) if len(delays) else float("nan"),
        missed=int(np.isinf(delays).sum()),
        activities=len(delays),
        false_changes_per_hour=len(false) / hours if hours else float("nan"),
        false_changes_seen_per_hour=sum(false) / hours if hours else float("nan"),
        unknown_in_activities=share((reported == NO_DECISION)[in_activity]),
        unknown_in_transitions=share((reported == NO_DECISION)[in_transition]),
        hours=hours,
        false_answers_per_hour=n_false_answers / hours_not_known if hours_not_known else float("nan"),
        novelty_auroc=_novelty_auroc(tracks, n_activities, samples),
        hours_not_known=hours_not_known,
        joined=share([x for track, rows in zip(tracks, inside, strict=True) for x in _joined(track)[rows]]),
        mounting_not_known=share(lacks[in_any]),
    )


def confusion(tracks: Sequence[Track], n_activities: int, samples: int) -> Integers:
    """Count what was reported at the end of windows wholly in one activity: `[true, reported]`, without unknown."""
    counts = np.zeros((n_activities, n_activities), np.int64)
    for track in tracks:
        rows = inside_activity(track, n_activities, samples) & (track.shown != NO_DECISION)
        np.add.at(counts, (track.labels[track.ends[rows] - 1], track.shown[rows]), 1)
    return counts


def counts_with_unknown(truth: Integers, answers: Integers, n_activities: int) -> npt.NDArray[np.int64]:
    """Count `answers` `[n]`: `[true, answered]`, of which the last column is unknown and the last row is empty."""
    return confusion_matrix(truth, np.where(answers == NO_DECISION, n_activities, answers), n_activities + 1)


def mean_f1(truth: Integers, answers: Integers, n_activities: int) -> float:
    """The mean F1 of the activities in `truth` `[n]`, unknown among the `answers` `[n]` being wrong; NaN of none."""
    return macro_f1(counts_with_unknown(truth, answers, n_activities)) if len(truth) else float("nan")


def _joined(track: Track) -> npt.NDArray[np.bool_]:
    return np.zeros(len(track.ends), np.bool_) if track.joined is None else track.joined


def _lacks_mounting(track: Track) -> npt.NDArray[np.bool_]:
    return np.zeros(len(track.labels), np.bool_) if track.lacks_mounting is None else track.lacks_mounting


def inside_activity(track: Track, n_activities: int, samples: int) -> npt.NDArray[np.bool_]:
    """Find the decisions whose windows lie wholly in one activity, but for postures before the first walk."""
    changes = np.concatenate([[0], np.cumsum(np.diff(track.labels) != 0)])
    label = track.labels[track.ends - 1]
    is_one = changes[track.ends - 1] == changes[track.ends - samples]
    inside: npt.NDArray[np.bool_] = is_one & (label >= 0) & (label < n_activities)
    return inside & ~_lacks_mounting(track)[track.ends - 1]


def false_answers(track: Track, n_activities: int) -> npt.NDArray[np.bool_]:
    """Find the decisions from which on another activity is reported than before, while the model knows none of it."""
    reported = track.shown[track.shown != NO_DECISION]
    is_new = np.zeros(len(track.shown), np.bool_)
    is_new[track.shown != NO_DECISION] = np.diff(reported, prepend=NO_DECISION) != 0
    # An activity that is named again after unknown is a new answer too.
    is_new |= (track.shown != NO_DECISION) & (np.roll(track.shown, 1) == NO_DECISION)
    is_new &= track.labels[track.ends - 1] >= n_activities
    return is_new


def _novelty_auroc(tracks: Sequence[Track], n_activities: int, samples: int) -> float:
    known: list[npt.NDArray[np.float64]] = [np.empty(0)]
    not_known: list[npt.NDArray[np.float64]] = [np.empty(0)]
    for x in tracks:
        if x.novelty is not None and not np.isnan(x.novelty).any():
            known.append(x.novelty[inside_activity(x, n_activities, samples)])
            not_known.append(x.novelty[x.labels[x.ends - 1] >= n_activities])
    return auroc(np.concatenate(known), np.concatenate(not_known))


def _delays(track: Track, n_activities: int) -> Iterator[float]:
    """Samples from the beginning of each activity until it is reported; infinite when it never is."""
    reported, lacks = track.shown_at(), _lacks_mounting(track)
    for first, end, label in segments(track.labels):
        # An activity that began before anything could be reported has no delay.
        if 0 <= label < n_activities and first >= track.begin and not lacks[first:end].any():
            hits = np.flatnonzero(reported[first:end] == label)
            yield float(hits[0]) if len(hits) else np.inf


def _false_changes(track: Track, n_activities: int, samples: int) -> Iterator[bool]:
    """For each change to an activity other than the labelled one, whether all of its window was of that label."""
    before = NO_DECISION
    for end, shown in zip(track.ends.tolist(), track.shown.tolist(), strict=True):
        label = int(track.labels[min(end, len(track.labels) - 1)])
        if (
            shown not in (NO_DECISION, before)
            and before != NO_DECISION
            and 0 <= label < n_activities
            and shown != label
        ):
            yield bool((track.labels[end - samples : end] == label).all())
        before = before if shown == NO_DECISION else shown


def share(hits: Iterable[bool]) -> float:
    """The share of `hits` that are true, 0 to 1; NaN of none."""
    values = np.asarray(hits, np.float64)
    return float(values.mean()) if len(values) else float("nan")
