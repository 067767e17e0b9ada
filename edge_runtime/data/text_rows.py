"""Read rows of cells from a text file: chosen columns as numbers, times or texts."""

import csv
import io
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Self

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.layout import Clock, Layout
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

MAX_LINES, LONGEST_LINE = 1_500_000, 1 << 17  # with these, a file takes at most 1 GB of memory and 30 s

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Row = tuple[list[str], int]  # its cells, and the line that it ends in


@dataclass(frozen=True)
class Rows:
    """The rows with all fields: `numbers` `[n]` count them, from 0, among the `n_all` that `cells` gives.

    Columns of numbers and times are in `values` `[n]`, with NaN for other text, others in `texts` `[n]`.
    """

    place: str
    cells: Callable[[], Iterator[Row]]
    n_all: int
    numbers: npt.NDArray[np.intp]
    values: Mapping[int, Array]
    texts: Mapping[int, Texts]

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, kept: npt.NDArray[np.bool_]) -> Self:
        """The rows where `kept` `[n]` is true."""
        values = {place: column[kept] for place, column in self.values.items()}
        texts = {place: column[kept] for place, column in self.texts.items()}
        return replace(self, numbers=self.numbers[kept], values=values, texts=texts)

    def error(self, row: int, fault: str, column: int | None = None) -> InputError:
        """The error of a `row`, counted from 0, with its line and, for a `column`, its cell."""
        cells, line = next(islice(self.cells(), int(self.numbers[row]), None))
        cell = "" if column is None else f"{quoted(cells[column], 30)} "
        return InputError(f"{self.place}, line {line}: {cell}{fault}")

    def finite(self, column: int, what: str) -> Array:
        """The values of a column. Raises `InputError` for text that is not a finite number."""
        values = self.values[column]
        if not np.isfinite(values).all():
            raise self.error(int(np.isfinite(values).argmin()), f"is not a {what}: see skip, unit, bad_rows", column)
        return values


def delimiter(header: str) -> str | None:
    """The character that separates the cells of `header`; None for white space."""
    most = max(",;\t", key=header.count)
    return most if most in header else None


def text_lines(content: bytes, place: str, encoding: str) -> Iterator[str]:
    """The lines of the file `place`, with their ends. Raises `InputError` for too many, or too long ones."""
    if max(map(content.count, (b"\n", b"\r"))) > MAX_LINES:
        raise InputError(f"{place} has more than {MAX_LINES:,} lines: split it")
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{place} has a line of more than {LONGEST_LINE:,} characters: it is not a file of rows")
        yield line


def row_lines(content: bytes, place: str, layout: Layout, separator: str) -> Iterator[str]:
    """The lines, blank in place of those to skip; tabs at an end stay, since a cell there may be empty."""
    blanks = None if separator == " " else " \r\n"
    for number, line in enumerate(text_lines(content, place, layout.encoding)):
        is_left_out = number < layout.skip or line.lstrip().startswith(layout.comment_marks)
        yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"


def split_rows(lines: Iterator[str], separator: str) -> Iterator[Row]:
    """Split `lines` into the cells of each row and the line that it ends in. Raises `csv.Error` for stray quotes."""
    if separator == " ":
        yield from ((line.split(), number) for number, line in enumerate(lines, 1) if line.strip())
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    yield from ((row, reader.line_num) for row in reader if row)


def gather(
    cells: Callable[[], Iterator[Row]],
    place: str,
    header: Sequence[str],
    columns: tuple[Collection[int], Collection[int]],
    time: tuple[int | None, Clock],
    separator: str,
    is_strict: bool,
) -> Rows:
    """The `columns` of numbers and of texts in all rows with all fields; `time` is a column and its clock.

    Raises `InputError` for another row if `is_strict`; else leaves it out.
    """
    numeric, texts = sorted(columns[0]), {column: list[str]() for column in columns[1]}
    clocks = dict([time])
    has_dates, last = time[1].is_of_day, max(*numeric, *texts, 0)
    no_numbers, no_texts = [np.nan] * len(numeric), [""] * (last + 1)
    sizes, values, interned = array("q"), array("d"), dict[str, str]()  # one object for each different text
    for row, _ in cells():
        sizes.append(len(row))
        if is_strict and header and len(row) != len(header):
            break
        if len(row) <= last:
            values.extend(no_numbers)
            row = no_texts
        else:
            try:
                if has_dates:
                    raise ValueError
                values.extend([float(row[column]) for column in numeric])
            except ValueError:
                values.extend([_parsed(row[column], separator, clocks.get(column)) for column in numeric])
        for column, cells_of_column in texts.items():
            cells_of_column.append(interned.setdefault(row[column], row[column].strip()))
    n_fields = np.array(sizes, np.intp)
    size = len(header) or max(last + 1, int(np.bincount(n_fields).argmax()) if len(sizes) else 0)
    is_whole = n_fields == size
    if size <= last or (is_strict and not is_whole.all()):
        first = int(is_whole.argmin()) if len(sizes) else 0
        row, line = next(islice(cells(), first, None), ([], 1))
        fault = f"{len(row)} fields instead of {max(size, last + 1)}; see separator, skip, columns and bad_rows"
        raise InputError(f"{place}, line {line}: {fault}")
    table = np.array(values).reshape(len(sizes), len(numeric))[is_whole]
    text_arrays = {column: np.array(cells_of_column, np.object_)[is_whole] for column, cells_of_column in texts.items()}
    return Rows(
        place, cells, len(sizes), np.flatnonzero(is_whole), dict(zip(numeric, table.T, strict=True)), text_arrays
    )


def _parsed(cell: str, separator: str, clock: Clock | None) -> float:
    """The number, or the time of a `clock`, in a cell; NaN for other text."""
    try:
        if clock is not None and clock.is_of_day:
            return column_names.date_seconds(cell, clock.pattern) if clock.pattern or ":" in cell else np.nan
        return float(cell.replace(",", ".") if separator in column_names.DECIMAL_COMMAS else cell)
    except ValueError:
        return np.nan
