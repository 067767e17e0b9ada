"""Assign times to samples that come without times."""

import numpy as np

from edge_runtime.live.sources import Chunk, Event, SourceClock
from edge_runtime.signals.types import Array

_PAUSE_S = 0.5  # samples that are later than this come after a gap
_LOOK_S = 10.0
_TOLERANCE = 0.1


class Timestamps:
    """Assigns times at a steady `rate_hz` to samples, with the pauses of a live source; reports another rate."""

    def __init__(self, rate_hz: float, clock: SourceClock) -> None:
        self._rate_hz, self._clock = rate_hz, clock
        self._next = 0.0  # time of the next sample
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
        seconds = self._next + np.arange(len(chunk)) / self._rate_hz
        self._next += len(chunk) / self._rate_hz
        return seconds, events

    def nothing_came(self) -> None:
        """Note that the source waits; without this, late samples have waited for their reader."""
        self._has_waited = True

    def _follow(self, n: int) -> list[Event]:
        """Measure pauses and the rate on our own clock, on which `n` samples come now."""
        now = self._clock.monotonic()
        late = 0.0 if self._came is None else now - self._came - n / self._rate_hz
        is_after_pause = self._came is None or (late > _PAUSE_S and self._has_waited)
        self._came, self._has_waited = now, False
        if is_after_pause:
            self._next += max(late, 0.0)
            self._began, self._n_since = now, 0  # samples that piled up before do not show the rate
            return []
        self._n_since += n
        passed = now - self._began
        measured = self._n_since / passed if passed >= _LOOK_S else self._rate_hz
        if self._said_rate or abs(measured / self._rate_hz - 1) <= _TOLERANCE:
            return []
        self._said_rate = True
        text = f"samples come at {measured:.0f} Hz, not at {self._rate_hz:g}: try --rate {measured:.0f}"
        return [Event("rate", text)]
