"""List and read the files of a folder or of a zip alike."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import read_bytes
from edge_runtime.system.zip_archive import Archive, is_zip

_MOST_FILES = 200_000


@dataclass(frozen=True)
class FileTree:
    """Files at `place` by their `names`, paths with `/`; `read` gives the bytes of one."""

    place: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]

    def path_of(self, name: str) -> str:
        """The file in words, for errors."""
        return str(self.place / name)


@contextmanager
def open_tree(path: Path) -> Iterator[FileTree]:
    """The files in the folder or zip at `path`, without hidden ones; of a zip without the folder around all of them.

    Raises `InputError` when it is neither, is damaged, or holds too many files.
    """
    if path.is_dir():
        yield FileTree(path, tuple(_walk(path)), lambda name: read_bytes(path / name, "a recording"))
        return
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder or a zip of recordings")
    if not is_zip(path):
        raise InputError(f"{path} is neither a folder nor a zip; give one of recordings")
    with Archive(path, str(path)) as archive:
        names = [x for x in archive.names if not x.startswith("__MACOSX/") and not _is_hidden(x)]
        around = _around(names)
        yield FileTree(
            path / around, tuple(x.removeprefix(around) for x in names), lambda name: archive.read(around + name)
        )


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
    return name.rpartition("/")[2].startswith(".")
