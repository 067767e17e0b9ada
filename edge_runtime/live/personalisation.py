"""Adapt a model to one person from their labelled recordings, and score the gain."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Recording, cut, segments
from edge_runtime.data.scores import confusion_matrix, macro_f1
from edge_runtime.errors import InputError
from edge_runtime.live import posture_learning
from edge_runtime.live.posture_learning import HeldOut
from edge_runtime.live.recognizer import WARM_UP_S
from edge_runtime.live.stream_scores import share
from edge_runtime.model.classifier import Classifier, gravity
from edge_runtime.model.model_card import Card
from edge_runtime.model.posture_correction import PostureCorrection
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS, FrontEnd
from edge_runtime.signals.mounting import is_moving, turned, walking_frame
from edge_runtime.signals.sensor_faults import FaultFinder

_HOP = 16  # samples: closer than live, since a minute has few windows
LEAST_S = 10.0
"""Least time of each posture: with less, chance weighs more than the person."""
FOLDS = 3
"""Parts into which the only stretch of a posture is divided, each at least a window long."""


@dataclass(frozen=True)
class Stretch:
    """The windows of one uninterrupted stretch of one activity: `starts` `[n]` count samples from its beginning."""

    label: int
    seconds: float
    starts: npt.NDArray[np.integer]
    logits: npt.NDArray[np.float32]
    gravity: npt.NDArray[np.float64]

    def part(self, first_s: float, end_s: float, samples: int, rate_hz: float) -> "Stretch":
        """The windows of `samples` that lie wholly between two times."""
        rows = (self.starts >= first_s * rate_hz) & (self.starts + samples <= end_s * rate_hz)
        return Stretch(self.label, end_s - first_s, self.starts[rows], self.logits[rows], self.gravity[rows])


@dataclass(frozen=True)
class Gain:
    """Accuracies, 0 to 1, of one person's other windows before and after; `postures_` are of the activities learnt.

    `macro_f1_` are over the activities that the person has.
    """

    subject: int | str
    windows: int
    before: float
    after: float
    postures_before: float
    postures_after: float
    macro_f1_before: float
    macro_f1_after: float
    used: bool


def stretches(recordings: Sequence[Recording], classifier: Classifier) -> list[Stretch]:
    """Find all stretches of activities that the model knows, in the order of time, with the network's answers.

    The first `WARM_UP_S` of each recording, in which the filters settle, are left out.
    """
    return [x for recording in recordings for x in _stretches(recording, classifier)]


def check_labels(recordings: Sequence[Recording], card: Card) -> None:
    """Raise `InputError` unless two activities of `recordings` have names that the model of `card` knows."""
    found = sorted({x.label_names[label] for x in recordings for label in np.unique(x.labels) if label >= 0})
    known = [x for x in found if x in card.labels]
    if len(known) < 2:
        raise InputError(
            f"the recordings are labelled {', '.join(found) or 'nowhere'}, and '{card.name}' knows "
            f"{', '.join(known) or 'none'} of these: label a minute of each of two postures or more with its names, "
            f"which are {', '.join(card.labels)}"
        )


def check_sensors(recordings: Sequence[Recording], names: Sequence[str]) -> None:
    """Raise `InputError` where a sensor is off, stuck or in other units while the activities `names` are done."""
    for recording in recordings:
        for first, end, name in _labelled(recording, names):
            finder = FaultFinder(recording.rate_hz)
            seconds = np.arange(first, end) / recording.rate_hz
            for second, _, said in finder.look(recording.samples[first:end], seconds):
                raise InputError(
                    f"subject {recording.subject}, {name} until {second:.0f} s after the recording's start: {said}"
                )


def learn(
    found: Sequence[Stretch], classifier: Classifier, ridge: float = posture_learning.RIDGE
) -> tuple[PostureCorrection, HeldOut]:
    """Learn the correction for one person from the stretches `found`, and score it on parts held out in turn.

    Raises `InputError` for fewer than two activities, less than `LEAST_S` of one, and labels that seem exchanged.
    """
    labels, window = classifier.card.labels, classifier.card.window
    seconds = {label: sum(x.seconds for x in found if x.label == label) for label in sorted({x.label for x in found})}
    if len(seconds) < 2:
        raise InputError(
            f"the recordings show {' and '.join(labels[x] for x in seconds) or 'no activity'} alone: record a minute "
            "of each of two postures or more, such as SITTING and STANDING"
        )
    short = [x for x in seconds if seconds[x] < LEAST_S]
    if short:
        raise InputError(
            f"there are {seconds[short[0]]:.0f} s of {labels[short[0]]} after the first {WARM_UP_S:g} s of a "
            f"recording, in which the filters settle: record at least {LEAST_S:g} s of each, better a minute"
        )
    logits, tilt, y = _joined(found)
    exchanged = posture_learning.exchanged(logits, y)
    if exchanged:
        pairs = " and ".join(
            f"windows labelled {labels[x]} look like {labels[other]}" for x, other in exchanged.items()
        )
        raise InputError(f"the labels seem exchanged: to '{classifier.card.name}', {pairs}; check them")
    parts = list(_parts(found, window.samples, RATE_HZ))
    folds = np.split(np.arange(sum(len(x.starts) for x in parts)), np.cumsum([len(x.starts) for x in parts])[:-1])
    total, temperature = sum(seconds.values()), classifier.card.temperature
    return (
        posture_learning.learn(logits, tilt, y, total, temperature, ridge),
        posture_learning.cross_validate(*_joined(parts), folds, total, temperature, ridge),
    )


def gain(
    subject: int | str,
    found: Sequence[Stretch],
    postures: Sequence[int],
    seconds: float,
    classifier: Classifier,
    ridge: float = posture_learning.RIDGE,
) -> Gain:
    """Learn from the first `seconds` of each of `postures`, and score on all other windows of this person.

    Raises `InputError` as `learn` does, and when there are no others.
    """
    first, rest = _split(found, postures, seconds, classifier)
    if not rest:
        raise InputError(
            f"the recordings have {seconds:g} s of each posture and nothing else: no window is left to be scored"
        )
    correction, held_out = learn(first, classifier, ridge)
    is_used = not held_out.is_worse
    logits, tilt, y = _joined(rest)
    answers = [logits.argmax(axis=1), correction.apply(logits, tilt).argmax(axis=1)]
    answers[1] = answers[1] if is_used else answers[0]
    before, after = (x == y for x in answers)
    f1_before, f1_after = (macro_f1(confusion_matrix(y, x, len(classifier.card.labels))) for x in answers)
    is_posture = np.isin(y, postures)
    return Gain(
        subject,
        len(y),
        share(before),
        share(after),
        share(before[is_posture]),
        share(after[is_posture]),
        f1_before,
        f1_after,
        used=is_used,
    )


def _joined(
    found: Sequence[Stretch],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64], npt.NDArray[np.integer]]:
    """Logits, gravity and activities of all windows."""
    return (
        np.concatenate([x.logits for x in found]),
        np.concatenate([x.gravity for x in found]),
        np.concatenate([np.full(len(x.starts), x.label) for x in found]),
    )


def _parts(found: Sequence[Stretch], samples: int, rate_hz: float) -> Iterator[Stretch]:
    """Divide the time into folds: stretches, since a person sits down anew; of an activity's only one, parts of it."""
    of_label = Counter(x.label for x in found)
    for x in found:
        if of_label[x.label] > 1:
            yield x
            continue
        edges = np.linspace(0, x.seconds, FOLDS + 1).tolist()
        # A window across two parts is in neither, or it would be both learnt from and scored.
        yield from (x.part(first, end, samples, rate_hz) for first, end in pairwise(edges))


