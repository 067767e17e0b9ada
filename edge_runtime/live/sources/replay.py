"""A recording of the data, as if it came from a sensor now."""

import time
from pathlib import Path

import numpy as np

from edge_runtime.data import loading
from edge_runtime.errors import InputError
from edge_runtime.live.sources import Chunk, Event, Source, SourceClock

CHUNK_S = 0.1
"""Samples come together for so long, in the recording's time at most."""

_LARGEST_CHUNK = 500


def replay(number: int, data: Path | None = None, speed: float = 1.0, clock: SourceClock = time) -> Source:
    """Recording `number`, counted from 0, at `speed` times the pace at which it was made; 0 is without any wait.

    Raises `InputError` when there is no such recording.
    """
    recordings = loading.load_recordings(data)
    if not 0 <= number < len(recordings):
        raise InputError(f"there is no recording {number}; there are 0 to {len(recordings) - 1} (har-edge data)")
    recording = recordings[number]
    seconds = np.arange(len(recording.samples)) / recording.rate_hz
    pace = f"{speed:g} times real time" if speed else "as fast as it goes"
    yield Event("opened", f"recording {number}, subject {recording.subject}, {pace}")
    step = _LARGEST_CHUNK if not speed else round(min(max(1, CHUNK_S * speed * recording.rate_hz), _LARGEST_CHUNK))
    began = clock.monotonic()
    for first in range(0, len(seconds), step):
        chunk = slice(first, first + step)
        due = began + seconds[chunk][-1] / speed if speed else 0.0
        while (wait := due - clock.monotonic()) > 0:
            clock.sleep(wait)
        yield Chunk(seconds[chunk], recording.samples[chunk], recorded=True)
