"""Cut a text file into the cells of those columns that are read, as a layout says."""

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from edge_runtime.data import columns
from edge_runtime.data.columns import MalformedError
from edge_runtime.data.layout import Layout
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted

Array = npt.NDArray[np.float64]
Cells = npt.NDArray[np.object_]
_ENDS = ";|"  # what stands at the ends of lines in some data sets
_MEND = 'leave out rows without a measurement, or write bad_rows = "leave out" in a layout'


class NoSamplesError(InputError):
    """A file without rows of samples."""


@dataclass(frozen=True)
class CellGrid:
    """The cells of a file by columns; row `i` is number `numbers[i]` of those that are not empty.

    There are `n_rows` of these, without the header. `columns` has those that were gathered, by their places from 0 on.
    """

    place: str
    text: str
    layout: Layout
    separator: str
    header: Sequence[str]
    numbers: npt.NDArray[np.intp]
    columns: Mapping[int, Cells] = field(default_factory=dict)
    n_rows: int = 0

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def opened(cls, text: str, place: str, layout: Layout) -> "CellGrid":
        """The grid of a file with its header, and no rows yet. Raises `csv.Error`."""
        separator = layout.separator or columns.delimiter(_first_line(text, layout)) or _blanks(layout)
        header = next((row for row, _ in _cells(text, layout, separator) if row), []) if layout.has_header else []
        return cls(place, text, layout, separator, header, np.empty(0, np.intp))

    def gathered(self, places: Collection[int]) -> "tuple[CellGrid, int]":
        """The rows with all fields, of which the columns at `places` are kept; and the number of the others.

        Raises `InputError` where there are others and the layout does not leave them out, `NoSamplesError` where there
        are others alone, and `csv.Error`.
        """
        wanted = sorted(places)
        get = itemgetter(*wanted) if len(wanted) > 1 else lambda row: (row[wanted[0]],)
        lengths: list[int] = []
        kept: list[tuple[str, ...]] = []
        rows = (row for row, _ in _cells(self.text, self.layout, self.separator) if row)
        if self.layout.has_header:
            next(rows, None)
        for row in rows:
            lengths.append(len(row))
            kept.append(get(row) if len(row) > wanted[-1] else ())
        sizes = np.array(lengths, np.intp)
        n_fields = len(self.header)
        if not self.layout.has_header:
            usual = int(np.bincount(sizes).argmax()) if len(sizes) else 0
            n_fields = max(wanted[-1] + 1, usual)
        numbers = np.flatnonzero(sizes == n_fields)
        if len(numbers) < len(sizes) and not (self.layout.leaves_out_bad_rows and len(numbers)):
            first = int((sizes != n_fields).argmax())
            kind = InputError if len(numbers) else NoSamplesError
            text = self._fields(
                first, lengths[first], n_fields, in_all=len(sizes) > 1 and bool((sizes == lengths[0]).all())
            )
            raise kind(f"{self._where(first)}: {text}")
        kept = [kept[i] for i in numbers.tolist()] if len(numbers) < len(sizes) else kept
        found = {x: _array(cells) for x, cells in zip(wanted, zip(*kept, strict=True), strict=True)} if kept else {}
        empty = {x: np.empty(0, np.object_) for x in wanted}
        grid = replace(self, numbers=numbers, columns=found or empty, n_rows=len(sizes))
        return grid, len(sizes) - len(numbers)

    def _fields(self, number: int, found: int, expected: int, in_all: bool) -> str:
        """What is wrong with the row of this `number`, or `in_all`, that has not as many fields as are expected."""
        there = counted(found, "field")
        if self.layout.has_header and in_all and self.layout.acceleration:
            rows = (row for row, _ in _cells(self.text, self.layout, self.separator) if row)
            longer = max(islice(rows, 2), key=len)
            mend = f"give columns by their numbers, and skip = {self.layout.skip + 1}"
            if abs(found - expected) == 1 and not longer[-1].strip() and self.separator.strip():
                mend = f'write line_end = "{self.separator}"'
            return f"{there} instead of the header's {expected}, as in all rows; {mend}, in the layout"
        if self.layout.has_header:
            return f"{there} instead of the header's {expected}; {_MEND}"
        if number:
            return f"{there} instead of {expected}; {_MEND}"
        mend = f"columns by their numbers from 1 on, or skip = {self.layout.skip + 1} for a heading, in the layout"
        if in_all and self.layout.rotation:
            mend += "; where there is no gyroscope leave out [rotation], or this file"
        return f"{there} instead of {expected}: see separator, {mend}"

    def where(self, row: int) -> str:
        """The place of a row in words."""
        return self._where(int(self.numbers[row]))

    def line_of(self, column: str) -> int:
        """Find the line of the file, among the first 100, with a cell that names `column`; 0 without one."""
        lines = islice(io.StringIO(self.text), 100)
        cells = ([x.strip() for x in line.split(columns.delimiter(line))] for line in lines)
        return next((number for number, row in enumerate(cells, 1) if column in row), 0)

    def _where(self, number: int) -> str:
        wanted = number + self.layout.has_header
        lines = (line for cells, line in _cells(self.text, self.layout, self.separator) if cells)
        return f"{self.place}, line {next(line for i, line in enumerate(lines) if i == wanted)}"

    def only(self, kept: npt.NDArray[np.bool_]) -> "CellGrid":
        """The rows that are `kept` `[n]`."""
        if kept.all():
            return self
        return replace(self, numbers=self.numbers[kept], columns={x: cells[kept] for x, cells in self.columns.items()})

    def in_order_of(self, time: int) -> "tuple[CellGrid, int, float]":
        """The rows in the order of their times, which are in the column at `time`.

        And how many of them stood behind a later one, and how far times went back from a row to the next.
        """
        times = self.numbers_in(time, is_time=True)
        order = np.argsort(times, kind="stable")
        grid = replace(self, numbers=self.numbers[order], columns={x: y[order] for x, y in self.columns.items()})
        n_late = int(np.count_nonzero(times < np.maximum.accumulate(times)))
        with np.errstate(over="ignore"):
            return grid, n_late, float(-np.diff(times).min(initial=0.0))

    def texts(self, place: int) -> list[str]:
        """The texts of a column."""
        known: dict[str, str] = {}  # one object for each different text
        return [known[x] if x in known else known.setdefault(x, x.strip()) for x in self.columns[place]]

    def is_number(self, place: int, is_time: bool) -> npt.NDArray[np.bool_]:
        """Where a column has finite numbers or times."""
        cells = self.columns[place].tolist()
        try:
            return np.isfinite(np.array(list(map(self._plain(is_time), cells)), np.float64))
        except ValueError:
            return np.fromiter((self._is_number(x, is_time) for x in cells), np.bool_, len(cells))

    def _plain(self, is_time: bool) -> Callable[[str], float]:
        """What reads numbers at once, or raises `ValueError`; `_parse` reads all others."""
        time = self.layout.time
        return partial(self._parse, is_time=True) if is_time and time and time.pattern else float

    def _is_number(self, cell: str, is_time: bool) -> bool:
        try:
            return bool(np.isfinite(self._parse(cell, is_time)))
        except MalformedError:
            return False

    def numbers_in(self, place: int, is_time: bool = False) -> Array:
        """The numbers of a column. Raises `InputError` where there is none, or one that is not finite."""
        cells = self.columns[place].tolist()
        try:
            found = np.array(list(map(self._plain(is_time), cells)), np.float64)
        except ValueError:
            found = np.array([self._number(i, x, is_time) for i, x in enumerate(cells)], np.float64)
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            fault = "the time is no finite number" if is_time else "a number is not finite"
            raise InputError(f"{self.where(bad[0])}: {fault}; {_MEND}")
        return found

    def _number(self, row: int, cell: str, is_time: bool) -> float:
        try:
            return self._parse(cell, is_time)
        except MalformedError as error:
            mend, skip = _MEND, self.layout.skip + 1
            if (bare := cell.strip().rstrip(_ENDS)) != cell.strip() and self._is_number(bare, is_time):
                mend = f'write line_end = "{cell.strip()[len(bare) :]}" in the layout'
            elif not self.numbers[row] and not self.layout.has_header:
                mend = f"if it is a heading, write skip = {skip} in the layout"
            elif not self.numbers[row] and self.layout.acceleration:
                mend = (
                    "if it is the second line of the header, give all columns by their numbers, and "
                    f"skip = {skip + 1}, in the layout"
                )
            raise InputError(f"{self.where(row)}: {error}; {mend}") from error

    def _parse(self, cell: str, is_time: bool) -> float:
        """The number in a cell, or the time. Raises `MalformedError`."""
        time = self.layout.time
        if is_time and time and time.pattern:
            try:
                return columns.date_seconds(cell, time.pattern)
            except ValueError as error:
                mend = ': write unit = "date", as ISO 8601 has it' if _is_iso(cell) else ""
                raise MalformedError(f"{quoted(cell, 30)} is no time as unit under [time] says{mend}") from error
        cell = cell.replace(",", ".") if columns.has_decimal_commas(self.separator) else cell
        found, values = columns.row(cell if is_time else None, [] if is_time else [cell])
        return values[0] if found is None else found


