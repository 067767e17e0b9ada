"""Write files whole or not at all, and give a temporary folder."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import csv
import errno
import fcntl
import glob
import hashlib
import io
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edge_runtime.errors import InputError
from edge_runtime.system.cache_folders import locked_folder, remove_locked

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST_LINKS = 40  # as many as Linux follows
_UNLOCKED_S = 5.0  # a temporary file is locked long before


class _WriteError(InputError):
    """`path` could not be written, for `reason`."""

    def __init__(self, path: Path, reason: OSError) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"cannot write {path}: {reason.strerror or reason}; choose a place that can be written and has space"
        )


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path with the same suffix; move what is there to `path` if the block succeeds.

    Whatever happens inside, `path` is either what it was before or the complete new file. Missing parent folders are
    made. A link stays, and what it points to is replaced. Into what is no regular file (a pipe, a device, and standard
    output as /dev/stdout, whatever it is) the content is written in the end. A full disk, a folder that cannot be
    written and a pipe that nobody reads raise `InputError` naming `path`.
    """
    path = Path(path)
    with _writing(path):
        descriptor, state = _own_descriptor(path), _state(path)
        if state is not None and stat.S_ISDIR(state.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if descriptor is not None or (state is not None and not stat.S_ISREG(state.st_mode)):
        with scratch_folder() as folder:
            temporary = folder / f"content{path.suffix}"
            yield temporary
            with _writing(path), temporary.open("rb") as content, _special(path, descriptor) as special:
                shutil.copyfileobj(content, special)
        return
    target = Path(os.path.realpath(path))
    with _writing(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.stem[:20]}-"
        _remove_abandoned(target.parent, prefix, path.suffix)
    temporary, handle = target.parent / f"{prefix}{secrets.token_hex(8)}{path.suffix}", -1
    try:
        # In here, as an interruption may come as soon as the file is there.
        with _writing(path):
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with _writing(path):
            yield temporary
            _finish(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()
        if handle >= 0:
            os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write `rows`, the first being the heading, to `path` as CSV, whole or not at all."""
    write_text(path, csv_text(rows))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return `rows`, the first being the heading, as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def check_folder(folder: Path) -> None:
    """Raise `InputError` unless files can be written into `folder`, which need not exist; leave nothing there."""
    missing = [x for x in (folder, *folder.parents) if not x.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(
            f"cannot write into {folder}: {error.strerror or error}; choose a folder that is writable"
        ) from error
    finally:
        for made in missing:
            with suppress(OSError):
                made.rmdir()


def point_link(link: Path, target: str) -> None:
    """Make the symbolic link `link` point to `target`, replacing an older link in one step."""
    with _writing(link):
        temporary = link.with_name(f".{link.name}-{os.getpid()}")
        with suppress(FileNotFoundError):
            temporary.unlink()
        temporary.symlink_to(target)
        temporary.replace(link)


def sha256(path: Path) -> str:
    """The SHA-256 of the file at `path`, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder, which is removed after the block, whatever happens inside.

    Those of programs that were killed are removed by the next that makes one: a living one holds a lock on its own.

    Raises `InputError` naming the folder and TMPDIR when it cannot be made, or when its disk is full.
    """
    try:
        folder, lock = locked_folder("har-edge-")
    except OSError as error:
        raise _no_scratch("a new folder", error) from error
    try:
        try:
            yield folder
        finally:
            remove_locked(folder, lock)
    except _WriteError as error:
        if folder not in error.path.parents:
            raise
        raise _no_scratch(folder, error.reason) from error
    except OSError as error:
        if not _is_about(error, folder):
            raise
        raise _no_scratch(folder, error) from error


def _state(path: Path) -> os.stat_result | None:
    """What is at `path`, or where its link points; None when nothing is. Raises `OSError`, as for links in a ring."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _own_descriptor(path: Path) -> int | None:
    """The number of this process's open file that `path` means: 1 for /dev/stdout, which links to /proc/self/fd/1."""
    for _ in range(_MOST_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) == f"/proc/{os.getpid()}/fd":
            return int(path.name)
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    return None


def _special(path: Path, descriptor: int | None) -> BinaryIO:
    """The special file at `path`, or an open file of this process, from where it stands; neither is made empty."""
    if descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # what was printed before comes before
        with suppress(OverflowError):
            if os.get_inheritable(descriptor):  # unlike those that this process has opened for itself, as its locks
                return os.fdopen(os.dup(descriptor), "wb")
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), path)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # a pipe would wait for a reader, perhaps forever
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(error.errno, "nobody reads it") from error
        raise
    os.set_blocking(opened, True)
    return os.fdopen(opened, "wb")


def _no_scratch(folder: Path | str, error: OSError) -> InputError:
    return InputError(
        f"cannot write temporary files in {folder}: {error.strerror or error}; make space there, or set TMPDIR "
        "to a folder that is writable and has space"
    )


def _is_about(error: OSError, folder: Path) -> bool:
    """Tell whether `error` came from writing in `folder`, rather than from a process, a pipe or a file outside it."""
    if error.filename is not None:
        path = Path(os.fsdecode(error.filename))
        return path == folder or folder in path.parents
    # Writing to an open file names none; and numpy's "3394944 requested and 127968 written" has no number.
    return error.errno in _NO_SPACE or (error.errno is None and str(error).endswith(" written"))


def _remove_abandoned(folder: Path, prefix: str, suffix: str) -> None:
    """Remove temporary files of the same output whose programs were killed: a living one has a lock on its own."""
    for path in folder.glob(f"{glob.escape(prefix)}{'[a-z0-9_]' * 8}{glob.escape(suffix)}"):
        with suppress(OSError):
            state = path.lstat()
            if stat.S_ISREG(state.st_mode) and time.time() - state.st_mtime > _UNLOCKED_S:
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()


def _finish(temporary: Path, path: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    # The file is private so far; results are readable by those whom the umask lets.
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    temporary.replace(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _WriteError(path, error) from error


def cache_folder() -> Path:
    """The folder of what can be made again: HAR_EDGE_CACHE, or har-edge in the user's cache folder."""
    given = os.environ.get("HAR_EDGE_CACHE")
    if given:
        return Path(given).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "har-edge").absolute()
