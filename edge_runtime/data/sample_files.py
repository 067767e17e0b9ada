"""Read one file of samples by the columns that its layout names, or else by its header."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.layout import Clock, Column, Layout
from edge_runtime.data.text_rows import Array, Row, Rows, Texts, delimiter, gather, row_lines, split_rows
from edge_runtime.errors import InputError
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.signals.units import TIME_UNITS, unit_name
from edge_runtime.system.printable import quoted

LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}
_SEPARATORS = {"tab": "\t", "blanks": " "}


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

    `shared` holds the `layout.TEXTS` that are the same in all rows, `texts` `[n]` the others, for each row of
    acceleration. `numbers` `[n]` are the places of these rows among the `n_rows` of the file, from 0.
    """

    place: str
    shared: dict[str, str]
    series: Mapping[str, Series]
    texts: Mapping[str, Texts]
    numbers: npt.NDArray[np.intp]
    n_rows: int
    paired: bool


@dataclass(frozen=True)
class _Plan:
    """Places of columns, from 0; `axes` has those that are summed, factors and offsets make g and rad/s.

    If there is a column `sensor`, it names the sensor of each row, and `kind_of` returns the kind for a name.
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
    """Read the tables in the file `place`, for each device, person and trial, and count the rows left out.

    `sensor` is the sensor that the path names. Raises `InputError` with file and line.
    """
    try:
        top = next((line for line in row_lines(content, place, layout, "") if line.strip()), "")
        if layout.bad_rows == "leave out" and not top:
            return [], 0
        usual = delimiter(top) or ("," if layout.has_header else " ")
        separator = _SEPARATORS.get(layout.separator or "", layout.separator) or usual

        def cells(first: int = int(layout.has_header)) -> Iterator[Row]:
            return islice(split_rows(row_lines(content, place, layout, separator), separator), first, None)

        header = [x.strip() for x in next(cells(0), ([], 1))[0]] if layout.has_header else []
        plan = _plan(header, next(cells(), ([], 1))[0], place, layout, sensor)
        shifts = {name: n for name, n in layout.placements.items() if isinstance(n, int)} or {"": 0}
        devices = {name: plan.shifted(n) for name, n in shifts.items()}
        numbers = {i for device in devices.values() for i in device.of_numbers}
        texts = {i for device in devices.values() for i in device.of_texts}
        is_strict = layout.bad_rows == "refuse"
        rows = gather(cells, place, header, (numbers, texts), (plan.time, plan.clock), separator, is_strict)
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InputError(f"{place} is not {layout.encoding.removesuffix('-sig')} text of rows ({error})") from error
    n_left_out = rows.n_all - len(rows)
    for column, kept in plan.where.items():
        rows = rows.only(np.array([text in kept for text in rows.texts[column]], np.bool_))
    tables: list[Table] = []
    for placement, part in devices.items():
        good = rows
        if layout.bad_rows == "leave out":
            is_number = np.isfinite([rows.values[number] for number in part.of_numbers])
            is_header = ~is_number[:, : not layout.has_header].any(axis=0)  # the first row, if it has no number
            is_good = np.logical_and.reduce(is_number)
            n_left_out += int((~is_good).sum() - is_header.sum())
            good = rows.only(is_good)
        tables += _of_device(good, part, layout, placement)
    if not tables and layout.bad_rows == "refuse" and not plan.where:
        raise InputError(f"{place} has too few rows of samples ({len(rows)}); a recording is expected there")
    return tables, n_left_out


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
    # A file without acceleration needs only the texts that assign its rows to a recording.
    sensors = {name: x for name, x in layout.sensors.items() if layout.sensor or x.sensor == sensor}
    kinds = {sensor.sensor: name for name, sensor in sensors.items()}
    return _Plan(
        at(layout.time.column) if layout.time else None,
        layout.time or Clock("s"),
        {name: [[at(i) for i in axis] for axis in sensor.axes] for name, sensor in sensors.items()},
        {name: sensor.factor for name, sensor in sensors.items()},
        {name: at(x.column) for name, x in layout.text_columns.items() if "acceleration" in sensors or x.several},
        {at(column): texts for column, texts in layout.kept_rows.items()},
        {name: np.array(sensor.offset) for name, sensor in sensors.items()},
        at(layout.sensor.column) if layout.sensor else None,
        lambda x: kinds.get(x, ""),
    )


def _plan_by_header(
    header: Sequence[str], first: Sequence[str], place: str, layout: Layout, at: Callable[[Column], int]
) -> _Plan:
    try:
        columns = column_names.find_columns(header, needs_rotation=None)
        time = None if layout.rate else columns.time
        is_date = time is not None and time < len(first) and ":" in first[time]
        units = columns.known_units(is_date)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if columns.time is None and layout.rate is None:
        raise InputError(f"{place} has no column 'timestamp'; a layout may say rate = 50 (samples a second)")
    text_places = {"label": columns.label, "subject": columns.subject}
    texts = {
        name: at(column.column) if (n := text_places.get(str(column.column))) is None else n
        for name, column in layout.text_columns.items()
    }
    # If each row holds one sensor, both sensors use the same cells.
    parts = {"acceleration": columns.values[:3], "rotation": columns.values[3:]}
    parts |= {} if columns.sensor is None else {"rotation": columns.values}
    return _Plan(
        time,
        Clock("date" if is_date else unit_name(units.time or 1.0, TIME_UNITS)),
        {name: [[place] for place in places] for name, places in parts.items() if places},
        {"acceleration": units.acceleration or 1.0, "rotation": units.rotation or 1.0},
        texts,
        {at(column): kept for column, kept in layout.kept_rows.items()},
        sensor=columns.sensor,
    )


def _of_device(rows: Rows, plan: _Plan, layout: Layout, placement: str) -> Iterator[Table]:
    # Without times, a change of these texts shows where rows are missing: recordings are cut there later.
    several = [x for x in plan.texts if x != "label" and layout.text_columns[x].several and plan.time is not None]
    texts_of = [_texts(rows, x, plan.texts[x], layout) for x in several]
    keys = list(zip(*texts_of, strict=True)) if several else [()] * len(rows)
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    of_row = np.array([number[key] for key in keys], np.intp)
    for key, i in number.items():
        group = rows.only(of_row == i) if len(number) > 1 else rows
        parts = {tuple(plan.axes): group}
        if plan.sensor is not None:
            names = np.array([*map(plan.kind_of, group.texts[plan.sensor])], np.str_)
            parts = {(kind,): group.only(names == kind) for kind in LIMITS}
        if len(next(iter(parts.values()))) < 2:
            continue
        is_lenient = layout.bad_rows == "leave out"
        series: dict[str, Series] = {}
        main = None
        for kinds, part in parts.items():
            if len(part) > 1:
                begin, factor, seconds = _times(part, plan, layout)
                main = main or part
                series |= {x: Series(begin, factor, seconds, _values(part, x, plan, is_lenient)) for x in kinds}
        assert main
        shared = dict(zip(several, key, strict=True)) | ({"placement": placement} if placement else {})
        texts = {name: _texts(main, name, column, layout) for name, column in plan.texts.items() if name not in shared}
        yield Table(rows.place, shared, series, texts, main.numbers, rows.n_all, plan.sensor is None)


def _texts(rows: Rows, name: str, column: int, layout: Layout) -> Texts:
    """The text of each row. Raises `InputError` if it changes but `several` is not set."""
    texts = rows.texts[column]
    if name != "label" and not layout.text_columns[name].several and (len(set(texts)) > 1 or not texts[0]):
        row = next(i for i, text in enumerate(texts) if text != texts[0] or not text)
        raise rows.error(row, f"each row needs the same {name}, here {quoted(texts[row], 20)}; see several = true")
    return texts


def _times(rows: Rows, plan: _Plan, layout: Layout) -> tuple[float, float, Array]:
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
        says = "the timestamp is not later than in the row before: see steady and disorder under [time], or rate"
        raise rows.error(int(is_late.argmax()) + 1, says)
    return float(times[0]), factor, seconds


def _values(rows: Rows, kind: str, plan: _Plan, is_lenient: bool) -> Array:
    """Values `[n, 3]` in g or rad/s, NaN where they are impossible if `is_lenient`. Raises `InputError` otherwise."""
    axes = [np.sum([rows.finite(x, "number") for x in axis], axis=0) for axis in plan.axes[kind]]
    most, unit = LIMITS[kind]
    with np.errstate(over="ignore", invalid="ignore"):
        values: Array = (np.stack(axes, axis=1) + plan.offsets.get(kind, 0.0)) * plan.factors[kind]
        is_possible = (np.abs(values) <= most).all(axis=1)
    if is_lenient:
        values[~is_possible] = np.nan
    elif not is_possible.all():
        says = f"{kind} of more than {most:g} {unit}, which a body cannot reach: check its unit, scale and offset"
        raise rows.error(int(is_possible.argmin()), says)
    return values
