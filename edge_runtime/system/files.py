"""Write files completely or not at all, and give a temporary folder."""

import csv
import hashlib
import io
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_runtime.errors import InputError

_OURS = ".har-edge-"  # in the names of temporary files
_ABANDONED_S = 3600.0  # an older temporary file was left by a killed process


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path with the same suffix, whose file becomes `path` if the block succeeds.

    `path` is always the old or the complete new file. Missing parent folders are made; a link stays, and its target is
    replaced. Raises `InputError` when `path` cannot be written, or is not a regular file.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.stem[:20]}{_OURS}{secrets.token_hex(8)}{target.suffix}")
    with _writing(Path(path)):
        target.parent.mkdir(parents=True, exist_ok=True)
        check_target(path)
        for abandoned in target.parent.glob(f".*{_OURS}{'[0-9a-f]' * 16}*"):
            with suppress(OSError):
                if abandoned.stat().st_mtime < time.time() - _ABANDONED_S:
                    abandoned.unlink()
        try:
            temporary.touch()  # refuse a folder that cannot be written before the work
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Raise `InputError` when `path` exists and is not a regular file: a folder, a device, a link to itself."""
    target = Path(os.path.realpath(path))  # a link to itself is its own target
    if (target.is_symlink() or target.exists()) and not target.is_file():
        raise InputError(
            f"{path} is not a regular file; name a file, or - for standard output where a result is written"
        )


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` completely or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, completely or not at all."""
    write_bytes(path, content.encode())


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return `rows` as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def check_folder(folder: Path) -> None:
    """Raise `InputError` unless files can be written into `folder`, which need not exist; leave nothing there."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    with _writing(folder):
        tempfile.TemporaryFile(dir=existing).close()


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file at `path`, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder, which is removed after the block."""
    with tempfile.TemporaryDirectory(prefix="har-edge-") as name:
        yield Path(name)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; choose another path") from error
