"""Describe the files of a data set by a layout: paths, columns, units, labels and people.

A layout is a TOML file, and the dataclasses here are its tables; docs/data.md has all keys.
"""

import codecs
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from edge_runtime.data.names import without_fraction
from edge_runtime.data.path_patterns import PathPattern, anchored
from edge_runtime.errors import InputError
from edge_runtime.signals.axes import Axes
from edge_runtime.signals.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, canonical
from edge_runtime.system.dataclass_json import Quantity, from_json
from edge_runtime.system.outside_files import read_text
from edge_runtime.system.printable import has_control, quoted

FOLDER = Path(__file__).parent / "layouts"
DEFAULT = "har-edge"
"""The layout of har-edge's own recordings, and of phone apps' exports."""

TEXTS = ("label", "subject", "placement", "device", "trial")
"""Facts about a recording or its rows, which the layout, a column or the path states."""

OTHERS = "*"
"""Stands for all labels that a layout does not name, and in a label for any text."""

Column = Annotated[int, Quantity(at_least=1, at_most=10_000)] | str
"""A column by its number, counted from 1, or by its name in the header."""

_Lines = Annotated[int, Quantity(at_least=0)]
_Offset = Annotated[float, Quantity(at_least=-1e9, at_most=1e9)]
_LARGEST_FILE = 1 << 16  # bytes
_MOST_DOTS = 100  # in a line: tomllib keeps each beginning of a dotted key
_ENCODINGS = ("utf-8", "utf-16", "utf-32", "ascii", "iso8859", "cp", "mac-", "koi8", "gb", "big5", "euc_", "shift_jis")


@dataclass(frozen=True)
class TextColumn:
    """A column of text; with `several` it may change within a file, which then has several recordings."""

    column: Column
    several: bool = False


@dataclass(frozen=True)
class Clock:
    """The `unit` of times: a unit, `date` for dates as in ISO 8601, or the codes of `strptime`."""

    unit: str = "samples"

    @property
    def pattern(self) -> str:
        """The codes of `strptime`, or ""."""
        return self.unit if "%" in self.unit else ""

    @property
    def is_of_day(self) -> bool:
        """Tell whether times are dates."""
        return self.unit == "date" or bool(self.pattern)

    @property
    def factor(self) -> float | None:
        """The unit in seconds; None for samples."""
        return None if self.unit == "samples" else 1.0 if self.is_of_day else TIME_UNITS[canonical(self.unit)]


@dataclass(frozen=True)
class TimeColumn(Clock):
    """The column of times. With `steady`, times of delivery are replaced by evenly spaced times."""

    column: Column = 1
    unit: str = ""
    steady: bool = False
    disorder: Literal["refuse", "new recording"] = "refuse"


@dataclass(frozen=True)
class SensorColumns:
    """Columns of x, y and z, or lists of columns to sum; plus `offset`, times scale, sign and unit in g or rad/s."""

    columns: tuple[Column | tuple[Column, ...], Column | tuple[Column, ...], Column | tuple[Column, ...]]
    unit: str
    sign: Literal[1, -1] = 1
    scale: Annotated[float, Quantity(at_least=1e-9, at_most=1e9)] = 1.0
    offset: _Offset | tuple[_Offset, _Offset, _Offset] = 0.0
    sensor: str = ""

    @property
    def axes(self) -> list[tuple[Column, ...]]:
        """The columns that are summed, of each axis."""
        return [column if isinstance(column, tuple) else (column,) for column in self.columns]

    @property
    def factor(self) -> float:
        """The factor to g or rad/s."""
        return {**ACCELERATION_UNITS, **ROTATION_UNITS}[canonical(self.unit)] * self.scale * self.sign


@dataclass(frozen=True)
class LabelFile(Clock):
    """Labels in `files` of their own: a row for each stretch of a recording, for each of its rows, or for a whole one.

    `columns` are names in the paths of recordings, `label`, `start` and `end`, or "". Start and end are inclusive, in
    the unit of the clock or in rows from 1 on.
    """

    files: str | tuple[str, ...] = ""
    columns: tuple[str, ...] = ()
    skip: _Lines = 0

    @cached_property
    def pattern_of_files(self) -> PathPattern:
        """The files' paths."""
        return PathPattern(*_listed(self.files))

    @property
    def is_by_row(self) -> bool:
        """Tell whether each row of the recording has a row of its label."""
        return not {*self.columns} - {"label", ""}


