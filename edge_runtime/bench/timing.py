"""Time calls one by one and return the raw times."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.measured import WarmUp

Timer = Callable[[], int]
"""Nanoseconds from an arbitrary start, never going back."""

CHUNKS = 10
SILENCE_NS = 5 * 10**9  # after which a chunk reports before its end

# Blocks of the warm-up: long enough for a steady median, short enough to see a clock rise.
BLOCK_SECONDS = 0.02
BLOCK_CALLS = 5
STABLE_BLOCKS = 3
TOLERANCE = 0.03
LEAST_CALLS = 3


def time_calls(
    call: Callable[[Any], object],
    inputs: Sequence[Any],
    runs: int,
    on_progress: Callable[[float], None] = lambda share: None,
    clock: Timer = time.perf_counter_ns,
) -> npt.NDArray[np.int64]:
    """Time `runs` calls with `inputs` in turn, and return `[runs]` nanoseconds.

    `on_progress` gets the finished share, `CHUNKS` times or each `SILENCE_NS`. An untimed call follows, so that cache
    misses after the report do not count.
    """
    times = [0] * runs
    n = len(inputs)
    with _no_garbage_collection():
        chunks = min(runs, CHUNKS)
        for chunk in range(chunks):
            start, stop = runs * chunk // chunks, runs * (chunk + 1) // chunks
            due = clock() + SILENCE_NS
            call(inputs[start % n])
            for i in range(start, stop):
                values = inputs[i % n]
                began = clock()
                call(values)
                ended = clock()
                times[i] = ended - began
                if ended > due and i + 1 < stop:
                    on_progress((i + 1) / runs)
                    due = clock() + SILENCE_NS
                    call(values)
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

    Returns `[runs]` nanoseconds of `call`, and of `prepare` and `call` together. The cold cache and the slow clock
    are part of the measurement, so there are no untimed calls.
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
) -> tuple[WarmUp, float]:
    """Call until the medians of `STABLE_BLOCKS` blocks of calls lie within `TOLERANCE`.

    This takes at least `least_seconds` and ends after `most_seconds`, but not before `LEAST_CALLS` calls. It also
    returns the median call of the last block in nanoseconds.
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
            last = medians[-STABLE_BLOCKS:]
            stable = len(last) == STABLE_BLOCKS and max(last) <= (1 + TOLERANCE) * min(last)
            if stable and now - began >= least_seconds * 1e9:
                break
    return WarmUp(calls, (before - began) / 1e9, stable), medians[-1] if medians else median(block)


def harness_overhead(clock: Timer = time.perf_counter_ns) -> float:
    """Return the nanoseconds that timing adds to a call: the median time of a call that does nothing."""
    return float(np.median(time_calls(lambda values: None, [None], 2000, clock=clock)))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
