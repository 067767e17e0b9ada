"""List and read the files of a folder or of a zip, or a single file, alike."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice, takewhile
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import read_bytes
from edge_runtime.system.zip_archive import Archive, is_zip

_MOST_FILES = 200_000
_DEEPEST = 2  # zips in each other, as in RealWorld
_OPEN_ZIPS = 4  # the zips of two sensors, whose files are read by turns, and the zips around them


@dataclass(frozen=True)
class FileTree:
    """Files at `place` by their `names`, paths with `/`; `read` gives the bytes of one.

    `around` is the folder around all files of a zip, `above` the folders of a single file, both with a `/` at the end.
    """

    place: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]
    around: str = ""
    above: str = ""

    def full_path(self, name: str) -> tuple[str, str]:
        """The path of a file for a pattern, and the folder that is its top."""
        return self.above + name, self.above or self.around


@contextmanager
def open_tree(path: Path) -> Iterator[FileTree]:
    """The files in the folder or zip at `path`, without hidden ones, or the single file at it.

    Raises `InputError` for nothing, a damaged zip, or too many files.
    """
    if path.is_dir():
        names = tuple(islice(_walk(path), _MOST_FILES + 1))
        if len(names) > _MOST_FILES:
            raise InputError(f"{path} holds more than {_MOST_FILES:,} files: give a folder of recordings")
        yield FileTree(path, names, lambda name: read_bytes(path / name, "a recording"))
        return
    if not path.is_file():
        raise InputError(f"{path} is neither a folder nor a file: give a folder or a zip of recordings")
    if not is_zip(path):
        above = f"{path.resolve().parent.as_posix().strip('/')}/"
        yield FileTree(path.parent, (path.name,), lambda _: read_bytes(path, "a recording"), above=above)
        return
    with Archive(path, str(path)) as archive:
        names = _shown(archive)
        levels = zip(*(name.split("/")[:-1] for name in names), strict=False)
        around = takewhile(lambda parts: len(set(parts)) == 1, levels)
        yield FileTree(path, names, archive.read, "".join(f"{parts[0]}/" for parts in around))


def unpacked(tree: FileTree) -> FileTree:
    """The files of `tree`, of its zips and of the zips in these, as `a.zip/b.csv`. Raises `InputError` if damaged."""
    readers: dict[str, Callable[[], bytes]] = {name: partial(tree.read, name) for name in tree.names}
    zips: dict[str, Callable[[], bytes]] = {}

    @lru_cache(_OPEN_ZIPS)
    def opened(name: str) -> Archive:
        return Archive(io.BytesIO(zips[name]()), str(tree.place / name))

    def member(name: str, inside: str) -> bytes:
        return opened(name).read(inside)

    for _ in range(_DEEPEST):
        for name in [path for path in readers if path.lower().endswith(".zip")]:
            zips[name] = readers.pop(name)
            readers |= {f"{name}/{inside}": partial(member, name, inside) for inside in _shown(opened(name))}
    return replace(tree, names=tuple(readers), read=lambda name: readers[name]())


def _shown(archive: Archive) -> tuple[str, ...]:
    return tuple(name for name in archive.names if not any(map(_is_hidden, name.split("/"))))


def _walk(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(folder for folder in folders if not _is_hidden(folder))
        yield from ((Path(place) / file).relative_to(folder).as_posix() for file in files if not _is_hidden(file))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
