"""Where live samples come from: each source is a generator that ends, waits, loses and finds again as its origin does.

A source gives a `Chunk` for every few samples that have come and an `Event` for whatever happened to it. While nothing
comes it gives an empty `Chunk` now and then, so that whoever listens stays awake. Closing the generator closes what it
had opened. Sources keep nothing that grows.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

N_CHANNELS = 6  # acceleration x y z, angular rate x y z

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chunk:
    """Samples `[n, 6]` in g and rad/s, and when they were taken: `[n]` seconds of the sender's clock, None if unsaid.

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
    """What happened to a source: one word for programs, one sentence for people."""

    kind: str
    text: str


Item = Chunk | Event
Source = Generator[Item, None, None]

NO_SAMPLES = Chunk(None, np.empty((0, N_CHANNELS)))
"""What a source gives while it waits."""


class SourceClock(Protocol):
    """What the module `time` offers of a clock; tests have one of their own."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


PATIENCE_S = 0.25
"""How long a source waits before it says that it is still there."""

SILENCE_S = 3.0
"""How long nothing may come before it is said."""
