"""What only a model's flatbuffer says and no interpreter tells: whether it keeps state, and how far its weights reach.

Field numbers are those of TFLite's schema.fbs (version 3); the layout of tables, vectors and offsets is that of
FlatBuffers' "internals" page.
"""

from __future__ import annotations

import struct

# schema.fbs: the position of each field in its table
_MODEL_SUBGRAPHS = 2
_MODEL_BUFFERS = 4
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2  # the last two: data that stands outside the flatbuffer's tables
_SUBGRAPH_TENSORS = 0
_TENSOR_IS_VARIABLE = 5


def has_variables(flatbuffer: bytes) -> bool:
    """Whether any tensor of the model is a variable, which keeps its value from one inference to the next.

    The fused LSTM and RNN operators hold their state in such tensors. Raises `ValueError` when `flatbuffer` is damaged.
    """
    try:
        model = _follow(flatbuffer, 0)
        return any(
            _flag(flatbuffer, tensor, _TENSOR_IS_VARIABLE)
            for subgraph in _tables(flatbuffer, model, _MODEL_SUBGRAPHS)
            for tensor in _tables(flatbuffer, subgraph, _SUBGRAPH_TENSORS)
        )
    except (struct.error, IndexError) as error:
        raise ValueError(f"not a whole TFLite flatbuffer: {error}") from error


def end_of_buffers(flatbuffer: bytes) -> int:
    """The position behind the last of the model's buffers (weights, metadata); what follows them is small.

    `flatbuffer` may have an archive behind it. Raises `ValueError` when it is damaged or a buffer is not all there.
    """
    try:
        model = _follow(flatbuffer, 0)
        end = max((_end_of_buffer(flatbuffer, x) for x in _tables(flatbuffer, model, _MODEL_BUFFERS)), default=0)
    except (struct.error, IndexError) as error:
        raise ValueError(f"not a whole TFLite flatbuffer: {error}") from error
    if end > len(flatbuffer):
        raise ValueError(f"its weights would reach to byte {end:,} of {len(flatbuffer):,}")
    return end


def _end_of_buffer(data: bytes, buffer: int) -> int:
    vector = _field(data, buffer, _BUFFER_DATA)
    end = 0
    if vector is not None:
        start = _follow(data, vector)
        end = start + 4 + int(struct.unpack_from("<I", data, start)[0])
    offset, size = (_field(data, buffer, x) for x in (_BUFFER_OFFSET, _BUFFER_SIZE))
    if offset is not None and size is not None:
        end = max(end, sum(int(struct.unpack_from("<Q", data, x)[0]) for x in (offset, size)))
    return end


def _follow(data: bytes, at: int) -> int:
    """The position that the unsigned offset at `at` points to."""
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, number: int) -> int | None:
    """The position of a table's field, None when it has its default value."""
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    if vtable < 0:
        raise IndexError("a table points before the start")
    if 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return None
    offset = int(struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0])
    return table + offset if offset else None


def _tables(data: bytes, table: int, number: int) -> list[int]:
    """The positions of the tables in a field that is a vector of them."""
    field = _field(data, table, number)
    if field is None:
        return []
    vector = _follow(data, field)
    (length,) = struct.unpack_from("<I", data, vector)
    if 4 * length > len(data):
        raise IndexError("a vector is longer than the file")
    return [_follow(data, vector + 4 + 4 * i) for i in range(length)]


def _flag(data: bytes, table: int, number: int) -> bool:
    field = _field(data, table, number)
    return field is not None and data[field] != 0
