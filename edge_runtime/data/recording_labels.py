"""Read labels from files of their own: of stretches of recordings, of each of their rows, or of whole ones."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from edge_runtime.data import columns
from edge_runtime.data.csv_table import Table
from edge_runtime.data.file_tree import FileTree
from edge_runtime.data.layout import END, START, LabelFile, Layout
from edge_runtime.data.sensor_pairing import PairedSamples
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted

_WORN_AT_ONCE = ("placement", "device")
"""Devices that record the same rows, and have their labels in one file."""


class LabelRange(NamedTuple):
    """A label from `start` to `end`, both of them rows or times of a recording; a `line` of a `file` says it."""

    label: str
    start: float
    end: float
    file: str
    line: int


@dataclass(frozen=True)
class RecordingLabels:
    """For each recording, by what its path says of `names`: the labels in their order."""

    source: LabelFile
    names: tuple[str, ...]
    ranges: Mapping[tuple[str, ...], Sequence[LabelRange]]

    @classmethod
    def read(
        cls,
        tree: FileTree,
        layout: Layout,
        files: Mapping[str, Mapping[str, str]],
        recordings: Iterable[tuple[Mapping[str, str], str]],
    ) -> "RecordingLabels | None":
        """Read the `files` of labels in `tree`, by what their paths say; None where the layout has none.

        `recordings` are what the path of each says, and its first file; labels of others are left out, as where a part
        of a data set is read. Raises `InputError` where there is no such file, where all labels are of others, where
        one file would label the rows of two recordings, and with its file and line for a row that is no range or
        overlaps another.
        """
        source = layout.label_file
        if source is None:
            return None
        if not files:
            raise InputError(
                f"{tree.place} has no file of labels like {quoted(source.files.text)}, as files under [label_file] of "
                f"{layout.source} says"
            )
        names = tuple(x for x in layout.files.names if x in (*source.columns, *source.files.names))
        first: dict[tuple[str, ...], str] = {}
        found: dict[tuple[str, ...], list[LabelRange]] = {}
        for said, name in recordings:
            key = _key(said, names)
            device = (*key, *_key(said, _WORN_AT_ONCE))
            if source.is_by_row and device in first:
                raise InputError(
                    f"{tree.place}: {first[device]} and {name} would have the labels of the same file, which has a row "
                    "for each row of one recording: tell the two apart by names in braces, in files above all tables "
                    f"and under [label_file] of {layout.source} or, of devices worn at once, by {{placement}} or "
                    "{device} above all tables alone"
                )
            first[device] = name
            found[key] = []
        strange = ""
        for name, said in files.items():
            place = tree.path_of(name)
            rows = _rows(tree.content(name), place, source, layout)
            if source.is_by_row:
                ranges = found.get(_key(said, names))
                if ranges is None:
                    strange = strange or _stranger(place, said, names)
                elif ranges:
                    raise InputError(
                        f"{ranges[0].file} and {place} are both labels of the same recording: put what differs into "
                        "the braces of files under [label_file], as files above all tables names it"
                    )
                else:
                    ranges += _runs(rows, place)
                continue
            for number, row in rows:
                of_row = {**said, **row}
                where = f"{place}, line {number}"
                start, end = _range(row, where, source) if source.has_ranges else (-np.inf, np.inf)
                if (ranges := found.get(_key(of_row, names))) is not None:
                    ranges.append(LabelRange(row["label"], start, end, place, number))
                elif not strange:
                    strange = _stranger(where, of_row, names)
        if strange and not any(found.values()):
            raise InputError(
                f"{strange}, nor of any other row: write names as the paths of recordings have them (files of "
                f"{layout.source})"
            )
        if not source.is_by_row:
            for ranges in found.values():
                ranges.sort(key=lambda x: (x.start, x.end))
                _check_overlaps(ranges, source)
        return cls(source, names, found)

    def labels(self, said: Mapping[str, str], table: Table, samples: PairedSamples) -> list[str]:
        """The label of each of the `samples` of a `table`, whose path says `said`; "" outside of all ranges.

        Raises `InputError` where each row has a label of its own, and there are more or fewer labels than rows.
        """
        ranges = self.ranges.get(_key(said, self.names), ())
        if not ranges:
            return [""] * len(samples.rows)
        if self.source.is_by_row and ranges[-1].end != table.n_rows:
            raise InputError(
                f"{table.place} has {table.n_rows:,} rows, and {ranges[-1].file} {ranges[-1].end:,.0f} labels, where "
                "one for each row is expected: see skip in the layout, above all tables and under [label_file]"
            )
        places = table.numbers[samples.rows] + 1.0
        if self.source.factor is not None:
            assert table.acceleration
            places = (table.acceleration.begin * table.time_factor + samples.seconds) / self.source.factor
        last = np.searchsorted([x.start for x in ranges], places, "right") - 1
        inside = (last >= 0) & (places <= np.array([x.end for x in ranges])[last])
        return [ranges[i].label if ok else "" for i, ok in zip(last.tolist(), inside.tolist(), strict=True)]


def said_of_labels(tree: FileTree, layout: Layout, name: str) -> dict[str, str] | None:
    """Tell what the path of a file of labels says by the `layout`; None of another file."""
    return None if layout.label_file is None else tree.match(layout.label_file.files, name)


def _key(said: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """What is said of `names`, with 01 and 1 as the same."""
    return tuple(x.lstrip("0") if (x := said.get(name, "")).isdecimal() else x.casefold() for name in names)


def _stranger(where: str, said: Mapping[str, str], names: Sequence[str]) -> str:
    """That labels are of a recording that is not there, in words."""
    what = " and ".join(f"{x} {quoted(said.get(x, ''), 20)}" for x in names)
    return f"{where}: there is no recording of {what}"


def _runs(rows: Iterable[tuple[int, Mapping[str, str]]], place: str) -> list[LabelRange]:
    """The labels of a file with one for each row, as ranges of rows that follow each other with the same one."""
    found: list[LabelRange] = []
    end = 0
    for label, run in groupby(rows, lambda x: x[1]["label"]):
        lines = [line for line, _ in run]
        found.append(LabelRange(label, end + 1, end + len(lines), place, lines[0]))
        end += len(lines)
    if not found:
        raise InputError(
            f"{place} has no labels, where one for each row of its recording is expected: see skip under [label_file], "
            "or leave the file out"
        )
    return found


def _check_overlaps(ranges: Sequence[LabelRange], source: LabelFile) -> None:
    """Raise `InputError` where two share a sample, or more than the time at which one ends and the next begins."""
    for a, b in pairwise(ranges):
        if not source.has_ranges:
            raise InputError(
                f"{b.file}, line {b.line} and {a.file}, line {a.line} are both the label of the same recording: leave "
                'one of them out or, where each row of it has a label, name "label" alone in columns, and "" for others'
            )
        if b.start < a.end or (b.start == a.end and source.factor is None):
            raise InputError(
                f"{b.file}, line {b.line}: the label starts at {b.start:.15g}, before that of {a.file}, line {a.line} "
                f"has ended, at {a.end:.15g}"
            )


def _rows(content: bytes, place: str, source: LabelFile, layout: Layout) -> Iterator[tuple[int, dict[str, str]]]:
    """The line of each row, and its cells by what the columns are.

    A row without cells is none, but for one among labels of each row of a recording: there it has no label.
    """
    try:
        lines = content.decode(layout.encoding).splitlines()[source.skip :]
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place} is not {layout.encoding} text ({error.reason}); name its encoding in the layout"
        ) from error
    while lines and not lines[-1].strip():
        lines.pop()
    separator = columns.delimiter(next((x for x in lines if x.strip() and not _is_comment(x, layout)), ""))
    most_cuts = len(source.columns) - 1 if source.columns[-1] == "label" else -1  # a label may have blanks in it
    for number, line in enumerate(lines, source.skip + 1):
        if _is_comment(line, layout):
            continue
        try:
            cells = next(csv.reader([line], delimiter=separator)) if separator else line.split(None, most_cuts)
        except csv.Error as error:
            raise InputError(f"{place}, line {number}: {error}") from error
        if not any(x.strip() for x in cells):
            if not source.is_by_row:
                continue
            cells = [""] * len(source.columns)
        if len(cells) < len(source.columns):
            mend = f", or skip = {number} there for a heading" if number == source.skip + 1 else ""
            raise InputError(
                f"{place}, line {number}: {counted(len(cells), 'field')} instead of {len(source.columns)}: see columns "
                f"under [label_file]{mend}"
            )
        row = {name: cell.strip() for name, cell in zip(source.columns, cells, strict=False) if name}
        yield number, row


def _is_comment(line: str, layout: Layout) -> bool:
    return bool(layout.comments) and line.lstrip().startswith(layout.comments)


def _range(row: Mapping[str, str], where: str, source: LabelFile) -> tuple[float, float]:
    """Start and end. Raises `InputError` where these are no numbers, or dates, or the wrong way round."""
    shown = " and ".join(quoted(row[x], 30) for x in (START, END))
    read = partial(columns.date_seconds, pattern=source.pattern) if source.of_day else float
    try:
        start, end = (read(row[x]) for x in (START, END))
    except ValueError:
        mend = f"see columns under [label_file], or skip = {source.skip + 1} for a heading"
        if not source.of_day and ":" in row[START]:
            mend = 'of dates write unit = "date" under [label_file], or as in unit = "%d.%m.%Y %H:%M:%S"'
        expected = "dates" if source.of_day else "numbers"
        raise InputError(f"{where}: start and end are {shown}, and {expected} are expected: {mend}") from None
    if not start <= end:
        raise InputError(f"{where}: the label ends before it starts")
    if source.factor is None and not (start.is_integer() and end.is_integer()):
        raise InputError(
            f'{where}: start and end are {shown}, and no numbers of samples: write unit = "s", or that of the clock, '
            "under [label_file]"
        )
    return start, end
