"""What stands behind a model's flatbuffer in its file: a zip archive with a card, or with another program's files.

TFLite Metadata keeps its associated files (label lists, vocabularies) in such an archive as well.
"""

import io

from edge_runtime.errors import InputError
from edge_runtime.model.flatbuffer import end_of_buffers
from edge_runtime.model.model_card import check_signature
from edge_runtime.system.zip_archive import Archive

# How an archive begins: a local file header, or at once the end record when it is empty (APPNOTE.TXT 4.3.7, 4.3.16).
_MEMBER, _END = b"PK\x03\x04", b"PK\x05\x06"
_END_SIZE = 22  # of an end record without its comment, whose length is in the last two bytes


def split(content: bytes, name: str) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer in `content`, a `.tflite` file, and the files attached behind it by their names.

    `name` stands for the model in sentences. Raises `InputError` when the flatbuffer is cut short, and when an archive
    is there but not whole: a part of one is never taken for a part of the model.
    """
    check_signature(content, name)
    start = _start_of_archive(content, name)
    if start is None:
        return content, {}
    end = content.rfind(_END, start)
    comment = int.from_bytes(content[end + _END_SIZE - 2 : end + _END_SIZE], "little")
    if end < 0 or end + _END_SIZE + comment != len(content):
        raise InputError(_damaged(name))
    with Archive(io.BytesIO(content[start:]), f"the archive inside {name}") as archive:
        if archive.start != 0:  # a part of another archive stands before it
            raise InputError(_damaged(name))
        return content[:start], {x: archive.read(x) for x in archive.names}


def _start_of_archive(content: bytes, name: str) -> int | None:
    try:
        end = end_of_buffers(content)
    except ValueError as error:
        raise InputError(f"{name} is damaged or was cut short ({error}); copy or convert it again") from error
    # Before that are weights, in which anything may occur; behind it are names and numbers.
    starts = [x for x in (content.find(mark, end) for mark in (_MEMBER, _END)) if x >= 0]
    # A flatbuffer's length is a multiple of 4: what is beyond may be the very beginning of an archive.
    rest = content[len(content) // 4 * 4 :]
    if not starts and rest and _MEMBER.startswith(rest):
        raise InputError(_damaged(name))
    return min(starts, default=None)


def _damaged(name: str) -> str:
    return f"{name} is damaged: the archive behind the model in it is not whole; copy or convert it again"
