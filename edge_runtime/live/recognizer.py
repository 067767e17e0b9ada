"""Recognise activities in a stream of raw samples, on the device.

Samples are resampled by their timestamps, filtered (`edge_runtime.signals.frontend`, the one path for data set and
stream), cut into windows and classified; the answers are smoothed, and rejected where the motion is novel.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.live.mounting_search import LONGEST_GAP_S, SURE, UNKNOWN_MOUNTING, MountingSearch
from edge_runtime.live.smoothing import Smoother
from edge_runtime.model.alike_labels import leans_back
from edge_runtime.model.classifier import Classifier, gravity
from edge_runtime.model.model_card import WALKING, Card
from edge_runtime.model.novelty import Novelty, PersistenceTracker, Rejection, motion_features
from edge_runtime.signals.clock_faults import ClockWatch
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ, SIGNALS
from edge_runtime.signals.mounting import MOVING_G, is_moving
from edge_runtime.signals.resampling import WAIT_S, Piece, Resampler
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S, FaultFinder, is_measurement
from edge_runtime.signals.windowing import Windowing
from edge_runtime.system.printable import quoted

UNKNOWN = "unknown"
REFUSED = "refused"
"""The kind of notice about a window that the model does not take."""
WARM_UP_S = 12.0
"""Time in which the filters settle; later answers are as after an endless past (docs/results/live.md)."""

_ANOTHER_CLOCK_S = 3600.0
_INVALID = (
    f"samples that are no finite numbers, or beyond {MAX_ACCELERATION_G:g} g or {MAX_ROTATION_RAD_S:g} rad/s, are left "
    "out: check the sensor and its units"
)
_FOUND = "how the device is worn is known from these steps: postures can be told"
_LOST = "the device may be worn otherwise than before: postures are unknown until a few steps are walked"
_NAMES = [x.name for x in SIGNALS]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """The activity when the last sample of a window was taken, at `seconds` in the clock of the source.

    `activity` is one of `labels`, those of the card, or `UNKNOWN`, and `reason` then says why; or several of them,
    joined by " or ", where the card says that they look alike. `probabilities`
    `[n_labels]` are smoothed over windows; `window_probabilities` `[n_labels]` are this window's alone, at the card's
    temperature. While `warming_up`, the filters have not settled since the start or the last gap. `novelty` is how far
    the motion is from what is typical of the window's own answer, 1 being the limit; NaN without a detector. Posture
    counts in it once the mounting is known.
    """

    seconds: float
    activity: str
    labels: tuple[str, ...]
    probabilities: Array
    window_probabilities: Array
    warming_up: bool
    reason: str
    inference_ms: float
    novelty: float = math.nan

    def probability(self, label: str) -> float:
        """The smoothed probability of an activity, or of several, joined by " or ".

        Raises `InputError` when the model has no such label.
        """
        rows = [self.labels.index(x) for x in label.split(" or ") if x in self.labels]
        if len(rows) < len(label.split(" or ")):
            raise InputError(f"there is no activity {label!r}: the model has {', '.join(self.labels)}")
        return float(self.probabilities[rows].sum())


@dataclass(frozen=True)
class Notice:
    """A fault of the stream, told once each time that it begins."""

    seconds: float
    kind: str
    text: str


LiveEvent = Decision | Notice


class LiveRecognizer:
    """Recognises activities in samples that arrive in chunks of any size; their size does not change the answers.

    There is a decision every `hop` samples at the model's rate (None: the card's hop), from the first whole window on.
    A `gentle` start of the filters makes the first seconds better; without it, a recording of the data set gives the
    published windows. A model of the walking frame finds by itself how the device is worn, unless `mounting_is_told`:
    the samples are then in the walking frame already. `placement` is where the device is worn, "" where that is not
    known; some placements cannot tell some activities apart. `duplicates`, `late` and `invalid` count the samples that
    were left out. Raises `InputError` for a model of another rate, other signals or other filters than those of
    `edge_runtime.signals.frontend`.
    """

    def __init__(
        self,
        classifier: Classifier,
        hop: int | None = None,
        gentle: bool = True,
        mounting_is_told: bool = False,
        placement: str = "",
    ) -> None:
        self.card: Card = classifier.card
        self.hop = self.card.window.hop if hop is None else hop
        if self.hop < 1:
            raise InputError(f"a hop of {hop} samples is not possible: give at least 1")
        check_front_end(self.card)
        self.invalid = 0
        self._decider = _Decider(classifier, self.hop, mounting_is_told, placement)
        self._resampler: Resampler | None = None  # until the first samples show whether they have times
        self._is_timed = False
        self._n_untimed = 0
        self._gentle = gentle
        self._windowing = Windowing(self.card.window, self.hop, 0.0, gentle)
        has_gyroscope = any("gyro" in x.name for x in self.card.signals)
        self._faults = FaultFinder(RATE_HZ, 6 if has_gyroscope else 3)
        self._clock = ClockWatch()
        self._was_invalid = False
        self._pending: list[LiveEvent] = []  # found by `latest`, given by the next `push`

    @property
    def duplicates(self) -> int:
        """Samples left out because another had the same time."""
        return self._resampler.duplicates if self._resampler else 0

    @property
    def late(self) -> int:
        """Samples left out because they came after much newer ones."""
        return self._resampler.late if self._resampler else 0

    def push(self, samples: npt.ArrayLike, seconds: npt.ArrayLike | None = None) -> list[LiveEvent]:
        """Take the next samples; give the events that are complete now.

        Parameters
        ----------
        samples : `[n, 6]`, acceleration x y z in g and angular rate x y z in rad/s.
        seconds : `[n]`, when each was taken, in any clock; None for samples at exactly the model's rate.

        Raises `InputError` for other shapes, and when samples had times before and have none now, or the reverse.
        """
        values, times = self._checked(samples, seconds)
        is_usable = is_measurement(values) & np.isfinite(times)
        events, self._pending = self._pending, []
        events += self._note_invalid(is_usable, times)
        values, times = values[is_usable], times[is_usable]
        events += [Notice(*fault) for fault in (*self._clock.look(times), *self._faults.look(values, times))]
        for piece in self._resample().push(times, values, self._windowing.n_missing):
            events += self._take(piece)
        return events

    def flush(self) -> list[LiveEvent]:
        """End the stream; give the events of its last samples."""
        events, self._pending = self._pending, []
        for piece in self._resample().flush():
            events += self._take(piece)
        return [*events, *self._decide(self._windowing.finish())]

    def latest(self) -> npt.NDArray[np.float32] | None:
        """The probabilities `[n_labels]` of the window that ends now, unsmoothed; None before the first whole one."""
        for piece in self._resample().give():
            self._pending += self._take(piece)
        signals = self._windowing.latest()
        return None if signals is None else self._decider.classify(signals)

    def _checked(self, samples: npt.ArrayLike, seconds: npt.ArrayLike | None) -> tuple[Array, Array]:
        values = np.asarray(samples, np.float64)
        if values.ndim != 2 or values.shape[1] != N_CHANNELS:
            raise InputError(
                f"samples have the shape {values.shape}: give [n, {N_CHANNELS}], acceleration x y z in g, rotation "
                "x y z in rad/s"
            )
        if self._resampler is not None and self._is_timed != (seconds is not None):
            raise InputError("some samples have times and some have none: give times for all of them, or for none")
        self._is_timed = seconds is not None
        if seconds is None:
            numbers = np.arange(self._n_untimed, self._n_untimed + len(values))
            self._n_untimed += len(values)
            return values, numbers / RATE_HZ
        times = np.asarray(seconds, np.float64)
        if times.shape != (len(values),):
            raise InputError(f"{len(values)} samples have times of the shape {times.shape}: give one time for each")
        return values, times

    def _resample(self) -> Resampler:
        if self._resampler is None:
            # Samples without times are in order: there is nothing to wait for.
            self._resampler = Resampler(RATE_HZ, wait_s=WAIT_S if self._is_timed else 0.0)
        return self._resampler

    def _note_invalid(self, is_usable: npt.NDArray[np.bool_], times: Array) -> Iterator[Notice]:
        for usable, second in zip(is_usable.tolist(), times.tolist(), strict=True):
            if not usable and not self._was_invalid:
                yield Notice(second, "invalid", _INVALID)
            self.invalid += not usable
            self._was_invalid = not usable

    def _take(self, piece: Piece) -> Iterator[LiveEvent]:
        """Take samples at the model's rate."""
        if piece.gap_s is not None:
            yield from self._decide(self._windowing.finish())
            yield from self._note_gap(piece.seconds, piece.gap_s)
            self._windowing = Windowing(self.card.window, self.hop, piece.seconds, self._gentle)
        yield from self._decide(self._windowing.add(piece.samples))

    def _note_gap(self, seconds: float, gap_s: float) -> Iterator[Notice]:
        if gap_s != 0:
            self._decider.begin()
        if not 0 <= gap_s <= LONGEST_GAP_S and self._decider.forget_mounting():
            yield Notice(seconds, "mounting", _LOST)
        if gap_s > _ANOTHER_CLOCK_S:
            yield Notice(
                seconds,
                "clock",
                f"the source's clock went ahead by {gap_s / 3600:.0f} h: a long pause, or another clock; "
                "the filters start anew",
            )
        elif gap_s > 0:
            yield Notice(seconds, "gap", f"no samples for {gap_s:.2f} s: the filters start anew")
        elif gap_s < 0:
            yield Notice(seconds, "clock", f"the source's clock went back by {-gap_s:.2f} s: the filters start anew")

    def _decide(self, windows: Iterator[tuple[float, Array]]) -> Iterator[LiveEvent]:
        start = self._windowing.start
        for seconds, signals in windows:
            try:
                stuck = self._faults.stuck_at(seconds)
                yield from self._decider.decide(signals, seconds, seconds - start < WARM_UP_S, stuck)
            except InputError as error:  # of this window: the next may be answered
                yield Notice(seconds, REFUSED, str(error))


