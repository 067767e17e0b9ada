"""Tell a whole flatbuffer of TFLite from one that was cut short, without a runtime."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import struct
from collections.abc import Mapping
from typing import Any

from edge_runtime.model.loops import FlatTable, follow, root_of

# Vectors by field, in the order of schema.fbs: the size of an element, or the vectors of its tables.
_OPERATOR_CODE: Mapping[int, Any] = {}
_TENSOR: Mapping[int, Any] = {0: 4, 3: 1}
_OPERATOR: Mapping[int, Any] = {1: 4, 2: 4}
_SUBGRAPH: Mapping[int, Any] = {0: _TENSOR, 1: 4, 2: 4, 3: _OPERATOR, 4: 1}
_BUFFER: Mapping[int, Any] = {0: 1}
_BUFFERS = 4
_MODEL: Mapping[int, Any] = {1: _OPERATOR_CODE, 2: _SUBGRAPH, 3: 1, _BUFFERS: _BUFFER}
_OFFSET, _SIZE = 1, 2  # of Buffer: bytes behind the flatbuffer, where the offset is more than 1 (schema.fbs)


def is_whole(flatbuffer: bytes) -> bool:
    """Tell whether tables, vectors and buffers of a TFLite model lie within its bytes, as in every file that is whole.

    It is no check of anything else: a whole file may hold a model that no runtime takes.
    """
    try:
        root = root_of(flatbuffer)
        return _is_within(root, _MODEL, set()) and all(_end(x) <= len(flatbuffer) for x in root.tables(_BUFFERS))
    except struct.error:  # reads beyond the end
        return False


def _end(buffer: FlatTable) -> int:
    """The end of what a buffer has behind the flatbuffer, as those of large models; 0 where it has nothing there."""
    places = [buffer.place(x) for x in (_OFFSET, _SIZE)]
    offset, size = (0 if x is None else int(struct.unpack_from("<Q", buffer.content, x)[0]) for x in places)
    return offset + size if offset > 1 else 0


def _is_within(table: FlatTable, vectors: Mapping[int, Any], seen: set[int]) -> bool:
    """Tell it of one table, and of what its `vectors` refer to; those that are `seen` are not looked at again."""
    if table.begin in seen:
        return True
    seen.add(table.begin)
    if table.end > len(table.content):
        return False
    for field, inner in vectors.items():
        place = table.place(field)
        if place is None:
            continue
        vector = follow(table.content, place)
        size = inner if isinstance(inner, int) else 4
        if vector + 4 + size * struct.unpack_from("<I", table.content, vector)[0] > len(table.content):
            return False
        if not isinstance(inner, int) and not all(_is_within(x, inner, seen) for x in table.tables(field)):
            return False
    return True
