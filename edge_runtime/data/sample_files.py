"""Read one file of samples as its layout says or, where that names no columns, as its header does.

A row that is no sample is refused with its file and line, or left out where the layout allows it.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_names, steady_times
from edge_runtime.data.data_sources import FOREIGN
from edge_runtime.data.layout import Clock, Column, Layout
from edge_runtime.data.sample_rows import RowText, SampleRows, Texts, gathered
from edge_runtime.data.units import TIME_UNITS, Units, check_units, unit_name
from edge_runtime.errors import InputError
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.system.printable import quoted

LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}

Array = npt.NDArray[np.float64]


@dataclass
class FileFacts:
    """Facts of files that their recordings do not show.

    `rates_hz` are those of the files; `rows_left_out` counts malformed rows and those of the time of the row before,
    `gaps` and `set_back` the recordings that began behind a gap or where times went back, `rows_sorted` the rows that
    stood behind a later one, where times went back by up to `back_s`. `clock_s` is the greatest step of clocks that are
    coarser than samples. `without_rotation` and `without_samples` name what was left out.
    """

    rates_hz: list[float] = field(default_factory=list)
    rows_left_out: int = 0
    gaps: int = 0
    set_back: int = 0
    rows_sorted: int = 0
    back_s: float = 0.0
    clock_s: float = 0.0
    without_rotation: list[str] = field(default_factory=list)
    without_samples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Series:
    """One sensor: `values` `[n, 3]` in g or rad/s at `seconds` `[n]` since `begin`, the first time in the file's clock.

    That counts in `factor` seconds. `order` `[n]` are the places of the rows among those of the file.
    """

    begin: float
    factor: float
    seconds: Array
    values: Array
    order: npt.NDArray[np.intp]


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
class _Plan:
    """Places of columns, from 0: of each axis of a sensor those that are summed; factors and offsets make g and rad/s.

    Without `sensor` each row is of all sensors; with it, of the one that is named there.
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

    def kind(self, sensor: str) -> str:
        """`acceleration` or `rotation`, of which rows of a `sensor` are; "" for another."""
        return self.sensor_names.get(sensor, "") if self.sensor_names else column_names.sensor_kind(sensor)


