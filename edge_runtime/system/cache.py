"""Keep folders that can be made again in the user's cache, and remember tasks that have succeeded once."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge_runtime.errors import InputError


def cache_folder() -> Path:
    """Return the cache folder: HAR_EDGE_CACHE, or har-edge in the user's cache folder.

    Raises `InputError` for a user without a home.
    """
    if folder := os.environ.get("HAR_EDGE_CACHE"):
        return Path(folder).absolute()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "har-edge").absolute()
    except RuntimeError as error:
        raise InputError("this user has no home folder: set HAR_EDGE_CACHE to a folder for the cache") from error


def cached_folder(place: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder `place`; if it is missing, `make` first fills it under another name.

    When two processes make it at once, the second folder is thrown away. Raises `OSError`, and the errors of `make`.
    """
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".") as temporary:
            folder = Path(temporary, place.name)
            folder.mkdir()
            make(folder)
            os.sync()  # before its name says that it is complete
            try:
                folder.rename(place)
            except OSError:
                if not place.exists():
                    raise
    return place


def once(name: str, task: Callable[[], object]) -> None:
    """Call `task`, unless the cache says that a call under this `name` has succeeded before."""
    with suppress(InputError, OSError):
        if (cache_folder() / "once" / name).is_file():
            return
    task()
    with suppress(InputError, OSError):
        success = cache_folder() / "once" / name
        success.parent.mkdir(parents=True, exist_ok=True)
        success.touch()
