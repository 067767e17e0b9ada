"""Describe the files of a data set by a layout: which they are, their columns and units, labels and people.

A layout is a TOML file of some ten lines; `edge_runtime/data/layouts` has those of known data sets, and docs/data.md
all keys. The dataclasses here are its tables, field by field. Without `[acceleration]` columns are found by the names
that har-edge and phone apps give them (`edge_runtime.data.column_names`).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from edge_runtime.errors import InputError
from edge_runtime.signals.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, canonical
from edge_runtime.system.dataclass_json import Quantity, from_json
from edge_runtime.system.outside_files import read_text
from edge_runtime.system.printable import has_control, quoted

FOLDER = Path(__file__).parent / "layouts"
DEFAULT = "har-edge"
"""The layout of har-edge's own recordings, and of phone apps' exports."""

TEXTS = ("label", "subject", "placement", "device", "trial")
"""Said of a recording or of its rows: in the layout, by a column, or by the path."""

OTHERS = "*"
"""Among the labels of a layout: all that it does not name, and in a label any text."""

_MOST_COLUMNS = 10_000

Column = Annotated[int, Quantity(at_least=1, at_most=_MOST_COLUMNS)] | str
"""A column by its number, counted from 1, or by its name in the header."""

_TOKEN = re.compile(r"(\{[a-z]\w*\}|\*\*/|\*)")
_MOST_TOKENS, _MOST_DEEP = 6, 2  # in one name, and `**/`: each has all its lengths tried
_LONGEST_NAME, _LONGEST_PATH = 100, 1000  # of paths that are matched, so that no trying takes long

_Lines = Annotated[int, Quantity(at_least=0)]
_Offset = Annotated[float, Quantity(at_least=-1e9, at_most=1e9)]
_LARGEST_FILE = 1 << 16  # bytes


class PathPattern:
    """Patterns of paths with `/` between folders: `{name}` and `*` stand for text without one, `**/` for any folders.

    They may begin in any folder; behind a `/` of its own, at the top alone. Of several the first that fits is taken.
    Capital and small letters are not told apart. Raises `ValueError` for one that is none.
    """

    def __init__(self, *texts: str) -> None:
        self.text = " or ".join(texts)
        self._ends = tuple(_TOKEN.split(x)[-1].casefold() for x in texts)
        self._patterns = [(re.compile(_expression(x), re.IGNORECASE), x.startswith("/")) for x in texts]
        self.names = list(dict.fromkeys(name for pattern, _ in self._patterns for name in pattern.groupindex))

    def match(self, path: str, around: str = "") -> dict[str, str] | None:
        """What `path` says by name, "" for names of other patterns; None where it does not fit, or is too long.

        The top is inside the folder `around` all files, which ends in `/`.
        """
        if not path.casefold().endswith(self._ends):  # before each length of each name is tried
            return None
        if len(path) > _LONGEST_PATH or max(map(len, path.removeprefix(around).split("/"))) > _LONGEST_NAME:
            return None
        for pattern, is_at_top in self._patterns:
            if found := pattern.fullmatch(path.removeprefix(around) if is_at_top else path):
                return dict.fromkeys(self.names, "") | found.groupdict()
        return None


def _expression(text: str) -> str:
    """The regular expression of a pattern."""
    parts, known = ["" if text.startswith("/") else "(?:.*/)?"], set[str]()
    pieces = _TOKEN.split(text.lstrip("/"))
    if any(x in part for part in pieces[::2] for x in "{}") or not text.strip("/"):
        raise ValueError(f"{text!r} is no pattern of paths: names in braces have small letters, digits and underscores")
    if text.count("**/") > _MOST_DEEP or any(len(_TOKEN.findall(x)) > _MOST_TOKENS for x in text.split("/")):
        raise ValueError(f"{text!r} has more than {_MOST_DEEP} **/, or {_MOST_TOKENS} names and asterisks in a name")
    for i, part in enumerate(pieces):
        name = part[1:-1]
        if i % 2 == 0:
            parts.append(re.escape(part))
        elif part.startswith("*"):
            parts.append("[^/]*?" if part == "*" else "(?:.*/)?")
        else:
            parts.append(f"(?P={name})" if name in known else f"(?P<{name}>[^/]+?)")
            known.add(name)
    return "".join(parts)


@dataclass(frozen=True)
class TextColumn:
    """A column of text; `several` allows it to change within a file, whose rows are then of several recordings."""

    column: Column
    several: bool = False


@dataclass(frozen=True)
class Clock:
    """How times are written: in a `unit`, as dates as ISO 8601 has them, or as dates in the codes of `strptime`."""

    unit: str = "samples"

    @property
    def pattern(self) -> str:
        """The codes of `strptime`; "" without."""
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
    """The column of times; those of a `steady` sensor, which are when samples were delivered, are spread evenly.

    Where times go back the file is refused, a new recording begins, or rows are sorted, as `disorder` says.
    """

    column: Column = 1
    unit: str = ""
    steady: bool = False
    disorder: Literal["refuse", "new recording", "sort"] = "refuse"


@dataclass(frozen=True)
class SensorColumns:
    """Columns of x, y and z, each the sum of some; plus `offset`, times scale, sign and unit in g or rad/s.

    `sensor` is that of the path or of the row, where a file or a row is of one sensor alone.
    """

    columns: tuple[Column | tuple[Column, ...], Column | tuple[Column, ...], Column | tuple[Column, ...]]
    unit: str
    sign: Literal[1, -1] = 1
    scale: Annotated[float, Quantity(at_least=1e-9, at_most=1e9)] = 1.0
    offset: _Offset | tuple[_Offset, _Offset, _Offset] = 0.0
    sensor: str = ""

    @property
    def axes(self) -> list[tuple[Column, ...]]:
        """The columns that are summed, of each axis."""
        return [x if isinstance(x, tuple) else (x,) for x in self.columns]

    @property
    def factor(self) -> float:
        """What makes g or rad/s of the numbers."""
        return {**ACCELERATION_UNITS, **ROTATION_UNITS}[canonical(self.unit)] * self.scale * self.sign


@dataclass(frozen=True)
class LabelFile(Clock):
    """Labels in `files` of their own: a row for each stretch of a recording, for each of its rows, or for all of it.

    `columns` are, in order, names in the paths of recordings, `label`, `start` and `end`, and "" for any other. Start
    and end belong to the stretch, in the unit of the clock, or in rows from 1 on. `skip` lines are left out.
    """

    files: str | tuple[str, ...] = ""
    columns: tuple[str, ...] = ()
    skip: _Lines = 0

    @cached_property
    def pattern_of_files(self) -> PathPattern:
        """The files' paths."""
        return _pattern(self.files)

    @property
    def is_by_row(self) -> bool:
        """Tell whether each row of the recording has a row of its label."""
        return not {*self.columns} - {"label", ""}


