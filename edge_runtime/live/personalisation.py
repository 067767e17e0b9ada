"""Adapt a model to one person from their labelled recordings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import cut, nobody_walks
from edge_runtime.data.recording import Recording, label_runs
from edge_runtime.errors import InputError
from edge_runtime.live import correction_ridge
from edge_runtime.live.correction_ridge import HeldOut
from edge_runtime.live.recognizer import WARM_UP_S
from edge_runtime.live.recording_tracks import worn_alike
from edge_runtime.model.classifier import Classifier, are_novel, looks
from edge_runtime.model.model_card import WALKING, Card
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals import frontend
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS
from edge_runtime.signals.mounting import is_moving, recorded_frame, turned
from edge_runtime.signals.sensor_faults import FaultFinder
from edge_runtime.system.printable import printable

_HOP = 16  # samples: closer than live, because a few seconds have few windows
_ENOUGH_S = 10.0
FOLDS = 3  # parts of an activity's only stretch


@dataclass(frozen=True)
class Stretch:
    """The `n` windows of one uninterrupted stretch of one activity.

    Each window has a start in `starts` `[n]` (samples from the beginning of the stretch), `logits` `[n, n_labels]`
    and `looks` `[n, n_features]`; the activity rules out those that are `novel` `[n]`.
    """

    label: int
    seconds: float
    starts: npt.NDArray[np.integer]
    logits: npt.NDArray[np.float32]
    looks: npt.NDArray[np.float64]
    novel: npt.NDArray[np.bool_]

    def part(self, first_s: float, end_s: float, samples: int, rate_hz: float) -> "Stretch":
        """Select the windows of `samples` that lie wholly between two times."""
        rows = (self.starts >= first_s * rate_hz) & (self.starts + samples <= end_s * rate_hz)
        arrays = self.starts[rows], self.logits[rows], self.looks[rows], self.novel[rows]
        return Stretch(self.label, end_s - first_s, *arrays)


def find_stretches(recordings: Sequence[Recording], classifier: Classifier) -> tuple[list[Stretch], list[str]]:
    """Find all stretches of activities that the model knows, and name the mountings that are left out.

    The first `WARM_UP_S` of a recording are left out, unless less than `_ENOUGH_S` of an activity would remain. For a
    model of the walking frame, recordings of one mounting are turned together; a mounting without labelled walking is
    left out. Raises `InputError` when all mountings are left out.
    """
    card = classifier.card
    columns = [[signal.name for signal in SIGNALS].index(name) for name in card.signal_names]
    signals = [frontend.signals(recording.samples, gentle=True)[:, columns] for recording in recordings]
    in_frame = _in_walking_frame(recordings, signals, card) if card.frame == "walking" else signals
    pairs = list(zip(recordings, in_frame, strict=True))
    unmoving = dict.fromkeys(recording.mounting.name for recording, values in pairs if values is None)
    usable = [(recording, values) for recording, values in pairs if values is not None]
    labels = range(len(card.labels))
    settled = [x for pair in usable for x in _stretches(*pair, classifier, labels, WARM_UP_S)]
    early = [label for label in labels if sum(x.seconds for x in settled if x.label == label) < _ENOUGH_S]
    whole = [x for pair in usable for x in _stretches(*pair, classifier, early, 0.0)]
    return [x for x in settled if x.label not in early] + whole, list(unmoving)


def check_sensors(recordings: Sequence[Recording], card: Card) -> None:
    """Raise `InputError` if a sensor is off, stuck or in other units during an activity that the model knows."""
    for recording in recordings:
        for first, end, label in _pieces(recording, card, range(len(card.labels))):
            finder = FaultFinder(recording.rate_hz, card.n_channels)
            seconds = np.arange(first, end) / recording.rate_hz
            for second, kind, fault in finder.check(recording.samples[first:end], seconds):
                place = f"{recording.file or 'recording'} of subject {recording.subject}, {card.labels[label]}"
                if kind == "rotation units":  # without the option of live recognition
                    fault = f"{fault.partition(':')[0]}: correct the unit of rotation, as in the header gx[rad/s]"
                raise InputError(f"{place} until {second:.0f} s after the start: {fault}")


def learn(
    stretches: Sequence[Stretch], classifier: Classifier, data_labels: Sequence[str] = ()
) -> tuple[PersonalCorrection, HeldOut | None]:
    """Learn the correction for one person, and cross-validate it if the stretches are long enough.

    Raises `InputError` for fewer than two activities, of which it names the `data_labels`.
    """
    labels, window = classifier.card.labels, classifier.card.window
    activities = sorted({stretch.label for stretch in stretches})
    if len(activities) < 2:
        long = f"{window.samples / RATE_HZ:g} s or more without a break"
        few = f"only {labels[activities[0]]}" if activities else "no activity of the model"
        shown = printable(", ".join(data_labels), 200) or "none"
        raise InputError(f"the labels ({shown}) show {few} for {long}: label at least two of {', '.join(labels)}")
    parts = [part for part in held_out_parts(stretches, window.samples) if len(part.starts)]
    sizes = [len(part.starts) for part in parts]
    folds = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    temperature, weight = classifier.card.temperature, _HOP / window.hop
    has_all = {part.label for part in parts} == set(activities)
    return (
        correction_ridge.fit_correction(*joined(stretches), temperature, weight),
        correction_ridge.cross_validate(*joined(parts), folds, temperature, weight) if has_all else None,
    )


def joined(
    stretches: Sequence[Stretch],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64], npt.NDArray[np.integer]]:
    """Concatenate logits, looks and activities of all windows."""
    return (
        np.concatenate([stretch.logits for stretch in stretches]),
        np.concatenate([stretch.looks for stretch in stretches]),
        np.concatenate([np.full(len(stretch.starts), stretch.label) for stretch in stretches]),
    )


def held_out_parts(stretches: Sequence[Stretch], samples: int) -> Iterator[Stretch]:
    """Divide the time into folds: stretches, or parts of an activity's only stretch, without windows across parts."""
    n_stretches = Counter(stretch.label for stretch in stretches)
    for stretch in stretches:
        if n_stretches[stretch.label] > 1:
            yield stretch
            continue
        edges = np.linspace(0, stretch.seconds, FOLDS + 1).tolist()
        yield from (stretch.part(first, end, samples, RATE_HZ) for first, end in pairwise(edges))


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
            seconds = (end - first) / recording.rate_hz
            novel = are_novel(windows, np.full(len(windows), label), card)
            yield Stretch(label, seconds, starts, classifier.logits(windows), looks(windows, card), novel)