def read_tables(content: bytes, place: str, layout: Layout, sensor: str, facts: FileFacts) -> list[Table]:
    """The tables in `content`, the file called `place`, a table for each device, person and trial.

    `sensor` is the one that the file's path names. `facts` take what was left out or put in order. Where the layout
    leaves bad rows out there may be none. Raises `InputError` that names the file and the line.
    """
    try:
        text = RowText.decoded(content, layout)
        if layout.bad_rows == "leave out" and not text.has_rows:
            return []
        plan = _plan(text.header, place, layout, sensor)
        devices = [(name, plan.shifted(n)) for name, n in layout.placements.items()] or [("", plan)]
        rows = gathered(text, place, {x for _, part in devices for x in part.places})
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InputError(f"{place} is no {layout.encoding.removesuffix('-sig')} text of rows ({error})") from error
    facts.rows_left_out += rows.n_rows - len(rows)
    for column, kept in plan.where.items():
        rows = rows.only(np.isin(rows.texts(column).astype(str), kept))
    tables = [x for placement, part in devices for x in _of_device(rows, part, layout, placement, text.header, facts)]
    if not tables and layout.bad_rows == "refuse":
        raise InputError(f"{place} has too few rows of samples ({len(rows)}); a recording is expected there")
    return tables


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
    is_first = "acceleration" in sensors
    plan = _Plan(
        at(layout.time.column) if layout.time else None,
        {name: [[at(i) for i in axis] for axis in x.axes] for name, x in sensors.items()},
        {name: at(x.column) for name, x in layout.text_columns.items() if is_first or x.several},
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
    said = {*plan.texts.values(), plan.time}
    if twice := [x for x in taken if taken.count(x) > 1 or x in said]:
        raise InputError(f"{place}: column {twice[0] + 1} is read as two things by {layout.source}")
    return plan


def _plan_by_header(header: Sequence[str], place: str, layout: Layout, at: Callable[[Column], int]) -> _Plan:
    try:
        found = column_names.find_columns(header, needs_rotation=None)
    except InputError as error:
        raise InputError(f"{place}: {error}; {FOREIGN}") from error
    if found.time is None and layout.rate is None:
        raise InputError(f"{place} has no column 'timestamp'; {FOREIGN}")
    own = {"label": found.label, "subject": found.subject}
    columns = {name: own.get(str(x.column)) for name, x in layout.text_columns.items()}
    texts = {name: at(layout.text_columns[name].column) if x is None else x for name, x in columns.items()}
    # A row of one sensor has the values of either in the same cells.
    rotation = found.values if found.sensor is not None else found.values[3:]
    axes = {"acceleration": [[x] for x in found.values[:3]]} | (
        {"rotation": [[x] for x in rotation]} if rotation else {}
    )
    return _Plan(None if layout.rate else found.time, axes, texts, Clock("s"), sensor=found.sensor)


def _with_units(plan: _Plan, header: Sequence[str], rows: SampleRows) -> _Plan:
    """The plan with the units that the header states, or its app is known to mean."""
    if plan.factors:
        return plan
    found = column_names.find_columns(header, needs_rotation=None)
    is_date = plan.time is not None and ":" in rows.columns[plan.time][0]
    stated = found.units.or_else(found.app).or_else(Units(1.0 if is_date else None))
    needed = (("time", plan.time is not None), ("acceleration", True), ("rotation", "rotation" in plan.axes))
    for name, is_needed in needed:
        if is_needed and getattr(stated, name) is None:
            raise InputError(
                f"{rows.place}: the header gives no unit of {name}: write it there, as t[ms], ax[g], gx[deg/s]"
            )
    if found.units.acceleration is None:
        axes = [rows.numbers_in(x) for (x,) in plan.axes["acceleration"]]
        try:
            check_units(Units(None, stated.acceleration), np.stack(axes, axis=1))
        except InputError as error:
            raise InputError(f"{rows.place}: {error}") from error
    scale = np.array(found.scale or (1.0,) * 6)
    factors = {
        "acceleration": scale[:3] * (stated.acceleration or 1.0),
        "rotation": scale[-3:] * (stated.rotation or 1.0),
    }
    clock = Clock("date" if is_date else unit_name(stated.time or 1.0, TIME_UNITS))
    return replace(plan, factors=factors, clock=clock)


def _of_device(
    rows: SampleRows, plan: _Plan, layout: Layout, placement: str, header: Sequence[str], facts: FileFacts
) -> Iterator[Table]:
    """The tables of one of the devices that a file has columns of."""
    if layout.bad_rows == "leave out":
        parsed = [rows.parsed(x) for x in plan.numeric]
        parsed += [] if plan.time is None else [rows.parsed(plan.time, plan.clock)]
        is_good = np.logical_and.reduce([np.isfinite(x) for x in parsed])
        facts.rows_left_out += int((~is_good).sum())
        rows = rows.only(is_good)
    # Without times, which tell where rows are missing, runs of rows are told apart later.
    several = [x for x in plan.texts if x != "label" and layout.text_columns[x].several and plan.time is not None]
    keys = (
        list(zip(*(_texts(rows, x, plan.texts[x], layout) for x in several), strict=True))
        if several
        else [()] * len(rows)
    )
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    of_row = np.array([number[x] for x in keys], np.intp)
    for key, i in number.items():
        group = rows.only(of_row == i) if len(number) > 1 else rows
        kinds = dict.fromkeys(plan.axes, group)
        if plan.sensor is not None:
            names = np.array([plan.kind(x) for x in group.texts(plan.sensor)], np.str_)
            kinds = {kind: group.only(names == kind) for kind in LIMITS}
        main = next(iter(kinds.values()))
        if len(main) < 2:
            continue
        said = dict(zip(several, key, strict=True)) | ({"placement": placement} if placement else {})
        settled = _with_units(plan, header, main)
        texts = {name: _texts(main, name, x, layout) for name, x in plan.texts.items() if name not in said}
        is_sorted = plan.sensor is None and len(kinds) > 1  # both are of the same rows, whose order counts once
        series: dict[str, Series] = {}
        for kind, part in kinds.items():
            if len(part) > 1:
                series[kind] = _series(part, kind, settled, layout, FileFacts() if is_sorted and series else facts)
        order = next(iter(series.values())).order
        texts = {name: x[order] for name, x in texts.items()}
        yield Table(rows.place, said, series, texts, main.numbers[order], rows.n_rows, plan.sensor is None)


def _texts(rows: SampleRows, name: str, column: int, layout: Layout) -> Texts:
    """The text of each row. Raises `InputError` for a change that is not allowed."""
    found = rows.texts(column)
    if name != "label" and not layout.text_columns[name].several and (len(set(found)) > 1 or not found[0]):
        row = next(i for i, x in enumerate(found) if x != found[0] or not x)
        raise rows.error(
            row,
            f"each row of a file needs the same {name}, here {quoted(found[row], 20)}; a layout may allow more by "
            "several = true behind its column",
        )
    return found


def _series(rows: SampleRows, kind: str, plan: _Plan, layout: Layout, facts: FileFacts) -> Series:
    """The times and values of one sensor. Raises `InputError` for times out of order and values beyond `LIMITS`."""
    order = np.arange(len(rows))
    time = layout.time
    if plan.time is None:
        times, factor = order / (layout.rate or 1.0), 1.0
    else:
        times, factor = rows.numbers_in(plan.time, plan.clock), plan.clock.factor or 1.0
    if time and time.disorder == "sort":
        facts.back_s = max(facts.back_s, factor * float(-np.diff(times).min(initial=0.0)))
        order = np.argsort(times, kind="stable")
        facts.rows_sorted += int(np.count_nonzero(times < np.maximum.accumulate(times)))
        times, rows = times[order], rows.only(order)
    # From the start on: float64 holds nanoseconds since 1970 to a quarter of a microsecond, seconds no better.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (times - times[0]) * factor
        steps = np.diff(seconds)
        is_late = ~(steps >= 0) if time and time.steady else ~(steps > 0)
    if is_late.any() and (time is None or time.disorder == "refuse"):
        raise rows.error(
            int(is_late.argmax()) + 1,
            "the timestamp is not after that of the row before: see steady and disorder under [time] of a layout, or "
            "write rate = 50 (samples a second) in place of it",
        )
    clock_s = steady_times.coarse_step(seconds)
    if time and time.steady and clock_s:
        facts.clock_s = max(facts.clock_s, clock_s)
        seconds = steady_times.spread(seconds, clock_s)
    axes = [np.sum([rows.numbers_in(x) for x in axis], axis=0) for axis in plan.axes[kind]]
    with np.errstate(over="ignore", invalid="ignore"):
        values = (np.stack(axes, axis=1) + plan.offsets.get(kind, 0.0)) * plan.factors[kind]
        is_possible = (np.abs(values) <= LIMITS[kind][0]).all(axis=1)
    if not is_possible.all():
        most, unit = LIMITS[kind]
        raise rows.error(
            int(is_possible.argmin()),
            f"nobody moves with more than {most:g} {unit}: check the unit, scale and offset of {kind}, or leave such "
            "rows out",
        )
    return Series(float(times[0]), factor, seconds, values, order)
