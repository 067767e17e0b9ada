"""Read samples from a file, standard input or a pipe, or from a recording of a data set at its own pace."""

import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from edge_runtime.data.csv_recordings import read_csv_recording
from edge_runtime.data.data_sources import FOREIGN
from edge_runtime.data.dataset import Recording
from edge_runtime.data.loading import DataReader
from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, POLL_S, Array, Chunk, Event, SilenceDetector, Source, SourceClock
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.signals.types import Signal
from edge_runtime.signals.units import Units
from edge_runtime.system.outside_files import open_file
from edge_runtime.system.quantities import counted

_CHUNK_S = 0.1  # of a replay, at its pace
_LARGEST_CHUNK = 500
_BLOCK = 1 << 13  # bytes, a second or two of samples


def csv_file(path: Path, stated: Units, clock: SourceClock = time) -> Source:
    """Read samples from the CSV file at `path`, or from the lines of a pipe, a file of JSON or standard input (`-`).

    A pipe ends when its last writer closes it. Raises `InputError` when it cannot be read, or has no sample.
    """
    if path.is_file() and not _holds_json(path):
        recording = read_csv_recording(path, stated)
        yield Event("opened", f"reading {path}")
        if recording.units_notice:
            yield Event("units", recording.units_notice)
        if n := recording.n_left_out:
            yield Event("malformed", f"{counted(n, 'row')} of {path} left out: fields are missing or not numbers")
            yield Chunk(None, NO_SAMPLES.samples, left_out=n)
        yield from _chunks(recording.seconds, recording.samples, _LARGEST_CHUNK)
    else:
        yield from _lines(path, stated, clock)


def _holds_json(path: Path) -> bool:
    with _opened(path) as file:
        return b"{" in file.read(_BLOCK)


def _lines(path: Path, stated: Units, clock: SourceClock) -> Source:
    name = "standard input" if path == Path("-") else str(path)
    with _opened(path) as file:
        descriptor = file.fileno()
        decoder = LineDecoder(stated)
        silence = SilenceDetector(name, clock)
        yield Event("opened", f"reading {name}")
        while True:
            # A pipe is not readable before a writer opens it; after the last writer has closed it, it reads EOF.
            if not select.select([descriptor], [], [], POLL_S)[0]:
                yield from silence.update(has_come=False)
                continue
            try:
                block = os.read(descriptor, _BLOCK)
            except OSError as error:
                raise InputError(f"cannot read {name}: {error.strerror}") from error
            if not block:
                break
            yield from silence.update(has_come=True)
            yield from decoder.feed(block)
        yield from decoder.end()
    if not decoder.samples:
        raise InputError(f"{name} has no samples{decoder.fault and f': {decoder.fault}'}; {FOREIGN}")


def find_recording(number: int, reader: DataReader, signals: Sequence[Signal] = ()) -> Recording:
    """Recording `number`, counted from 0, of the data of `reader`.

    Raises `InputError` when there is no such recording, or it lacks one of `signals`.
    """
    recordings = reader.recordings
    if not 0 <= number < len(recordings):
        raise InputError(f"there is no recording {number}; there are 0 to {len(recordings) - 1} (har-edge data)")
    recordings[number].check_signals(signals)
    return recordings[number]


def recording_source(number: int, recording: Recording, speed: float = 1.0, clock: SourceClock = time) -> Source:
    """Recording `number` at `speed` times its own pace; 0 is without any wait."""
    seconds = np.arange(len(recording.samples)) / recording.rate_hz
    pace = f"{speed:g} times real time" if speed else "as fast as it goes"
    yield Event("opened", f"recording {number}, subject {recording.subject}, {pace}")
    step = _LARGEST_CHUNK if not speed else round(min(max(1, _CHUNK_S * speed * recording.rate_hz), _LARGEST_CHUNK))
    began = clock.monotonic()
    for chunk in _chunks(seconds, recording.samples, step):
        due = began + chunk.seconds[-1] / speed if speed and chunk.seconds is not None else 0.0
        while (wait := due - clock.monotonic()) > 0:
            clock.sleep(wait)
        yield chunk


def _chunks(seconds: Array | None, samples: Array, step: int) -> Iterator[Chunk]:
    """Recorded `samples` `[n, 6]` in chunks of `step`, with their times `seconds` `[n]`."""
    for first in range(0, len(samples), step):
        part = slice(first, first + step)
        yield Chunk(None if seconds is None else seconds[part], samples[part], recorded=True)


def _opened(path: Path) -> IO[bytes]:
    if path == Path("-"):
        if sys.stdin is None:
            raise InputError("standard input is closed: give another source to --csv")
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return open_file(path, "a recording or a pipe", sys.maxsize, or_pipe=True)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