@dataclass(frozen=True)
class Layout:
    """The files of a data set.

    `source` is the layout's own file, `name` the data set's name, "" for the folder's name. `labels` are the classes,
    `other_labels` all others; with neither, all labels are classes.
    """

    files: str | tuple[str, ...]
    name: str = ""
    source: str = ""
    separator: Literal[",", ";", "tab", "blanks"] | None = None
    line_end: str = ""
    skip: _Lines = 0
    comments: str | tuple[str, ...] = ()
    encoding: str = "utf-8-sig"
    bad_rows: Literal["refuse", "leave out"] = "refuse"
    rate: Annotated[float, Quantity("samples/s", at_least=1, at_most=100_000)] | None = None
    mounting: Literal["each subject", "each file"] = "each subject"
    axes: str = "x,y,z"
    label: str | TextColumn = ""
    subject: str | TextColumn = ""
    placement: str | TextColumn = ""
    device: str | TextColumn = ""
    trial: str | TextColumn = ""
    sensor: TextColumn | None = None
    where: Mapping[str, str | int | tuple[str | int, ...]] = field(default_factory=dict)
    placements: Mapping[str, _Lines | str] = field(default_factory=dict)
    time: TimeColumn | None = None
    acceleration: SensorColumns | None = None
    rotation: SensorColumns | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    other_labels: Mapping[str, str] = field(default_factory=dict)
    label_file: LabelFile | None = None

    @cached_property
    def pattern(self) -> PathPattern:
        """The recordings' paths."""
        return PathPattern(*_listed(self.files))

    @cached_property
    def comment_marks(self) -> tuple[str, ...]:
        """The beginnings of lines that are left out."""
        return tuple(text for text in _listed(self.comments) if text)

    @cached_property
    def sensors(self) -> dict[str, SensorColumns]:
        """The sensors that have columns."""
        both = {"acceleration": self.acceleration, "rotation": self.rotation}
        return {name: x for name, x in both.items() if x}

    @cached_property
    def text_columns(self) -> dict[str, TextColumn]:
        """The `TEXTS` that columns state."""
        return {name: value for name in TEXTS if isinstance(value := getattr(self, name), TextColumn)}

    @cached_property
    def fixed(self) -> dict[str, str]:
        """The `TEXTS` that are the same for all files."""
        return {name: value for name in TEXTS if isinstance(value := getattr(self, name), str) and value}

    @cached_property
    def kept_rows(self) -> dict[Column, tuple[str, ...]]:
        """The texts of the rows to keep, by their columns."""
        texts = {key: x if isinstance(x, tuple) else (x,) for key, x in self.where.items()}
        return {int(key[:9]) if key.isdecimal() else key: tuple(map(str, values)) for key, values in texts.items()}

    @property
    def has_header(self) -> bool:
        """Tell whether columns are found by the names in a header."""
        others = [x.column for x in (*self.text_columns.values(), self.time, self.sensor) if x]
        of_sensors = [x for part in self.sensors.values() for axis in part.axes for x in axis]
        return self.acceleration is None or any(isinstance(x, str) for x in (*others, *of_sensors, *self.kept_rows))

    def key_of_label(self, label: str) -> str | None:
        """The key that names a label of the files, or None: in a key, `*` is any text, and alone all other labels."""
        keys = {**self.labels, **self.other_labels}
        if label in keys or not keys:
            return label
        plain = without_fraction(label)
        starred = [key for key, pattern in self._starred.items() if pattern.fullmatch(label)]
        return next((key for key in (plain, *starred, OTHERS) if key in keys), None)

    @cached_property
    def _starred(self) -> dict[str, re.Pattern[str]]:
        """Patterns of the labels with a `*`, which stands for any text."""
        keys = [key for key in (*self.labels, *self.other_labels) if OTHERS in key and key != OTHERS]
        parts = {key: anchored(key.split(OTHERS)) for key in keys}
        likes = {key: first + "".join(f"(?>.*?{then})" for then in others) for key, (first, *others) in parts.items()}
        return {key: re.compile(like, re.DOTALL) for key, like in likes.items()}


