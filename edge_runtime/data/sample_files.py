"""Read one file of samples as its layout says or, where that names no columns, as its header does.

A row that is no sample is refused with its file and line, or left out where the layout allows it.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import itemgetter
from typing import Self

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.column_names import Columns
from edge_runtime.data.layout import Clock, Column, Layout
from edge_runtime.errors import InputError
from edge_runtime.signals import steady_times
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.signals.units import TIME_UNITS, Units, check_units, unit_name
from edge_runtime.system.printable import quoted

LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


@dataclass
class FileFacts:
    """Facts of files: rows left out, rows sorted and how far times went back there, and the step of a coarse clock."""

    rows_left_out: int = 0
    rows_sorted: int = 0
    back_s: float = 0.0
    clock_s: float = 0.0


@dataclass(frozen=True)
class Series:
    """One sensor: `values` `[n, 3]` in g or rad/s at `seconds` `[n]` since `begin`, a time in units of `factor` s."""

    begin: float
    factor: float
    seconds: Array
    values: Array


@dataclass(frozen=True)
class Table:
    """The rows of one device, person and trial in a file, which is called `place` in errors.

    `said` are those of `layout.TEXTS` that are the same in all its rows, of several in the file; `texts` `[n]` those
    that columns tell of each row of acceleration, of rotation in a file of that alone. `numbers` `[n]` count these rows
    in the file, from 0, which has `n_rows`. Both sensors have the same rows where they are `paired`.
    """

    place: str
    said: dict[str, str]
    series: Mapping[str, Series]
    texts: Mapping[str, Texts]
    numbers: npt.NDArray[np.intp]
    n_rows: int
    paired: bool


@dataclass(frozen=True)
class _Text:
    """The text of a file, whose cells `separator` parts; `header` is empty where columns have numbers."""

    text: str
    layout: Layout
    separator: str
    header: Sequence[str]

    @classmethod
    def decoded(cls, content: bytes, layout: Layout) -> Self:
        """The text in `content`. Raises `UnicodeDecodeError`, `LookupError` for its encoding, and `csv.Error`."""
        bare = cls(content.decode(layout.encoding), layout, "", ())
        first = next((x for x in bare._lines() if x.strip()), "")
        usual = column_names.delimiter(first) or ("," if layout.has_header else " ")
        found = replace(
            bare, separator={"tab": "\t", "blanks": " "}.get(layout.separator or "", layout.separator) or usual
        )
        header = next((x for x, _ in found.rows()), []) if layout.has_header else []
        return replace(found, header=[x.strip() for x in header])

    def rows(self) -> Iterator[tuple[list[str], int]]:
        """The cells of each row that is not empty, the header's too, and the number of its last line."""
        if self.separator == " ":
            yield from ((x.split(), number) for number, x in enumerate(self._lines(), 1) if x.strip())
            return
        reader = csv.reader(self._lines(), delimiter=self.separator, strict=True)
        yield from ((row, reader.line_num) for row in reader if row)

    def _lines(self) -> Iterator[str]:
        """The lines, with "" in place of those to skip; a tab at an end may stand beside an empty cell."""
        layout, blanks = self.layout, None if self.separator == " " else " \r\n"
        lines = io.StringIO(self.text, newline="")
        if not (layout.skip or layout.comments or layout.line_end):
            yield from lines
        for number, line in enumerate(lines):
            is_left_out = number < layout.skip or (layout.comments and line.lstrip().startswith(layout.comment_marks))
            yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"

    def line_of(self, number: int) -> int:
        """The line of the row of this `number`, from 0, behind the header."""
        lines = [line for _, line in self.rows()] or [1]
        return lines[min(number + bool(self.header), len(lines) - 1)]


