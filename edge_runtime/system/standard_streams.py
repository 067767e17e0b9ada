"""Escape terminal codes in standard output and error, and hold back what native libraries write there."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from edge_runtime.system.printable import shown


class _Escaped:
    """Escapes all writes to the stream `unescaped`, which our console uses directly."""

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)

    def write(self, text: str) -> int:
        """Write `text`, of unknown origin."""
        self.unescaped.write(shown(text))
        return len(text)


@contextmanager
def escaped_streams() -> Iterator[None]:
    """Escape all writes to `sys.stdout` and `sys.stderr` in the block; afterwards discard what they could not write."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # so that no file takes the place of a closed stream
        pass
    os.close(descriptor)
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a question mark in an encoding without µ
    sys.stdout, sys.stderr = (cast(TextIO, stream and _Escaped(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in filter(None, before):
            try:
                stream.flush()
            except OSError:  # Python would try again at its end, and complain
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def suppressed_stderr() -> Iterator[None]:
    """Hold back what C++ code writes to file descriptor 2 in the block, and show it if the block fails.

    TensorFlow and the TFLite interpreters log set-up notes there that no Python setting turns off.
    """
    saved = os.dup(2)
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 2)
        try:
            yield
        except BaseException:
            output.seek(0)
            os.write(saved, shown(output.read()[-4000:].decode(errors="replace")).encode())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
