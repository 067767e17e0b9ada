"""Read rows of cells from a text file: chosen columns as numbers, times or texts."""

import codecs
import csv
import io
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from edge_runtime.data.column_names import DECIMAL_COMMAS
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

_MOST_LINES, LONGEST_LINE = 4_000_000, 1 << 17  # 22 hours at 50 Hz: 1.7 GB of memory

Texts = npt.NDArray[np.object_]
Row = tuple[list[str], int]  # its cells, and the line that it ends in


@dataclass(frozen=True)
class Rows:
    """Rows of a file, with their `lines` `[n]`, and their `numbers` `[n]`, from 0, among the `n_all` of the file.

    Some `columns` `[n]` hold numbers and times, with NaN for other text; others hold texts.
    """

    place: str
    n_all: int
    n_left_out: int
    numbers: npt.NDArray[np.intp]
    lines: npt.NDArray[np.intp]
    columns: Mapping[int, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, places: npt.NDArray[Any]) -> Self:
        """The rows at these `places`, or where they `[n]` are true."""
        columns = {number: column[places] for number, column in self.columns.items()}
        return replace(self, numbers=self.numbers[places], lines=self.lines[places], columns=columns)

    def error(self, row: int, fault: str) -> InputError:
        """The error of a `row`, counted from 0, with its line."""
        return InputError(f"{self.place}, line {self.lines[row]}: {fault}")


def text_encoding(content: bytes, usual: str = "utf-8-sig") -> str:
    """The encoding of a text that begins with `content`: UTF-16 by its mark or its zeros, else the `usual` encoding."""
    if not usual.startswith("utf-8"):
        return usual
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    is_zero = content[:1] == b"\0", content[1:2] == b"\0"
    return {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get(is_zero, usual)


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
    """The lines of the file `place`, with their ends. Raises `InputError` for too many, or too long ones."""
    if max(map(content.count, (b"\n", b"\r"))) > _MOST_LINES:
        raise InputError(f"{place} has more than {_MOST_LINES:,} lines: split it")
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
        read = [_parsed(row[column], parse) for column, parse in parsers.items()]
        if is_strict and not all(map(isfinite, read)):
            cell = next(row[column] for column, value in zip(parsers, read, strict=True) if not isfinite(value))
            fault = "is not a finite number, or not a time in the layout's unit: see skip, unit, bad_rows"
            raise InputError(f"{place}, line {line}: {quoted(cell, 30)} {fault}")
        values.extend(read)
        for column, cells in columns.items():
            cells.append(distinct.setdefault(row[column], row[column].strip()))
        numbers.append(n_all - 1)
        lines.append(line)
    every: dict[int, npt.NDArray[Any]] = {column: np.array(cells, np.object_) for column, cells in columns.items()}
    every |= dict(zip(parsers, np.asarray(values).reshape(len(numbers), len(parsers)).T, strict=True))
    return Rows(place, n_all, n_left_out, np.asarray(numbers, np.intp), np.asarray(lines, np.intp), every)


def _parsed(cell: str, parse: Callable[[str], float]) -> float:
    try:
        return parse(cell)
    except ValueError:
        return nan