def _listed(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else texts


def shipped_layouts() -> list[str]:
    """The names of the layouts that come with har-edge."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find_layout(name: str) -> Layout:
    """The layout that is shipped as `name`, or in the file of this path. Raises `InputError` for an unknown one."""
    path = FOLDER / f"{name}.toml" if name in shipped_layouts() else Path(name)
    try:
        text = read_text(path, "a layout", _LARGEST_FILE)
    except OSError as error:
        shipped = ", ".join(shipped_layouts())
        raise InputError(f"no layout '{name}' ({error.strerror}): give a TOML file, or one of {shipped}") from error
    return parse_layout(text, path.name if path.parent == FOLDER else str(path), "" if name == DEFAULT else path.stem)


def parse_layout(text: str, source: str, name: str) -> Layout:
    """The layout in `text`, of the data set `name` unless it names another.

    Raises `InputError`, which names the `source`, for a wrong one.
    """
    try:
        if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
            raise ValueError(f"a line has more than {_MOST_DOTS} dots")
        content = {"name": name, **tomllib.loads(text), "source": source}
        layout: Layout = from_json(Layout, content, known_keys_only=True)
        _check(layout)
    except (ValueError, LookupError, re.error, RecursionError, InputError) as error:
        raise InputError(f"{source} is not a layout ({error}): docs/data.md has all keys") from error
    return layout


def _check(layout: Layout) -> None:
    """Raise `ValueError`, `LookupError`, `re.error` or `InputError` for a fault that no type shows."""
    Axes(layout.axes)
    names, source = layout.pattern.names, layout.label_file
    for table, units in (("acceleration", ACCELERATION_UNITS), ("rotation", ROTATION_UNITS)):
        if table in layout.sensors and canonical(layout.sensors[table].unit) not in units:
            raise ValueError(f"{table}.unit is one of {', '.join(units)}")
    for table, clock in (("time", layout.time), ("label_file", source)):
        if clock and clock.unit != "samples" and not clock.is_of_day and canonical(clock.unit) not in TIME_UNITS:
            raise ValueError(f"{table}.unit is one of {', '.join(TIME_UNITS)}, date, or as in %Y-%m-%d %H:%M:%S")
        if clock and clock.pattern:
            datetime.strptime(datetime(2000, 1, 2, tzinfo=UTC).strftime(clock.pattern), clock.pattern)
    if not codecs.lookup(layout.encoding).name.startswith(_ENCODINGS):
        raise ValueError(f"encoding = {quoted(layout.encoding, 30)} is not a text encoding: use utf-8 or latin-1")
    if layout.acceleration and (layout.rate is None) == (layout.time is None):
        raise ValueError("it needs rate = 50 (samples a second) or [time], and not both")
    if not layout.acceleration and (layout.rotation or layout.time):
        raise ValueError("[rotation] and [time] need [acceleration]")
    selects = "sensor" in names or layout.sensor is not None
    if any(bool(x and x.sensor) != selects for x in (layout.acceleration, layout.rotation)):
        raise ValueError("sensor selects [acceleration] or [rotation]: give it, and in both tables, or nowhere")
    if 0 in layout.kept_rows:
        raise ValueError("where names the column 0: columns count from 1")
    if control := [x for x in (*layout.labels.values(), *layout.other_labels.values(), layout.name) if has_control(x)]:
        raise ValueError(f"{quoted(control[0], 30)} has a line break or control character")
    learned, others = layout.labels, layout.other_labels
    if both := {*learned} & {*others} or {*learned.values()} & {*others.values()} - {""}:
        raise ValueError(f"{quoted(min(both), 30)} stands in [labels] and in [other_labels]")
    if source is not None:
        allowed, columns = ("label", "start", "end", "", *names), source.columns
        if not {*columns} <= {*allowed} or columns.count("label") != 1 or ("start" in columns) != ("end" in columns):
            raise ValueError(
                f"label_file.columns may name {', '.join(map(quoted, allowed))}: label once, start with end"
            )
        _ = source.pattern_of_files
