"""Adapt a model to one person from their labelled recordings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Recording, cut, nobody_walks, segments
from edge_runtime.errors import InputError
from edge_runtime.live import personal_learning
from edge_runtime.live.personal_learning import HeldOut
from edge_runtime.live.recognizer import WARM_UP_S
from edge_runtime.live.recording_replay import worn_alike
from edge_runtime.model.classifier import Classifier, looks
from edge_runtime.model.model_card import WALKING, Card
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals import frontend
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS
from edge_runtime.signals.mounting import is_moving, recorded_frame, turned
from edge_runtime.signals.sensor_faults import FaultFinder

_HOP = 16  # samples: closer than live, since a few seconds have few windows
_ENOUGH_S = 10.0
FOLDS = 3  # parts of the only stretch of an activity


@dataclass(frozen=True)
class Stretch:
    """The `n` windows of one uninterrupted stretch of one activity.

    `starts` `[n]` count samples from its beginning; `logits` `[n, n_labels]`, `looks` `[n, n_features]` and `moves`
    `[n]` belong to the windows.
    """

    label: int
    seconds: float
    starts: npt.NDArray[np.integer]
    logits: npt.NDArray[np.float32]
    looks: npt.NDArray[np.float64]
    moves: npt.NDArray[np.bool_]

    def part(self, first_s: float, end_s: float, samples: int, rate_hz: float) -> "Stretch":
        """The windows of `samples` that lie wholly between two times."""
        rows = (self.starts >= first_s * rate_hz) & (self.starts + samples <= end_s * rate_hz)
        starts, logits, look, moves = self.starts[rows], self.logits[rows], self.looks[rows], self.moves[rows]
        return Stretch(self.label, end_s - first_s, starts, logits, look, moves)


def stretches(recordings: Sequence[Recording], classifier: Classifier) -> tuple[list[Stretch], list[str]]:
    """Find all stretches of activities that the model knows, and the mountings that are left out.

    The first `WARM_UP_S` of a recording are left out, unless less than `_ENOUGH_S` of an activity would remain. For a
    model of the walking frame, recordings of one mounting are turned together; a mounting without labelled walking is
    left out. Raises `InputError` when every mounting is.
    """
    card = classifier.card
    columns = [[x.name for x in SIGNALS].index(x.name) for x in card.signals]
    signals = [frontend.signals(x.samples, gentle=True)[:, columns] for x in recordings]
    turned_signals = _in_walking_frame(recordings, signals, card) if card.frame == "walking" else signals
    pairs = [(x, y) for x, y in zip(recordings, turned_signals, strict=True) if y is not None]
    unmoving = dict.fromkeys(x.mounting.name for x, y in zip(recordings, turned_signals, strict=True) if y is None)
    labels = range(len(card.labels))
    found = [z for x, y in pairs for z in _stretches(x, y, classifier, labels, WARM_UP_S)]
    early = [x for x in labels if sum(y.seconds for y in found if y.label == x) < _ENOUGH_S]
    whole = [z for x, y in pairs for z in _stretches(x, y, classifier, early, 0.0)]
    return [x for x in found if x.label not in early] + whole, list(unmoving)


def check_sensors(recordings: Sequence[Recording], card: Card) -> None:
    """Raise `InputError` where a sensor is off, stuck or in other units during an activity that the model knows."""
    for recording in recordings:
        for first, end, label in _pieces(recording, card, range(len(card.labels))):
            finder = FaultFinder(recording.rate_hz, card.n_channels)
            seconds = np.arange(first, end) / recording.rate_hz
            for second, _, said in finder.look(recording.samples[first:end], seconds):
                where = f"subject {recording.subject}, {card.labels[label]} until {second:.0f} s"
                raise InputError(f"{where} after the recording's start: {said}")


def learn(found: Sequence[Stretch], classifier: Classifier) -> tuple[PersonalCorrection, HeldOut | None]:
    """Learn the correction for one person from the stretches `found`, and cross-validate it if there is time enough.

    Raises `InputError` for fewer than two activities, and for labels that seem exchanged.
    """
    labels, window = classifier.card.labels, classifier.card.window
    shown = sorted({x.label for x in found})
    if len(shown) < 2:
        raise InputError(
            f"the labels show only {' and '.join(labels[x] for x in shown) or 'nothing'} for "
            f"{window.samples / RATE_HZ:g} s or more in one piece: label at least two of {', '.join(labels)}"
        )
    logits, look, y = joined(found)
    still = ~np.concatenate([x.moves for x in found])
    exchanged = personal_learning.exchanged(logits[still], y[still])
    if exchanged:
        pairs = " and ".join(f"{labels[x]} looks like {labels[other]}" for x, other in exchanged.items())
        raise InputError(f"the labels seem exchanged: to '{classifier.card.name}', {pairs}; check them")
    parts = [x for x in held_out_parts(found, window.samples) if len(x.starts)]
    folds = np.split(np.arange(sum(len(x.starts) for x in parts)), np.cumsum([len(x.starts) for x in parts])[:-1])
    temperature, weight = classifier.card.temperature, _HOP / window.hop
    has_all = {x.label for x in parts} == set(shown)
    return (
        personal_learning.learn(logits, look, y, temperature, weight),
        personal_learning.cross_validate(*joined(parts), folds, temperature, weight) if has_all else None,
    )


def joined(
    found: Sequence[Stretch],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64], npt.NDArray[np.integer]]:
    """Return logits, looks and activities of all windows."""
    return (
        np.concatenate([x.logits for x in found]),
        np.concatenate([x.looks for x in found]),
        np.concatenate([np.full(len(x.starts), x.label) for x in found]),
    )


def held_out_parts(found: Sequence[Stretch], samples: int) -> Iterator[Stretch]:
    """Divide the time into folds: stretches, and parts of the only one of an activity, without windows across them."""
    of_label = Counter(x.label for x in found)
    for x in found:
        if of_label[x.label] > 1:
            yield x
            continue
        edges = np.linspace(0, x.seconds, FOLDS + 1).tolist()
        yield from (x.part(first, end, samples, RATE_HZ) for first, end in pairwise(edges))


def _stretches(
    recording: Recording,
    signals: npt.NDArray[np.floating],
    classifier: Classifier,
    labels: Sequence[int],
    settling_s: float,
) -> Iterator[Stretch]:
    card = classifier.card
    settled = round(settling_s * recording.rate_hz)
    for begin, end, label in _pieces(recording, card, labels):
        first = max(begin, settled)
        starts = np.arange(0, end - first - card.window.samples + 1, _HOP)
        if len(starts):
            windows = cut(signals, first + starts, card.window.samples).astype(np.float32)
            moves = is_moving(windows, card.signal_names)
            seconds = (end - first) / recording.rate_hz
            yield Stretch(label, seconds, starts, classifier.logits(windows), looks(windows, card), moves)


def _in_walking_frame(
    recordings: Sequence[Recording],
    signals: Sequence[npt.NDArray[np.floating]],
    card: Card,
) -> list[npt.NDArray[np.floating] | None]:
    """Turn the signals `[n, n_signals]` of recordings; None for a mounting in which nobody walks."""
    names, window = card.signal_names, card.window
    result: list[npt.NDArray[np.floating] | None] = [None] * len(recordings)
    mountings = worn_alike(recordings)
    for rows in mountings:
        own = [signals[i] for i in rows]
        starts = [np.arange(0, len(x) - window.samples + 1, window.hop) for x in own]
        windows = np.concatenate([cut(x, y, window.samples) for x, y in zip(own, starts, strict=True)])
        walked = any(WALKING in recordings[i].found_labels for i in rows)
        if walked and is_moving(windows, names).any():
            frame = recorded_frame(windows, names, RATE_HZ)
            for i in rows:
                result[i] = turned(signals[i][np.newaxis], names, frame)[0]
    if all(x is None for x in result):
        worn = recordings[mountings[0][0]]
        raise InputError(nobody_walks("the recordings", worn.subject, worn.mounting.name))
    return result


def _pieces(recording: Recording, card: Card, labels: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """First sample, end and label of each stretch of one of `labels`."""
    for first, end, label in segments(recording.labels):
        name = recording.label_names[label] if label >= 0 else ""
        if name in card.labels and card.labels.index(name) in labels:
            yield first, end, card.labels.index(name)
