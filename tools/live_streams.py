"""Cut recordings of people whom a network has not seen into live windows, and smooth its answers."""

from dataclasses import dataclass

import numpy as np

from edge_runtime.data import dataset, loading
from edge_runtime.data.dataset import Dataset, Recording, cut
from edge_runtime.live.persistence import PersistenceTracker
from edge_runtime.live.smoothing import Smoother
from edge_runtime.live.stream_scores import NO_DECISION
from edge_runtime.model.classifier import Classifier, softmax
from edge_runtime.model.live_settings import STEP_S, Smoothing
from edge_runtime.model.novelty import Judgement, Moment, NoveltyDetector, moment
from edge_runtime.signals import frontend
from tools.choose_recipe import FOLDS
from train.cross_validation import choose_folds

HOP = dataset.WINDOW.hop
NAMES = [x.name for x in frontend.SIGNALS]


@dataclass(frozen=True)
class Stream:
    """One recording of someone whom its network has not seen: a window each `HOP` samples, and facts about each."""

    recording: Recording
    fold: int
    ends: np.ndarray
    logits: np.ndarray
    moments: Moment
    movement: np.ndarray

    def labels(self) -> np.ndarray:
        """The label at the end of each window."""
        return self.recording.labels[self.ends - 1]

    def judge(self, detector: NoveltyDetector) -> list[Judgement]:
        """The judgement of each window."""
        found = detector.judge(self.moments)
        rows = zip(*(getattr(found, name) for name in Judgement.__dataclass_fields__), strict=True)
        return [Judgement(*row) for row in rows]


def fold_of(recording: Recording, data: Dataset) -> int:
    """The fold whose network has not seen the recording's subject."""
    return next(
        i for i, subjects in enumerate(choose_folds(data.train, data.labels, FOLDS)) if recording.subject in subjects
    )


def stream_of(recording: Recording, models: list[Classifier], phase: int = 0) -> Stream:
    """The recording from sample `phase` on, under the network that has not seen its subject."""
    signals = frontend.signals(recording.samples)
    fold = fold_of(recording, loading.load_data(None))
    starts = np.arange(phase, len(signals) - dataset.WINDOW.samples + 1, HOP)
    windows = cut(signals, starts)
    latest = windows[:, -round(STEP_S * frontend.RATE_HZ) :, :3]
    return Stream(
        recording,
        fold,
        starts + dataset.WINDOW.samples,
        models[fold].logits(windows),
        moment(windows, NAMES, frontend.RATE_HZ),
        np.linalg.norm(latest, axis=2).mean(axis=1),
    )


def smooth(stream: Stream, judgements: list[Judgement], smoothing: Smoothing, temperature: float) -> np.ndarray:
    """The class that is reported after each window, or `NO_DECISION`."""
    probabilities = softmax(stream.logits, temperature)
    step_s, n_labels = HOP / frontend.RATE_HZ, probabilities.shape[1]
    smoother, persistence = Smoother(smoothing, n_labels), PersistenceTracker(n_labels, step_s)
    shown = np.full(len(stream.ends), NO_DECISION)
    for i, window in enumerate(probabilities):
        verdict = persistence.take(judgements[i], int(window.argmax()))
        is_moving = bool(stream.movement[i] > smoothing.movement)
        current = smoother.update(window, step_s, is_moving, verdict.unusual)
        if current is not None and not verdict.speaks_against(current):
            shown[i] = current
    return shown
