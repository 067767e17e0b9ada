"""Cut recordings of people whom a network has not seen into live windows, and smooth its answers."""

from dataclasses import dataclass

import numpy as np

from edge_runtime.data import dataset, loading
from edge_runtime.data.dataset import Recording, cut
from edge_runtime.live.smoothing import Smoother
from edge_runtime.live.stream_scores import NO_DECISION
from edge_runtime.model.classifier import Classifier, softmax
from edge_runtime.model.live_settings import Smoothing
from edge_runtime.model.novelty import MotionFeatures, Novelty, NoveltyDetector, PersistenceTracker, motion_features
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
    features: MotionFeatures
    movement: np.ndarray

    def labels(self) -> np.ndarray:
        """The label at the end of each window."""
        return self.recording.labels[self.ends - 1]

    def novelty(self, detector: NoveltyDetector) -> list[Novelty]:
        """The novelty of each window."""
        found = detector.detect(self.features)
        rows = zip(*(getattr(found, name) for name in Novelty.__dataclass_fields__), strict=True)
        return [Novelty(*row) for row in rows]


def fold_of(recording: Recording) -> int:
    """The fold whose network has not seen the recording's subject."""
    data = loading.load_data()
    folds = choose_folds(data.train, data.labels, FOLDS)
    return next(i for i, subjects in enumerate(folds) if recording.subject in subjects)


def stream_of(recording: Recording, models: list[Classifier], phase: int = 0) -> Stream:
    """The recording from sample `phase` on, under the network that has not seen its subject."""
    signals = frontend.signals(recording.samples)
    fold = fold_of(recording)
    starts = np.arange(phase, len(signals) - dataset.WINDOW.samples + 1, HOP)
    windows = cut(signals, starts)
    latest = windows[:, -dataset.WINDOW.hop :, :3]
    return Stream(
        recording,
        fold,
        starts + dataset.WINDOW.samples,
        models[fold].logits(windows),
        motion_features(windows, NAMES, dataset.WINDOW),
        np.linalg.norm(latest, axis=2).mean(axis=1),
    )


def smooth(stream: Stream, novelty: list[Novelty], smoothing: Smoothing, temperature: float) -> np.ndarray:
    """The class that is reported after each window, or `NO_DECISION`."""
    probabilities = softmax(stream.logits, temperature)
    step_s, n_labels = HOP / frontend.RATE_HZ, probabilities.shape[1]
    smoother = Smoother(smoothing, n_labels, dataset.WINDOW.hop_s)
    persistence = PersistenceTracker(step_s)
    shown = np.full(len(stream.ends), NO_DECISION)
    for i, window in enumerate(probabilities):
        rejection = persistence.update(novelty[i], int(window.argmax()))
        is_moving = bool(stream.movement[i] > smoothing.movement)
        current = smoother.update(window, step_s, is_moving, rejection.cannot_begin)
        answer = smoother.shown(current is not None and rejection.rules_out(current))
        shown[i] = NO_DECISION if answer is None else answer
    return shown
