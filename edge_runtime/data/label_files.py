"""Read labels from files of their own: of stretches of recordings, of each of their rows, or of whole ones."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.file_tree import FileTree
from edge_runtime.data.layout import LabelFile, Layout
from edge_runtime.data.text_rows import Texts, delimiter, text_lines
from edge_runtime.errors import InputError
from edge_runtime.signals.types import Array
from edge_runtime.system.printable import quoted


@dataclass
class RecordingLabels:
    """The labels of one recording in the file `place`: `ranges` from start to end, both inclusive, of rows or times."""

    place: str
    source: LabelFile
    ranges: list[tuple[float, float, str]] = field(default_factory=list)

    def of_rows(self, place: str, numbers: npt.NDArray[np.intp], n_rows: int, seconds: Array) -> Texts:
        """The label of each row `[n]`, or "".

        Rows have `numbers` `[n]`, from 0, among the `n_rows` of the file `place`, and `seconds` `[n]` of its clock.
        Raises `InputError` where ranges overlap, or labels of rows are more or fewer than the rows.
        """
        factor = self.source.factor
        self.ranges.sort()
        for (_, end, a), (start, _, b) in pairwise(self.ranges):
            if start < end or (start == end and factor is None) or start == -np.inf:
                raise InputError(f"{self.place}: {quoted(b, 30)} starts at {start:.15g}, within {quoted(a, 30)}")
        n_labels = self.ranges[-1][1] if self.ranges else 0
        if self.source.is_by_row and n_labels != n_rows:
            raise InputError(f"{place} has {n_rows:,} rows, and {self.place} {n_labels:,.0f} labels: see skip")
        places = numbers + 1.0 if factor is None else seconds / factor
        last = np.searchsorted([stretch[0] for stretch in self.ranges], places, "right") - 1
        inside = (last >= 0) & (places <= np.array([stretch[1] for stretch in self.ranges])[last])
        return np.where(inside, np.array([label for _, _, label in self.ranges], np.object_)[last], "")


LabelsOf = Callable[[Mapping[str, str]], RecordingLabels | None]
"""Finds the labels of the recording with these texts in its path, if there are any."""


def read_labels(tree: FileTree, layout: Layout, source: LabelFile) -> LabelsOf:
    """The labels in the files that `source`, the layout's `[label_file]`, describes. Raises `InputError`."""
    names = tuple(name for name in layout.pattern.names if name in (*source.columns, *source.pattern_of_files.names))
    by_recording: dict[tuple[str, ...], RecordingLabels] = {}
    for name in tree.names:
        if (path_texts := source.pattern_of_files.match(*tree.full_path(name))) is None:
            continue
        place = str(tree.place / name)
        rows = _rows(tree.read(name), place, source, layout)
        if source.is_by_row:
            labels = by_recording.setdefault(_key(path_texts, names), RecordingLabels(place, source))
            last = 0
            for label, run in groupby(row["label"] for _, row in rows):
                first, last = last + 1, last + len(list(run))
                labels.ranges.append((first, last, label))
            continue
        for line, row in rows:
            labels = by_recording.setdefault(_key({**path_texts, **row}, names), RecordingLabels(place, source))
            start, end = _range(row, f"{place}, line {line}", source) if "start" in row else (-np.inf, np.inf)
            labels.ranges.append((start, end, row["label"]))
    if not by_recording:
        raise InputError(f"{tree.place} has no labels in files like {quoted(source.pattern_of_files.text, 200)}")
    return lambda path_texts: by_recording.get(_key(path_texts, names))


def _key(texts: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """The texts of `names`, with 01 and 1 as the same."""
    return tuple(x.lstrip("0") if (x := texts.get(name, "")).isdecimal() else x.casefold() for name in names)


def _range(row: Mapping[str, str], where: str, source: LabelFile) -> tuple[float, float]:
    shown = f"{where}: start and end are {quoted(row['start'], 30)} and {quoted(row['end'], 30)}"
    try:
        read = (lambda x: column_names.date_seconds(x, source.pattern)) if source.is_of_day else float
        start, end = read(row["start"]), read(row["end"])
    except ValueError:
        start, end = np.nan, np.nan
    if not start <= end or (source.factor is None and not (start.is_integer() and end.is_integer())):
        raise InputError(f"{shown}: see columns, skip and unit under [label_file]")
    return start, end


def _rows(content: bytes, place: str, source: LabelFile, layout: Layout) -> Iterator[tuple[int, dict[str, str]]]:
    """The line of each row and its cells by columns; a blank line is one among labels of rows, not at the end."""
    names = source.columns
    most_cuts = len(names) - 1 if names[-1] == "label" else -1  # a label may have blanks in it
    separator: str | None = ""
    blank: list[tuple[int, dict[str, str]]] = []
    try:
        for number, line in enumerate(text_lines(content, place, layout.encoding), 1):
            if number <= source.skip or line.lstrip().startswith(layout.comment_marks):
                continue
            if separator == "" and line.strip():
                separator = delimiter(line)
            cells = next(csv.reader([line], delimiter=separator), []) if separator else line.split(None, most_cuts)
            if not any(cell.strip() for cell in cells):
                blank += [(number, {"label": ""})] if source.is_by_row else []
                continue
            if len(cells) < len(names):
                raise InputError(f"{place}, line {number}: {len(cells)} fields instead of {len(names)}")
            yield from blank
            blank.clear()
            yield number, {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
    except (UnicodeError, LookupError) as error:
        raise InputError(f"{place} is not {layout.encoding} text ({error}): see encoding in the layout") from error
