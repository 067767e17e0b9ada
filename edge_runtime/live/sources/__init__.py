"""Read live samples from a source: a generator that ends, waits, loses and reconnects as its origin does.

A source gives a `Chunk` for every few samples that have come and an `Event` for whatever happened to it. While nothing
comes it gives an empty `Chunk` now and then, so that its reader stays awake. Closing the generator closes its files and
connections. Memory does not grow with the length of the stream.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.frontend import N_CHANNELS

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chunk:
    """Samples `[n, 6]` in g and rad/s, and the `seconds` `[n]` of the sender's clock at which they were taken, or None.

    `recorded` says that no samples are missing between chunks, however long it takes until the next one comes.
    `left_out` counts the lines before these samples that were none.
    """

    seconds: Array | None
    samples: Array
    recorded: bool = False
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True)
class Event:
    """Something that happened to a source: one word for programs, one sentence for people."""

    kind: str
    text: str


Item = Chunk | Event
Source = Generator[Item, None, None]

NO_SAMPLES = Chunk(None, np.empty((0, N_CHANNELS)))
"""The chunk of a source that waits."""

POLL_S = 0.25
"""How long a source waits before it gives `NO_SAMPLES`."""

SILENCE_S = 3.0
"""How long nothing may come before a source says so."""


class SourceClock(Protocol):
    """A clock as the module `time` is one; tests have one of their own."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class SilenceDetector:
    """Reports once when nothing has come from `name` for `SILENCE_S`, and once when something comes again."""

    def __init__(self, name: str, clock: SourceClock) -> None:
        self._name, self._clock = name, clock
        self._since, self._is_silent = clock.monotonic(), False

    def something_came(self) -> Iterator[Event]:
        """Note that something has come."""
        if self._is_silent:
            self._is_silent = False
            yield Event("back", f"{self._name} is back after {self._clock.monotonic() - self._since:.0f} s")
        self._since = self._clock.monotonic()

    def nothing_came(self) -> Iterator[Event]:
        """Note that nothing has come just now."""
        if not self._is_silent and self._clock.monotonic() - self._since >= SILENCE_S:
            self._is_silent = True
            yield Event("waiting", f"nothing has come from {self._name} for {SILENCE_S:g} s")