class _Decider:
    """Makes a decision of each window of a stream."""

    def __init__(self, classifier: Classifier, hop: int, mounting_is_told: bool, placement: str) -> None:
        self._classifier, self._card = classifier, classifier.card
        self._columns = [_NAMES.index(x) for x in self._card.signal_names]
        self._step_s = hop / RATE_HZ
        self._alike = [x for x in self._card.alike if x.holds(placement)]
        is_sought = self._card.frame == "walking" and not mounting_is_told
        self._is_still = np.array(_are_still(self._card))
        self._search = MountingSearch(self._card.signal_names, self._card.window, hop) if is_sought else None
        self.begin()

    def forget_mounting(self) -> bool:
        """Find anew how the device is worn; tell whether it was known."""
        return self._search is not None and self._search.forget()

    def begin(self) -> None:
        """Forget the windows so far: after a gap, another activity may be going on."""
        card = self._card
        self._smoother = Smoother(card.live.smoothing, len(card.labels), card.window.hop / RATE_HZ)
        self._persistence = PersistenceTracker(len(card.labels), self._step_s)

    def classify(self, signals: Array) -> npt.NDArray[np.float32]:
        """The probabilities `[n_labels]` of one window of all signals `[samples, 9]`."""
        window = signals[:, self._columns]
        return self._answer(self._search.turn(window) if self._search else window)

    def decide(self, signals: Array, seconds: float, warming_up: bool, stuck: str) -> Iterator[LiveEvent]:
        """The decision about the window of all signals `[samples, 9]` that ends at `seconds`, after a notice if any.

        `stuck` says that a sensor is, which makes the activity unknown; "" if none is.
        """
        start = time.perf_counter()
        window: npt.NDArray[np.floating] = signals[:, self._columns]
        moves = True
        if self._search:
            moves = bool(is_moving(window[np.newaxis], self._card.signal_names)[0])
            news = self._search.update(window, moves and self._is_walking(self._search.own(window)))
            if news:
                yield Notice(seconds, "mounting", {"found": _FOUND, "lost": _LOST}[news])
            window = self._search.turn(window)
        answer = self._answer(window)
        inference_ms = 1e3 * (time.perf_counter() - start)
        has_posture = self._search is None or self._search.rotation is not None
        rejection = self._persistence.update(self._novelty(window, has_posture), int(answer.argmax()))
        # In its own frame any posture looks like standing: only who moves can be answered.
        cannot_begin = rejection.cannot_begin if has_posture else rejection.cannot_begin | self._is_still | (not moves)
        is_moving_now = self._movement(signals) > self._card.live.smoothing.movement
        current = self._smoother.update(answer, self._step_s, is_moving_now, cannot_begin)
        if rejection.not_worn and self.forget_mounting():
            yield Notice(seconds, "mounting", _LOST)
        reason = stuck or self._rejected(current, rejection)
        if not reason and not has_posture and (not moves or (current is not None and self._is_still[current])):
            reason = UNKNOWN_MOUNTING
        shown = self._smoother.shown(bool(reason))
        yield Decision(
            seconds,
            UNKNOWN if shown is None else self._named(shown, window),
            self._card.labels,
            self._smoother.probabilities,
            answer.astype(np.float64),
            warming_up,
            "" if shown is not None else reason or "no activity is certain yet",
            inference_ms,
            self._distance(window, int(answer.argmax()), has_posture),
        )

    def _distance(self, window: npt.NDArray[np.floating], label: int, has_posture: bool) -> float:
        detector = self._card.live.novelty
        if detector is None:
            return math.nan
        features = motion_features(window, self._card.signal_names, self._card.window)
        return float(detector.distance(features, has_posture)[label])

    def _answer(self, window: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        return self._classifier.probabilities(window[np.newaxis])[0]

    def _is_walking(self, own: npt.NDArray[np.floating]) -> bool:
        """Tell whether a moving window in its own frame `[samples, n_signals]` is surely of walking."""
        label = self._card.labels.index(WALKING)
        is_novel = self._novelty(own, has_posture=False).novel_movement[label]  # as jogging is
        return bool(not is_novel and self._answer(own)[label] > SURE)

    def _named(self, label: int, window: npt.NDArray[np.floating]) -> str:
        """The activity `label`, or those it cannot be told from while the device is tilted as in `window`."""
        name = self._card.labels[label]
        if self._alike and leans_back(gravity(window[np.newaxis, -self._card.window.hop :], self._card)[0]):
            return next((x.name for x in self._alike if name in x.labels), name)
        return name

    def _novelty(self, window: npt.NDArray[np.floating], has_posture: bool) -> Novelty:
        card, detector = self._card, self._card.live.novelty
        if detector is None:
            return Novelty.none(len(card.labels))
        found = detector.detect(motion_features(window, card.signal_names, card.window))
        if has_posture:
            return found
        nothing = np.zeros(len(card.labels), np.bool_)
        return replace(found, unusual_posture=nothing, novel_posture=nothing)

    def _movement(self, signals: Array) -> float:
        """The mean body acceleration (g) in the last hop of a window of all signals `[samples, 9]`."""
        return float(np.linalg.norm(signals[-self._card.window.hop :, :3], axis=1).mean())

    def _rejected(self, current: int | None, rejection: Rejection) -> str:
        if rejection.not_worn:
            return "the phone is lying still, not worn"
        if current is None:
            return ""
        label = self._card.labels[current]
        if rejection.posture[current]:
            return f"orientation is not typical of {label}"
        return f"movement is not typical of {label}" if rejection.movement[current] else ""


def _are_still(card: Card) -> list[bool]:
    """Tell of each label whether it is of a body that typically keeps still; of none, where that is not known."""
    if card.live.novelty is None:
        return [False] * len(card.labels)
    # The typical standard deviation is the mean of three axes: that of all is the square root of three times as large.
    return [math.sqrt(3) * math.exp(x.mean[0]) < MOVING_G for x in card.live.novelty.movement]


def check_front_end(card: Card) -> None:
    """Raise `InputError` unless `edge_runtime.signals.frontend` makes the signals of the model of `card`."""
    name = quoted(card.name)
    absent = [x.name for x in card.signals if x not in SIGNALS]
    if absent:
        raise InputError(
            f"{name} takes {quoted(absent[0])}, which is not a live signal: recognition in streams and recordings is "
            f"for models of {', '.join(_NAMES)}, or some of these"
        )
    if card.window.rate_hz != RATE_HZ:
        raise InputError(f"{name} takes {card.window}, and live signals have {RATE_HZ} Hz: give another model")
    if card.front_end != FILTERS:
        found = "no" if card.front_end is None else "another"
        raise InputError(
            f"the card of {name} has {found} front_end than live signals: if its training data were filtered "
            "alike, copy the front_end that 'har-edge card edge' prints"
        )
