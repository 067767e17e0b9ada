"""What tests of streams share: a clock that they set, samples, and a source pulled until it has said something."""

import time
from collections.abc import Callable, Iterable

import numpy as np

from edge_runtime.live.sources import Array, Chunk, Event, Item, Source


class FakeClock:
    """Time passes when somebody sleeps, or a test says so."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


def standing(n: int = 100, size: float = 1.0) -> Array:
    """`[n, 6]` of someone who stands nearly still; `size` is what 1 g is."""
    noise = np.random.default_rng(0).normal(0, 0.01, (n, 6))
    return noise + np.array([size, 0, 0, 0, 0, 0])


def csv_lines(samples: Array, header: str = "", times: Iterable[float] | None = None) -> str:
    """`samples` `[n, 6]` as CSV, with `times` in the first column."""
    rows = [[*map(float, row)] for row in samples]
    if times is not None:
        rows = [[float(t), *row] for t, row in zip(times, rows, strict=True)]
    return "".join(f"{x}\n" for x in [*([header] if header else []), *(",".join(map(repr, row)) for row in rows)])


def chunks(items: Iterable[Item]) -> list[Chunk]:
    """The chunks that hold samples."""
    return [x for x in items if isinstance(x, Chunk) and len(x)]


def samples(items: Iterable[Item]) -> Array:
    """The samples `[n, 6]` of all chunks."""
    return np.concatenate([np.empty((0, 6)), *(x.samples for x in chunks(items))])


def seconds(items: Iterable[Item]) -> Array:
    """The times `[n]` of all samples."""
    return np.concatenate([x.seconds for x in chunks(items) if x.seconds is not None])


def kinds(items: Iterable[Item]) -> list[str]:
    """What kinds of events there were."""
    return [x.kind for x in items if isinstance(x, Event)]


def until(source: Source, enough: Callable[[list[Item]], bool], within_s: float = 10.0) -> list[Item]:
    """What `source` gives until that is `enough`."""
    items: list[Item] = []
    deadline = time.monotonic() + within_s
    while not enough(items):
        assert time.monotonic() < deadline, items
        items.append(next(source))
    return items


def delivered(n: int, rate_hz: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of `n` samples arrive, in which order, and the times that they carry.

    1 % are lost, 1 % come twice, 1 % are overtaken by the next; times are up to 5 ms wrong.
    """
    rng = np.random.default_rng(seed)
    seconds = np.arange(n) / rate_hz + rng.uniform(-0.005, 0.005, n)
    rows = np.flatnonzero(rng.random(n) > 0.01)
    rows = np.sort(np.concatenate([rows, rows[rng.random(len(rows)) < 0.01]]))
    for place in np.flatnonzero(rng.random(len(rows) - 1) < 0.01):
        rows[[place, place + 1]] = rows[[place + 1, place]]
    return rows, seconds[rows]
