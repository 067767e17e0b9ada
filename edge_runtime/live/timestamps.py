"""Give times to samples that come without."""

import numpy as np

from edge_runtime.live.sources import Array, Chunk, Event, SourceClock

_PAUSE_S = 0.5  # lateness from which on there is a gap before the samples
_LOOK_S = 10.0
_TOLERANCE_PERCENT = 10


class Timestamps:
    """Gives samples without times those of a steady `rate_hz`, with the pauses of a live source.

    A rate measured over 10 s or more is followed, in steps of 1 % and up to 10 %; a rate beyond that is told.
    """

    def __init__(self, rate_hz: float, clock: SourceClock) -> None:
        self._stated_hz = self._rate_hz = rate_hz
        self._clock = clock
        self._start, self._count = 0.0, 0  # samples since `_start`, at `_rate_hz`
        self._came: float | None = None  # the latest ones, on our clock
        self._has_waited = False
        self._began, self._n_since = 0.0, 0  # since when there was no pause, and the samples since
        self._said_assumed = self._said_rate = False

    def seconds(self, chunk: Chunk) -> tuple[Array, list[Event]]:
        """The times `[n]` of the samples in `chunk`, and events about the rate."""
        if chunk.seconds is not None:
            return chunk.seconds, []
        events = []
        if not self._said_assumed:
            self._said_assumed = True
            events.append(Event("rate", f"samples have no time: {self._rate_hz:g} a second are assumed (see --rate)"))
        if not chunk.recorded:
            events += self._follow(len(chunk))
        seconds = self._start + (self._count + np.arange(len(chunk))) / self._rate_hz
        self._count += len(chunk)
        return seconds, events

    def nothing_came(self) -> None:
        """Note that the source waits; samples that are late without this have waited for their reader."""
        self._has_waited = True

    def _follow(self, n: int) -> list[Event]:
        """Follow our own clock, on which `n` samples come now."""
        now = self._clock.monotonic()
        late = 0.0 if self._came is None else now - self._came - n / self._rate_hz
        has_waited, self._has_waited = self._has_waited, False
        if self._came is None or (late > _PAUSE_S and has_waited):
            self._continue(self._rate_hz, max(late, 0.0))
            # Samples that had piled up before the first ones do not show the rate.
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
            text = f"samples come {measured:.0f} times a second, not {self._stated_hz:g}: try --rate {measured:.0f}"
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
