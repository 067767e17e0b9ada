"""Read labels from files of their own, which say where in a recording each label begins and ends."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge_runtime.data import columns
from edge_runtime.data.file_tree import FileTree
from edge_runtime.data.layout import END, START, LabelFile, Layout
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted


@dataclass(frozen=True)
class LabelRanges:
    """For each recording, by what its path says of `names`: labels with the first and last sample or time of each."""

    source: LabelFile
    names: tuple[str, ...]
    ranges: Mapping[tuple[str, ...], Sequence[tuple[str, float, float]]]

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
        found: dict[tuple[str, ...], list[tuple[float, float, str, str]]] = {_key(x, names): [] for x in recordings}
        files = [(x, said) for x in tree.names if (said := tree.match(source.files, x)) is not None]
        if not files:
            raise InputError(
                f"{tree.place} has no file of labels like {quoted(source.files.text)}, as files under [label_file] of "
                f"{layout.source} says"
            )
        strange = ""
        for name, said in files:
            for where, row in _rows(tree.content(name), tree.path_of(name), source, layout.encoding):
                of_row = {**said, **row}
                ranges = found.get(_key(of_row, names))
                if ranges is not None:
                    ranges.append((float(row[START]), float(row[END]), row["label"], where))
                elif not strange:
                    what = " and ".join(f"{x} {quoted(of_row.get(x, ''), 20)}" for x in names)
                    strange = f"{where}: there is no recording of {what}"
        if strange and not any(found.values()):
            raise InputError(
                f"{strange}, nor of any other row: write names as the paths of recordings have them (files of "
                f"{layout.source})"
            )
        for ranges in found.values():
            _check_overlaps(ranges, source)
        return cls(source, names, {key: [(x[2], x[0], x[1]) for x in ranges] for key, ranges in found.items()})

    def labels(
        self, said: Mapping[str, str], rows: npt.NDArray[np.intp], seconds: npt.NDArray[np.float64]
    ) -> list[str]:
        """The label of each sample `[n]` of the recording whose path says `said`; "" outside of all ranges.

        `rows` count from 0, `seconds` are those of the clock in the file.
        """
        places = rows + 1.0 if self.source.factor is None else seconds / self.source.factor
        found = np.full(len(rows), "", np.object_)
        for label, start, end in self.ranges.get(_key(said, self.names), ()):
            found[(places >= start) & (places <= end)] = label
        return list(found.tolist())


def _key(said: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """What is said of `names`, with 01 and 1 as the same."""
    return tuple(x.lstrip("0") if (x := said.get(name, "")).isdecimal() else x.casefold() for name in names)


def _check_overlaps(ranges: list[tuple[float, float, str, str]], source: LabelFile) -> None:
    """Raise `InputError` where two share a sample, or more than the time at which one ends and the next begins."""
    for (_, end, _, other), (start, _, _, where) in pairwise(sorted(ranges)):
        if start < end or (start == end and source.factor is None):
            raise InputError(f"{where}: the label starts at {start:g}, before that of {other} has ended, at {end:g}")


def _rows(content: bytes, place: str, source: LabelFile, encoding: str) -> list[tuple[str, dict[str, str]]]:
    """The rows by what their columns are, and where each stands in words."""
    try:
        lines = content.decode(encoding).splitlines()[source.skip :]
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not {encoding} text ({error.reason}); name its encoding in the layout") from error
    separator = columns.delimiter(next((x for x in lines if x.strip()), ""))
    found = []
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
        try:
            is_range = float(row[START]) <= float(row[END])
        except ValueError:
            raise InputError(
                f"{place}, line {number}: start and end are {quoted(row[START], 20)} and {quoted(row[END], 20)}, and "
                f"numbers are expected: see columns under [label_file], or skip = {source.skip + 1} for a heading"
            ) from None
        if not is_range:
            raise InputError(f"{place}, line {number}: the label ends before it starts")
        found.append((f"{place}, line {number}", row))
    return found