def _stretches(recording: Recording, classifier: Classifier) -> Iterator[Stretch]:
    card = classifier.card
    columns = [[x.name for x in SIGNALS].index(x.name) for x in card.signals]
    front_end = FrontEnd(gentle=True)
    signals = np.concatenate([front_end.push(recording.samples), front_end.flush()])[:, columns]
    if card.frame == "walking":
        signals = _in_walking_frame(signals, card)
    settled = round(WARM_UP_S * recording.rate_hz)
    for begin, end, name in _labelled(recording, card.labels):
        first = max(begin, settled)
        starts = np.arange(0, end - first - card.window.samples + 1, _HOP)
        if len(starts):
            windows = cut(signals, first + starts).astype(np.float32)
            seconds = (end - first) / recording.rate_hz
            yield Stretch(card.labels.index(name), seconds, starts, classifier.logits(windows), gravity(windows, card))


def _in_walking_frame(signals: npt.NDArray[np.floating], card: Card) -> npt.NDArray[np.floating]:
    """Turn the signals `[n, n_signals]` of a recording. Raises `InputError` when nobody walks in it."""
    names = card.signal_names
    windows = cut(signals, np.arange(0, len(signals) - card.window.samples + 1, card.window.hop), card.window.samples)
    frame = walking_frame(windows[is_moving(windows, names)], names, RATE_HZ)
    return turned(signals[np.newaxis], names, frame)[0]


def _labelled(recording: Recording, names: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """First sample, end and name of each stretch of one of the activities `names`."""
    for first, end, label in segments(recording.labels):
        name = recording.label_names[label] if label >= 0 else ""
        if name in names:
            yield first, end, name


def _split(
    found: Sequence[Stretch], postures: Sequence[int], seconds: float, classifier: Classifier
) -> tuple[list[Stretch], list[Stretch]]:
    window = classifier.card.window
    left = dict.fromkeys(postures, seconds)
    first: list[Stretch] = []
    rest: list[Stretch] = []
    for x in found:
        taken = min(x.seconds, left.get(x.label, 0.0))
        if x.label in left:
            left[x.label] -= taken
        if taken > 0:
            first.append(x.part(0, taken, window.samples, RATE_HZ))
        rest.append(x.part(taken, x.seconds, window.samples, RATE_HZ))
    return [x for x in first if len(x.starts)], [x for x in rest if len(x.starts)]