@dataclass(frozen=True)
class _Rows:
    """The cells of a file, by the places of their columns; `numbers` `[n]` count the rows among all, from 0."""

    place: str
    text: _Text
    columns: Mapping[int, Texts]
    numbers: npt.NDArray[np.intp]
    n_rows: int

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Self:
        """The rows that are `kept`."""
        return replace(self, columns={k: x[kept] for k, x in self.columns.items()}, numbers=self.numbers[kept])

    def texts(self, column: int) -> Texts:
        """The texts of a column."""
        known = {x: x.strip() for x in set(self.columns[column].tolist())}  # one object for each different text
        return np.array([known[x] for x in self.columns[column].tolist()], np.object_)

    def error(self, row: int, says: str) -> InputError:
        """The error that names the file and the line of a row."""
        return InputError(f"{self.place}, line {self.text.line_of(int(self.numbers[row]))}: {says}")

    def parsed(self, column: int, clock: Clock | None = None) -> Array:
        """The numbers, or the times of a `clock`, in a column; NaN where there is none."""
        cells = self.columns[column].tolist()
        try:
            if clock is None or not clock.is_of_day:
                return np.array(list(map(float, cells)), np.float64)
        except ValueError:
            pass
        return np.array([self._parsed(x, clock) for x in cells], np.float64)

    def _parsed(self, cell: str, clock: Clock | None) -> float:
        try:
            if clock is not None and clock.is_of_day:
                return column_names.date_seconds(cell, clock.pattern) if clock.pattern or ":" in cell else np.nan
            return float(cell.replace(",", ".") if self.text.separator in column_names.DECIMAL_COMMAS else cell)
        except ValueError:
            return np.nan

    def numbers_in(self, column: int, clock: Clock | None = None) -> Array:
        """As `parsed`. Raises `InputError` where there is no finite number."""
        found = self.parsed(column, clock)
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found)))
            what = "number" if clock is None else f"time in {clock.unit}"
            raise self.error(row, f"{quoted(self.columns[column][row], 30)} is no {what}: see skip, unit and bad_rows")
        return found


@dataclass(frozen=True)
class _Plan:
    """Places of columns, from 0: of each axis of a sensor those that are summed; factors and offsets make g and rad/s.

    Without `sensor` each row is of all sensors; with it, of the one that is named there. `by_name` are the columns that
    were found by the names in the header, whose units `_with_units` settles.
    """

    time: int | None
    axes: Mapping[str, Sequence[Sequence[int]]]
    texts: Mapping[str, int]
    clock: Clock
    factors: Mapping[str, Array] = field(default_factory=dict)
    offsets: Mapping[str, Array] = field(default_factory=dict)
    sensor: int | None = None
    sensor_names: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    by_name: Columns | None = None

    def shifted(self, n: int) -> "_Plan":
        """The plan of the device whose columns stand `n` further."""
        return replace(self, axes={k: [[x + n for x in axis] for axis in axes] for k, axes in self.axes.items()})

    @property
    def numeric(self) -> set[int]:
        """The columns of numbers but for the time."""
        return {x for axes in self.axes.values() for axis in axes for x in axis}

    @property
    def places(self) -> set[int]:
        """All columns that are read."""
        others = {x for x in (self.time, self.sensor) if x is not None}
        return self.numeric | others | {*self.texts.values(), *self.where}


def read_tables(content: bytes, place: str, layout: Layout, sensor: str, facts: FileFacts) -> list[Table]:
    """The tables in `content`, the file called `place`, a table for each device, person and trial.

    `sensor` is the one that the file's path names. `facts` take what was left out or put in order. Where the layout
    leaves bad rows out there may be none. Raises `InputError` that names the file and the line.
    """
    try:
        text = _Text.decoded(content, layout)
        if layout.bad_rows == "leave out" and not text.text.strip():
            return []
        plan = _plan(text.header, place, layout, sensor)
        devices = [(name, plan.shifted(n)) for name, n in layout.placements.items()] or [("", plan)]
        rows = _gathered(text, place, {x for _, part in devices for x in part.places})
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InputError(f"{place} is no {layout.encoding.removesuffix('-sig')} text of rows ({error})") from error
    facts.rows_left_out += rows.n_rows - len(rows)
    for column, kept in plan.where.items():
        rows = rows.only(np.isin(rows.texts(column).astype(str), kept))
    tables = [x for placement, part in devices for x in _of_device(rows, part, layout, placement, facts)]
    if not tables and layout.bad_rows == "refuse":
        raise InputError(f"{place} has too few rows of samples ({len(rows)}); a recording is expected there")
    return tables


def _gathered(text: _Text, place: str, places: set[int]) -> _Rows:
    """The rows with all fields, of which the columns at `places` are kept; others are refused unless left out."""
    wanted = sorted(places)
    get = itemgetter(*wanted) if len(wanted) > 1 else lambda row: (row[wanted[0]],)
    sizes, kept = list[int](), list[tuple[str, ...]]()
    for cells, _ in islice(text.rows(), bool(text.header), None):
        sizes.append(len(cells))
        kept.append(get(cells) if len(cells) > wanted[-1] else ())
    size = len(text.header) or max(wanted[-1] + 1, int(np.bincount(sizes).argmax()) if sizes else 0)
    numbers = np.flatnonzero(np.array(sizes, np.intp) == size)
    if size <= wanted[-1] or (len(numbers) < len(sizes) and text.layout.bad_rows == "refuse"):
        first = int((np.array(sizes) != size).argmax()) if sizes else 0
        there = f"{sizes[first] if sizes else 0} fields instead of {max(size, wanted[-1] + 1)}"
        raise InputError(f"{place}, line {text.line_of(first)}: {there}; see separator, skip, columns and bad_rows")
    columns = {x: np.array([kept[i][j] for i in numbers.tolist()], np.object_) for j, x in enumerate(wanted)}
    return _Rows(place, text, columns, numbers, len(sizes))


