"""Describe the files of a data set: which they are, their columns and units, labels and people.

A layout is a TOML file of some ten lines; `edge_runtime/data/layouts` has those of known data sets. Without
`[acceleration]` columns are found by the names that har-edge and phone apps give them (`edge_runtime.data.columns`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_runtime.data.path_pattern import PathPattern

Column = int | str
"""A column by its number, counted from 1, or by its name in the header."""

TEXTS = ("label", "subject", "placement", "device")
"""Said of a recording or of its rows: in the layout, by a column, or by the path."""


@dataclass(frozen=True)
class TextColumn:
    """A column of text; `several` allows it to change within a file, where a new recording begins then."""

    column: Column
    several: bool = False


@dataclass(frozen=True)
class TimeColumn:
    """A column of times, which count in `factor` seconds.

    Those of a `steady` sensor are when its samples were delivered: they are spread evenly. Where times go back a new
    recording begins if the layout `allows_disorder`.
    """

    column: Column
    factor: float
    steady: bool = False
    allows_disorder: bool = False


@dataclass(frozen=True)
class SensorColumns:
    """Columns of the x, y and z axes of a sensor, each the sum of some; times `factor` they are in g or rad/s.

    `sensor` is that of the path, where a file is of one sensor alone.
    """

    columns: tuple[tuple[Column, ...], ...]
    factor: float
    sensor: str = ""


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

    @property
    def has_header(self) -> bool:
        """Tell whether columns are found by the names in a header."""
        if self.acceleration is None:
            return True
        named = [x.column for x in self.text_columns.values()] + ([self.time.column] if self.time else [])
        parts = [x for x in (self.acceleration, self.rotation) if x]
        return any(isinstance(x, str) for x in named + [x for part in parts for axis in part.columns for x in axis])

    @property
    def names_labels(self) -> bool:
        """Tell whether it says which labels there are."""
        return bool(self.labels or self.other_labels)
