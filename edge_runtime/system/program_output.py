"""Run a program of this machine to its end and return what it printed, within limits of time and length."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Sequence

from edge_runtime.system import child_processes

_LONGEST = 1 << 24


def run_program(
    command: Sequence[str], seconds: float | None = None, at_most: int = _LONGEST
) -> subprocess.CompletedProcess[str]:
    """Run `command` with nothing to read; what it printed, as UTF-8, and its exit code.

    It is stopped with all that it started, and `subprocess.TimeoutExpired` raised, when it has not ended after
    `seconds`, and `ValueError` when it prints more than `at_most` bytes. Raises `OSError` when it does not start.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches this process, which then ends the other
    )
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = bytearray(), bytearray()
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, output)
            selector.register(process.stderr, selectors.EVENT_READ, errors)
            while selector.get_map():
                for key, _ in selector.select(_left(command, deadline, seconds)):
                    read = os.read(key.fd, 1 << 16)
                    if not read:
                        selector.unregister(key.fileobj)
                    key.data.extend(read)
                    if len(key.data) > at_most:
                        raise ValueError(f"it prints more than {at_most:,} bytes")
        process.wait(_left(command, deadline, seconds))
    finally:
        child_processes.stop(process)
    texts = (x.decode(errors="replace") for x in (output, errors))
    return subprocess.CompletedProcess(command, process.returncode, *texts)


def _left(command: Sequence[str], deadline: float | None, seconds: float | None) -> float | None:
    if deadline is None or seconds is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise subprocess.TimeoutExpired(command, seconds)
    return left
