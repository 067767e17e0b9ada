"""Read regular files from outside within limits, and their JSON."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

MAX_SIZE = 1 << 28
"""The largest file, in bytes: a model, the zip of a data set, or 20 hours of a recording at 50 Hz."""

MAX_TEXT = 1 << 25
"""The largest JSON file, in bytes: the worst takes 25 times as much memory."""

_PART = 1 << 20  # bytes
_LARGEST = 3.4e38  # of float32: models and their C code have no larger numbers


def open_file(path: Path, what: str = "a model", at_most: int = MAX_SIZE, or_pipe: bool = False) -> BinaryIO:
    """Open the file at `path`, where `what` is expected, or with `or_pipe` a pipe.

    Raises `InputError` when it is not a regular file or has more than `at_most` bytes; `OSError` as `open` does.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # do not wait for a pipe's writer
    try:
        state = os.fstat(descriptor)
        if or_pipe and stat.S_ISFIFO(state.st_mode):
            os.set_blocking(descriptor, True)
        elif not stat.S_ISREG(state.st_mode):
            raise InputError(f"{path} is not a regular file; {what} is expected there")
        if state.st_size > at_most:
            raise _too_large(path, what, at_most)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, what: str = "a model", at_most: int = MAX_SIZE, or_pipe: bool = False) -> bytes:
    """Return the content of the file at `path`. Raises as `open_file` does."""
    content = bytearray()
    with open_file(path, what, at_most, or_pipe) as file:
        # In parts, since `read` allocates all the memory that it is asked for.
        while len(content) <= at_most and (part := file.read(_PART)):
            content += part
    if len(content) > at_most:  # it has grown, or is a file of the kernel with size 0
        raise _too_large(path, what, at_most)
    return bytes(content)


def read_text(path: Path, what: str, at_most: int = MAX_TEXT, or_pipe: bool = False) -> str:
    """Return the UTF-8 text of the file at `path`. Raises as `open_file` does, and `InputError` for other content."""
    try:
        return read_bytes(path, what, at_most, or_pipe).decode()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; {what} is expected there") from None


def file_name(text: str) -> str:
    """`text`, which names a file or folder beside the file that it is from. Raises `ValueError` for another place."""
    if text == ".." or Path(text).name != text:
        raise ValueError(f"{quoted(text)} is not a plain name")
    return text


def parse_json(text: str | bytes) -> Any:
    """Parse JSON with whole numbers of at most 64 bits, other numbers in float32's range, and valid Unicode.

    Raises `ValueError` that says what is wrong.
    """
    try:
        content = json.loads(text, parse_int=integer, parse_float=_real)
        # `loads` accepts half a surrogate pair, NaN and Infinity, which cannot be written.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return content


def integer(digits: str) -> int:
    """Return the whole number of these `digits`. Raises `ValueError` when it has more than 64 bits."""
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:  # the length first: a million digits take minutes
        raise ValueError("a whole number in it has more than 64 bits")
    return int(digits)


def _real(digits: str) -> float:
    if not abs(number := float(digits)) <= _LARGEST:
        raise ValueError(f"{digits[:20]} is beyond float32")
    return number


def _too_large(path: Path, what: str, at_most: int) -> InputError:
    return InputError(f"{path} is larger than the limit for {what} ({at_most:,} bytes)")
