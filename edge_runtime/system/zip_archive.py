"""Read members of an untrusted zip archive into memory within limits, and never unpack them to disk."""

import struct
import zipfile
import zlib
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import IO

from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import open_file

MAX_MEMBER = 2**28  # bytes of one member

# RuntimeError: an encrypted member, or an unknown compression. A Python may lack LZMA.
_LZMA_ERROR = getattr(getattr(zipfile, "lzma", None), "LZMAError", zlib.error)
_BROKEN = (zipfile.BadZipFile, zlib.error, _LZMA_ERROR, struct.error, EOFError, OSError, ValueError, RuntimeError)


def is_zip(path: Path) -> bool:
    """Tell whether the file at `path` is a zip, or the beginning of one."""
    with open_file(path, "a zip") as file:
        return file.read(4) == b"PK\x03\x04" or zipfile.is_zipfile(file)


class Archive(AbstractContextManager["Archive"]):
    """A zip archive; `place` names it in errors.

    Raises `InputError` when it is damaged.
    """

    def __init__(self, file: Path | IO[bytes], place: str) -> None:
        self.place = place
        with ExitStack() as opened:
            source = opened.enter_context(open_file(file, "a zip")) if isinstance(file, Path) else file
            try:
                self._zip = opened.enter_context(zipfile.ZipFile(source))
            except _BROKEN as error:
                raise InputError(f"{place} is a damaged or truncated zip ({error})") from error
            self._opened = opened.pop_all()
        entries = self._zip.infolist()
        self.names = [entry.filename for entry in entries if not entry.filename.endswith("/")]
        self.start = min((entry.header_offset for entry in entries), default=0)
        """The position of the first member in the file: not 0 if other data precedes the archive."""

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def read(self, name: str, largest: int = MAX_MEMBER) -> bytes:
        """Return the content of the member `name`, of at most `largest` bytes.

        Raises `InputError` when it is missing, damaged, encrypted or too large.
        """
        try:
            with self._zip.open(name) as member:
                content = member.read(largest + 1)  # whatever the entry declares
        except (KeyError, *_BROKEN) as error:
            raise InputError(f"'{name}' in {self.place} cannot be read ({error})") from error
        if len(content) > largest:
            raise InputError(f"'{name}' in {self.place} unpacks to more than the limit of {largest:,} bytes")
        return content
