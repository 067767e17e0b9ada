"""Recognise activities in a stream of raw samples, on the device.

Samples are resampled by their timestamps, filtered like a data set (`edge_runtime.signals.frontend`) unless the model
takes raw signals, cut into windows and classified. `Decider` smooths the answers and rejects novel motion.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.live.decider import LOST, Decider, LiveEvent, Notice
from edge_runtime.live.mounting_search import LONGEST_GAP_S
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import Card
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ, SIGNALS, FrontEnd
from edge_runtime.signals.gyroscope_axes import AxesWatch
from edge_runtime.signals.raw_signals import RAW_RATES_HZ, NoFilters, are_raw, is_live
from edge_runtime.signals.resampling import Piece, Resampler
from edge_runtime.signals.sensor_faults import (
    MAX_ACCELERATION_G,
    MAX_ROTATION_RAD_S,
    ClockWatch,
    FaultFinder,
    is_measurement,
)
from edge_runtime.signals.types import Array
from edge_runtime.signals.windowing import Windowing
from edge_runtime.system.printable import printable, quoted

REFUSED = "refused"  # the kind of notice about a window that the model refuses
WARM_UP_S = 12.0  # in which the filters settle
ANOTHER_CLOCK_S = 3600.0
_RAW = "raw ax, ay, az (g or m/s2) and gx, gy, gz (rad/s or deg/s)"
_OTHER_AXES = (
    "gravity and the gyroscope turn in different directions: give the gyroscope's x, y and z in the order and with the "
    "signs of the accelerometer's"
)
_OTHER_SCALE = "gravity turns {:.2g} times as fast as the gyroscope says: check the gyroscope's range, scale and unit"
_INVALID = (
    f"samples above {MAX_ACCELERATION_G:g} g or {MAX_ROTATION_RAD_S:g} rad/s, or not finite, are left out: check the "
    "sensor and its units"
)


class LiveRecognizer:
    """Recognises activities in samples that arrive in chunks; the size of the chunks does not change the answers.

    It decides every hop of the model's card. A `gentle` start of the filters improves the first seconds, but does not
    give UCI HAR's published windows. If `mounting_is_told`, the samples are already in
    the walking frame. `placement` is where the device is worn, "" if unknown. `duplicates`, `late` and `invalid` count
    the samples that were left out. Raises `InputError` as `check_live`.
    """

    def __init__(
        self,
        classifier: Classifier,
        gentle: bool = True,
        mounting_is_told: bool = False,
        placement: str = "",
    ) -> None:
        self.card: Card = classifier.card
        check_live(self.card)
        assert self.card.window.rate_hz
        self.rate_hz = self.card.window.rate_hz
        self.hop_s = self.card.window.hop / self.rate_hz
        self._is_raw = are_raw(self.card.signals)
        self._decider = Decider(classifier, mounting_is_told, placement)
        self.answers = self._decider.answers
        self.restart(gentle)

    def restart(self, gentle: bool) -> None:
        """Begin another recording of the same person: forget everything except the mounting."""
        self.invalid = 0
        self._resampler = Resampler(self.rate_hz)
        self._is_timed: bool | None = None  # until the first samples show whether they have times
        self._n_untimed = 0
        self._gentle = gentle
        self._windowing = self._new_windowing(0.0)
        self._faults = FaultFinder(self.rate_hz, self.card.n_channels)
        self._clock = ClockWatch()
        self._axes = AxesWatch()
        self._was_invalid = False
        self._decider.begin()
        self._decider.end_walk()

    @property
    def duplicates(self) -> int:
        """Count the samples that were left out because another sample had the same time."""
        return self._resampler.duplicates

    @property
    def late(self) -> int:
        """Count the samples that were left out because they came after much newer samples."""
        return self._resampler.late

    def push(self, samples: npt.ArrayLike, seconds: npt.ArrayLike | None = None) -> list[LiveEvent]:
        """Take `samples` `[n, 6]`, acceleration in g and angular rate in rad/s; return the events that are complete.

        `seconds` `[n]` are the times in any clock; None for samples at exactly the model's rate. Raises `InputError`
        for wrong shapes.
        """
        values, times = self._checked(samples, seconds)
        is_usable = is_measurement(values) & np.isfinite(times)
        events: list[LiveEvent] = []
        for usable, second in zip(is_usable.tolist(), times.tolist(), strict=True):
            if not usable and not self._was_invalid:
                events.append(Notice(second, "invalid", _INVALID))
            self.invalid += not usable
            self._was_invalid = not usable
        values, times = values[is_usable], times[is_usable]
        events += [Notice(*fault) for fault in (*self._clock.check(times), *self._faults.check(values, times))]
        for piece in self._resampler.push(times, values, self._windowing.n_missing):
            events += self._take(piece)
        return events

    def flush(self) -> list[LiveEvent]:
        """End the stream; return the events of its last samples."""
        events = [event for piece in self._resampler.flush() for event in self._take(piece)]
        return [*events, *self._decide(self._windowing.finish())]

    def _checked(self, samples: npt.ArrayLike, seconds: npt.ArrayLike | None) -> tuple[Array, Array]:
        values = np.asarray(samples, np.float64)
        times = None if seconds is None else np.asarray(seconds, np.float64)
        is_complete = times is None or times.shape == values.shape[:1]
        if values.ndim != 2 or values.shape[1] != N_CHANNELS or not is_complete:
            raise InputError(
                f"samples have the shape {values.shape}: give [n, {N_CHANNELS}], acceleration x y z in g and rotation "
                "x y z in rad/s, with n times or without times"
            )
        if self._is_timed not in (None, times is not None):
            raise InputError("only some samples have times: give times for all of them, or for none")
        if self._is_timed is None and times is None:
            self._resampler = Resampler(self.rate_hz, wait_s=0.0)
        self._is_timed = times is not None
        if times is None:
            times = np.arange(self._n_untimed, self._n_untimed + len(values)) / self.rate_hz
            self._n_untimed += len(values)
        return values, times

    def _new_windowing(self, start: float) -> Windowing:
        front_end = NoFilters() if self._is_raw else FrontEnd(self._gentle)
        return Windowing(self.card.window, start, front_end)

    def _take(self, piece: Piece) -> Iterator[LiveEvent]:
        """Take samples at the model's rate."""
        if piece.gap_s is not None:
            yield from self._decide(self._windowing.finish())
            if piece.gap_s != 0:
                self._decider.begin()
            if not 0 <= piece.gap_s <= LONGEST_GAP_S and self._decider.forget_mounting():
                yield Notice(piece.seconds, "mounting", LOST)
            outcome = "a new window starts" if self._is_raw else "the filters start anew"
            if 0 < piece.gap_s <= ANOTHER_CLOCK_S:
                yield Notice(piece.seconds, "gap", f"no samples for {piece.gap_s:.2f} s: {outcome}")
            elif piece.gap_s:
                jump = f"{-piece.gap_s:.2f} s back" if piece.gap_s < 0 else f"{piece.gap_s / 3600:.0f} h ahead"
                yield Notice(piece.seconds, "clock", f"the source's clock went {jump}: {outcome}")
            self._windowing = self._new_windowing(piece.seconds)
            self._axes.begin()
        if self.card.n_channels == N_CHANNELS and self.rate_hz == RATE_HZ:
            for n, amount in self._axes.push(piece.samples):
                text = _OTHER_SCALE.format(amount) if amount else _OTHER_AXES
                yield Notice(self._windowing.start + n / RATE_HZ, "rotation axes", text)
        yield from self._decide(self._windowing.add(piece.samples))

    def _decide(self, windows: Iterator[tuple[float, Array]]) -> Iterator[LiveEvent]:
        start = self._windowing.start
        for seconds, signals in windows:
            try:
                fault = self._faults.fault_at(seconds)
                warming_up = not self._is_raw and seconds - start < WARM_UP_S
                yield from self._decider.decide(signals, seconds, warming_up, fault)
            except InputError as error:  # about this window; the model may accept the next window
                yield Notice(seconds, REFUSED, str(error))


def check_live(card: Card) -> None:
    """Raise `InputError` unless the signals of the model of `card` can be made from live samples."""
    name, is_filtered = quoted(card.name), card.window.rate_hz == RATE_HZ and set(card.signals) <= set(SIGNALS)
    if is_filtered and card.front_end != FILTERS:
        raise InputError(
            "the model's card lacks the front_end of live signals: if its training data were filtered the same way, "
            "copy the front_end that 'har-edge card edge' prints"
        )
    if not is_filtered and not is_live(card.signals, card.window.rate_hz):
        taken = ", ".join(f"{signal.name} in {signal.unit}" for signal in card.signals)
        live = ", ".join(signal.name for signal in SIGNALS)
        raise InputError(
            f"{name} takes {card.window} of {printable(taken, 200)}, but live signals are {live} at {RATE_HZ} Hz, or "
            f"{_RAW} at {RAW_RATES_HZ[0]} to {RAW_RATES_HZ[1]:,} Hz: correct the card, or use another model"
        )
