"""Read labels from files of their own: of stretches of recordings, of each of their rows, or of whole ones."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from edge_runtime.data import columns
from edge_runtime.data.csv_table import Table
from edge_runtime.data.file_tree import FileTree
from edge_runtime.data.layout import END, START, LabelFile, Layout
from edge_runtime.data.sensor_pairing import PairedSamples
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted


class LabelRange(NamedTuple):
    """A label from `start` to `end`, both of them rows or times of a recording; a `line` of a `file` says it."""

    label: str
    start: float
    end: float
    file: str
    line: int


@dataclass(frozen=True)
class LabelRanges:
    """For each recording, by what its path says of `names`: the labels in their order."""

    source: LabelFile
    names: tuple[str, ...]
    ranges: Mapping[tuple[str, ...], Sequence[LabelRange]]

    @staticmethod
    def files(tree: FileTree, layout: Layout) -> dict[str, dict[str, str]]:
        """The files of labels in `tree`, and what their paths say; none where the layout has none."""
        if layout.label_file is None:
            return {}
        found = ((x, tree.match(layout.label_file.files, x)) for x in tree.names)
        return {x: said for x, said in found if said is not None}

    @classmethod
    def read(cls, tree: FileTree, layout: Layout, recordings: Iterable[Mapping[str, str]]) -> "LabelRanges | None":
        """The ranges in the label files of `tree`; None where the layout has none.

        `recordings` are what the path of each says; rows of others are left out, as where a part of a data set is read.
        Raises `InputError` where there is no such file, where all rows are of others, and with its file and line for a
        row that is no range or overlaps another.
        """
        source = layout.label_file
        if source is None:
            return None
        names = tuple(x for x in layout.files.names if x in (*source.columns, *source.files.names))
        found: dict[tuple[str, ...], list[LabelRange]] = {_key(x, names): [] for x in recordings}
        files = cls.files(tree, layout)
        if not files:
            raise InputError(
                f"{tree.place} has no file of labels like {quoted(source.files.text)}, as files under [label_file] of "
                f"{layout.source} says"
            )
        strange = ""
        for name, said in files.items():
            n_rows: Counter[tuple[str, ...]] = Counter()
            for number, row in _rows(tree.content(name), tree.path_of(name), source, layout.encoding):
                of_row = {**said, **row}
                key = _key(of_row, names)
                if (ranges := found.get(key)) is not None:
                    n_rows[key] += 1
                    start, end = (float(row[START]), float(row[END])) if source.has_ranges else (-np.inf, np.inf)
                    if source.is_by_row:
                        start = end = n_rows[key]
                    _add(ranges, LabelRange(row["label"], start, end, tree.path_of(name), number), source)
                elif not strange:
                    what = " and ".join(f"{x} {quoted(of_row.get(x, ''), 20)}" for x in names)
                    strange = f"{tree.path_of(name)}, line {number}: there is no recording of {what}"
        if strange and not any(found.values()):
            raise InputError(
                f"{strange}, nor of any other row: write names as the paths of recordings have them (files of "
                f"{layout.source})"
            )
        for ranges in found.values():
            ranges.sort(key=lambda x: (x.start, x.end))
            _check_overlaps(ranges, source)
        return cls(source, names, found)

    def labels(self, said: Mapping[str, str], table: Table, samples: PairedSamples) -> list[str]:
        """The label of each of the `samples` of a `table`, whose path says `said`; "" outside of all ranges.

        Raises `InputError` where each row has a label of its own, and there are more or fewer labels than rows.
        """
        ranges = self.ranges.get(_key(said, self.names), ())
        if not ranges or table.acceleration is None:
            return [""] * len(samples.rows)
        if self.source.is_by_row and ranges[-1].end != table.n_rows:
            raise InputError(
                f"{table.place} has {table.n_rows:,} rows, and {ranges[-1].file} {ranges[-1].end:,.0f} labels, where "
                "one for each row is expected: see skip in the layout, above all tables and under [label_file]"
            )
        places = table.numbers[samples.rows] + 1.0
        if self.source.factor is not None:
            places = (table.acceleration.begin * table.time_factor + samples.seconds) / self.source.factor
        last = np.searchsorted([x.start for x in ranges], places, "right") - 1
        inside = (last >= 0) & (places <= np.array([x.end for x in ranges])[last])
        return [ranges[i].label if ok else "" for i, ok in zip(last.tolist(), inside.tolist(), strict=True)]


def _key(said: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """What is said of `names`, with 01 and 1 as the same."""
    return tuple(x.lstrip("0") if (x := said.get(name, "")).isdecimal() else x.casefold() for name in names)


def _add(ranges: list[LabelRange], new: LabelRange, source: LabelFile) -> None:
    """Add a range to the others of its recording, or a row to the range of the same label before it."""
    last = ranges[-1] if ranges else None
    if source.is_by_row and last and last.file != new.file:
        raise InputError(
            f"{last.file} and {new.file} are both labels of the same recording: put what differs into the braces of "
            "files under [label_file], as files above all tables names it"
        )
    if source.is_by_row and last and last.label == new.label:
        ranges[-1] = last._replace(end=new.end)
    else:
        ranges.append(new)


def _check_overlaps(ranges: Sequence[LabelRange], source: LabelFile) -> None:
    """Raise `InputError` where two share a sample, or more than the time at which one ends and the next begins."""
    for a, b in pairwise(ranges if not source.is_by_row else ()):
        if not source.has_ranges:
            raise InputError(
                f"{b.file}, line {b.line} and {a.file}, line {a.line} are both the label of the same recording: leave "
                "one of them out"
            )
        if b.start < a.end or (b.start == a.end and source.factor is None):
            raise InputError(
                f"{b.file}, line {b.line}: the label starts at {b.start:g}, before that of {a.file}, line {a.line} has "
                f"ended, at {a.end:g}"
            )


def _rows(content: bytes, place: str, source: LabelFile, encoding: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows by what their columns are, and the line of each."""
    try:
        lines = content.decode(encoding).splitlines()[source.skip :]
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not {encoding} text ({error.reason}); name its encoding in the layout") from error
    separator = columns.delimiter(next((x for x in lines if x.strip()), ""))
    for number, line in enumerate(lines, source.skip + 1):
        try:
            cells = next(csv.reader([line], delimiter=separator)) if separator else line.split()
        except csv.Error as error:
            raise InputError(f"{place}, line {number}: {error}") from error
        if not any(x.strip() for x in cells):
            continue
        if len(cells) < len(source.columns):
            raise InputError(f"{place}, line {number}: {len(cells)} fields instead of {len(source.columns)}")
        row = {name: cell.strip() for name, cell in zip(source.columns, cells, strict=False) if name}
        if source.has_ranges:
            _check_range(row, f"{place}, line {number}", source)
        yield number, row


def _check_range(row: Mapping[str, str], where: str, source: LabelFile) -> None:
    """Raise `InputError` where start and end are no numbers, or the wrong way round."""
    try:
        is_range = float(row[START]) <= float(row[END])
    except ValueError:
        raise InputError(
            f"{where}: start and end are {quoted(row[START], 20)} and {quoted(row[END], 20)}, and numbers are "
            f"expected: see columns under [label_file], or skip = {source.skip + 1} for a heading"
        ) from None
    if not is_range:
        raise InputError(f"{where}: the label ends before it starts")
