"""Time calls one by one and return the raw times."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.measured import WarmUp

Timer = Callable[[], int]
"""Nanoseconds from an arbitrary start, never going back."""

# Blocks of the warm-up: long enough for a steady median, short enough to see a clock rise.
BLOCK_SECONDS = 0.02
BLOCK_CALLS = 5
STABLE_BLOCKS = 3
TOLERANCE = 0.03
LEAST_CALLS = 3


def time_calls(
    call: Callable[[Any], object], inputs: Sequence[Any], n: int, first: int = 0, clock: Timer = time.perf_counter_ns
) -> npt.NDArray[np.int64]:
    """Time `n` calls with `inputs` in turn, from input `first` on, and return `[n]` nanoseconds.

    An untimed call comes first, since the caches hold the data of the program that ran before.
    """
    times = [0] * n
    call(inputs[first % len(inputs)])
    for i in range(n):
        values = inputs[(first + i) % len(inputs)]
        began = clock()
        call(values)
        times[i] = clock() - began
    return np.array(times, np.int64)


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