def _in_walking_frame(
    recordings: Sequence[Recording],
    signals: Sequence[npt.NDArray[np.floating]],
    card: Card,
) -> list[npt.NDArray[np.floating] | None]:
    """Turn the signals `[n, n_signals]` of recordings; None for a mounting without walking."""
    names, window = card.signal_names, card.window
    result: list[npt.NDArray[np.floating] | None] = [None] * len(recordings)
    mountings = worn_alike(recordings)
    for rows in mountings:
        starts = [np.arange(0, len(signals[i]) - window.samples + 1, window.hop) for i in rows]
        pieces = [cut(signals[i], begins, window.samples) for i, begins in zip(rows, starts, strict=True)]
        windows = np.concatenate(pieces)
        has_walking = any(WALKING in recordings[i].found_labels for i in rows)
        if has_walking and is_moving(windows, names).any():
            frame = recorded_frame(windows, names, RATE_HZ)
            for i in rows:
                result[i] = turned(signals[i][np.newaxis], names, frame)[0]
    if all(values is None for values in result):
        first = recordings[mountings[0][0]]
        raise nobody_walks("the recordings", first.subject, first.mounting.name)
    return result


def _pieces(recording: Recording, card: Card, labels: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Find the first sample, the end and the label of each stretch of one of `labels`."""
    for first, end, label in label_runs(recording.labels):
        name = recording.label_names[label] if label >= 0 else ""
        if name in card.labels and card.labels.index(name) in labels:
            yield first, end, card.labels.index(name)
