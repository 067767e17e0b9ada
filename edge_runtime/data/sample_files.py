"""Read one file of samples as its layout says or, where that names no columns, as its header does."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import itemgetter
from typing import Self

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.layout import Clock, Column, Layout
from edge_runtime.errors import InputError
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.signals.units import TIME_UNITS, unit_name
from edge_runtime.system.printable import quoted

LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}
_SEPARATORS = {"tab": "\t", "blanks": " "}

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Series:
    """One sensor: `values` `[n, 3]` in g or rad/s at `seconds` `[n]` since `begin`, in units of `factor` s."""

    begin: float
    factor: float
    seconds: Array
    values: Array


@dataclass(frozen=True)
class Table:
    """The rows of one device, person and trial in the file `place`, whose sensors may be `paired` in each row.

    `said` are those of `layout.TEXTS` that are the same in all its rows, `texts` `[n]` those of each row of
    acceleration. `numbers` `[n]` count these in the file, from 0, which has `n_rows`.
    """

    place: str
    said: dict[str, str]
    series: Mapping[str, Series]
    texts: Mapping[str, Texts]
    numbers: npt.NDArray[np.intp]
    n_rows: int
    paired: bool


@dataclass(frozen=True)
class _Rows:
    """The cells of a file by their columns.

    `numbers` `[n]` count the rows among all, from 0, which end in these `lines`.
    """

    place: str
    separator: str
    columns: Mapping[int, Texts]
    numbers: npt.NDArray[np.intp]
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, kept: npt.NDArray[np.bool_]) -> Self:
        return replace(self, columns={k: x[kept] for k, x in self.columns.items()}, numbers=self.numbers[kept])

    def texts(self, column: int) -> Texts:
        known = {x: x.strip() for x in set(self.columns[column].tolist())}  # one object for each different text
        return np.array([known[x] for x in self.columns[column].tolist()], np.object_)

    def error(self, row: int, says: str) -> InputError:
        return InputError(f"{self.place}, line {self.lines[self.numbers[row]]}: {says}")

    def parsed(self, column: int, clock: Clock | None = None) -> Array:
        """The numbers, or the times of a `clock`, in a column; NaN for other text."""
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
            return float(cell.replace(",", ".") if self.separator in column_names.DECIMAL_COMMAS else cell)
        except ValueError:
            return np.nan

    def numbers_in(self, column: int, clock: Clock | None = None) -> Array:
        """As `parsed`. Raises `InputError` for text that is not a finite number."""
        found = self.parsed(column, clock)
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found)))
            what = "number" if clock is None else f"time in {clock.unit}"
            raise self.error(row, f"{quoted(self.columns[column][row], 30)} is not a {what}: see skip, unit, bad_rows")
        return found


@dataclass(frozen=True)
class _Plan:
    """Places of columns, from 0; `axes` has those that are summed, factors and offsets make g and rad/s.

    With `sensor` each row is of the one that is named there, whose kind `kind_of` gives.
    """

    time: int | None
    clock: Clock
    axes: Mapping[str, Sequence[Sequence[int]]]
    factors: Mapping[str, float]
    texts: Mapping[str, int]
    where: Mapping[int, tuple[str, ...]]
    offsets: Mapping[str, Array] = field(default_factory=dict)
    sensor: int | None = None
    kind_of: Callable[[str], str] = column_names.sensor_kind

    def shifted(self, n: int) -> "_Plan":
        return replace(self, axes={k: [[x + n for x in axis] for axis in axes] for k, axes in self.axes.items()})

    @property
    def numeric(self) -> set[int]:
        return {x for axes in self.axes.values() for axis in axes for x in axis}

    @property
    def places(self) -> set[int]:
        others = {x for x in (self.time, self.sensor) if x is not None}
        return self.numeric | others | {*self.texts.values(), *self.where}


def read_tables(content: bytes, place: str, layout: Layout, sensor: str) -> tuple[list[Table], int]:
    """The tables in the file `place`, for each device, person and trial, and the number of rows left out.

    `sensor` is the one that its path names. Raises `InputError` with file and line.
    """
    try:
        text = content.decode(layout.encoding)
        if layout.bad_rows == "leave out" and not text.strip():
            return [], 0
        top = next((x for x in _lines(text, layout, "") if x.strip()), "")
        usual = column_names.delimiter(top) or ("," if layout.has_header else " ")
        separator = _SEPARATORS.get(layout.separator or "", layout.separator) or usual
        cells = _cells(_lines(text, layout, separator), separator)
        header = [x.strip() for x in next(cells, ([], 1))[0]] if layout.has_header else []
        first, line = next(cells, ([], 1))
        plan = _plan(header, first, place, layout, sensor)
        devices = [(name, plan.shifted(n)) for name, n in layout.placements.items()] or [("", plan)]
        places = {x for _, part in devices for x in part.places}
        rows = _gathered(
            chain([(first, line)] if first else [], cells),
            header,
            place,
            separator,
            places,
            layout.bad_rows == "refuse",
        )
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InputError(f"{place} is not {layout.encoding.removesuffix('-sig')} text of rows ({error})") from error
    n_left_out = len(rows.lines) - len(rows)
    for column, kept in plan.where.items():
        rows = rows.only(np.isin(rows.texts(column).astype(str), kept))
    tables: list[Table] = []
    for placement, part in devices:
        good = rows
        if layout.bad_rows == "leave out":
            times = [] if part.time is None else [rows.parsed(part.time, part.clock)]
            is_good = np.logical_and.reduce([np.isfinite(x) for x in (*map(rows.parsed, part.numeric), *times)])
            n_left_out += int((~is_good).sum())
            good = rows.only(is_good)
        tables += _of_device(good, part, layout, placement)
    if not tables and layout.bad_rows == "refuse":
        raise InputError(f"{place} has too few rows of samples ({len(rows)}); a recording is expected there")
    return tables, n_left_out


def _lines(text: str, layout: Layout, separator: str) -> Iterator[str]:
    """The lines, blank in place of those to skip; tabs at an end stay, since a cell there may be empty."""
    blanks = None if separator == " " else " \r\n"
    for number, line in enumerate(io.StringIO(text, newline="")):
        is_left_out = number < layout.skip or line.lstrip().startswith(layout.comment_marks)
        yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"


def _cells(lines: Iterator[str], separator: str) -> Iterator[tuple[list[str], int]]:
    if separator == " ":
        yield from ((x.split(), number) for number, x in enumerate(lines, 1) if x.strip())
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    yield from ((row, reader.line_num) for row in reader if row)


def _gathered(
    cells: Iterator[tuple[list[str], int]],
    header: Sequence[str],
    place: str,
    separator: str,
    places: set[int],
    is_strict: bool,
) -> _Rows:
    """The columns at `places` of all rows with all fields. Other rows are refused, or left out."""
    wanted = sorted(places)
    get = itemgetter(*wanted) if len(wanted) > 1 else lambda row: (row[wanted[0]],)
    sizes, lines, kept = list[int](), list[int](), list[tuple[str, ...]]()
    for row, line in cells:
        sizes.append(len(row))
        lines.append(line)
        kept.append(get(row) if len(row) > wanted[-1] else ())
    size = len(header) or max(wanted[-1] + 1, int(np.bincount(sizes).argmax()) if sizes else 0)
    numbers = np.flatnonzero(np.array(sizes, np.intp) == size)
    if size <= wanted[-1] or (len(numbers) < len(sizes) and is_strict):
        first = int((np.array(sizes) != size).argmax()) if sizes else 0
        there = f"{sizes[first] if sizes else 0} fields instead of {max(size, wanted[-1] + 1)}"
        line = lines[first] if lines else 1
        raise InputError(f"{place}, line {line}: {there}; see separator, skip, columns and bad_rows")
    columns = {x: np.array([kept[i][j] for i in numbers.tolist()], np.object_) for j, x in enumerate(wanted)}
    return _Rows(place, separator, columns, numbers, lines)


def _plan(header: Sequence[str], first: Sequence[str], place: str, layout: Layout, sensor: str) -> _Plan:

    def at(column: Column) -> int:
        if isinstance(column, int):
            return column - 1
        if (n := header.count(column)) != 1:
            there = ", ".join(quoted(x, 20) for x in header[:12])
            raise InputError(f"{place} has {n or 'no'} column '{column}'; its header names {there}")
        return header.index(column)

    if layout.acceleration is None:
        return _plan_by_header(header, first, place, layout, at)
    # A file without acceleration has to tell only whose its rows are.
    sensors = {name: x for name, x in layout.sensors.items() if layout.sensor or x.sensor == sensor}
    kinds = {x.sensor: name for name, x in sensors.items()}
    return _Plan(
        at(layout.time.column) if layout.time else None,
        layout.time or Clock("s"),
        {name: [[at(i) for i in axis] for axis in x.axes] for name, x in sensors.items()},
        {name: x.factor for name, x in sensors.items()},
        {name: at(x.column) for name, x in layout.text_columns.items() if "acceleration" in sensors or x.several},
        {at(column): texts for column, texts in layout.kept_rows.items()},
        {name: np.array(x.offset) for name, x in sensors.items()},
        at(layout.sensor.column) if layout.sensor else None,
        lambda x: kinds.get(x, ""),
    )


def _plan_by_header(
    header: Sequence[str], first: Sequence[str], place: str, layout: Layout, at: Callable[[Column], int]
) -> _Plan:
    try:
        found = column_names.find_columns(header, needs_rotation=None)
        time = None if layout.rate else found.time
        is_date = time is not None and time < len(first) and ":" in first[time]
        units = found.known_units(is_date)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if found.time is None and layout.rate is None:
        raise InputError(f"{place} has no column 'timestamp'; a layout may say rate = 50 (samples a second)")
    own = {"label": found.label, "subject": found.subject}
    texts = {
        name: at(x.column) if (n := own.get(str(x.column))) is None else n for name, x in layout.text_columns.items()
    }
    # Where each row is of one sensor, the values of both are in the same cells.
    parts = {"acceleration": found.values[:3], "rotation": found.values[3:]}
    parts |= {} if found.sensor is None else {"rotation": found.values}
    return _Plan(
        time,
        Clock("date" if is_date else unit_name(units.time or 1.0, TIME_UNITS)),
        {name: [[x] for x in places] for name, places in parts.items() if places},
        {"acceleration": units.acceleration or 1.0, "rotation": units.rotation or 1.0},
        texts,
        {at(column): kept for column, kept in layout.kept_rows.items()},
        sensor=found.sensor,
    )


def _of_device(rows: _Rows, plan: _Plan, layout: Layout, placement: str) -> Iterator[Table]:
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
            names = np.array([*map(plan.kind_of, group.texts(plan.sensor))], np.str_)
            parts = {(kind,): group.only(names == kind) for kind in LIMITS}
        if len(next(iter(parts.values()))) < 2:
            continue
        series: dict[str, Series] = {}
        main = None
        for kinds, part in parts.items():
            if len(part) > 1:
                begin, factor, seconds = _times(part, plan, layout)
                main = main or part
                series |= {x: Series(begin, factor, seconds, _values(part, x, plan)) for x in kinds}
        assert main
        said = dict(zip(several, key, strict=True)) | ({"placement": placement} if placement else {})
        texts = {name: _texts(main, name, x, layout) for name, x in plan.texts.items() if name not in said}
        yield Table(rows.place, said, series, texts, main.numbers, len(rows.lines), plan.sensor is None)


def _texts(rows: _Rows, name: str, column: int, layout: Layout) -> Texts:
    """The text of each row. Raises `InputError` for a change that is not allowed."""
    found = rows.texts(column)
    if name != "label" and not layout.text_columns[name].several and (len(set(found)) > 1 or not found[0]):
        row = next(i for i, x in enumerate(found) if x != found[0] or not x)
        raise rows.error(row, f"each row needs the same {name}, here {quoted(found[row], 20)}; see several = true")
    return found


def _times(rows: _Rows, plan: _Plan, layout: Layout) -> tuple[float, float, Array]:
    """The first time, its unit in seconds, and the seconds since it."""
    time = layout.time
    if plan.time is None:
        return 0.0, 1.0, np.arange(len(rows)) / (layout.rate or 1.0)
    times, factor = rows.numbers_in(plan.time, plan.clock), plan.clock.factor or 1.0
    # Since the start: float64 holds nanoseconds since 1970 to a quarter of a microsecond.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (times - times[0]) * factor
        steps = np.diff(seconds)
        is_late = ~(steps >= 0) if time and time.steady else ~(steps > 0)
    if is_late.any() and (time is None or time.disorder == "refuse"):
        says = "the timestamp is not after that of the row before: see steady and disorder under [time], or rate"
        raise rows.error(int(is_late.argmax()) + 1, says)
    return float(times[0]), factor, seconds


def _values(rows: _Rows, kind: str, plan: _Plan) -> Array:
    axes = [np.sum([rows.numbers_in(x) for x in axis], axis=0) for axis in plan.axes[kind]]
    most, unit = LIMITS[kind]
    with np.errstate(over="ignore", invalid="ignore"):
        values: Array = (np.stack(axes, axis=1) + plan.offsets.get(kind, 0.0)) * plan.factors[kind]
        is_possible = (np.abs(values) <= most).all(axis=1)
    if not is_possible.all():
        says = f"{kind} of more than {most:g} {unit}, which no body has: check its unit, scale and offset"
        raise rows.error(int(is_possible.argmin()), says)
    return values
