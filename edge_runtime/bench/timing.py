"""Time calls one by one and return the raw times."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

Timer = Callable[[], int]
"""Nanoseconds from an arbitrary start, never going back."""

CHUNKS = 10
LONGEST_SILENCE_NS = 20 * 10**9

# Warm-up goes by blocks: long enough for a median that noise does not move, short enough to see a clock rise.
BLOCK_SECONDS = 0.02
BLOCK_CALLS = 5
STABLE_BLOCKS = 3
TOLERANCE = 0.03
LEAST_CALLS = 3


@dataclass(frozen=True)
class Warmth:
    """A warm-up: how many calls it took, how long, whether it settled, and the median call of its last block."""

    calls: int
    seconds: float
    stable: bool
    median_ns: float


def time_calls(
    call: Callable[[Any], object],
    inputs: Sequence[Any],
    runs: int,
    on_progress: Callable[[float], None] = lambda share: None,
    clock: Timer = time.perf_counter_ns,
) -> npt.NDArray[np.int64]:
    """Time `runs` calls, taking `inputs` in turn; `[runs]` nanoseconds.

    `on_progress` hears the share that is done between calls, `CHUNKS` times at most unless that took long; then a call
    is made untimed, so that misses in the caches which the report caused do not count.
    """
    times = [0] * runs
    n = len(inputs)
    with _no_garbage_collection():
        for start, stop in _chunks(runs):
            call(inputs[start % n])
            due = clock() + LONGEST_SILENCE_NS
            for i in range(start, stop):
                values = inputs[i % n]
                began = clock()
                call(values)
                ended = clock()
                times[i] = ended - began
                if ended > due:
                    on_progress((i + 1) / runs)
                    call(values)
                    due = clock() + LONGEST_SILENCE_NS
            on_progress(stop / runs)
    return np.array(times, np.int64)


def time_paced(
    prepare: Callable[[Any], Any],
    call: Callable[[Any], object],
    inputs: Sequence[Any],
    runs: int,
    period: float,
    on_progress: Callable[[float], None] = lambda share: None,
    clock: Timer = time.perf_counter_ns,
    sleep: Callable[[float], object] = time.sleep,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Time `runs` calls that are `period` seconds apart, asleep in between, as when windows come from a sensor.

    Returns `[runs]` nanoseconds of `call` alone and of `prepare` and `call` together. Nothing is repeated untimed: the
    cold cache and the slow clock belong to the measurement.
    """
    alone, together = [0] * runs, [0] * runs
    with _no_garbage_collection():
        due = clock()
        for i in range(runs):
            due += int(period * 1e9)
            sleep(max(0.0, (due - clock()) / 1e9))
            values = inputs[i % len(inputs)]
            began = clock()
            prepared = prepare(values)
            ready = clock()
            call(prepared)
            ended = clock()
            alone[i], together[i] = ended - ready, ended - began
            on_progress((i + 1) / runs)
    return np.array(alone, np.int64), np.array(together, np.int64)


def warm_up(
    call: Callable[[Any], object],
    inputs: Sequence[Any],
    least_seconds: float,
    most_seconds: float,
    clock: Timer = time.perf_counter_ns,
) -> Warmth:
    """Call until it takes the same time again and again: the medians of `STABLE_BLOCKS` blocks within `TOLERANCE`.

    It takes at least `least_seconds` and ends, stable or not, after `most_seconds`, but not before `LEAST_CALLS` calls.
    """
    began = clock()
    medians: list[float] = []
    block: list[int] = []
    calls, before, stable = 0, began, False
    while calls < LEAST_CALLS or before - began < most_seconds * 1e9:
        call(inputs[calls % len(inputs)])
        now = clock()
        block.append(now - before)
        calls, before = calls + 1, now
        if len(block) >= BLOCK_CALLS and sum(block) >= BLOCK_SECONDS * 1e9:
            medians, block = [*medians, median(block)], []
            stable = _agree(medians[-STABLE_BLOCKS:])
            if stable and now - began >= least_seconds * 1e9:
                break
    return Warmth(calls, (before - began) / 1e9, stable, medians[-1] if medians else median(block))


def harness_overhead(clock: Timer = time.perf_counter_ns) -> float:
    """Nanoseconds that timing adds to a call: the median time of a call that does nothing."""
    return float(np.median(time_calls(lambda values: None, [None], 2000, clock=clock)))


def _agree(medians: Sequence[float]) -> bool:
    return len(medians) == STABLE_BLOCKS and max(medians) <= (1 + TOLERANCE) * min(medians)


def _chunks(runs: int) -> Iterator[tuple[int, int]]:
    n = min(runs, CHUNKS)
    for i in range(n):
        yield runs * i // n, runs * (i + 1) // n


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
