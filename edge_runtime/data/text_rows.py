"""Read rows of cells from a text file: chosen columns as numbers, times or texts."""

import codecs
import csv
import io
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Self

import numpy as np
import numpy.typing as npt

from edge_runtime.data.column_names import DECIMAL_COMMAS
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

LONGEST_LINE = 1 << 17
_NO_NUMBER = "is not a finite number, or not a time in the layout's unit: see skip, unit, bad_rows"

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Row = tuple[list[str], int]  # its cells, and the line that it ends in


@dataclass(frozen=True)
class Rows:
    """Rows of a file, with their `lines` `[n]`, and their `numbers` `[n]`, from 0, among the `n_all` of the file.

    Columns of numbers and times are in `values` `[n]`, with NaN for other text, others in `texts` `[n]`.
    """

    place: str
    n_all: int
    n_left_out: int
    numbers: npt.NDArray[np.intp]
    lines: npt.NDArray[np.intp]
    values: Mapping[int, Array]
    texts: Mapping[int, Texts]

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, kept: npt.NDArray[np.bool_]) -> Self:
        """The rows where `kept` `[n]` is true."""
        values = {place: column[kept] for place, column in self.values.items()}
        texts = {place: column[kept] for place, column in self.texts.items()}
        return replace(self, numbers=self.numbers[kept], lines=self.lines[kept], values=values, texts=texts)

    def error(self, row: int, fault: str) -> InputError:
        """The error of a `row`, counted from 0, with its line."""
        return InputError(f"{self.place}, line {self.lines[row]}: {fault}")


def text_encoding(content: bytes, usual: str = "utf-8-sig") -> str:
    """The encoding of a text that begins with `content`: the `usual` one, unless it has the mark of UTF-16."""
    is_utf_16 = usual.startswith("utf-8") and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if is_utf_16 else usual


def delimiter(header: str) -> str | None:
    """The character that separates the cells of `header`; None for white space."""
    most = max(",;\t", key=header.count)
    return most if most in header else None


def split(line: str, separator: str | None) -> list[str]:
    """The cells of a line, with decimal points and without blanks and quotes around them. Raises `csv.Error`."""
    if separator is None:
        return line.split()
    cells = next(csv.reader([line], delimiter=separator), []) if '"' in line else line.split(separator)
    if separator in DECIMAL_COMMAS and "," in line:
        cells = [cell.replace(",", ".") for cell in cells]
    return [cell.strip() for cell in cells]


def text_lines(content: bytes, place: str, encoding: str) -> Iterator[str]:
    """The lines of the file `place`, with their ends. Raises `InputError` for a line that is too long."""
    text = io.TextIOWrapper(io.BytesIO(content), text_encoding(content, encoding), newline="")
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{place} has a line of more than {LONGEST_LINE:,} characters: it is not a file of rows")
        yield line


def split_rows(lines: Iterator[str], separator: str) -> Iterator[Row]:
    """Split `lines` into the cells of each row and the line that it ends in. Raises `csv.Error` for stray quotes."""
    if separator == " ":
        yield from ((line.split(), number) for number, line in enumerate(lines, 1) if line.strip())
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    yield from ((row, reader.line_num) for row in reader if row)


def read_rows(
    rows: Iterable[Row],
    place: str,
    size: int,
    parsers: Mapping[int, Callable[[str], float]],
    texts: Collection[int],
    is_wanted: Callable[[list[str]], bool],
    is_strict: bool,
) -> Rows:
    """The `rows` of `size` cells that are wanted, with the columns of numbers that `parsers` read, and of `texts`.

    Raises `InputError` for another row, and for a cell that is not a finite number, if `is_strict`. Else rows of other
    sizes are left out.
    """
    numbers, lines, values = array("q"), array("q"), array("d")
    columns: dict[int, list[str]] = {column: [] for column in texts}
    distinct: dict[str, str] = {}  # one object for each different text
    n_all = n_left_out = 0
    for row, line in rows:
        n_all += 1
        if len(row) != size:
            if is_strict:
                fault = f"{len(row)} fields instead of {size}; see separator, skip, columns and bad_rows"
                raise InputError(f"{place}, line {line}: {fault}")
            n_left_out += 1
            continue
        if not is_wanted(row):
            continue
        try:
            values.extend([parse(row[column]) for column, parse in parsers.items()])
        except ValueError:
            values.extend([_parsed(row[column], parse) for column, parse in parsers.items()])
            if is_strict:
                cell = next(row[column] for column, parse in parsers.items() if isnan(_parsed(row[column], parse)))
                raise InputError(f"{place}, line {line}: {quoted(cell, 30)} {_NO_NUMBER}") from None
        for column, cells in columns.items():
            cells.append(distinct.setdefault(row[column], row[column].strip()))
        numbers.append(n_all - 1)
        lines.append(line)
    table = np.asarray(values).reshape(len(numbers), len(parsers)).T
    read = Rows(
        place,
        n_all,
        n_left_out,
        np.asarray(numbers, np.intp),
        np.asarray(lines, np.intp),
        dict(zip(parsers, table, strict=True)),
        {column: np.array(cells, np.object_) for column, cells in columns.items()},
    )
    is_finite = np.isfinite(table).all(axis=0)
    if is_strict and not is_finite.all():
        first = int(is_finite.argmin())
        raise read.error(first, f"'{table[~np.isfinite(table[:, first]), first][0]}' {_NO_NUMBER}")
    return read


def _parsed(cell: str, parse: Callable[[str], float]) -> float:
    try:
        return parse(cell)
    except ValueError:
        return nan
