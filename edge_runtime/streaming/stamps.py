"""When samples were taken that do not say so themselves."""

import numpy as np

from edge_runtime.sources import Array, Chunk, Clock, Event

_PAUSE_S = 0.5
"""Samples that come so much later than they are due had something missing before them."""

_LOOK_S = 10.0
_TOLERANCE = 0.1


class Stamps:
    """Gives samples without times those of a steady `rate_hz`; where a live source pauses, so do they."""

    def __init__(self, rate_hz: float, clock: Clock) -> None:
        self._rate_hz, self._clock = rate_hz, clock
        self._count = 0  # samples since `_start`
        self._first = 0  # those of them that came first, together
        self._start = 0.0
        self._began: float | None = None  # on our clock, when the first of them came
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
        if self._began is None:
            self._began, self._first = now, n
            return []
        passed = now - self._began
        n_since = self._count - self._first + n  # what had piled up before the first ones tells nothing
        said = self._check_rate(n_since, passed)
        late = passed - n_since / self._rate_hz
        if late > _PAUSE_S:
            self._start += self._count / self._rate_hz + late
            self._count, self._first, self._began = 0, n, now
        return said

    def _check_rate(self, n: int, passed: float) -> list[Event]:
        """Say once that samples come at another rate, `n` in `passed` seconds."""
        measured = n / max(passed, 1e-9)
        if self._said_rate or passed < _LOOK_S or abs(measured / self._rate_hz - 1) <= _TOLERANCE:
            return []
        self._said_rate = True
        text = f"samples come {measured:.0f} times a second, not {self._rate_hz:g}: try --rate {measured:.0f}"
        return [Event("rate", text)]
