"""Child processes that report line by line: listening to one or many, and leaving nothing of them running."""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO


class LineReader:
    """Takes the lines of `stream` as they come, without waiting for whole ones."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._pending = stream, b""

    def read(self) -> list[str] | None:
        """The lines that are complete now, after waiting for something to read; None at the end of the stream."""
        read = os.read(self._stream.fileno(), 65536)
        if not read:
            return None
        *complete, self._pending = (self._pending + read).split(b"\n")
        return [line.decode(errors="replace") for line in complete]


def lines(stream: IO[bytes], seconds: Callable[[], float]) -> Iterator[str]:
    """The lines of `stream` as they come; `seconds` is asked, before each wait, how long it may take.

    Raises `TimeoutError` when nothing came for so long.
    """
    reader = LineReader(stream)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, seconds())):
                raise TimeoutError
            complete = reader.read()
            if complete is None:
                return
            yield from complete


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kill `process`, which leads a session of its own, with all that it started, if it still runs; close its pipes."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