@dataclass(frozen=True)
class Layout:
    """The files of a data set.

    `source` is the file that says it, `name` the data set's, "" for that of the folder. `labels` and `other_labels`
    give the labels of the files their names: those that are classes, and those that are not; with neither, all labels
    are classes of their own names. `separator` is None where the first line tells it.
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
    label: str | TextColumn = ""
    subject: str | TextColumn = ""
    placement: str | TextColumn = ""
    device: str | TextColumn = ""
    trial: str | TextColumn = ""
    sensor: TextColumn | None = None
    where: Mapping[str, str | int | tuple[str | int, ...]] = field(default_factory=dict)
    placements: Mapping[str, _Lines] = field(default_factory=dict)
    time: TimeColumn | None = None
    acceleration: SensorColumns | None = None
    rotation: SensorColumns | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    other_labels: Mapping[str, str] = field(default_factory=dict)
    label_file: LabelFile | None = None

    @cached_property
    def pattern(self) -> PathPattern:
        """The recordings' paths."""
        return _pattern(self.files)

    @cached_property
    def comment_marks(self) -> tuple[str, ...]:
        """What lines begin with that are left out."""
        return (self.comments,) if isinstance(self.comments, str) else self.comments

    @cached_property
    def sensors(self) -> dict[str, SensorColumns]:
        """Acceleration and rotation, those of which the layout gives the columns."""
        both = {"acceleration": self.acceleration, "rotation": self.rotation}
        return {name: x for name, x in both.items() if x}

    @cached_property
    def text_columns(self) -> dict[str, TextColumn]:
        """Those of `TEXTS` that columns say."""
        return {x: y for x in TEXTS if isinstance(y := getattr(self, x), TextColumn)}

    @cached_property
    def fixed(self) -> dict[str, str]:
        """Those of `TEXTS` that are the same for all files."""
        return {x: y for x in TEXTS if isinstance(y := getattr(self, x), str) and y}

    @cached_property
    def kept_rows(self) -> dict[Column, tuple[str, ...]]:
        """The texts of rows that are kept, by their columns."""
        texts = {key: x if isinstance(x, tuple) else (x,) for key, x in self.where.items()}
        return {int(key[:9]) if key.isdecimal() else key: tuple(map(str, x)) for key, x in texts.items()}

    @property
    def has_header(self) -> bool:
        """Tell whether columns are found by the names in a header."""
        others = [x.column for x in (*self.text_columns.values(), self.time, self.sensor) if x]
        of_sensors = [x for part in self.sensors.values() for axis in part.axes for x in axis]
        return self.acceleration is None or any(isinstance(x, str) for x in (*others, *of_sensors, *self.kept_rows))

    @property
    def reads_labels(self) -> bool:
        """Tell whether it says where labels are, which recognition does without."""
        return bool(self.label_file or self.label or "label" in self.pattern.names)

    def key_of_label(self, label: str) -> str | None:
        """The key that names a label of the files: 1.0 is 1, a `*` any text, and "*" alone every other; else None."""
        said = {**self.labels, **self.other_labels}
        if label in said or not said:
            return label
        try:
            plain = str(int(float(label))) if float(label).is_integer() else label
        except ValueError:
            plain = label
        stars = [x for x in said if OTHERS in x and x != OTHERS and _like(x).fullmatch(label)]
        return next((x for x in (plain, *stars, OTHERS) if x in said), None)


