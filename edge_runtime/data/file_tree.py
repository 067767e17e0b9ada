"""List and read the files of a folder or of a zip, or a single file, alike."""

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import MAX_SIZE, read_bytes
from edge_runtime.system.zip_archive import Archive, is_zip

_MOST_FILES = 200_000
_GZIP = b"\x1f\x8b"
_DEEPEST = 2  # zips in each other: RealWorld's are in zips of a person's trials, which may be in one of all
_OPEN_ZIPS = 4  # those of two sensors, whose files are read by turns, and around them; all would fill the memory
_MOST_UNPACKED = 2**34  # bytes of all zips in zips or folders: sixteen archives of the largest size


@dataclass(frozen=True)
class FileTree:
    """Files at `place` by their `names`, paths with `/`; `read` gives the bytes of one.

    `around` is the folder around all of them in a zip, and `above` the folders of a single file, which its path begins
    with for a pattern; with a `/` behind it.
    """

    place: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]
    around: str = ""
    above: str = ""

    def full_path(self, name: str) -> tuple[str, str]:
        """The path of a file for a pattern, and the folder around that is its top."""
        return self.above + name, self.above or self.around

    def path_of(self, name: str) -> str:
        """The file in words, for errors."""
        return str(self.place / name)

    def content(self, name: str) -> bytes:
        """The bytes of a file, of one that gzip has packed unpacked.

        Raises `InputError` for one that is damaged or too large.
        """
        found = self.read(name)
        if not found.startswith(_GZIP):
            return found
        try:
            with gzip.open(io.BytesIO(found)) as file:
                found = file.read(MAX_SIZE + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path_of(name)} is a damaged gzip file ({error}); get it again") from error
        if len(found) > MAX_SIZE:
            raise InputError(f"{self.path_of(name)} is larger than a recording can be, {MAX_SIZE:,} bytes: split it")
        return found


@contextmanager
def open_tree(path: Path) -> Iterator[FileTree]:
    """The files in the folder or zip at `path`, without hidden ones, or the single file that it is.

    Raises `InputError` when it is none of these, is damaged, or holds too many files.
    """
    if path.is_dir():
        yield FileTree(path, tuple(_walk(path)), lambda name: read_bytes(path / name, "a recording"))
        return
    if not path.is_file():
        raise InputError(f"{path} is neither a folder nor a file: give a folder or a zip of recordings")
    if not is_zip(path):
        above = f"{path.resolve().parent.as_posix().strip('/')}/"
        yield FileTree(path.parent, (path.name,), lambda _: read_bytes(path, "a recording"), above=above)
        return
    with Archive(path, str(path)) as archive:
        names = _shown(archive)
        yield FileTree(path, names, archive.read, _around(names))


def unpacked(tree: FileTree) -> FileTree:
    """The files of `tree`, and those in its zips, down to the zips in these; `a.zip/b.csv` names one.

    Raises `InputError` for a zip that is damaged, for too many files, and for more bytes than data sets have.
    """
    found: dict[str, Callable[[], bytes]] = {x: partial(tree.read, x) for x in tree.names}
    zips: dict[str, Callable[[], bytes]] = {}
    n_bytes = 0

    @lru_cache(_OPEN_ZIPS)
    def opened(name: str) -> Archive:
        return Archive(io.BytesIO(zips[name]()), tree.path_of(name))

    def member(name: str, inside: str) -> bytes:
        return opened(name).read(inside)

    for _ in range(_DEEPEST):
        for name in [x for x in found if x.lower().endswith(".zip")]:
            zips[name] = found.pop(name)
            archive = opened(name)
            n_bytes += archive.unpacked
            found |= {f"{name}/{x}": partial(member, name, x) for x in _shown(archive)}
            if len(found) > _MOST_FILES:
                raise InputError(f"{tree.place} holds more than {_MOST_FILES:,} files: give a part of it")
            if n_bytes > _MOST_UNPACKED:
                raise InputError(
                    f"the zips in {tree.place} would unpack to more than {_MOST_UNPACKED:,} bytes: give a part of it"
                )
    return replace(tree, names=tuple(found), read=lambda name: found[name]())


def _shown(archive: Archive) -> tuple[str, ...]:
    return tuple(x for x in archive.names if not any(map(_is_hidden, x.split("/"))))


def _around(names: Sequence[str]) -> str:
    """The folder that all `names` are in, with a `/` behind it; "" where there is none."""
    around = ""
    for parts in zip(*(x.split("/")[:-1] for x in names), strict=False):
        if len(set(parts)) > 1:
            break
        around += f"{parts[0]}/"
    return around


def _walk(folder: Path) -> Iterator[str]:
    count = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(x for x in folders if not _is_hidden(x))
        inside = Path(place).relative_to(folder).as_posix()
        for file in files:
            if not _is_hidden(file):
                yield file if inside == "." else f"{inside}/{file}"
                count += 1
                if count > _MOST_FILES:
                    raise InputError(f"{folder} holds more than {_MOST_FILES:,} files: give a folder of recordings")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
