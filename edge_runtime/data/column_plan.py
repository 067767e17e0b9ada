"""Decide which columns of a file are read as what, by its layout or by the names in its header."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge_runtime.data import columns, units
from edge_runtime.data.columns import Columns
from edge_runtime.data.data_sources import FOREIGN
from edge_runtime.data.layout import Column, Layout, SensorColumns
from edge_runtime.data.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, Units
from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

_EXPECTED = (
    "its first line has to name timestamp[s], ax[g], ay[g], az[g], gx[rad/s], gy[rad/s], gz[rad/s], label, subject; "
    f"{FOREIGN}"
)

Axes = tuple[tuple[int, ...], ...]

_NAMED = 12  # of the columns of a header, in a sentence
_SHORTEST_BEGINNING = 3  # letters that a name is known by: act is of activity


class MissingColumnError(InputError):
    """A header without a `column` of the layout; "" where that is a number."""

    def __init__(self, text: str, column: str = "") -> None:
        super().__init__(text)
        self.column = column


@dataclass(frozen=True)
class ColumnPlan:
    """Places of columns, counted from 0: of each axis those that are summed; factors give s, g and rad/s.

    Of the axes of a sensor `offsets` are added to the sums before.

    Without `sensor` each row is of all sensors; with it, of the one that is named there, as `sensor_names` has it or,
    without these, as apps name it. Rows are kept that have one of the texts in each column of `where`. `by_name` are
    the columns as they were found by the names in the header, whose units `settled` decides.
    """

    time: int | None
    acceleration: Axes
    rotation: Axes
    texts: Mapping[str, int]
    time_factor: float = 1.0
    factors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    offsets: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sensor: int | None = None
    by_name: Columns | None = None
    sensor_names: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def shifted(self, n: int) -> "ColumnPlan":
        """The plan of the device whose columns stand `n` further."""
        acceleration, rotation = (
            tuple(tuple(x + n for x in axis) for axis in axes) for axes in (self.acceleration, self.rotation)
        )
        return replace(self, acceleration=acceleration, rotation=rotation)

    @property
    def number_places(self) -> set[int]:
        """The columns of numbers."""
        summed = {x for axis in (*self.acceleration, *self.rotation) for x in axis}
        return summed if self.time is None else {*summed, self.time}

    @property
    def places(self) -> set[int]:
        """All columns that are read."""
        sensor = [] if self.sensor is None else [self.sensor]
        return {*self.number_places, *self.texts.values(), *self.where, *sensor}

    def kind(self, sensor: str) -> str:
        """`acceleration` or `rotation`, of which a row with this name of a `sensor` is; "" for another one."""
        return self.sensor_names.get(sensor, "") if self.sensor_names else columns.sensor_kind(sensor)


def of(header: Sequence[str], place: str, layout: Layout, sensor: str) -> ColumnPlan:
    """The plan of the file called `place` with this `header`, empty without one; `sensor` is that of its path.

    Raises `InputError` that names the column that is missing.
    """
    if layout.acceleration is None:
        return _by_name(header, place, layout)
    parts = {
        name: part
        for name, part in (("acceleration", layout.acceleration), ("rotation", layout.rotation))
        if part and (part.sensor == sensor or layout.sensor_column is not None)
    }
    axes = {name: _axes(header, place, part, layout) for name, part in parts.items()}
    # A file of rotation alone has to tell only whose its rows are.
    texts = {
        name: _place(header, place, x.column)
        for name, x in layout.text_columns.items()
        if "acceleration" in parts or x.several
    }
    plan = ColumnPlan(
        _place(header, place, layout.time.column) if layout.time else None,
        axes.get("acceleration", ()),
        axes.get("rotation", ()),
        texts,
        layout.time.factor if layout.time else 1.0,
        {name: (part.factor,) * 3 for name, part in parts.items()},
        {name: part.offset for name, part in parts.items()},
        None if layout.sensor_column is None else _place(header, place, layout.sensor_column),
        sensor_names={x.sensor: name for name, x in parts.items()} if layout.sensor_column is not None else {},
        where={_place(header, place, column): texts for column, texts in layout.where.items()},
    )
    _check_axes(plan, header, place, layout)
    _check_apart(plan, place, layout)
    furthest = max(plan.number_places, default=0) + max(layout.placements.values(), default=0)
    if header and furthest >= len(header):
        raise InputError(
            f"{place} has {len(header)} columns, and the layout's [placements] lead to column {furthest + 1}"
        )
    return plan


def _check_axes(plan: ColumnPlan, header: Sequence[str], place: str, layout: Layout) -> None:
    """Raise `InputError` for a column that is read as two axes."""
    acceleration, rotation = ([x for axis in axes for x in axis] for axes in (plan.acceleration, plan.rotation))
    # Rows of one sensor each have the numbers of either in the same columns.
    in_both = [] if layout.sensor_column is not None else [x for x in rotation if x in acceleration]
    for found, tables, mend in (
        ([x for x in acceleration if acceleration.count(x) > 1], "[acceleration]", "give x, y and z a column each"),
        ([x for x in rotation if rotation.count(x) > 1], "[rotation]", "give x, y and z a column each"),
        (in_both, "[acceleration] and [rotation]", "give the gyroscope's under [rotation], or leave that out"),
    ):
        if found:
            name = f", {quoted(header[found[0]].strip(), 30)}," if found[0] < len(header) else ""
            raise InputError(
                f"{place}: column {found[0] + 1}{name} is read twice by columns under {tables} of {layout.source}: "
                f"{mend}"
            )


def _check_apart(plan: ColumnPlan, place: str, layout: Layout) -> None:
    """Raise `InputError` for a column that is read as two things, or of two placements."""
    said = {column: name for name, column in plan.texts.items()} | ({} if plan.time is None else {plan.time: "time"})
    taken: dict[int, str] = {}
    for placement, n in (layout.placements or {"": 0}).items():
        for column in sorted(plan.shifted(n).number_places - {plan.time}):
            if column in taken:
                raise InputError(
                    f"{place}: column {column + 1} is of {quoted(taken[column], 30)} and of {quoted(placement, 30)} by "
                    f"[placements] of {layout.source}: write how many columns behind the first device each one stands"
                )
            taken[column] = placement
    summed = {x for axis in (*plan.acceleration, *plan.rotation) for x in axis}
    if both := sorted({*summed, *taken}.intersection(said)):
        raise InputError(
            f"{place}: column {both[0] + 1} is read as {said[both[0]]} and as numbers of a sensor by {layout.source}: "
            "see columns in it"
        )


def settled(
    plan: ColumnPlan, header: Sequence[str], place: str, has_iso_times: bool, size: Callable[[], float]
) -> ColumnPlan:
    """The `plan` with the units that the header states, or its app is known to mean.

    `size` measures the typical size of acceleration in the file. Raises `InputError` when a unit stays open.
    """
    found = plan.by_name
    if found is None:
        return plan
    known = found.units.or_else(found.app).or_else(Units(1.0) if has_iso_times else Units())
    needed = [(known.time, found.time, TIME_UNITS), (known.acceleration, found.values[0], ACCELERATION_UNITS)]
    needed += [(known.rotation, x, ROTATION_UNITS) for x in found.values[3:4]]
    for factor, column, table in needed:
        if factor is None and column is not None:
            name = header[column].strip()
            raise InputError(
                f"{place}: the header gives no unit of '{name}': write {' or '.join(f'{name}[{x}]' for x in table)}"
            )
    if found.units.acceleration is None and known.acceleration is not None:
        unit, measured = units.unit_name(known.acceleration, ACCELERATION_UNITS), size()
        if units.acceleration_unit(measured) != unit:
            raise InputError(
                f"{place}: without a unit in the header acceleration is taken as {unit}, but its size is about "
                f"{measured:.3g}: write x[g] if it is in g, or record it with gravity"
            )
    scale = found.scale or (1.0,) * 6
    acceleration, rotation = known.acceleration or 1.0, known.rotation or 1.0
    factors = {
        "acceleration": tuple(x * acceleration for x in scale[:3]),
        "rotation": tuple(x * rotation for x in scale[3:]),
    }
    return replace(plan, time_factor=known.time or 1.0, factors=factors)


def _by_name(header: Sequence[str], place: str, layout: Layout) -> ColumnPlan:
    try:
        found = columns.find(header, needs_rotation=None)
    except InputError as error:
        raise InputError(f"{place}: {error}; {_EXPECTED}") from error
    if twice := columns.repeated(header, found):
        raise InputError(f"{place} has the column '{twice.strip()}' twice; keep one of them")
    if found.time is None and layout.rate_hz is None:
        raise InputError(f"{place} has no column 'timestamp'; {_EXPECTED}")
    own = {"label": found.label, "subject": found.subject}
    texts = {}
    for name, text in layout.text_columns.items():
        column = own.get(str(text.column))
        texts[name] = _place(header, place, text.column, f"; {_EXPECTED}") if column is None else column
    axes = tuple((x,) for x in found.values)
    time = None if layout.rate_hz else found.time
    rotation = axes[3:] if found.sensor is None else axes  # a row has the values of either sensor in the same cells
    return ColumnPlan(time, axes[:3], rotation, texts, sensor=found.sensor, by_name=found)


def _axes(header: Sequence[str], place: str, part: SensorColumns, layout: Layout) -> Axes:
    try:
        return tuple(tuple(_place(header, place, x) for x in summed) for summed in part.columns)
    except MissingColumnError as error:
        names = {*map(str.strip, header), *range(1, len(header) + 1)}
        if part is not layout.rotation or not names.isdisjoint(x for summed in part.columns for x in summed):
            raise
        mend = f"where there is no gyroscope leave out [rotation] of {layout.source}, or this file"
        raise MissingColumnError(f"{error}; {mend}", error.column) from error


def _place(header: Sequence[str], place: str, column: Column, expected: str = "") -> int:
    """The place of a column. Raises `InputError` when the header has it not, or names it more than once."""
    if isinstance(column, int):
        if header and column > len(header):
            raise MissingColumnError(f"{place} has {len(header)} columns, and the layout names column {column}")
        return column - 1
    names = [x.strip() for x in header]
    if len(names) == 1 and columns.delimiter(names[0]):
        raise InputError(
            f"{place} has {quoted(names[0], 40)} in its header as one name: write separator in the layout as it stands "
            "between the names, or leave it out"
        )
    if column in names and names.count(column) > 1:
        raise InputError(
            f"{place} has the column '{column}' twice{expected}; give its number instead, from 1 on; where the header "
            "has two lines give all columns by their numbers, and skip = 2"
        )
    if column not in names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        there = ", ".join(quoted(x, 20) for x in names[:_NAMED]) + more
        raise MissingColumnError(
            f"{place} has no column '{column}'{expected or f'; its header names {there}{_hint(names, column)}'}", column
        )
    return names.index(column)


def _hint(names: Sequence[str], column: str) -> str:
    """What may be the reason that a header names other columns, in words."""
    if marked := [x for x in names if x.lstrip("#%@/ ") == column]:
        return f": write {quoted(marked[0], 30)}, or skip that line and give columns by their numbers"
    if all(x.lstrip("-").replace(".", "", 1).isdecimal() for x in names if x):
        return (
            ", which are numbers: see that comments and skip in the layout leave the header in, or give columns by "
            "their numbers from 1 on"
        )
    plain = {_plain(x): x for x in reversed(names)}
    wanted = _plain(column)
    near = difflib.get_close_matches(wanted, plain, 1) or [
        x
        for x in plain
        if min(len(x), len(wanted)) >= _SHORTEST_BEGINNING and (x.startswith(wanted) or wanted.startswith(x))
    ]
    return f": perhaps {quoted(plain[near[0]], 30)}" if near else ""


def _plain(name: str) -> str:
    """A name of a column without capital letters and blanks."""
    return "".join(name.casefold().split())
