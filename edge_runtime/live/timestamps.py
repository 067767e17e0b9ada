"""Assign times to samples that come without times."""

import numpy as np

from edge_runtime.live.sources import Array, Chunk, Event, SourceClock

_PAUSE_S = 0.5  # samples that are later than this come after a gap
_LOOK_S = 10.0
_TOLERANCE_PERCENT = 10


class Timestamps:
    """Assigns times at a steady `rate_hz` to samples, with the pauses of a live source.

    It follows a rate that it measures over 10 s or more, in steps of 1 % and up to 10 %. It reports other rates.
    """

    def __init__(self, rate_hz: float, clock: SourceClock) -> None:
        self._stated_hz = self._rate_hz = rate_hz
        self._clock = clock
        self._start, self._count = 0.0, 0  # samples since `_start`, at `_rate_hz`
        self._came: float | None = None  # the latest samples, on our clock
        self._has_waited = False
        self._began, self._n_since = 0.0, 0  # the end of the last pause, and the samples since
        self._said_assumed = self._said_rate = False

    def seconds(self, chunk: Chunk) -> tuple[Array, list[Event]]:
        """Return the times `[n]` of the samples in `chunk`, and events about the rate."""
        if chunk.seconds is not None:
            return chunk.seconds, []
        events = []
        if not self._said_assumed:
            self._said_assumed = True
            events.append(Event("rate", f"samples have no times: {self._rate_hz:g} Hz is assumed (see --rate)"))
        if not chunk.recorded:
            events += self._follow(len(chunk))
        seconds = self._start + (self._count + np.arange(len(chunk))) / self._rate_hz
        self._count += len(chunk)
        return seconds, events

    def nothing_came(self) -> None:
        """Note that the source waits; without this, late samples have waited for their reader."""
        self._has_waited = True

    def _follow(self, n: int) -> list[Event]:
        """Measure the rate on our own clock, on which `n` samples come now."""
        now = self._clock.monotonic()
        late = 0.0 if self._came is None else now - self._came - n / self._rate_hz
        has_waited, self._has_waited = self._has_waited, False
        if self._came is None or (late > _PAUSE_S and has_waited):
            self._continue(self._rate_hz, max(late, 0.0))
            # Samples that piled up before do not show the rate.
            self._came, self._began, self._n_since = now, now, 0
            return []
        self._came = now
        self._n_since += n
        passed = now - self._began
        if passed < _LOOK_S:
            return []
        measured = self._n_since / passed
        percent = round(100 * (measured / self._stated_hz - 1))
        if abs(percent) > _TOLERANCE_PERCENT:
            text = f"samples come at {measured:.0f} Hz, not at {self._stated_hz:g}: try --rate {measured:.0f}"
            events = [] if self._said_rate else [Event("rate", text)]
            self._said_rate = True
            return events
        rate_hz = self._stated_hz * (1 + percent / 100)
        if rate_hz != self._rate_hz:
            self._continue(rate_hz)
        return []

    def _continue(self, rate_hz: float, pause_s: float = 0.0) -> None:
        """Continue at `rate_hz` from the next sample on, after a pause."""
        self._start += self._count / self._rate_hz + pause_s
        self._rate_hz, self._count = rate_hz, 0
