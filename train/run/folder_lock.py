"""Only one process at a time works on a file: a lock that ends with its process, however that ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.runs import checkpoint_folder


def folder_lock(folder: Path) -> AbstractContextManager[None]:
    """Keep other trainings out of `folder` within the block. Raises `InputError` when one is at work there."""
    return locked(checkpoint_folder(folder) / "lock")


@contextmanager
def locked(path: Path, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock at `path`, which is made if needed, within the block; wait at most `seconds` for who has it.

    Raises `InputError` when another process keeps it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose a folder that is writable") from error
    with file:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise InputError(
                        f"another process is training in {path.parent.parent}: wait for its end, or take another --out"
                    ) from error
                time.sleep(0.05)
        yield