def _is_iso(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True


def _array(cells: Sequence[str]) -> Cells:
    found = np.empty(len(cells), np.object_)
    found[:] = cells
    return found


def _blanks(layout: Layout) -> str:
    """The separator of a first line without commas, semicolons and tabs."""
    return "," if layout.has_header else " "


def _first_line(text: str, layout: Layout) -> str:
    """The first line with cells, by which the separator is told."""
    return next((x for x in _lines(text, layout, "") if x.strip()), "")


def _lines(text: str, layout: Layout, separator: str) -> Iterator[str]:
    """The lines of `text`, with "" in place of those to skip; a tab at an end may stand beside an empty cell."""
    lines: Iterable[str] = io.StringIO(text, newline="")
    if not (layout.skip or layout.comments or layout.line_end):
        yield from lines
        return
    blanks = None if separator == " " else " \r\n"
    for number, line in enumerate(lines):
        is_left_out = number < layout.skip or line.lstrip().startswith(layout.comments or ("\n",))
        yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"


def _cells(text: str, layout: Layout, separator: str) -> Iterator[tuple[list[str], int]]:
    """The cells of each row, and the number of its last line."""
    lines = _lines(text, layout, separator)
    if separator == " ":
        for number, line in enumerate(lines, 1):
            yield line.split(), number
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    for row in reader:
        yield row, reader.line_num
