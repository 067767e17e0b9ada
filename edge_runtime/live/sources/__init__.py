"""Read live samples from a source: a generator of chunks of samples and of events.

While nothing comes, it yields an empty `Chunk` now and then. Closing it closes its files and connections.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_runtime.signals.frontend import N_CHANNELS
from edge_runtime.signals.types import Array


@dataclass(frozen=True)
class Chunk:
    """Samples `[n, 6]` in g and rad/s, and their times `seconds` `[n]` in the sender's clock, or None.

    Between `recorded` chunks no samples are missing, however late they come. If the samples are `anew`, earlier samples
    had a wrong unit. `left_out` counts unreadable lines.
    """

    seconds: Array | None
    samples: Array
    recorded: bool = False
    anew: bool = False
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True)
class Event:
    """Something that happened to a source: a word for programs, a sentence for people."""

    kind: str
    text: str


Item = Chunk | Event
Source = Generator[Item, None, None]

NO_SAMPLES = Chunk(None, np.empty((0, N_CHANNELS)))
POLL_S = 0.25  # that a source waits before it yields `NO_SAMPLES`
SILENCE_S = 3.0  # without samples, after which a source reports it


class SourceClock(Protocol):
    """A clock, such as the module `time`."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class SilenceDetector:
    """Reports the beginning and end of a silence of `name`, from `SILENCE_S` after something has come."""

    def __init__(self, name: str, clock: SourceClock) -> None:
        self._name, self._clock = name, clock
        self._since, self._is_silent = float("inf"), False

    def update(self, has_come: bool) -> Iterator[Item]:
        """Note whether something has come; yield `NO_SAMPLES` if not, and an event at either end of a silence."""
        silent_s = self._clock.monotonic() - self._since
        if not has_come:
            yield NO_SAMPLES
        if has_come == self._is_silent and (has_come or silent_s >= SILENCE_S):
            self._is_silent = not has_come
            change = f"is back after {silent_s:.0f} s" if has_come else f"has sent nothing for {SILENCE_S:g} s"
            yield Event("back" if has_come else "waiting", f"{self._name} {change}")
        if has_come:
            self._since = self._clock.monotonic()
