"""Cut a text file into rows of cells as its layout says; read numbers, times and texts of columns."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Self

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.layout import Clock, Layout
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

_SEPARATORS = {"tab": "\t", "blanks": " "}

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class RowText:
    """The text of a file, whose cells `separator` parts; `header` is empty where columns have numbers."""

    text: str
    layout: Layout
    separator: str
    header: Sequence[str]

    @classmethod
    def decoded(cls, content: bytes, layout: Layout) -> Self:
        """The text in `content`. Raises `UnicodeDecodeError`, `LookupError` for its encoding, and `csv.Error`."""
        bare = cls(content.decode(layout.encoding), layout, "", ())
        first = next((x for x in bare._lines() if x.strip()), "")
        usual = column_names.delimiter(first) or ("," if layout.has_header else " ")
        found = replace(bare, separator=_SEPARATORS.get(layout.separator or "", layout.separator) or usual)
        header = next((x for x, _ in found.rows()), []) if layout.has_header else []
        return replace(found, header=[x.strip() for x in header])

    @property
    def has_rows(self) -> bool:
        """Tell whether there is anything but blanks."""
        return bool(self.text.strip())

    def rows(self) -> Iterator[tuple[list[str], int]]:
        """The cells of each row that is not empty, the header's too, and the number of its last line."""
        if self.separator == " ":
            yield from ((x.split(), number) for number, x in enumerate(self._lines(), 1) if x.strip())
            return
        reader = csv.reader(self._lines(), delimiter=self.separator, strict=True)
        yield from ((row, reader.line_num) for row in reader if row)

    def _lines(self) -> Iterator[str]:
        """The lines, with "" in place of those to skip; a tab at an end may stand beside an empty cell."""
        layout, blanks = self.layout, None if self.separator == " " else " \r\n"
        for number, line in enumerate(io.StringIO(self.text, newline="")):
            is_left_out = number < layout.skip or (layout.comments and line.lstrip().startswith(layout.comment_marks))
            yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"

    def line_of(self, number: int) -> int:
        """The line of the row of this `number`, from 0, behind the header."""
        lines = (line for _, line in self.rows())
        return next((line for i, line in enumerate(lines) if i == number + bool(self.header)), 1)


@dataclass(frozen=True)
class SampleRows:
    """The cells of a file, by the places of their columns; `numbers` `[n]` count the rows among all, from 0."""

    place: str
    text: RowText
    columns: Mapping[int, Texts]
    numbers: npt.NDArray[np.intp]
    n_rows: int

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "SampleRows":
        """The rows that are `kept`."""
        return replace(self, columns={k: x[kept] for k, x in self.columns.items()}, numbers=self.numbers[kept])

    def texts(self, column: int) -> Texts:
        """The texts of a column."""
        known = {x: x.strip() for x in set(self.columns[column].tolist())}  # one object for each different text
        return np.array([known[x] for x in self.columns[column].tolist()], np.object_)

    def error(self, row: int, says: str) -> InputError:
        """The error that names the file and the line of a row."""
        return InputError(f"{self.place}, line {self.text.line_of(int(self.numbers[row]))}: {says}")

    def parsed(self, column: int, clock: Clock | None = None) -> Array:
        """The numbers, or the times of a `clock`, in a column; NaN where there is none."""
        cells = self.columns[column].tolist()
        try:
            if clock is None or not clock.is_of_day:
                return np.array(list(map(float, cells)), np.float64)
        except ValueError:
            pass
        return np.array([self._parsed(x, clock) for x in cells], np.float64)

    def _parsed(self, cell: str, clock: Clock | None) -> float:
        try:
            if clock is not None and clock.is_of_day:
                return column_names.date_seconds(cell, clock.pattern) if clock.pattern or ":" in cell else np.nan
            return float(cell.replace(",", ".") if column_names.has_decimal_commas(self.text.separator) else cell)
        except ValueError:
            return np.nan

    def numbers_in(self, column: int, clock: Clock | None = None) -> Array:
        """As `parsed`. Raises `InputError` where there is no finite number."""
        found = self.parsed(column, clock)
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found)))
            what = "number" if clock is None else f"time in {clock.unit}"
            raise self.error(
                row,
                f"{quoted(self.columns[column][row], 30)} is no {what}: leave such rows out, by bad_rows = "
                '"leave out" in a layout too, or see skip, line_end and unit there',
            )
        return found


def gathered(text: RowText, place: str, places: set[int]) -> SampleRows:
    """The rows with all fields, of which the columns at `places` are kept; others are refused unless left out.

    Raises `InputError` that names the file, called `place`, and the line; and `csv.Error`.
    """
    wanted = sorted(places)
    get = itemgetter(*wanted) if len(wanted) > 1 else lambda row: (row[wanted[0]],)
    sizes: list[int] = []
    kept: list[tuple[str, ...]] = []
    rows = text.rows()
    if text.header:
        next(rows, None)
    for cells, _ in rows:
        sizes.append(len(cells))
        kept.append(get(cells) if len(cells) > wanted[-1] else ())
    size = len(text.header) or max(wanted[-1] + 1, int(np.bincount(sizes).argmax()) if sizes else 0)
    numbers = np.flatnonzero(np.array(sizes, np.intp) == size)
    if size <= wanted[-1] or (len(numbers) < len(sizes) and text.layout.bad_rows == "refuse"):
        first = int((np.array(sizes) != size).argmax()) if sizes else 0
        raise InputError(
            f"{place}, line {text.line_of(first)}: {sizes[first] if sizes else 0} fields instead of "
            f"{max(size, wanted[-1] + 1)}; see separator, skip and columns in the layout, or write bad_rows = "
            '"leave out" there'
        )
    whole = [kept[i] for i in numbers.tolist()] if len(numbers) < len(kept) else kept
    columns = {x: np.array([row[j] for row in whole], np.object_) for j, x in enumerate(wanted)}
    return SampleRows(place, text, columns, numbers, len(sizes))
