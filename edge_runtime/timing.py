"""Timing calls one by one: raw times are kept, whatever is made of them later."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

Clock = Callable[[], int]
"""Nanoseconds from an arbitrary start, never going back."""

CHUNKS = 10


def time_calls(
    call: Callable[[Any], object],
    inputs: Sequence[Any],
    runs: int,
    on_progress: Callable[[float], None] = lambda share: None,
    clock: Clock = time.perf_counter_ns,
) -> npt.NDArray[np.int64]:
    """Time `runs` calls, taking `inputs` in turn; `[runs]` nanoseconds.

    `on_progress` hears the share that is done between calls, at most `CHUNKS` times; the call after it is made once
    untimed first, so that what the report pushed out of the caches does not count.
    """
    times = [0] * runs
    n = len(inputs)
    with _no_garbage_collection():
        for start, stop in _chunks(runs):
            call(inputs[start % n])
            for i in range(start, stop):
                values = inputs[i % n]
                began = clock()
                call(values)
                times[i] = clock() - began
            on_progress(stop / runs)
    return np.array(times, np.int64)


def warm_up(
    call: Callable[[Any], object],
    inputs: Sequence[Any],
    seconds: float,
    least: int,
    clock: Clock = time.perf_counter_ns,
) -> int:
    """Call for `seconds`, and at least `least` times; how many calls that were."""
    end = clock() + int(seconds * 1e9)
    calls = 0
    while calls < least or clock() < end:
        call(inputs[calls % len(inputs)])
        calls += 1
    return calls


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
