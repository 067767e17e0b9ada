"""Guard standard output and error: escape terminal codes, report failed writes, hold back native libraries."""

import io
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, TextIO, cast

from edge_runtime.errors import InputError
from edge_runtime.system.printable import shown

READER_LEFT = Event()
"""Set when the reader of standard output has gone, as in `har-edge data | head`: an endless `har-edge stream` stops."""


class _Guarded:
    """Standard output or error, escaped unless `as_is`; without `buffer`, which would get around it."""

    def __init__(self, stream: TextIO, is_output: bool, as_is: bool = False) -> None:
        self._stream, self._is_output, self._as_is = stream, is_output, as_is
        if not as_is:
            self.unescaped = _Guarded(stream, is_output, as_is=True)  # for our console, which escapes text itself

    def __getattr__(self, name: str) -> Any:
        if name in ("buffer", "unescaped"):
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, notices to a terminal in lines of whole words. Raises `InputError`, of standard output only."""
        said = text if self._as_is else shown(text)
        if not self._as_is and not self._is_output and self._stream.isatty():
            wide = shutil.get_terminal_size().columns
            wrapper = textwrap.TextWrapper(wide, expand_tabs=False, break_on_hyphens=False, break_long_words=False)
            lines = said.splitlines(keepends=True)
            said = "".join(wrapper.fill(x) + "\n" if len(x) > wide + 1 and x[-1] == "\n" else x for x in lines)
        with self._guard():
            self._stream.write(said)
        return len(text)

    def flush(self) -> None:
        """Write what is held back. Raises as `write` does."""
        with self._guard():
            self._stream.flush()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self._is_output:
                return  # nobody can be told
            if isinstance(error, BrokenPipeError):
                READER_LEFT.set()
                _discard_rest(self._stream)
                return
            raise InputError(f"cannot write to standard output: {error.strerror or error}") from error


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Guard `sys.stdout` and `sys.stderr` within the block."""
    READER_LEFT.clear()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a question mark in an encoding without µ
    sys.stdout, sys.stderr = (cast(TextIO, _Guarded(x, x is before[0])) for x in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            _discard_rest(stream)


@contextmanager
def suppressed_stderr() -> Iterator[None]:
    """Hold back what C++ code writes to file descriptor 2 within the block; show it if the block fails.

    TensorFlow and the TFLite interpreters log set-up notes there that no Python setting turns off.
    """
    try:
        descriptor = sys.__stderr__.fileno() if sys.__stderr__ else 2
        saved = os.dup(descriptor)
    except (OSError, ValueError):  # stderr is closed, or not a file
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), descriptor)
        failed = True
        try:
            yield
            failed = False
        finally:
            if sys.__stderr__:
                sys.__stderr__.flush()
            os.dup2(saved, descriptor)
            os.close(saved)
            if failed:
                held.seek(0)
                os.write(descriptor, shown(held.read()[-4000:].decode(errors="replace")).encode())


def open_closed_streams() -> None:
    """Occupy those of the descriptors 0, 1 and 2 that are closed, or a file opened later would get the output."""
    for descriptor in range(3):
        with suppress(OSError):
            os.fstat(descriptor)
            continue
        os.open(os.devnull, os.O_RDONLY)  # the lowest free number
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _discard_rest(stream: TextIO) -> None:
    """Flush, to nowhere if need be: Python would complain at the end."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
