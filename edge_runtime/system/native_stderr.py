"""Hold back what native libraries write to stderr."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from edge_runtime.system.printable import shown


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
