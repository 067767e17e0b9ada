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
_MODEL: Mapping[int, Any] = {1: _OPERATOR_CODE, 2: _SUBGRAPH, 3: 1, 4: _BUFFER}


def is_whole(flatbuffer: bytes) -> bool:
    """Tell whether the tables and vectors of a TFLite model lie within its bytes, as they do unless it was cut short.

    It is no check of anything else: a whole file may hold a model that no runtime takes.
    """
    try:
        return _is_within(root_of(flatbuffer), _MODEL, set())
    except struct.error:  # reads beyond the end
        return False


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
