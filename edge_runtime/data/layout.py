"""Describe the files of a data set: which they are, their columns and units, labels and people.

A layout is a TOML file of some ten lines; `edge_runtime/data/layouts` has those of known data sets. Without
`[acceleration]` columns are found by the names that har-edge and phone apps give them (`edge_runtime.data.columns`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_runtime.data.path_pattern import PathPattern

Column = int | str
"""A column by its number, counted from 1, or by its name in the header."""

TEXTS = ("label", "subject", "placement", "device", "trial")
"""Said of a recording or of its rows: in the layout, by a column, or by the path."""

OTHERS = "*"
"""Among the labels of a layout: all that it does not name, and in a label any text."""

START, END = "start", "end"
"""The columns of a file of labels that say where a label begins and ends."""


DISORDERS = REFUSED, NEW_RECORDING, SORTED = "refuse", "new recording", "sort"
"""What is done where times go back."""


@dataclass(frozen=True)
class TextColumn:
    """A column of text; `several` allows it to change within a file, whose rows are then of several recordings."""

    column: Column
    several: bool = False


@dataclass(frozen=True)
class TimeColumn:
    """A column of times, which count in `factor` seconds, or are dates and times of day where they are `of_day`.

    Dates are written as ISO 8601 has them, or as `pattern` says in the codes of `strptime`. Times of a `steady` sensor
    are when its samples were delivered, or of a clock coarser than these: they are spread evenly. Where times go back
    the file is refused, a new recording begins, or rows are sorted, as `disorder`, one of `DISORDERS`, says.
    """

    column: Column
    factor: float
    steady: bool = False
    disorder: str = REFUSED
    of_day: bool = False
    pattern: str = ""


@dataclass(frozen=True)
class SensorColumns:
    """Columns of the x, y and z axes of a sensor, each the sum of some; plus `offset`, times `factor` in g or rad/s.

    `factor` is that of `unit`, times scale and sign. `sensor` is that of the path or of the row, where a file or a row
    is of one sensor alone.
    """

    columns: tuple[tuple[Column, ...], ...]
    unit: str
    factor: float
    sensor: str = ""
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class LabelFile:
    """Labels in `files` of their own: a row for each stretch of a recording, for each of its rows, or for all of it.

    `columns` are, in order, names in the paths of recordings, `label`, `start` and `end`, and "" for any other. Start
    and end belong to the stretch; they count in `factor` seconds of the clock of the recording, and where that is None
    in its rows, from 1 on; `of_day` they are dates, as in `TimeColumn`. Without them a row is of a whole recording
    where it names one, and else of a row of it. `skip` lines are left out.
    """

    files: PathPattern
    columns: tuple[str, ...]
    factor: float | None = None
    of_day: bool = False
    pattern: str = ""
    skip: int = 0

    @property
    def has_ranges(self) -> bool:
        """Tell whether rows say where their labels begin and end."""
        return START in self.columns

    @property
    def is_by_row(self) -> bool:
        """Tell whether each row of the recording has a row of its label."""
        return not {*self.columns} - {"label", ""}


@dataclass(frozen=True)
class Layout:
    """The files of a data set.

    `source` is the file that says it, `name` the data set's, "" for that of the folder. `fixed` has texts that are the
    same for all files. `labels` and `other_labels` give the labels of the files their names: those that are classes,
    and those that are not; with neither, all labels are classes of their own names. `separator` is None where the
    header tells it, and " " for blanks.
    """

    source: str
    name: str
    files: PathPattern
    fixed: Mapping[str, str] = field(default_factory=dict)
    text_columns: Mapping[str, TextColumn] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    other_labels: Mapping[str, str] = field(default_factory=dict)
    time: TimeColumn | None = None
    rate_hz: float | None = None
    acceleration: SensorColumns | None = None
    rotation: SensorColumns | None = None
    separator: str | None = None
    line_end: str = ""
    skip: int = 0
    comments: tuple[str, ...] = ()
    encoding: str = "utf-8-sig"
    leaves_out_bad_rows: bool = False
    each_file_is_a_mounting: bool = False
    sensor_column: Column | None = None
    where: Mapping[Column, tuple[str, ...]] = field(default_factory=dict)
    placements: Mapping[str, int] = field(default_factory=dict)
    label_file: LabelFile | None = None

    @property
    def has_header(self) -> bool:
        """Tell whether columns are found by the names in a header."""
        if self.acceleration is None:
            return True
        named = [x.column for x in self.text_columns.values()] + ([self.time.column] if self.time else [])
        named += [*self.where, *([] if self.sensor_column is None else [self.sensor_column])]
        parts = [x for x in (self.acceleration, self.rotation) if x]
        return any(isinstance(x, str) for x in named + [x for part in parts for axis in part.columns for x in axis])

    @property
    def reads_labels(self) -> bool:
        """Tell whether it says where labels are, which recognition does without."""
        places = (*self.files.names, *self.fixed, *self.text_columns)
        return self.label_file is not None or "label" in places

    @property
    def names_labels(self) -> bool:
        """Tell whether it says which labels there are."""
        return bool(self.labels or self.other_labels)
