"""Read one file of samples by the columns that its layout names, or else by its header."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names
from edge_runtime.data.layout import Column, Layout, SensorColumns, TextColumn, TimeColumn
from edge_runtime.data.text_rows import Rows, Texts, delimiter, read_rows, split_rows, text_lines
from edge_runtime.errors import InputError
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.signals.types import Array
from edge_runtime.signals.units import TIME_UNITS, unit_name
from edge_runtime.system.printable import quoted

_LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}
_SEPARATORS = {"tab": "\t", "blanks": " "}
_LOOKED_AT = 1000  # rows whose usual number of cells is that of samples


@dataclass(frozen=True)
class Series:
    """Samples of one device, person and trial in the file `place`, of both `sensors` in each row or of one.

    `values` `[n, 6 or 3]` are in g and rad/s, at `seconds` `[n]` since `begin`, in units of `factor` s. `shared` holds
    the `layout.TEXTS` that are the same in all rows, `texts` `[n]` the others. `numbers` `[n]` are the places of the
    rows among the `n_rows` of the file, from 0.
    """

    place: str
    sensors: tuple[str, ...]
    begin: float
    factor: float
    seconds: Array
    values: Array
    shared: dict[str, str]
    texts: Mapping[str, Texts]
    numbers: npt.NDArray[np.intp]
    n_rows: int


@dataclass(frozen=True)
class _Plan:
    """Places of columns, from 0; `axes` are the places that are summed for x, y and z of each sensor.

    If there is a column `sensor`, it names the sensor of each row, and `kind_of` returns the kind for a name.
    """

    time: int | None
    axes: Mapping[str, Sequence[Sequence[int]]]
    texts: Mapping[str, int]
    where: Mapping[int, tuple[str, ...]]
    sensor: int | None
    kind_of: Callable[[str], str]

    def of_numbers(self, shift: int = 0) -> set[int]:
        """The columns of numbers of the device that begins `shift` columns further right."""
        axes = {place + shift for axes in self.axes.values() for axis in axes for place in axis}
        return axes if self.time is None else {*axes, self.time}

    def is_wanted(self, row: Sequence[str]) -> bool:
        """Tell whether `where` keeps a row, and its sensor is one of ours."""
        is_ours = self.sensor is None or bool(self.kind_of(row[self.sensor].strip()))
        return is_ours and all(row[column].strip() in kept for column, kept in self.where.items())


def read_series(content: bytes, place: str, layout: Layout, sensor: str) -> tuple[list[Series], int]:
    """Read the series in the file `place`, and count the rows left out.

    `sensor` is the sensor that the path names. Raises `InputError` with file and line.
    """
    try:
        top = next((line for line in _lines(content, place, layout, "") if line.strip()), "")
        if layout.bad_rows == "leave out" and not top:
            return [], 0
        usual = delimiter(top) or ("," if layout.has_header else " ")
        separator = _SEPARATORS.get(layout.separator or "", layout.separator) or usual
        rows = split_rows(_lines(content, place, layout, separator), separator)
        header = [cell.strip() for cell in next(rows, ([], 1))[0]] if layout.has_header else []
        first_rows = [*islice(rows, _LOOKED_AT)]
        first = first_rows[0][0] if first_rows else []
        if layout.acceleration is None:
            layout = _by_header(layout, header, first, place)
        plan = _plan(header, place, layout, sensor)
        shifts = {name: n for name, n in layout.placements.items() if isinstance(n, int)} or {"": 0}
        columns = set().union(*(plan.of_numbers(shift) for shift in shifts.values()))
        texts = {*plan.texts.values()} if plan.sensor is None else {*plan.texts.values(), plan.sensor}
        needed = 1 + max((*columns, *texts, *plan.where), default=0)
        sizes = Counter(len(row) for row, _ in first_rows)
        size = max(needed, len(header) or max(sizes, key=sizes.__getitem__, default=0))
        parsers = {column: _parser(layout, separator, column == plan.time) for column in sorted(columns)}
        is_lenient = layout.bad_rows == "leave out"
        has_numbers = any(map(column_names.is_number, first))
        is_header = not header and not has_numbers and len(first) == size and plan.is_wanted(first)
        every = chain(first_rows, rows)
        table = read_rows(every, place, size, parsers, texts, plan.is_wanted, not is_lenient)
    except (UnicodeError, LookupError, csv.Error) as error:
        raise InputError(f"{place} is not {layout.encoding.removesuffix('-sig')} text of rows ({error})") from error
    n_left_out, series = table.n_left_out, list[Series]()
    for placement, shift in shifts.items():
        good = table
        if is_lenient:
            is_good = np.logical_and.reduce(np.isfinite([table.columns[x] for x in plan.of_numbers(shift)]))
            n_left_out += int((~is_good).sum() - is_header)
            good = table.only(is_good)
        series += _of_device(good, plan, layout, placement, shift)
    if not series and not is_lenient and not plan.where:
        raise InputError(f"{place} has too few rows of samples ({len(table)}); a recording is expected there")
    return series, n_left_out


def _lines(content: bytes, place: str, layout: Layout, separator: str) -> Iterator[str]:
    """The lines, blank in place of those to skip; tabs at an end stay, since a cell there may be empty."""
    blanks = None if separator == " " else " \r\n"
    for number, line in enumerate(text_lines(content, place, layout.encoding)):
        is_left_out = number < layout.skip or line.lstrip().startswith(layout.comment_marks)
        yield "\n" if is_left_out else line.strip(blanks).removesuffix(layout.line_end) + "\n"


def _parser(layout: Layout, separator: str, is_time: bool) -> Callable[[str], float]:
    """The function that reads a number or time in a cell, or raises `ValueError`."""
    if is_time and layout.time and layout.time.is_of_day:
        pattern = layout.time.pattern
        return lambda cell: column_names.date_seconds(cell, pattern)
    return (lambda cell: float(cell.replace(",", "."))) if separator in column_names.DECIMAL_COMMAS else float


def _plan(header: Sequence[str], place: str, layout: Layout, sensor: str) -> _Plan:
    def at(column: Column) -> int:
        if isinstance(column, int):
            return column - 1
        names = header if column in header else [name.lower() for name in header]
        if (n := names.count(column)) != 1:
            there = ", ".join(quoted(name, 20) for name in header[:12])
            mend = ": without labels, try har-edge predict" if column == "label" else ""
            raise InputError(f"{place} has {n or 'no'} column '{column}'; its header names {there}{mend}")
        return names.index(column)

    # A file without acceleration needs only the texts that assign its rows to a recording.
    sensors = {name: x for name, x in layout.sensors.items() if layout.sensor or x.sensor == sensor}
    kinds = {x.sensor: name for name, x in sensors.items()}
    return _Plan(
        at(layout.time.column) if layout.time else None,
        {name: [[at(column) for column in axis] for axis in x.axes] for name, x in sensors.items()},
        {name: at(x.column) for name, x in layout.text_columns.items() if "acceleration" in sensors or x.several},
        {at(column): texts for column, texts in layout.kept_rows.items()},
        at(layout.sensor.column) if layout.sensor else None,
        (lambda name: kinds.get(name, "")) if any(kinds) else column_names.sensor_kind,
    )


def _by_header(layout: Layout, header: Sequence[str], first: Sequence[str], place: str) -> Layout:
    """The layout with the columns that the `header` names; the `first` row shows dates."""
    try:
        columns = column_names.find_columns(header, needs_rotation=None)
        time = None if layout.rate else columns.time
        is_date = time is not None and time < len(first) and ":" in first[time]
        units = columns.known_units(is_date)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if columns.time is None and layout.rate is None:
        raise InputError(f"{place} has no column 'timestamp'; a layout may say rate = 50 (samples a second)")
    unit = "date" if is_date else unit_name(units.time or 1.0, TIME_UNITS)
    x, y, z, *others = (column + 1 for column in columns.values)
    u, v, w = others or (x, y, z)  # if each row holds one sensor, both sensors use the same cells
    has_rotation = bool(others) or columns.sensor is not None
    return replace(
        layout,
        time=None if time is None else TimeColumn(unit, time + 1),
        sensor=None if columns.sensor is None else TextColumn(columns.sensor + 1),
        acceleration=SensorColumns((x, y, z), "g", scale=units.acceleration or 1.0),
        rotation=SensorColumns((u, v, w), "rad/s", scale=units.rotation or 1.0) if has_rotation else None,
    )


def _of_device(rows: Rows, plan: _Plan, layout: Layout, placement: str, shift: int) -> Iterator[Series]:
    # Without times, a change of these texts shows where rows are missing: recordings are cut there later.
    several = [x for x in plan.texts if x != "label" and layout.text_columns[x].several and plan.time is not None]
    for key, group in _groups(rows, [plan.texts[name] for name in several]):
        shared = dict(zip(several, key, strict=True)) | ({"placement": placement} if placement else {})
        parts = {tuple(plan.axes): group}
        if plan.sensor is not None:
            kinds = np.array([*map(plan.kind_of, group.columns[plan.sensor])], np.str_)
            parts = {(kind,): group.only(kinds == kind) for kind in plan.axes}
        for sensors, part in parts.items():
            if len(part) < 2:
                continue
            begin, factor, seconds = _times(part, plan, layout)
            values = np.concatenate([_values(part, sensor, plan, layout, shift) for sensor in sensors], axis=1)
            texts = {name: _texts(part, name, x, layout) for name, x in plan.texts.items() if name not in shared}
            yield Series(rows.place, sensors, begin, factor, seconds, values, shared, texts, part.numbers, rows.n_all)


def _groups(rows: Rows, columns: Sequence[int]) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """The rows of each combination of texts in the `columns`."""
    if not columns:
        yield (), rows
        return
    keys = list(zip(*(rows.columns[column] for column in columns), strict=True))
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    of_row = np.array([number[key] for key in keys], np.intp)
    parts = np.split(np.argsort(of_row, kind="stable"), np.cumsum(np.bincount(of_row))[:-1])
    yield from ((key, rows.only(part)) for key, part in zip(number, parts, strict=False))


def _texts(rows: Rows, name: str, column: int, layout: Layout) -> Texts:
    """The text of each row. Raises `InputError` if it changes but `several` is not set."""
    texts = rows.columns[column]
    if name != "label" and not layout.text_columns[name].several and (len(set(texts)) > 1 or not texts[0]):
        row = next(i for i, text in enumerate(texts) if text != texts[0] or not text)
        raise rows.error(row, f"each row needs the same {name}, here {quoted(texts[row], 20)}: cut the file there")
    return texts


def _times(rows: Rows, plan: _Plan, layout: Layout) -> tuple[float, float, Array]:
    """The first time, its unit in seconds, and the seconds since it."""
    time = layout.time
    if plan.time is None or time is None:
        return 0.0, 1.0, np.arange(len(rows)) / (layout.rate or 1.0)
    times, factor = rows.columns[plan.time], time.factor or 1.0
    # Since the start: float64 holds nanoseconds since 1970 to a quarter of a microsecond.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (times - times[0]) * factor
        steps = np.diff(seconds)
        is_late = ~(steps >= 0) if time.steady else ~(steps > 0)
    if is_late.any() and time.disorder == "refuse":
        says = "the timestamp is not later than in the row before: sort the rows or, in a layout, see [time]"
        raise rows.error(int(is_late.argmax()) + 1, says)
    return float(times[0]), factor, seconds


def _values(rows: Rows, sensor: str, plan: _Plan, layout: Layout, shift: int) -> Array:
    """Values `[n, 3]` in g or rad/s, NaN where they are impossible if bad rows are left out.

    Raises `InputError` for impossible values otherwise.
    """
    axes = [np.sum([rows.columns[place + shift] for place in axis], axis=0) for axis in plan.axes[sensor]]
    columns, (most, unit) = layout.sensors[sensor], _LIMITS[sensor]
    with np.errstate(over="ignore", invalid="ignore"):
        values: Array = (np.stack(axes, axis=1) + np.array(columns.offset)) * columns.factor
        is_possible = (np.abs(values) <= most).all(axis=1)
    if layout.bad_rows == "leave out":
        values[~is_possible] = np.nan
    elif not is_possible.all():
        says = f"{sensor} of more than {most:g} {unit}, which a body cannot reach: check its unit, scale and offset"
        raise rows.error(int(is_possible.argmin()), says)
    return values