def _like(key: str) -> re.Pattern[str]:
    """The expression of a key in which `*` is any text."""
    return re.compile(".*".join(map(re.escape, key.split(OTHERS))), re.DOTALL)


def _pattern(files: str | tuple[str, ...]) -> PathPattern:
    return PathPattern(*([files] if isinstance(files, str) else files))


def shipped_layouts() -> list[str]:
    """The names of the layouts that come with har-edge."""
    return sorted(x.stem for x in FOLDER.glob("*.toml"))


def find_layout(name: str) -> Layout:
    """The layout that is shipped as `name`, or in the file of this path. Raises `InputError` when there is none."""
    path = FOLDER / f"{name}.toml" if name in shipped_layouts() else Path(name)
    try:
        text = read_text(path, "a layout", _LARGEST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"there is no layout '{name}' ({getattr(error, 'strerror', None) or error}): give the path of a "
            f"TOML file, or one of {', '.join(shipped_layouts())}"
        ) from error
    return parse_layout(text, path.name if path.parent == FOLDER else str(path), "" if name == DEFAULT else path.stem)


def parse_layout(text: str, source: str, name: str) -> Layout:
    """The layout that `text` writes; `source` names it in the `InputError` raised when it is none.

    `name` is that of the data set, unless the layout has one.
    """
    try:
        content = tomllib.loads(text)
        found: Layout = from_json(Layout, {"name": name, **content, "source": source}, known_keys_only=True)
        _check(found)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} is no layout ({error}): docs/data.md has all keys") from error
    return found


def _check(layout: Layout) -> None:
    """Raise `ValueError` for a part that fits no other, which no type says."""
    names, source = layout.pattern.names, layout.label_file
    for table, units in (("acceleration", ACCELERATION_UNITS), ("rotation", ROTATION_UNITS)):
        if table in layout.sensors and canonical(layout.sensors[table].unit) not in units:
            raise ValueError(f"{table}.unit is one of {', '.join(units)}")
    for table, clock in (("time", layout.time), ("label_file", source)):
        if clock and clock.unit != "samples" and not clock.is_of_day and canonical(clock.unit) not in TIME_UNITS:
            raise ValueError(f"{table}.unit is one of {', '.join(TIME_UNITS)}, date, or as in %Y-%m-%d %H:%M:%S")
    if layout.acceleration and (layout.rate is None) == (layout.time is None):
        raise ValueError("it needs rate = 50 (samples a second) or [time], and not both")
    if not layout.acceleration and (layout.rotation or layout.time):
        raise ValueError("[rotation] and [time] need [acceleration]")
    if ("sensor" in names or layout.sensor) and not (
        len(layout.sensors) == 2 and all(x.sensor for x in layout.sensors.values())
    ):
        raise ValueError("sensor tells [acceleration] and [rotation] apart: give both tables, each with sensor")
    if twice := [x for x in (*layout.fixed, *layout.text_columns) if x in names]:
        raise ValueError(f"{twice[0]} is said in files too: leave one of them out")
    if layout.placements and ("placement" in names or layout.placement):
        raise ValueError("[placements] name the placement of each device: leave placement out elsewhere")
    if bad := [x for x in layout.kept_rows if isinstance(x, int) and not 1 <= x <= _MOST_COLUMNS]:
        raise ValueError(f"where names the column {bad[0]}: columns count from 1")
    if layout.labels.keys() & layout.other_labels.keys():
        raise ValueError("a label stands in [labels] and in [other_labels]")
    if control := [x for x in (*layout.labels.values(), *layout.other_labels.values(), layout.name) if has_control(x)]:
        raise ValueError(f"{quoted(control[0], 30)} has a line break or control character")
    if source is not None:
        known, columns = ("label", "start", "end", "", *names), source.columns
        if not {*columns} <= {*known} or columns.count("label") != 1 or ("start" in columns) != ("end" in columns):
            raise ValueError(f"label_file.columns are of {', '.join(map(quoted, known))}: label once, start with end")
        if layout.label or "label" in names:
            raise ValueError("[label_file] gives the labels: leave label out elsewhere")
        _ = source.pattern_of_files
