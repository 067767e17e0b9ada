"""A stream of raw samples -> a stream of activities, on the device.

The filters of the data set are causal, so that a live stream gives the very signals that the network was trained on:
`edge_runtime.signals.frontend` is the one path for both. Here is what a stream needs beside it: samples brought to the
model's rate by their timestamps, windows, smoothing over them, and the courage to say that something is unknown.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.live.persistence import PersistenceTracker, Verdict
from edge_runtime.live.smoothing import Smoother
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.live_settings import STEP_S
from edge_runtime.model.model_card import Card
from edge_runtime.model.novelty import Judgement, moment
from edge_runtime.signals.clock_faults import ClockWatch
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ, SIGNALS
from edge_runtime.signals.resampling import WAIT_S, Piece, Resampler
from edge_runtime.signals.sensor_faults import FaultFinder
from edge_runtime.signals.windowing import Windowing

UNKNOWN = "unknown"
WARM_UP_S = 12.0
"""After so long, answers are those of a filter that has known the past for ever (docs/results/live.md)."""

_ANOTHER_CLOCK_S = 3600.0
_NAMES = [x.name for x in SIGNALS]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """What someone was doing when the last sample of a window was taken, at `seconds` in the clock of the source.

    `activity` is a label of the card or `UNKNOWN`, and `reason` then says why. `probabilities` `[n_labels]` are
    smoothed over windows; `window_probabilities` `[n_labels]` are this window's alone, at the card's temperature.
    While `warming_up`, the filters have not settled since the start or the last gap.
    """

    seconds: float
    activity: str
    probabilities: Array
    window_probabilities: Array
    warming_up: bool
    reason: str
    inference_ms: float


@dataclass(frozen=True)
class Notice:
    """Something about the stream that a person should know, said once for each time that it begins."""

    seconds: float
    kind: str
    text: str


Event = Decision | Notice


class LiveRecognizer:
    """Recognises activities in samples that arrive in chunks of any size, which makes no difference to the answers.

    There is a decision every `hop` samples (at the model's rate) from the first whole window on. A `gentle` start of
    the filters makes the first seconds better; without it, a recording of the data set gives the very windows that were
    published. `duplicates`, `late` and `invalid` count the samples that were left out. Raises `InputError` for a model
    of another rate or other signals than `edge_runtime.signals.frontend` gives.
    """

    def __init__(self, classifier: Classifier, hop: int = 64, gentle: bool = True) -> None:
        self.card: Card = classifier.card
        _check(self.card, hop)
        self.invalid = 0
        self._hop = hop
        self._decider = _Decider(classifier, hop)
        self._resampler: Resampler | None = None  # until it is known whether samples come with times
        self._is_timed = False
        self._n_untimed = 0
        self._gentle = gentle
        self._windowing = Windowing(self.card.window, hop, 0.0, gentle)
        has_gyroscope = any("gyro" in x.name for x in self.card.signals)
        self._faults = FaultFinder(self.card.window.rate_hz, 6 if has_gyroscope else 3)
        self._clock = ClockWatch()
        self._was_invalid = False
        self._unsaid: list[Event] = []  # what `latest` came upon

    @property
    def duplicates(self) -> int:
        """Samples left out because another had the same time."""
        return self._resampler.duplicates if self._resampler else 0

    @property
    def late(self) -> int:
        """Samples left out because they came after much newer ones."""
        return self._resampler.late if self._resampler else 0

    def push(self, samples: npt.ArrayLike, seconds: npt.ArrayLike | None = None) -> list[Event]:
        """Take the next samples; give what can be said now.

        Parameters
        ----------
        samples : `[n, 6]`, acceleration x y z in g and angular rate x y z in rad/s.
        seconds : `[n]`, when each was taken, in any clock; None for samples at exactly the model's rate.

        Raises `InputError` for other shapes, and when samples had times before and have none now, or the reverse.
        """
        values, times = self._checked(samples, seconds)
        is_usable = np.isfinite(values).all(axis=1) & np.isfinite(times)
        events, self._unsaid = self._unsaid, []
        events += self._note_invalid(is_usable, times)
        values, times = values[is_usable], times[is_usable]
        events += [Notice(*said) for said in (*self._clock.look(times), *self._faults.look(values, times))]
        for piece in self._resample().push(times, values, self._windowing.n_missing):
            events += self._take(piece)
        return events

    def flush(self) -> list[Event]:
        """End the stream; give what its last samples still say."""
        events, self._unsaid = self._unsaid, []
        for piece in self._resample().flush():
            events += self._take(piece)
        return [*events, *self._decide(self._windowing.finish())]

    def latest(self) -> npt.NDArray[np.float32] | None:
        """The probabilities `[n_labels]` of the window that ends now, unsmoothed; None before there is a whole one."""
        for piece in self._resample().give():
            self._unsaid += self._take(piece)
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
            return values, numbers / self.card.window.rate_hz
        times = np.asarray(seconds, np.float64)
        if times.shape != (len(values),):
            raise InputError(f"{len(values)} samples have times of the shape {times.shape}: give one time for each")
        return values, times

    def _resample(self) -> Resampler:
        if self._resampler is None:
            # Samples without times are in order: there is nothing to wait for.
            self._resampler = Resampler(self.card.window.rate_hz, wait_s=WAIT_S if self._is_timed else 0.0)
        return self._resampler

    def _note_invalid(self, is_usable: npt.NDArray[np.bool_], times: Array) -> Iterator[Notice]:
        for usable, second in zip(is_usable.tolist(), times.tolist(), strict=True):
            if not usable and not self._was_invalid:
                yield Notice(second, "invalid", "samples that are not finite numbers are left out")
            self.invalid += not usable
            self._was_invalid = not usable

    def _take(self, piece: Piece) -> Iterator[Event]:
        """Go on with samples at the model's rate."""
        if piece.gap_s is not None:
            yield from self._decide(self._windowing.finish())
            yield from self._note_gap(piece.seconds, piece.gap_s)
            self._windowing = Windowing(self.card.window, self._hop, piece.seconds, self._gentle)
        yield from self._decide(self._windowing.add(piece.samples))

    def _note_gap(self, seconds: float, gap_s: float) -> Iterator[Notice]:
        if gap_s != 0:
            self._decider.begin()
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

    def _decide(self, windows: Iterator[tuple[float, Array]]) -> Iterator[Decision]:
        start = self._windowing.start
        for seconds, signals in windows:
            decision = self._decider.decide(signals, seconds, seconds - start < WARM_UP_S)
            stuck = self._faults.stuck_at(seconds)
            yield replace(decision, activity=UNKNOWN, reason=stuck) if stuck else decision


class _Decider:
    """Windows, one after the other -> decisions."""

    def __init__(self, classifier: Classifier, hop: int) -> None:
        self._classifier, self._card = classifier, classifier.card
        self._names = [x.name for x in self._card.signals]
        self._columns = [_NAMES.index(x) for x in self._names]
        self._step_s = hop / self._card.window.rate_hz
        self.begin()

    def begin(self) -> None:
        """Know nothing of before: what was done then need not be going on."""
        self._smoother = Smoother(self._card.live.smoothing, len(self._card.labels))
        self._lasting = PersistenceTracker(len(self._card.labels), self._step_s)

    def classify(self, signals: Array) -> npt.NDArray[np.float32]:
        """The probabilities `[n_labels]` of one window of all signals `[samples, 9]`."""
        return self._classifier.probabilities(signals[np.newaxis, :, self._columns])[0]

    def decide(self, signals: Array, seconds: float, warming_up: bool) -> Decision:
        """The decision about the window of all signals `[samples, 9]` that ends at `seconds`."""
        start = time.perf_counter()
        answer = self.classify(signals)
        inference_ms = 1e3 * (time.perf_counter() - start)
        verdict = self._lasting.take(self._judge(signals), int(answer.argmax()))
        is_moving = _movement(signals) > self._card.live.smoothing.movement
        current = self._smoother.update(answer, self._step_s, is_moving, verdict.unusual)
        reason = self._reason(current, verdict)
        return Decision(
            seconds,
            UNKNOWN if current is None or reason else self._card.labels[current],
            self._smoother.probabilities,
            answer.astype(np.float64),
            warming_up,
            reason,
            inference_ms,
        )

    def _judge(self, signals: Array) -> Judgement:
        familiarity = self._card.live.familiarity
        if familiarity is None:
            return Judgement.of_nothing(len(self._card.labels))
        return familiarity.judge(moment(signals[:, self._columns], self._names, RATE_HZ))

    def _reason(self, current: int | None, verdict: Verdict) -> str:
        if verdict.lifeless:
            return "nothing that lives moves it"
        if current is None:
            return "no activity is certain yet"
        label = self._card.labels[current]
        if verdict.strange_posture[current]:
            return f"held otherwise than in {label}"
        return f"moves otherwise than in {label}" if verdict.strange_movement[current] else ""


def _movement(signals: Array) -> float:
    """The mean body acceleration (g) at the end of a window of all signals `[samples, 9]`."""
    lately = signals[-round(STEP_S * RATE_HZ) :, :3]
    return float(np.linalg.norm(lately, axis=1).mean())


def _check(card: Card, hop: int) -> None:
    if hop < 1:
        raise InputError(f"a hop of {hop} samples is not possible: give at least 1")
    if card.window.rate_hz != RATE_HZ:
        raise InputError(f"'{card.name}' takes {card.window.rate_hz:g} Hz, and live signals have {RATE_HZ} Hz")
    absent = [x.name for x in card.signals if x not in SIGNALS]
    if absent:
        raise InputError(f"'{card.name}' takes {absent[0]}, which is not a live signal: those are {', '.join(_NAMES)}")
