"""Which column is what, by the names that boards, phone apps and people give them, with units in brackets or without.

Known, whatever their case, spaces and underscores: `timestamp[ms], ax[m/s^2], …` as in har-edge's own recordings;
`Time (s), Acceleration x (m/s^2), …, Gyroscope x (rad/s), …` (phyphox); `time, gFx, …, wx, …` (Physics Toolbox);
`seconds_elapsed, totalAcceleration_x, …, gyroscope_x, …` (Sensor Logger); and `acc_x`, `accelerometer_x`, `gyro_x`,
`rotationRateX` and the like, also with the unit behind them, as in `acc_x_g` or `gyro_z_deg_s`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from edge_runtime.errors import InputError
from edge_runtime.live.sources.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, Units, known
from edge_runtime.system.printable import quoted

# The unit that a name alone implies stands behind it. First come those that mean exactly this.
_TIMES = {
    "secondselapsed": "s", "timestamp": "", "time": "", "t": "", "timems": "ms", "millis": "ms", "seconds": "s",
    "timesincestartinms": "ms",
}  # fmt: skip
_ACCELERATIONS = {
    "totalacceleration": "m/s2", "gf": "g", "a": "", "acc": "", "accel": "", "acceleration": "", "accelerometer": "",
}  # fmt: skip
_ROTATIONS = {
    "g": "", "gyro": "", "gyr": "", "gyroscope": "", "w": "", "rotationrate": "", "rotation": "", "angularvelocity": "",
}  # fmt: skip
_WITHOUT_GRAVITY = ("linearacceleration", "linacc", "useracceleration", "lineara")
_UNITS = {*TIME_UNITS, *ACCELERATION_UNITS, *ROTATION_UNITS}
_SUFFIXED = re.compile(r"(.*[xyz]|t|time|timestamp)[_\s.\-]+([^\W\d]\w*)", re.IGNORECASE)  # acc_x_g, gyro_x_deg_s
_CELL = re.compile(r"\s*([^\[\](]*?)\s*(?:[\[(]\s*([^\])]*?)\s*[\])])?\s*")


class Columns(NamedTuple):
    """Where time (None: nowhere) and the values stand in a row, and the units that the header states.

    They are six, or three of acceleration alone.
    """

    time: int | None
    values: tuple[int, ...]
    units: Units


class _Cell(NamedTuple):
    place: int
    name: str
    unit: str


def find(header: Sequence[str], needs_rotation: bool = True) -> Columns:
    """The columns of `header`; without those of rotation where it need not be.

    Raises `InputError` that names the first that is missing, or a unit that is unknown.
    """
    cells = [_cell(index, text) for index, text in enumerate(header)]
    by_name: dict[str, _Cell] = {}
    for cell in cells:
        by_name.setdefault(cell.name, cell)  # of columns of one name, the first
    if {"secondselapsed", "accelerometerx"} <= by_name.keys() and "totalaccelerationx" not in by_name:
        # Sensor Logger's Accelerometer is without gravity (its UNITS.md); other programs' is with it.
        raise _no_gravity("accelerometer_x")
    acceleration, acceleration_unit = _axes(by_name, _ACCELERATIONS, ACCELERATION_UNITS, "ax, ay, az")
    rotation: tuple[int, ...] = ()
    rotation_unit = None
    if needs_rotation:
        rotation, rotation_unit = _axes(by_name, _ROTATIONS, ROTATION_UNITS, "gx, gy, gz")
    time, time_unit = None, None
    for name, implied in _TIMES.items():
        if name in by_name:
            time = by_name[name].place
            time_unit = _factor(by_name[name], implied, TIME_UNITS)
            break
    return Columns(time, (*acceleration, *rotation), Units(time_unit, acceleration_unit, rotation_unit))


def bare(n_values: int, needs_rotation: bool = True) -> Columns | None:
    """The columns of a row of numbers that nothing names: six values, or the time and six values.

    Or three, where rotation need not be.
    """
    if not needs_rotation and n_values in (3, 4):
        return Columns(0 if n_values == 4 else None, tuple(range(n_values - 3, n_values)), Units())
    if n_values == 6:
        return Columns(None, tuple(range(6)), Units())
    return Columns(0, tuple(range(1, 7)), Units()) if n_values == 7 else None


def numbered(cells: Sequence[str]) -> Columns | None:
    """The columns of a row that has the time, then Android's number of each sensor before its three values."""
    numbers = cells[1::4]
    if len(cells) % 4 != 1 or not {"3", "4"} <= set(numbers):
        return None
    starts = [2 + 4 * numbers.index(x) for x in ("3", "4")]
    values = tuple(first + i for first in starts for i in range(3))
    return Columns(0, values, Units(None, ACCELERATION_UNITS["m/s2"], ROTATION_UNITS["rad/s"]))


def _axes(by_name: dict[str, _Cell], names: dict[str, str], units: dict[str, float], expected: str) -> tuple[
    tuple[int, int, int], float | None
]:  # fmt: skip
    for name, implied in names.items():
        cells = [by_name.get(name + axis) for axis in "xyz"]
        if all(cells):
            found = [x for x in cells if x]
            factors = {_factor(cell, implied, units) for cell in found}
            if len(factors) > 1:
                raise InputError(f"the columns '{name}x', '{name}y' and '{name}z' have different units: give them one")
            x, y, z = (cell.place for cell in found)
            return (x, y, z), factors.pop()
    for name in _WITHOUT_GRAVITY:
        if name + "x" in by_name and names is _ACCELERATIONS:
            raise _no_gravity(f"{name}x")
    raise InputError(
        f"there are no columns {expected} (or acc_x, accelerometer_x, gyro_x … as phone apps name them); "
        f"there are {', '.join(quoted(x, 20) for x in list(by_name)[:8]) or 'none'}"
    )


def _no_gravity(name: str) -> InputError:
    return InputError(
        f"the column '{name}' is acceleration without gravity, by which lying and standing look alike: let the app "
        "record acceleration with gravity too ('total acceleration', 'acceleration with g', 'g-force')"
    )


def _cell(index: int, text: str) -> _Cell:
    match = _CELL.fullmatch(text[:80])
    name, unit = match.groups() if match else (text[:80], None)
    suffixed = None if unit else _SUFFIXED.fullmatch(name)
    if suffixed and known(suffixed[2].replace("_", "/")) in _UNITS:
        name, unit = suffixed[1], suffixed[2].replace("_", "/")
    return _Cell(index, re.sub(r"[\s_.\-:]", "", name).lower(), known(unit or ""))


def _factor(cell: _Cell, implied: str, units: dict[str, float]) -> float | None:
    unit = cell.unit or implied
    if unit and unit not in units:
        raise InputError(f"the header gives {quoted(cell.name)} the unit {quoted(unit)}; known are {', '.join(units)}")
    return units.get(unit)
