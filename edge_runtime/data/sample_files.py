"""Read one file of samples as its layout says or, where that names no columns, as its header does."""

import csv
import io
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
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
MAX_LINES, LONGEST_LINE = 1_500_000, 1 << 17  # with these, a file takes at most 1 GB of memory and 30 s
_SEPARATORS = {"tab": "\t", "blanks": " "}

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Row = tuple[list[str], int]  # its cells, and the line that it ends in


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
    """The rows with all fields: `numbers` `[n]` count them, from 0, among the `n_all` that `cells` gives.

    Columns of numbers and times are in `values` `[n]`, with NaN for other text, others in `texts` `[n]`.
    """

    place: str
    cells: Callable[[], Iterator[Row]]
    n_all: int
    numbers: npt.NDArray[np.intp]
    values: Mapping[int, Array]
    texts: Mapping[int, Texts]

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, kept: npt.NDArray[np.bool_]) -> Self:
        values = {k: x[kept] for k, x in self.values.items()}
        return replace(
            self, numbers=self.numbers[kept], values=values, texts={k: x[kept] for k, x in self.texts.items()}
        )

    def error(self, row: int, says: str, column: int | None = None) -> InputError:
        cells, line = next(islice(self.cells(), int(self.numbers[row]), None))
        cell = "" if column is None else f"{quoted(cells[column], 30)} "
        return InputError(f"{self.place}, line {line}: {cell}{says}")

    def finite(self, column: int, what: str) -> Array:
        """The values of a column. Raises `InputError` for text that is not a finite number."""
        found = self.values[column]
        if not np.isfinite(found).all():
            raise self.error(int(np.isfinite(found).argmin()), f"is not a {what}: see skip, unit, bad_rows", column)
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
    def of_numbers(self) -> set[int]:
        axes = {x for axes in self.axes.values() for axis in axes for x in axis}
        return axes if self.time is None else {*axes, self.time}

    @property
    def of_texts(self) -> set[int]:
        texts = {*self.texts.values(), *self.where}
        return texts if self.sensor is None else {*texts, self.sensor}


def read_tables(content: bytes, place: str, layout: Layout, sensor: str) -> tuple[list[Table], int]:
    """The tables in the file `place`, for each device, person and trial, and the number of rows left out.

    `sensor` is the one that its path names. Raises `InputError` with file and line.
    """
    try:
        top = next((x for x in _lines(content, place, layout, "") if x.strip()), "")
        if layout.bad_rows == "leave out" and not top:
            return [], 0
        usual = delimiter(top) or ("," if layout.has_header else " ")
        separator = _SEPARATORS.get(layout.separator or "", layout.separator) or usual

        def cells(first: int = int(layout.has_header)) -> Iterator[Row]:
            return islice(_cells(_lines(content, place, layout, separator), separator), first, None)

        header = [x.strip() for x in next(cells(0), ([], 1))[0]] if layout.has_header else []
        plan = _plan(header, next(cells(), ([], 1))[0], place, layout, sensor)
        shifts = {name: n for name, n in layout.placements.items() if isinstance(n, int)} or {"": 0}
        devices = {name: plan.shifted(n) for name, n in shifts.items()}
        rows = _gathered(cells, place, header, list(devices.values()), separator, layout.bad_rows == "refuse")
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InputError(f"{place} is not {layout.encoding.removesuffix('-sig')} text of rows ({error})") from error
    n_left_out = rows.n_all - len(rows)
    for column, kept in plan.where.items():
        rows = rows.only(np.array([x in kept for x in rows.texts[column]], np.bool_))
    tables: list[Table] = []
    for placement, part in devices.items():
        good = rows
        if layout.bad_rows == "leave out":
            is_number = np.isfinite([rows.values[x] for x in part.of_numbers])
            is_header = ~is_number[:, : not layout.has_header].any(axis=0)  # the first row, where it has no number
            is_good = np.logical_and.reduce(is_number)
            n_left_out += int((~is_good).sum() - is_header.sum())
            good = rows.only(is_good)
        tables += _of_device(good, part, layout, placement)
    if not tables and layout.bad_rows == "refuse" and not plan.where:
        raise InputError(f"{place} has too few rows of samples ({len(rows)}); a recording is expected there")
    return tables, n_left_out


def delimiter(header: str) -> str | None:
    """The character that separates the cells of `header`; None for white space."""
    most = max(",;\t", key=header.count)
    return most if most in header else None


def text_lines(content: bytes, place: str, encoding: str) -> Iterator[str]:
    """The lines of the file `place`, with their ends. Raises `InputError` for too many, or too long ones."""
    if max(map(content.count, (b"\n", b"\r"))) > MAX_LINES:
        raise InputError(f"{place} has more than {MAX_LINES:,} lines: split it")
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{place} has a line of more than {LONGEST_LINE:,} characters: it is no file of rows")
        yield line


