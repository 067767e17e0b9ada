"""Measure live how soon and how rightly mountings of people are found whom a network has not seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from edge_runtime.data.dataset import WINDOW, Recording, cut
from edge_runtime.live import stream_scores
from edge_runtime.live.decider import FOUND, Notice
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.recording_replay import replay, worn_alike
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import WALKING
from edge_runtime.signals import frontend
from edge_runtime.signals.mounting import is_moving, walking_frame

Array = npt.NDArray[np.float64]

_NAMES = [x.name for x in frontend.SIGNALS]


@dataclass(frozen=True)
class FoundMounting:
    """One mounting, replayed as one day: seconds labelled WALKING until it was found, None if it never was.

    `headings` are the degrees, 0 to 180, between ahead at the end of each recording and where the person walked in it.
    In a recording without walking on the level it is that of all moving windows of the mounting, although the phone may
    have been put back otherwise meanwhile. `of_walks` are those of the recordings with walking alone.
    """

    walking_s: float | None
    headings: tuple[float, ...]
    of_walks: tuple[float, ...]


def found_mountings(classifier: Classifier, recordings: Sequence[Recording]) -> Iterator[FoundMounting]:
    """Replay the recordings of each person and mounting; those in which nobody moves are left out."""
    for places in worn_alike(recordings):
        own = [recordings[x] for x in places]
        of_mounting = _ahead(np.concatenate([_windows(x) for x in own]))
        if of_mounting is not None:
            yield _found(classifier, own, of_mounting)


def _found(classifier: Classifier, recordings: Sequence[Recording], ahead: Array) -> FoundMounting:
    recognizer = LiveRecognizer(classifier, placement=recordings[0].mounting.placement)
    walked, found = 0.0, None
    headings: list[float] = []
    of_walks: list[float] = []
    for x in recordings:
        recognizer.restart(x.begins_midway)
        events = [*recognizer.push(x.samples), *recognizer.flush()]
        notice = next((y for y in events if isinstance(y, Notice) and y.text == FOUND), None)
        number = x.label_names.index(WALKING) if WALKING in x.label_names else len(x.label_names)
        until = len(x.labels) if notice is None else round(notice.seconds * x.rate_hz) + 1
        walked += float((x.labels[:until] == number).sum()) / x.rate_hz if found is None else 0.0
        found = walked if found is None and notice is not None else found
        if recognizer.rotation is not None:
            walks = _ahead(_windows(x)[cut(x.labels[:, np.newaxis] == number, _starts(x))[..., 0].all(axis=1)])
            cosine = recognizer.rotation[1] @ (ahead if walks is None else walks)
            headings.append(float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))
            of_walks += headings[-1:] if walks is not None else []
    return FoundMounting(found, tuple(headings), tuple(of_walks))


def _ahead(windows: npt.NDArray[np.float32]) -> Array | None:
    """The direction `[3]` ahead by those of the windows that move; None where none does."""
    moving = windows[is_moving(windows, _NAMES)]
    return walking_frame(moving, _NAMES, frontend.RATE_HZ)[1] if len(moving) else None


def _windows(recording: Recording) -> npt.NDArray[np.float32]:
    return cut(frontend.signals(recording.samples), _starts(recording)).astype(np.float32)


def _starts(recording: Recording) -> range:
    return range(0, max(len(recording.samples) - WINDOW.samples + 1, 0), WINDOW.hop)


def turned_at_random(recordings: Sequence[Recording], seed: int) -> list[Recording]:
    """The same recordings, all of one mounting turned by one rotation, drawn evenly from SO(3)."""
    mountings = worn_alike(recordings)
    found = list(recordings)
    for places, rotation in zip(mountings, Rotation.random(len(mountings), random_state=seed).as_matrix(), strict=True):
        for i in places:
            sensors = recordings[i].samples.reshape(-1, 2, 3)
            found[i] = replace(recordings[i], samples=(sensors @ rotation.T).reshape(-1, 6))
    return found


def live_accuracy(classifier: Classifier, recordings: Sequence[Recording]) -> float:
    """The share of windows that are reported rightly when they end, 0 to 1, but of postures before the first walk."""
    tracks = [x for _, x in replay(recordings, classifier)]
    card = classifier.card
    return stream_scores.score(tracks, len(card.labels), card.window.samples, frontend.RATE_HZ).live_accuracy
