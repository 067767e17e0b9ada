"""When samples were taken that do not say so themselves."""

import numpy as np

from edge_runtime.live.sources import Array, Chunk, Event, SourceClock

_PAUSE_S = 0.5
"""Samples that come so much later after those before than they take had something missing before them."""

_LOOK_S = 10.0
_TOLERANCE_PERCENT = 10


class Timestamps:
    """Gives samples without times those of a steady `rate_hz`; where a live source pauses, so do they.

    A board's clock, or what its loop does beside waiting, makes its rate a little other than it says. What is measured
    over 10 s and more is followed, in steps of 1 % and up to 10 %; beyond that something else is wrong, which is said.
    """

    def __init__(self, rate_hz: float, clock: SourceClock) -> None:
        self._stated_hz = self._rate_hz = rate_hz
        self._clock = clock
        self._start, self._count = 0.0, 0  # samples since `_start`, at `_rate_hz`
        self._came: float | None = None  # the latest ones, on our clock
        self._began, self._n_since = 0.0, 0  # since when there was no pause, and the samples since
        self._said_assumed = self._said_rate = False

    def seconds(self, chunk: Chunk) -> tuple[Array, list[Event]]:
        """The times `[n]` of the samples in `chunk`, and what is to be said about them."""
        if chunk.seconds is not None:
            return chunk.seconds, []
        said = []
        if not self._said_assumed:
            self._said_assumed = True
            said.append(
                Event("rate", f"samples have no time: {self._rate_hz:g} a second are assumed (--rate if it is another)")
            )
        if not chunk.recorded:
            said += self._follow(len(chunk))
        seconds = self._start + (self._count + np.arange(len(chunk))) / self._rate_hz
        self._count += len(chunk)
        return seconds, said

    def _follow(self, n: int) -> list[Event]:
        """Keep to our own clock, on which `n` samples come now."""
        now = self._clock.monotonic()
        late = 0.0 if self._came is None else now - self._came - n / self._rate_hz
        if self._came is None or late > _PAUSE_S:
            self._go_on(self._rate_hz, max(late, 0.0))
            # What had piled up before the first ones tells nothing of the rate.
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
            return self._say(measured)
        rate_hz = self._stated_hz * (1 + percent / 100)
        if rate_hz != self._rate_hz:
            self._go_on(rate_hz)
        return []

    def _go_on(self, rate_hz: float, pause_s: float = 0.0) -> None:
        """From the next sample on at `rate_hz`, after a pause."""
        self._start += self._count / self._rate_hz + pause_s
        self._rate_hz, self._count = rate_hz, 0

    def _say(self, measured: float) -> list[Event]:
        """Say once that samples come at another rate."""
        if self._said_rate:
            return []
        self._said_rate = True
        text = f"samples come {measured:.0f} times a second, not {self._stated_hz:g}: try --rate {measured:.0f}"
        return [Event("rate", text)]