def _plan(header: Sequence[str], place: str, layout: Layout, sensor: str) -> _Plan:
    """The plan of a file. Raises `InputError` that names the column that is missing, or read twice."""

    def at(column: Column) -> int:
        if isinstance(column, int):
            return column - 1
        if (n := header.count(column)) != 1:
            there = ", ".join(quoted(x, 20) for x in header[:12])
            raise InputError(f"{place} has {n or 'no'} column '{column}'; its header names {there}")
        return header.index(column)

    if layout.acceleration is None:
        return _plan_by_header(header, place, layout, at)
    # A file of rotation alone has to tell only whose its rows are.
    sensors = {name: x for name, x in layout.sensors.items() if layout.sensor or x.sensor == sensor}
    plan = _Plan(
        at(layout.time.column) if layout.time else None,
        {name: [[at(i) for i in axis] for axis in x.axes] for name, x in sensors.items()},
        {name: at(x.column) for name, x in layout.text_columns.items() if "acceleration" in sensors or x.several},
        layout.time or Clock("s"),
        {name: np.full(3, x.factor) for name, x in sensors.items()},
        {name: np.broadcast_to(np.array(x.offset), 3) for name, x in sensors.items()},
        at(layout.sensor.column) if layout.sensor else None,
        {x.sensor: name for name, x in sensors.items()} if layout.sensor else {},
        {at(column): texts for column, texts in layout.kept_rows.items()},
    )
    # Rows of one sensor each have the numbers of either in the same columns.
    parts = [plan.shifted(n) for n in layout.placements.values()] or [plan]
    axes = [[x for axis in axes for x in axis] for part in parts for axes in part.axes.values()]
    taken = axes[0] if layout.sensor else [x for part in axes for x in part]
    if twice := [x for x in taken if taken.count(x) > 1 or x in (*plan.texts.values(), plan.time)]:
        raise InputError(f"{place}: column {twice[0] + 1} is read as two things by {layout.source}")
    return plan


def _plan_by_header(header: Sequence[str], place: str, layout: Layout, at: Callable[[Column], int]) -> _Plan:
    try:
        found = column_names.find_columns(header, needs_rotation=None)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if found.time is None and layout.rate is None:
        raise InputError(f"{place} has no column 'timestamp'; a layout may say rate = 50 (samples a second)")
    own = {"label": found.label, "subject": found.subject}
    texts = {
        name: at(x.column) if (n := own.get(str(x.column))) is None else n for name, x in layout.text_columns.items()
    }
    # A row of one sensor has the values of either in the same cells.
    axes = {"acceleration": [[x] for x in found.values[:3]]}
    if rotation := found.values if found.sensor is not None else found.values[3:]:
        axes["rotation"] = [[x] for x in rotation]
    return _Plan(None if layout.rate else found.time, axes, texts, Clock("s"), sensor=found.sensor, by_name=found)


def _with_units(plan: _Plan, rows: _Rows) -> _Plan:
    """The plan with the units that the header states, or its app is known to mean."""
    if (found := plan.by_name) is None:
        return plan
    is_date = plan.time is not None and ":" in rows.columns[plan.time][0]
    try:
        known = found.known_units(is_date)
        if found.units.acceleration is None:
            axes = [rows.numbers_in(x) for (x,) in plan.axes["acceleration"]]
            check_units(Units(None, known.acceleration), np.stack(axes, axis=1))
    except InputError as error:
        raise InputError(f"{rows.place}: {error}") from error
    scale, units = np.array(found.scale or (1.0,) * 6), (known.acceleration or 1.0, known.rotation or 1.0)
    factors = {"acceleration": scale[:3] * units[0], "rotation": scale[-3:] * units[1]}
    clock = Clock("date" if is_date else unit_name(known.time or 1.0, TIME_UNITS))
    return replace(plan, factors=factors, clock=clock)


