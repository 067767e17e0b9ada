"""Child processes that report line by line: listening with a limit, and leaving nothing of them running."""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO


def lines(stream: IO[bytes], seconds: Callable[[], float]) -> Iterator[str]:
    """The lines of `stream` as they come; `seconds` is asked, before each wait, how long it may take.

    Raises `TimeoutError` when nothing came for so long.
    """
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, seconds())):
                raise TimeoutError
            read = os.read(stream.fileno(), 65536)
            if not read:
                return
            *complete, pending = (pending + read).split(b"\n")
            yield from (line.decode(errors="replace") for line in complete)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kill `process`, which leads a session of its own, with all that it started, if it still runs; close its pipe."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
