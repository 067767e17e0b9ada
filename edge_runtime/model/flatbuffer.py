"""Read the tables and vectors of a flatbuffer. A file that is not whole raises `ValueError`."""

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

_MOST_READ = 64  # bytes of vectors for each byte of the file, since tables may share a vector


class Table:
    """A table that begins at `begin` of `content`, whose fields have numbers; all tables share the `budget` of bytes.

    Raises `ValueError` when it refers to bytes beyond the file, or when the vectors exceed the budget.
    """

    def __init__(self, content: bytes, begin: int, budget: list[int]) -> None:
        self._content, self._begin, self._budget = content, begin, budget
        self._fields = begin - number_at(content, begin, "<i")
        self._size = number_at(content, self._fields, "<H")

    def _place(self, field: int) -> int | None:
        """Find the place of a field; None if the field has its default."""
        entry = 4 + 2 * field
        offset = number_at(self._content, self._fields + entry, "<H") if entry < self._size else 0
        return self._begin + offset if offset else None

    def _follow(self, place: int) -> int:
        return place + number_at(self._content, place, "<I")

    def number(self, field: int, form: str = "<i") -> int:
        """Read the integer in a field."""
        place = self._place(field)
        return 0 if place is None else number_at(self._content, place, form)

    def table(self, field: int) -> "Table | None":
        """Read the table in a field; None if it is absent."""
        place = self._place(field)
        return None if place is None else Table(self._content, self._follow(place), self._budget)

    def items(self, field: int, size: int) -> range:
        """Find the places of the items in a vector, each of `size` bytes."""
        place = self._place(field)
        if place is None:
            return range(0)
        vector = self._follow(place)
        begin, n_bytes = vector + 4, size * number_at(self._content, vector, "<I")
        self._budget[0] -= n_bytes
        if begin + n_bytes > len(self._content) or self._budget[0] < 0:
            raise ValueError("it was cut short")
        return range(begin, begin + n_bytes, size)

    def tables(self, field: int) -> Iterator["Table"]:
        """Read the tables in a vector."""
        return (Table(self._content, self._follow(place), self._budget) for place in self.items(field, 4))

    def numbers(self, field: int, dtype: str) -> npt.NDArray[np.generic]:
        """Read the numbers in a vector."""
        places = self.items(field, np.dtype(dtype).itemsize)
        return np.frombuffer(self._content, dtype, len(places), places.start) if places else np.zeros(0, dtype)

    def text(self, field: int) -> str:
        """Read the text in a field."""
        return self.numbers(field, "<u1").tobytes().decode(errors="replace")


def root_table(flatbuffer: bytes) -> Table:
    """Read the table at the root."""
    return Table(flatbuffer, number_at(flatbuffer, 0, "<I"), [_MOST_READ * len(flatbuffer)])


def number_at(content: bytes, place: int, form: str) -> int:
    """Read the integer at `place`, in a `form` of `struct`."""
    if not 0 <= place <= len(content) - struct.calcsize(form):
        raise ValueError("it was cut short")
    return int(struct.unpack_from(form, content, place)[0])