def _of_device(rows: _Rows, plan: _Plan, layout: Layout, placement: str, facts: FileFacts) -> Iterator[Table]:
    """The tables of one of the devices that a file has columns of."""
    if layout.bad_rows == "leave out":
        times = [] if plan.time is None else [rows.parsed(plan.time, plan.clock)]
        is_good = np.logical_and.reduce([np.isfinite(x) for x in (*map(rows.parsed, plan.numeric), *times)])
        facts.rows_left_out += int((~is_good).sum())
        rows = rows.only(is_good)
    # Without times, which tell where rows are missing, runs of rows are told apart later.
    several = [x for x in plan.texts if x != "label" and layout.text_columns[x].several and plan.time is not None]
    texts_of = [_texts(rows, x, plan.texts[x], layout) for x in several]
    keys = list(zip(*texts_of, strict=True)) if several else [()] * len(rows)
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    of_row = np.array([number[x] for x in keys], np.intp)
    for key, i in number.items():
        group = rows.only(of_row == i) if len(number) > 1 else rows
        parts = {tuple(plan.axes): group}
        if plan.sensor is not None:
            kind_of = column_names.sensor_kind if plan.by_name else lambda x: plan.sensor_names.get(x, "")
            names = np.array([kind_of(x) for x in group.texts(plan.sensor)], np.str_)
            parts = {(kind,): group.only(names == kind) for kind in LIMITS}
        if len(next(iter(parts.values()))) < 2:
            continue
        series: dict[str, Series] = {}
        main = None
        for kinds, part in parts.items():
            if len(part) > 1:
                settled = _with_units(plan, part)
                ordered, begin, factor, seconds = _times(part, settled, layout, facts)
                main = main or ordered
                series |= {x: Series(begin, factor, seconds, _values(ordered, x, settled)) for x in kinds}
        assert main
        said = dict(zip(several, key, strict=True)) | ({"placement": placement} if placement else {})
        texts = {name: _texts(main, name, x, layout) for name, x in plan.texts.items() if name not in said}
        yield Table(rows.place, said, series, texts, main.numbers, rows.n_rows, plan.sensor is None)


def _texts(rows: _Rows, name: str, column: int, layout: Layout) -> Texts:
    """The text of each row. Raises `InputError` for a change that is not allowed."""
    found = rows.texts(column)
    if name != "label" and not layout.text_columns[name].several and (len(set(found)) > 1 or not found[0]):
        row = next(i for i, x in enumerate(found) if x != found[0] or not x)
        raise rows.error(row, f"each row needs the same {name}, here {quoted(found[row], 20)}; see several = true")
    return found


def _times(rows: _Rows, plan: _Plan, layout: Layout, facts: FileFacts) -> tuple[_Rows, float, float, Array]:
    """The rows in the order of their times; the first time and its unit in seconds, and the seconds since it."""
    time = layout.time
    if plan.time is None:
        return rows, 0.0, 1.0, np.arange(len(rows)) / (layout.rate or 1.0)
    times, factor = rows.numbers_in(plan.time, plan.clock), plan.clock.factor or 1.0
    if time and time.disorder == "sort":
        facts.back_s = max(facts.back_s, factor * float(-np.diff(times).min(initial=0.0)))
        facts.rows_sorted += int(np.count_nonzero(times < np.maximum.accumulate(times)))
        order = np.argsort(times, kind="stable")
        times, rows = times[order], rows.only(order)
    # From the start on: float64 holds nanoseconds since 1970 to a quarter of a microsecond, seconds no better.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (times - times[0]) * factor
        steps = np.diff(seconds)
        is_late = ~(steps >= 0) if time and time.steady else ~(steps > 0)
    if is_late.any() and (time is None or time.disorder == "refuse"):
        says = "the timestamp is not after that of the row before: see steady and disorder under [time], or rate"
        raise rows.error(int(is_late.argmax()) + 1, says)
    clock_s = steady_times.coarse_step(seconds)
    if time and time.steady and clock_s:
        facts.clock_s = max(facts.clock_s, clock_s)
        seconds = steady_times.spread(seconds, clock_s)
    return rows, float(times[0]), factor, seconds


def _values(rows: _Rows, kind: str, plan: _Plan) -> Array:
    """The values `[n, 3]` of one sensor in g or rad/s. Raises `InputError` for those beyond `LIMITS`."""
    axes = [np.sum([rows.numbers_in(x) for x in axis], axis=0) for axis in plan.axes[kind]]
    most, unit = LIMITS[kind]
    with np.errstate(over="ignore", invalid="ignore"):
        values: Array = (np.stack(axes, axis=1) + plan.offsets.get(kind, 0.0)) * plan.factors[kind]
        is_possible = (np.abs(values) <= most).all(axis=1)
    if not is_possible.all():
        says = f"nobody moves with more than {most:g} {unit}: check the unit, scale and offset of {kind}"
        raise rows.error(int(is_possible.argmin()), says)
    return values
