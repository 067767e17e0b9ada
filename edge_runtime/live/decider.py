"""Decide about each window of a stream: which activity to report, or why it is unknown."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.live.mounting_search import SURE, UNKNOWN_MOUNTING, MountingSearch
from edge_runtime.live.persistence import PersistenceTracker, Rejection
from edge_runtime.live.smoothing import Smoother, reachable
from edge_runtime.live.worn_axes import WornAxes
from edge_runtime.model.alike_labels import decide_by_tilt, labels_of, leans_back, tilt_decides, upright_alike
from edge_runtime.model.classifier import Classifier, gravity, softmax
from edge_runtime.model.model_card import WALKING, Card
from edge_runtime.model.novelty import Novelty, motion_features
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.mounting import is_moving, may_be_walking
from edge_runtime.signals.raw_signals import measured_names, raw_factors
from edge_runtime.signals.types import Array

UNKNOWN = "unknown"
NOT_WORN = "the phone is lying still, not worn"
UNCERTAIN = "no activity is certain yet"
FOUND = "how the device is worn is known from these steps: postures can be recognised"
LOST = "the device may be worn differently now: postures are unknown until a few steps are walked"

_NAMES = [x.name for x in SIGNALS]
STEPS = (WALKING, "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")


@dataclass(frozen=True)
class Decision:
    """The activity at the last sample of a window, at `seconds` in the clock of the source.

    `activity` is a label of the card's `labels`, several labels that look alike, joined by " or ", or `UNKNOWN` for
    `reason`. `probabilities` `[n_labels]` are smoothed over windows, `window_probabilities` `[n_labels]` are of this
    window. While `warming_up`, the filters have not settled since the start or the last gap.
    """

    seconds: float
    activity: str
    labels: tuple[str, ...]
    probabilities: Array
    window_probabilities: Array
    warming_up: bool
    reason: str
    inference_ms: float

    def probability(self, label: str) -> float:
        """Return the smoothed probability of an activity, or of several activities joined by " or "."""
        return float(self.probabilities[[self.labels.index(part) for part in labels_of(label, self.labels)]].sum())


@dataclass(frozen=True)
class Notice:
    """A fault of the stream, reported once each time that it begins."""

    seconds: float
    kind: str
    text: str


LiveEvent = Decision | Notice


class Decider:
    """Makes a decision about each window of a stream; `LiveRecognizer` explains the parameters."""

    def __init__(self, classifier: Classifier, mounting_is_told: bool, placement: str) -> None:
        self._classifier, self._card = classifier, classifier.card
        self._detector = self._card.live.novelty
        self._names = measured_names(self._card.signals)
        self._columns = [_NAMES.index(name) for name in self._names]
        self._factors = raw_factors(self._card.signals)
        assert self._card.window.hop_s
        self._step_s = self._card.window.hop_s
        self._alike = [alike for alike in self._card.alike if alike.holds(placement)]
        is_sought = self._card.frame == "walking" and not mounting_is_told
        self._upright_alike = upright_alike(placement, self._card.labels) if self._card.frame == "walking" else ()
        self._tilt_decides = self._card.frame == "walking" and tilt_decides(placement, self._card.labels)
        self.answers = (*self._card.answers, *(alike.name for alike in self._upright_alike))
        self._is_still = np.array(are_still(self._card))
        self._search = MountingSearch(self._card.signal_names, self._card.window) if is_sought else None
        self._steps = [i for i, label in enumerate(self._card.labels) if label in STEPS]
        self._worn_axes = WornAxes(self._card, self._step_s, mounting_is_told)
        self.begin()

    def end_walk(self) -> None:
        """End the walk, for example between two recordings; the mounting stays."""
        if self._search:
            self._search.end_walk()

    def forget_mounting(self) -> bool:
        """Forget how the device is worn; tell whether that was known."""
        return self._search is not None and self._search.forget()

    def begin(self) -> None:
        """Forget the windows so far: the activity may have changed in a gap."""
        self._smoother = Smoother(self._card.live.smoothing, len(self._card.labels), self._steps, self._step_s)
        self._persistence = PersistenceTracker(self._step_s)

    def decide(self, signals: Array, seconds: float, warming_up: bool, fault: str) -> Iterator[LiveEvent]:
        """Decide about the window of all signals `[samples, 9]` that ends at `seconds`.

        `fault` says why the samples are useless, which makes the activity unknown; "" if they are not.
        """
        start = time.perf_counter()
        window: npt.NDArray[np.floating] = signals[:, self._columns]
        body_acc = signals[-self._card.window.hop :, :3]
        if self._factors is not None:
            window, body_acc = window / self._factors, body_acc - body_acc.mean(axis=0)
        as_worn = window = window.astype(np.float32)
        moves = True
        if self._search:
            moves = bool(is_moving(as_worn[np.newaxis], self._card.signal_names)[0])
            window = self._search.turn(as_worn)
        if advice := self._worn_axes.update(signals):
            yield Notice(seconds, "axes", advice)
        answer = self._classify(window)
        if self._search:
            may_walk = may_be_walking(as_worn, self._card.signal_names)
            steps = self._shows_steps(as_worn, window, answer) if may_walk else (False, False)
            news = self._search.update(as_worn, *steps)
            if news:
                yield Notice(seconds, "mounting", {"found": FOUND, "lost": LOST}[news])
            if news == "lost":
                window = self._search.own(as_worn)
                answer = self._classify(window)
        inference_ms = 1e3 * (time.perf_counter() - start)
        has_posture = self._search is None or self._search.rotation is not None
        if has_posture and self._tilt_decides:
            answer = decide_by_tilt(answer[np.newaxis], self._gravity(window), self._card.labels)[0]
        rejection = self._persistence.update(self._novelty(window, has_posture), int(answer.argmax()))
        # In a window's own frame every posture looks like standing, so only movement can be recognised.
        cannot_begin = rejection.cannot_begin if has_posture else rejection.cannot_begin | self._is_still | (not moves)
        movement = np.linalg.norm(body_acc, axis=1).mean()  # g
        is_moving_now = bool(movement > self._card.live.smoothing.movement)
        current = self._smoother.update(answer, is_moving_now, cannot_begin)
        if rejection.not_worn and self.forget_mounting():
            yield Notice(seconds, "mounting", LOST)
        awaits_walk = not has_posture and (not moves or (current is not None and self._is_still[current]))
        reason = fault or (NOT_WORN if rejection.not_worn else UNKNOWN_MOUNTING if awaits_walk else "")
        reason = reason or self._rejection_text(current, rejection)
        shown = self._smoother.shown(bool(reason))
        yield Decision(
            seconds,
            UNKNOWN if shown is None else self._named(shown, window),
            self._card.labels,
            self._smoother.probabilities,
            answer,
            warming_up,
            "" if shown is not None else reason or UNCERTAIN,
            inference_ms,
        )

    def _classify(self, window: npt.NDArray[np.floating]) -> Array:
        return self._classifier.probabilities(window[np.newaxis])[0]

    def _shows_steps(
        self, as_worn: npt.NDArray[np.floating], turned: npt.NDArray[np.floating], answer: Array
    ) -> tuple[bool, bool]:
        """Tell whether a moving window `[samples, n_signals]` certainly shows steps, and certainly walking.

        It does by its `answer` in a frame from walking, or else, if the device has moved since, by another in its own
        frame. In a frame from stairs, which may point back, stairs down would look like walking.
        """
        assert self._search
        if self._search.rotation is None or self._search.is_by_walking:
            shown = self._certain_steps(answer) if self._can_be_walking(turned) else (False, False)
            if self._search.rotation is None or shown[1]:
                return shown
        own = self._search.own(as_worn)
        return self._certain_steps(self._classify(own)) if self._can_be_walking(own) else (False, False)

    def _certain_steps(self, answer: Array) -> tuple[bool, bool]:
        return bool(answer[self._steps].sum() > SURE), bool(answer[self._card.labels.index(WALKING)] > SURE)

    def _can_be_walking(self, window: npt.NDArray[np.floating]) -> bool:
        novelty = self._novelty(window, has_posture=False)
        return not (novelty.novel_movement[self._card.labels.index(WALKING)] or novelty.too_quick)

    def _named(self, label: int, window: npt.NDArray[np.floating]) -> str:
        """Name the activity `label`, or the activities that look like it at the tilt of `window`."""
        name = self._card.labels[label]
        if not self._alike and not self._upright_alike:
            return name
        leans = leans_back(self._gravity(window)[0])
        groups = self._alike if leans else self._upright_alike
        return next((alike.name for alike in groups if name in alike.labels), name)

    def _gravity(self, window: npt.NDArray[np.floating]) -> Array:
        """Compute the mean acceleration `[1, 3]` in the last hop of `window`."""
        return gravity(window[np.newaxis, -self._card.window.hop :], self._card)

    def _novelty(self, window: npt.NDArray[np.floating], has_posture: bool) -> Novelty:
        if self._detector is None:
            return Novelty.none(len(self._card.labels))
        measured = window if self._factors is None else window * self._factors
        novelty = self._detector.detect(motion_features(measured, self._names, self._card.window))
        if has_posture:
            return novelty
        nothing = np.zeros(len(self._card.labels), np.bool_)
        return replace(novelty, unusual_posture=nothing, novel_posture=nothing)

    def _rejection_text(self, current: int | None, rejection: Rejection) -> str:
        if current is None:
            return ""
        label = self._card.labels[current]
        if rejection.posture[current]:
            return f"orientation is not typical of {label}"
        return f"movement is not typical of {label}" if rejection.movement[current] else ""


def with_reachable_smoothing(card: Card, logits: npt.NDArray[np.floating], y: npt.NDArray[np.integer]) -> Card:
    """Return the `card` with smoothing that fits these `logits` `[n, n_labels]` of windows of classes `y` `[n]`."""
    moving = [label for label, is_still in enumerate(are_still(card)) if not is_still]
    smoothing = reachable(card.live.smoothing, softmax(logits, card.temperature), y, moving)
    return replace(card, live=replace(card.live, smoothing=smoothing))


def are_still(card: Card) -> list[bool]:
    """Tell for each label whether the body typically keeps still, by the novelty detector."""
    if card.live.novelty is None:
        return [False] * len(card.labels)
    return [typical.is_still for typical in card.live.novelty.movement]
