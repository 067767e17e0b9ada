"""A CSV file, standard input, or a pipe that another program goes on writing."""

import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, PATIENCE_S, Event, Source, SourceClock
from edge_runtime.live.sources.lines import Lines
from edge_runtime.live.sources.silence import Silence
from edge_runtime.live.sources.units import Units

_BLOCK = 1 << 16


def csv_file(path: Path, stated: Units, clock: SourceClock = time) -> Source:
    """The samples in the file at `path`, or those that come from standard input when it is `-`.

    A file ends where it ends, a pipe when its last writer closes it. Raises `InputError` when it cannot be read, or has
    no sample.
    """
    name = "standard input" if path == Path("-") else str(path)
    with _opened(path, name) as descriptor:
        recorded = stat.S_ISREG(os.fstat(descriptor).st_mode)
        lines = Lines(stated, recorded)
        silence = Silence(name, clock)
        yield Event("opened", f"reading {name}")
        while True:
            # A pipe that nobody has opened for writing yet is not ready; one that everybody has closed is, and empty.
            if not recorded and not select.select([descriptor], [], [], PATIENCE_S)[0]:
                yield NO_SAMPLES
                yield from silence.nothing()
                continue
            block = _read(descriptor, name)
            if not block:
                break
            yield from silence.something()
            yield from lines.feed(block)
        yield from lines.end()
    if not lines.samples:
        raise InputError(
            f"{name} has no samples" + (f"; its first line that is none: {lines.fault}" * bool(lines.fault))
        )


@contextmanager
def _opened(path: Path, name: str) -> Iterator[int]:
    if path == Path("-"):
        if sys.stdin is None:
            raise InputError("standard input is closed: give it to this program, or a file to --csv")
        yield sys.stdin.fileno()
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe need not have a writer yet
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, name: str) -> bytes:
    try:
        return os.read(descriptor, _BLOCK)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
