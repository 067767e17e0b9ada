"""Read one file of samples as a layout describes it, strictly: a mistake is refused with its file and line.

Where the layout names no columns, the header does, in any order, with their units, as har-edge or a phone app does
(`edge_runtime.data.columns`); other columns are ignored, and rotation may be missing altogether.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_plan, columns, units
from edge_runtime.data.column_plan import ColumnPlan
from edge_runtime.data.columns import MalformedError
from edge_runtime.data.layout import Layout
from edge_runtime.errors import InputError
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.system.printable import quoted

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a label is one line of labels.txt, and shown on terminals
_LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}

Array = npt.NDArray[np.float64]


class Series(NamedTuple):
    """One sensor: `seconds` `[n]` since its first sample, which is at `begin` in the file's clock; `values` `[n, 3]`.

    They are in g or rad/s. `seconds` are those of the rows where they have no time.
    """

    begin: float
    seconds: Array
    values: Array


@dataclass(frozen=True)
class Table:
    """One file, called `place` in errors.

    `rotation` is at the times of `acceleration` where `is_paired`, and None without any; `acceleration` is None in a
    file of rotation alone. `texts` has the label, subject, placement and device of each row, as far as columns tell
    them. `time_factor` is the unit of the clock in seconds, `left_out` the number of rows that were malformed.
    """

    place: str
    acceleration: Series | None
    rotation: Series | None
    is_paired: bool
    texts: Mapping[str, Sequence[str]]
    time_factor: float
    left_out: int


def read(content: bytes, place: str, layout: Layout, sensor: str = "") -> Table:
    """The table in `content`, the file called `place`; `sensor` is the one that its path names.

    Raises `InputError` naming the file and the line, also for values beyond `MAX_ACCELERATION_G` and
    `MAX_ROTATION_RAD_S`, and where a unit is neither stated nor known from the app.
    """
    try:
        text = content.decode(layout.encoding)
    except UnicodeDecodeError as error:
        name = layout.encoding.removesuffix("-sig").upper()
        raise InputError(
            f"{place} is not {name} text ({error.reason}); export the recording again as CSV, or name its encoding in "
            "a layout"
        ) from error
    try:
        return _parse(_Grid.read(text, place, layout), layout, sensor)
    except csv.Error as error:
        raise InputError(f"{place} is not a CSV file ({error}); export the recording again") from error


@dataclass(frozen=True)
class _Grid:
    """The cells of a file by rows; `rows[i]` is number `numbers[i]` of those that are not empty, the header not one."""

    place: str
    text: str
    layout: Layout
    separator: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: npt.NDArray[np.intp]

    @classmethod
    def read(cls, text: str, place: str, layout: Layout) -> "_Grid":
        """Cut `text` into cells. Raises `csv.Error`."""
        separator = layout.separator or columns.delimiter(_first_line(text, layout)) or ","
        cells = (row for row, _ in _cells(text, layout, separator) if row)
        header = next(cells, []) if layout.has_header else []
        rows = list(cells)
        return cls(place, text, layout, separator, header, rows, np.arange(len(rows)))

    def where(self, row: int) -> str:
        """The place of `rows[row]` in words."""
        wanted = int(self.numbers[row]) + self.layout.has_header
        lines = (line for cells, line in _cells(self.text, self.layout, self.separator) if cells)
        return f"{self.place}, line {next(line for i, line in enumerate(lines) if i == wanted)}"

    def only(self, kept: Sequence[bool] | npt.NDArray[np.bool_]) -> "_Grid":
        """The rows that are `kept`."""
        rows = [row for row, keep in zip(self.rows, kept, strict=True) if keep]
        values = self.place, self.text, self.layout, self.separator, self.header, rows
        return _Grid(*values, self.numbers[np.asarray(kept, np.bool_)])

    def column(self, place: int) -> list[str]:
        """The cells of a column."""
        return [row[place] for row in self.rows]

    def numbers_in(self, place: int, is_time: bool = False) -> Array:
        """The numbers of a column. Raises `InputError` where there is none, or one that is not finite."""
        cells = self.column(place)
        try:
            found = np.array(list(map(float, cells)), np.float64)
        except ValueError:
            found = np.array([self._number(i, x, is_time) for i, x in enumerate(cells)], np.float64)
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            fault = "the time is no finite number" if is_time else "a number is not finite"
            raise InputError(f"{self.where(bad[0])}: {fault}; leave out rows without a measurement")
        return found

    def _number(self, row: int, cell: str, is_time: bool) -> float:
        try:
            return parse_cell(cell, is_time, columns.has_decimal_commas(self.separator))
        except MalformedError as error:
            raise InputError(f"{self.where(row)}: {error}; leave out rows without a measurement") from error


def parse_cell(cell: str, is_time: bool, has_decimal_commas: bool) -> float:
    """The number in a cell, or the time. Raises `MalformedError`."""
    cell = cell.replace(",", ".") if has_decimal_commas else cell
    time, values = columns.row(cell if is_time else None, [] if is_time else [cell])
    return values[0] if time is None else time


def _first_line(text: str, layout: Layout) -> str:
    """The first line with cells, by which the separator is told."""
    return next((x for x in _lines(text, layout) if x.strip()), "")


def _lines(text: str, layout: Layout) -> Iterator[str]:
    """The lines of `text`, with "" in place of those to skip."""
    lines: Iterable[str] = io.StringIO(text, newline="")
    if not (layout.skip or layout.comments or layout.line_end):
        yield from lines
        return
    for number, line in enumerate(lines):
        is_left_out = number < layout.skip or line.lstrip().startswith(layout.comments or ("\n",))
        yield "\n" if is_left_out else line.strip().removesuffix(layout.line_end) + "\n"


def _cells(text: str, layout: Layout, separator: str) -> Iterator[tuple[list[str], int]]:
    """The cells of each row, and the number of its last line."""
    lines = _lines(text, layout)
    if separator == " ":
        for number, line in enumerate(lines, 1):
            yield line.split(), number
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    for row in reader:
        yield row, reader.line_num


def _parse(grid: _Grid, layout: Layout, sensor: str) -> Table:
    plan = column_plan.of(grid.header, grid.place, layout, sensor)
    n_rows = len(grid.rows)
    grid = _checked(grid, plan, layout)
    n_left_out = n_rows - len(grid.rows)
    acceleration = rotation = grid
    if plan.sensor is not None:
        names = grid.column(plan.sensor)
        kinds = {x: columns.sensor_kind(x) for x in set(names)}
        acceleration, rotation = (grid.only([kinds[x] == kind for x in names]) for kind in _LIMITS)
    first = acceleration if plan.acceleration else rotation
    if len(first.rows) < 2:
        raise InputError(f"{grid.place} has too few rows of samples ({len(first.rows)}); a recording is expected there")
    has_iso_times = plan.time is not None and ":" in first.rows[0][plan.time]
    plan = column_plan.settled(plan, grid.header, grid.place, has_iso_times, lambda: _size(first, plan))
    times = _times(first, plan, layout)
    found: dict[str, Series] = {}
    if plan.acceleration:
        found["acceleration"] = _series(first, "acceleration", plan, times)
    if plan.rotation and len(rotation.rows):
        own = times if plan.sensor is None else _times(rotation, plan, layout)
        found["rotation"] = _series(rotation, "rotation", plan, own)
    return Table(
        grid.place,
        found.get("acceleration"),
        found.get("rotation"),
        plan.sensor is None,
        {name: _texts(first, name, place, layout) for name, place in plan.texts.items()},
        plan.time_factor,
        n_left_out,
    )


def _size(grid: _Grid, plan: ColumnPlan) -> float:
    """The typical size of acceleration, in its own unit."""
    return units.typical_size(np.stack([grid.numbers_in(x) for (x,) in plan.acceleration], axis=1))


def _checked(grid: _Grid, plan: ColumnPlan, layout: Layout) -> _Grid:
    """The rows that have all fields; those that have not are left out, where the layout says so, or refused."""
    n_fields = len(grid.header) if layout.has_header else max(plan.places, default=0) + 1
    lengths = np.fromiter(map(len, grid.rows), np.intp, len(grid.rows))
    if not layout.has_header and len(lengths):
        n_fields = max(n_fields, int(np.bincount(lengths).argmax()))
    is_whole = lengths == n_fields
    if layout.leaves_out_bad_rows:
        grid = grid.only(is_whole)
        return grid.only([_is_good(row, plan, grid.separator) for row in grid.rows])
    if not is_whole.all():
        row = int(is_whole.argmin())
        than = f"the header's {n_fields}" if layout.has_header else f"{n_fields}"
        raise InputError(f"{grid.where(row)}: {lengths[row]} fields instead of {than}")
    return grid


def _is_good(row: Sequence[str], plan: ColumnPlan, separator: str) -> bool:
    """Tell whether all that is needed of a row are finite numbers."""
    try:
        return all(
            np.isfinite(parse_cell(row[x], x == plan.time, columns.has_decimal_commas(separator)))
            for x in plan.number_places
        )
    except MalformedError:
        return False


def _times(grid: _Grid, plan: ColumnPlan, layout: Layout) -> tuple[float, Array]:
    """The time of the first row in the file's clock, and the seconds `[n]` since. Raises `InputError` out of order."""
    if plan.time is None:
        return 0.0, np.arange(len(grid.rows)) / (layout.rate_hz or 1.0)
    times = grid.numbers_in(plan.time, is_time=True)
    # From the start on: float64 holds nanoseconds since 1970 to a quarter of a microsecond, seconds no better.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (times - times[0]) * plan.time_factor
        steps = np.diff(seconds)
        is_late = ~(steps >= 0) if layout.time and layout.time.steady else ~(steps > 0)
    if is_late.any() and not (layout.time and layout.time.allows_disorder):
        advice = "" if layout.time is None else ', or write disorder = "new recording" under [time]'
        raise InputError(
            f"{grid.where(int(is_late.argmax()) + 1)}: the timestamp is not after that of the row before; "
            f"sort the rows{advice}"
        )
    return float(times[0]), seconds


