"""Read samples from a file, standard input or a pipe, or from a recording of a data set at its own pace."""

import codecs
import os
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from edge_runtime.data.data_sources import FOREIGN
from edge_runtime.data.loading import DataReader
from edge_runtime.data.recording import Recording
from edge_runtime.data.text_rows import text_encoding
from edge_runtime.errors import InputError
from edge_runtime.live.sources import POLL_S, Chunk, Event, SilenceDetector, Source, SourceClock
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.signals.types import Signal
from edge_runtime.signals.units import NOT_NEEDED, Units
from edge_runtime.system.outside_files import open_file

_CHUNK_S = 0.1  # of a replay, at its pace
_LARGEST_CHUNK = 500
_BLOCK = 1 << 13  # bytes, a second or two of samples


def csv_file(path: Path, stated: Units, clock: SourceClock = time) -> Source:
    """Read samples from the lines of the file at `path`, of a pipe or of standard input (`-`), in UTF-8 or UTF-16.

    A pipe ends when its last writer closes it. Raises `InputError` when it cannot be read, or has no sample, and for a
    file with unclear units.
    """
    name = "standard input" if path == Path("-") else str(path)
    with _opened(path) as file:
        descriptor = file.fileno()
        decoder = LineDecoder(stated, file=name if path.is_file() else "")
        text: codecs.IncrementalDecoder | None = None
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
            text = text or codecs.getincrementaldecoder(text_encoding(block))("replace")
            yield from silence.update(has_come=True)
            yield from decoder.feed(text.decode(block).replace("\r", "\n").encode())
        yield from decoder.end()
    if not decoder.samples:
        sensors = "acceleration" if stated.rotation == NOT_NEEDED else "acceleration with rotation"
        raise InputError(f"{name} has no samples of {sensors}{decoder.fault and f': {decoder.fault}'}; {FOREIGN}")


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
    for first in range(0, len(seconds), step):
        part = slice(first, first + step)
        due = began + seconds[part][-1] / speed if speed else 0.0
        while (wait := due - clock.monotonic()) > 0:
            clock.sleep(wait)
        yield Chunk(seconds[part], recording.samples[part], recorded=True)


def _opened(path: Path) -> IO[bytes]:
    if path == Path("-"):
        if sys.stdin is None:
            raise InputError("standard input is closed: give another source to --csv")
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return open_file(path, "a recording or a pipe", sys.maxsize, or_pipe=True)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