def _lines(content: bytes, place: str, layout: Layout, separator: str) -> Iterator[str]:
    """The lines, blank in place of those to skip; tabs at an end stay, since a cell there may be empty."""
    blanks = None if separator == " " else " \r\n"
    for number, line in enumerate(text_lines(content, place, layout.encoding)):
        is_left_out = number < layout.skip or line.lstrip().startswith(layout.comment_marks)
        yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"


def _cells(lines: Iterator[str], separator: str) -> Iterator[Row]:
    if separator == " ":
        yield from ((x.split(), number) for number, x in enumerate(lines, 1) if x.strip())
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    yield from ((row, reader.line_num) for row in reader if row)


def _gathered(
    cells: Callable[[], Iterator[Row]],
    place: str,
    header: Sequence[str],
    plans: Sequence[_Plan],
    separator: str,
    is_strict: bool,
) -> _Rows:
    """The columns of the `plans` in all rows with all fields. Other rows are refused, or left out."""
    of_numbers = sorted(set().union(*(x.of_numbers for x in plans)))
    texts = {x: list[str]() for x in set().union(*(x.of_texts for x in plans))}
    clocks = {plans[0].time: plans[0].clock}
    has_dates, last = plans[0].clock.is_of_day, max(*of_numbers, *texts, 0)
    too_short = [""] * (last + 1)
    sizes, values, known = array("q"), array("d"), dict[str, str]()  # one object for each different text
    for row, _ in cells():
        sizes.append(len(row))
        if is_strict and header and len(row) != len(header):
            break
        row = row if len(row) > last else too_short
        try:
            if has_dates:
                raise ValueError
            values.extend([float(row[x]) for x in of_numbers])
        except ValueError:
            values.extend([_parsed(row[x], separator, clocks.get(x)) for x in of_numbers])
        for column, found in texts.items():
            found.append(known.setdefault(row[column], row[column].strip()))
    n_fields = np.array(sizes, np.intp)
    size = len(header) or max(last + 1, int(np.bincount(n_fields).argmax()) if len(sizes) else 0)
    is_whole = n_fields == size
    if size <= last or (is_strict and not is_whole.all()):
        first = int(is_whole.argmin()) if len(sizes) else 0
        row, line = next(islice(cells(), first, None), ([], 1))
        says = f"{len(row)} fields instead of {max(size, last + 1)}; see separator, skip, columns and bad_rows"
        raise InputError(f"{place}, line {line}: {says}")
    table = np.array(values).reshape(len(sizes), len(of_numbers))[is_whole]
    by_column = {x: np.array(y, np.object_)[is_whole] for x, y in texts.items()}
    columns = dict(zip(of_numbers, table.T, strict=True))
    return _Rows(place, cells, len(sizes), np.flatnonzero(is_whole), columns, by_column)


def _parsed(cell: str, separator: str, clock: Clock | None) -> float:
    """The number, or the time of a `clock`, in a cell; NaN for other text."""
    try:
        if clock is not None and clock.is_of_day:
            return column_names.date_seconds(cell, clock.pattern) if clock.pattern or ":" in cell else np.nan
        return float(cell.replace(",", ".") if separator in column_names.DECIMAL_COMMAS else cell)
    except ValueError:
        return np.nan


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
            names = np.array([*map(plan.kind_of, group.texts[plan.sensor])], np.str_)
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
        yield Table(rows.place, said, series, texts, main.numbers, rows.n_all, plan.sensor is None)


def _texts(rows: _Rows, name: str, column: int, layout: Layout) -> Texts:
    """The text of each row. Raises `InputError` for a change that is not allowed."""
    found = rows.texts[column]
    if name != "label" and not layout.text_columns[name].several and (len(set(found)) > 1 or not found[0]):
        row = next(i for i, x in enumerate(found) if x != found[0] or not x)
        raise rows.error(row, f"each row needs the same {name}, here {quoted(found[row], 20)}; see several = true")
    return found


def _times(rows: _Rows, plan: _Plan, layout: Layout) -> tuple[float, float, Array]:
    """The first time, its unit in seconds, and the seconds since it."""
    time = layout.time
    if plan.time is None:
        return 0.0, 1.0, np.arange(len(rows)) / (layout.rate or 1.0)
    times, factor = rows.finite(plan.time, f"time in {plan.clock.unit}"), plan.clock.factor or 1.0
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
    axes = [np.sum([rows.finite(x, "number") for x in axis], axis=0) for axis in plan.axes[kind]]
    most, unit = LIMITS[kind]
    with np.errstate(over="ignore", invalid="ignore"):
        values: Array = (np.stack(axes, axis=1) + plan.offsets.get(kind, 0.0)) * plan.factors[kind]
        is_possible = (np.abs(values) <= most).all(axis=1)
    if not is_possible.all():
        says = f"{kind} of more than {most:g} {unit}, which no body has: check its unit, scale and offset"
        raise rows.error(int(is_possible.argmin()), says)
    return values