def _series(grid: _Grid, kind: str, plan: ColumnPlan, times: tuple[float, Array]) -> Series:
    """The values of a sensor. Raises `InputError` where one is beyond its limit, which no sensor is."""
    axes = plan.acceleration if kind == "acceleration" else plan.rotation
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is beyond the limit
        read = [np.sum([grid.numbers_in(x) for x in summed], axis=0) for summed in axes]
        values: Array = np.stack(read, axis=1) * np.array(plan.factors[kind])
    limit, unit = _LIMITS[kind]
    beyond = np.argwhere(~(np.abs(values) <= limit))
    if len(beyond):
        row, axis = beyond[0]
        name = " + ".join(grid.header[x].strip() if grid.header else f"column {x + 1}" for x in axes[axis])
        where = f"under [{kind}]" if plan.by_name is None else "in the header"
        raise InputError(
            f"{grid.where(row)}: '{name}' is {values[row, axis]:.4g} {unit}, and nobody moves with more than "
            f"{limit:g} {unit}; check its unit {where}, or leave out such rows"
        )
    return Series(*times, values)


def _texts(grid: _Grid, name: str, place: int, layout: Layout) -> list[str]:
    """The text of each row. Raises `InputError` for control characters, and for a change that is not allowed."""
    found = [x.strip() for x in grid.column(place)]
    different = set(found)
    bad = {x for x in different if _UNPRINTABLE.search(x)}
    if bad:
        row = next(i for i, x in enumerate(found) if x in bad)
        raise InputError(f"{grid.where(row)}: a label or subject has a line break or control character")
    if name != "label" and not layout.text_columns[name].several and (len(different) > 1 or "" in different):
        row = next(i for i, x in enumerate(found) if x != found[0] or not x)
        raise InputError(
            f"{grid.where(row)}: each row of a file needs the same {name}, and a name for it"
            f", here {quoted(found[row], 20)}"
        )
    return found
