"""Make cache folders that take long to make: whole or absent, made by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from edge_runtime.errors import DeviceError

# In each folder of `locked_folder`, and in none that anybody else made: by name, and by a mark that is locked.
_NAME = "scratch-"
_MARK = ".har-edge-scratch"
_UNMARKED = "mark"  # its name before it is locked
_UNMARKED_S = 60.0  # a folder has its mark long before
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def cached_folder(place: Path, make: Callable[[Path], None], space: float = 0) -> Path:
    """Return the folder `place`; where it is missing, `make` fills it under another name first.

    Other processes that want it wait meanwhile. `space` is the number of bytes that `make` needs on the disk. Raises
    `DeviceError` when the disk has less, is full or may not be written, and whatever `make` raises; nothing stays then.
    """
    if place.exists():
        return place
    unfinished = place.with_name(f".{place.name}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.with_name(f"{place.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                _make(unfinished, make, space)
                unfinished.rename(place)
    except OSError as error:
        if error.errno in _FULL:
            raise DeviceError(
                f"the disk of {place.parent} is full: make space there, or set HAR_EDGE_CACHE to a folder that has some"
            ) from error
        if error.errno in _NOT_OURS:
            raise DeviceError(
                f"cannot make {place} ({error.strerror}): set HAR_EDGE_CACHE to a folder that is writable"
            ) from error
        raise
    return place


def locked_folder(prefix: str) -> tuple[Path, int]:
    """Make a folder for temporary files whose name starts with `prefix`; return it and the descriptor of its lock.

    Folders that this function made and that nobody locks are removed first: their programs were killed, which ends a
    lock. Raises `OSError`.
    """
    prefix += _NAME
    for made in Path(tempfile.gettempdir()).glob(f"{prefix}{'[a-z0-9_]' * 8}"):
        with suppress(OSError):
            _remove_unmarked(made)
    for mark in Path(tempfile.gettempdir()).glob(f"{prefix}*/{_MARK}"):
        with suppress(OSError):  # it is at work, another user's, or goes away just now
            remove_locked(mark.parent, _lock(mark, os.O_RDWR))
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        lock = _lock(folder / _UNMARKED, os.O_RDWR | os.O_CREAT)
        (folder / _UNMARKED).rename(folder / _MARK)  # locked before anybody sees it
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, lock


def remove_locked(folder: Path, lock: int) -> None:
    """Remove `folder`, the mark last, so that another may end what is cut short, and close its `lock`.

    Raises `OSError`.
    """
    try:
        if folder.is_symlink():
            raise NotADirectoryError(errno.ENOTDIR, "it is a link", str(folder))
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != _MARK:
                path.unlink()
        shutil.rmtree(folder)
    finally:
        os.close(lock)


def _remove_unmarked(folder: Path) -> None:
    """Remove a folder that was made a while ago and whose program was killed before it was marked, or after its end."""
    state = folder.lstat()
    if stat.S_ISDIR(state.st_mode) and time.time() - state.st_mtime > _UNMARKED_S:
        if [x.name for x in folder.iterdir()] == [_UNMARKED]:
            (folder / _UNMARKED).unlink()
        folder.rmdir()  # raises unless it is empty


def _lock(mark: Path, flags: int) -> int:
    """Lock the file `mark`, one of this user's, and return its descriptor. Raises `OSError`."""
    descriptor = os.open(mark, flags | os.O_NOFOLLOW, 0o600)
    try:
        state = os.fstat(descriptor)
        if state.st_uid != os.getuid() or not stat.S_ISREG(state.st_mode):
            raise PermissionError(errno.EACCES, "it is not ours", str(mark))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def remove(folder: Path) -> int:
    """Remove `folder` with all cache folders in it; return how many bytes that was.

    Raises `DeviceError` while one of them is being made.
    """
    with ExitStack() as locks:
        for path in folder.glob("*.lock"):
            lock = locks.enter_context(path.open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DeviceError(f"{path.with_suffix('')} is being made: wait for its end") from error
        total = sum(x.lstat().st_size for x in folder.rglob("*"))
        _remove(folder)
    return total


def raise_if_full(said: str) -> None:
    """Raise the `OSError` of a full disk when a program that failed `said` that it is full."""
    if re.search(r"No space left on device|enough free space|Disk quota exceeded", said):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _make(unfinished: Path, make: Callable[[Path], None], space: float) -> None:
    _remove(unfinished)  # by a process that was killed
    unfinished.mkdir()
    try:
        free = shutil.disk_usage(unfinished).free
        if free < space:
            raise DeviceError(
                f"{space / 1e6:.0f} MB are needed in {unfinished.parent}, which has {free / 1e6:.0f} left: make space "
                "there, or set HAR_EDGE_CACHE to a folder that has more"
            )
        make(unfinished)
        os.sync()  # before its name says that it is whole
    except BaseException:
        _remove(unfinished)
        raise


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
