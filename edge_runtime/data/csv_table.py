"""Read one file of samples as a layout describes it, strictly: a mistake is refused with its file and line.

Where the layout names no columns, the header does, in any order, with their units, as har-edge or a phone app does
(`edge_runtime.data.columns`); other columns are ignored, and rotation may be missing altogether.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_runtime.data import column_plan, units
from edge_runtime.data.cell_grid import CellGrid, NoSamplesError
from edge_runtime.data.column_plan import ColumnPlan, MissingColumnError
from edge_runtime.data.layout import REFUSED, SORTED, Layout, TimeColumn
from edge_runtime.data.steady_times import ENOUGH_ROWS, coarse_step, spread
from edge_runtime.errors import InputError
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.system.printable import quoted

_MOST_STILL = 0.5  # the share of rows from which on the clock is coarser than samples

_TOO_LARGE_G = 20.0  # for gravity in any unit: these are counts, or other columns

_DOCUMENTS, _FILM = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff"), b"ftyp"
_NUMBER = re.compile(r".*\d.*|\W*(nan|inf|infinity|null|none|na)\W*", re.IGNORECASE)  # or what stands in its place
_LETTER, _BETWEEN, _BINARY = re.compile(r"[^\W\d_]"), re.compile(r"[\s,;|\"']+"), re.compile(r"[\x00-\x08\x0e-\x1f]")
_OF_WORDS = 0.9  # the share of words among the cells of a line, and of such lines in a text

_LIMITS = {"acceleration": (MAX_ACCELERATION_G, "g"), "rotation": (MAX_ROTATION_RAD_S, "rad/s")}

Array = npt.NDArray[np.float64]


class NoRecordingError(NoSamplesError):
    """A file that is plainly no recording, such as notes or a photo."""


class Series(NamedTuple):
    """One sensor: `values` `[n, 3]` in g or rad/s at `seconds` `[n]` since `begin`, the first time in the file's clock.

    `seconds` are those of the rows where they have no time. `clock_s` is the step of a clock that is coarser than
    samples, which are then spread over it, so that the first may come later than `begin`; else 0.
    """

    begin: float
    seconds: Array
    values: Array
    clock_s: float = 0.0


class _Times(NamedTuple):
    """What a `Series` has of its times."""

    begin: float
    seconds: Array
    clock_s: float = 0.0


@dataclass(frozen=True)
class Table:
    """The rows of one device, person and trial in a file, which is called `place` in errors.

    `rotation` is at the times of `acceleration` where `is_paired`, and None without any; `acceleration` is None in a
    file of rotation alone. `texts` has those of `layout.TEXTS` that columns tell of each row; `said` those that are the
    same in all rows of this table alone, of several in the file. `numbers` are those of the rows of acceleration in the
    file, from 0, which has `n_rows`. `time_factor` is the unit of the clock in seconds, `left_out` the number of rows
    that were malformed, `n_sorted` of those that stood behind a later one, and `back_s` how far times went back there.
    """

    place: str
    acceleration: Series | None
    rotation: Series | None
    is_paired: bool
    texts: Mapping[str, Sequence[str]]
    said: Mapping[str, str]
    numbers: npt.NDArray[np.intp]
    n_rows: int
    time_factor: float
    left_out: int
    n_sorted: int = 0
    back_s: float = 0.0


def read(content: bytes, place: str, layout: Layout, sensor: str = "") -> list[Table]:
    """The tables in `content`, the file called `place`; `sensor` is the one that its path names.

    Of one that holds several devices, people or trials, whose rows may alternate, there is a table for each.

    Raises `NoRecordingError` for a file that is plainly none, such as notes or a photo, `NoSamplesError` for one
    without rows of samples, and `InputError` naming the file and the line, also for values beyond `MAX_ACCELERATION_G`
    and `MAX_ROTATION_RAD_S`, and where a unit is neither stated nor known from the app.
    """
    if content.startswith(_DOCUMENTS) or content[4:8] == _FILM:
        raise NoRecordingError(f"{place} is a document, photo or film; a recording is expected there")
    if (matrix := _matrix_kind(content)) is not None:
        raise InputError(
            f"{place} is {matrix}, and har-edge reads text: write its arrays as CSV by numpy.savetxt, or save windows "
            "as .npz: docs/data.md has the lines"
        )
    try:
        text = content.decode(layout.encoding)
    except UnicodeDecodeError as error:
        name = layout.encoding.removesuffix("-sig").upper()
        raise InputError(
            f"{place} is not {name} text ({error.reason}); export the recording again as CSV, or name its encoding in "
            "a layout"
        ) from error
    try:
        return _parse(CellGrid.opened(text, place, layout), layout, sensor)
    except csv.Error as error:
        raise InputError(f"{place} is not a CSV file ({error}); export the recording again") from error
    except NoSamplesError as error:
        if not layout.has_header and _is_prose(text, layout):
            raise NoRecordingError(str(error)) from error
        raise


def _is_prose(text: str, layout: Layout) -> bool:
    """Tell whether nearly all cells of nearly all lines are words, or there is a header and one row beside numbers.

    Of other lines there may be one, or a tenth, if half of their cells are words.
    """
    lines = [x for x in text.splitlines()[layout.skip :] if x.strip()]
    if not lines or _BINARY.search(text):
        return False
    found = [_words(x) for x in lines]
    others = [share for share, is_of_words in found if not is_of_words]
    if layout.has_header and len(lines) == 2 and found[0][1]:
        return found[1][0] > 0  # facts, such as those of a device
    return len(others) < len(lines) and len(others) <= max(1, len(lines) // 10) and min(others, default=1) >= 0.5


def _words(line: str) -> tuple[float, bool]:
    """The share of words in a line, and whether it is a line of words: a sample has three numbers, whatever else."""
    cells = [x for x in _BETWEEN.split(line) if x]
    n_numbers = sum(bool(_NUMBER.fullmatch(x)) for x in cells)
    share = sum(bool(_LETTER.search(x)) and not _NUMBER.fullmatch(x) for x in cells) / max(len(cells), 1)
    return share, share >= _OF_WORDS and n_numbers < 3


def _matrix_kind(content: bytes) -> str | None:
    """The kind of a file of matrices; None of another."""
    if content.startswith(b"MATLAB 5.0 MAT-file"):
        return "a MATLAB file"
    if content.startswith((b"\x89HDF\r\n", b"MATLAB 7.3 MAT-file")):
        return "an HDF5 file"
    return "a NumPy file" if content.startswith(b"\x93NUMPY") else None


def _parse(grid: CellGrid, layout: Layout, sensor: str) -> list[Table]:
    if layout.leaves_out_bad_rows and not grid.text.strip():
        raise NoSamplesError(f"{grid.place} is empty; a recording is expected there")
    try:
        plan = column_plan.of(grid.header, grid.place, layout, sensor)
    except InputError as error:
        if _is_prose(grid.text, layout):
            raise NoRecordingError(str(error)) from error
        name = error.column if isinstance(error, MissingColumnError) and layout.acceleration else ""
        if name and (line := grid.line_of(name)):
            raise InputError(f"{error}; line {line} has it: write skip = {line - 1} in the layout") from error
        raise
    devices = [(name, plan.shifted(n)) for name, n in layout.placements.items()] or [("", plan)]
    grid, n_left_out = grid.gathered({x for _, part in devices for x in part.places})
    grid = _kept(grid, plan)
    tables: list[Table] = []
    for placement, part in devices:
        rows = grid
        if layout.leaves_out_bad_rows:
            is_good = [grid.is_number(x, x == part.time) for x in part.number_places]
            rows = grid.only(np.logical_and.reduce(is_good))
            n_left_out += len(grid) - len(rows)
        for said, group in _groups(rows, part, layout):
            own = said | ({"placement": placement} if placement else {})
            if (table := _table(group, part, layout, own, n_left_out)) is not None:
                tables.append(table)
                n_left_out = 0
    if not tables:
        raise NoSamplesError(f"{grid.place} has too few rows of samples ({len(grid)}); a recording is expected there")
    return tables


def _kept(grid: CellGrid, plan: ColumnPlan) -> CellGrid:
    """The rows that the layout keeps, of the sensors that are read."""
    for place, texts in plan.where.items():
        found = grid.texts(place)
        kept = np.fromiter((x in texts for x in found), np.bool_, len(found))
        if len(found) and not kept.any():
            raise InputError(
                f"{grid.place} has no row of {_some(texts)}, which where in the layout keeps; {_there(found)}"
            )
        grid = grid.only(kept)
    if plan.sensor is not None:
        names = grid.texts(plan.sensor)
        wanted = {x for x in set(names) if plan.kind(x)}
        main = [x for x, kind in plan.sensor_names.items() if kind == "acceleration"]
        if main and not wanted.intersection(main):
            raise InputError(
                f"{grid.place} has no row of {_some(main)}, as sensor in the layout names them; {_there(names)}"
            )
        grid = grid.only(np.fromiter((x in wanted for x in names), np.bool_, len(names)))
    return grid


def _some(texts: Iterable[str]) -> str:
    return " or ".join(quoted(x, 20) for x in texts)


def _there(texts: Sequence[str]) -> str:
    return f"there are {', '.join(quoted(x, 20) for x in sorted(set(texts))[:8])}"


def _groups(grid: CellGrid, plan: ColumnPlan, layout: Layout) -> Iterator[tuple[dict[str, str], CellGrid]]:
    """The rows of each device, person and trial by their names.

    Without times, which tell where rows are missing, all rows: then runs of them are told apart later.
    """
    names = [x for x in plan.texts if x != "label" and layout.text_columns[x].several]
    if not names or plan.time is None:
        yield {}, grid
        return
    keys = list(zip(*(_texts(grid, x, plan.texts[x], layout) for x in names), strict=True))
    number = {x: i for i, x in enumerate(dict.fromkeys(keys))}
    numbers = np.fromiter((number[x] for x in keys), np.intp, len(keys))
    for key, i in number.items():
        yield dict(zip(names, key, strict=True)), grid.only(numbers == i)


def _table(grid: CellGrid, plan: ColumnPlan, layout: Layout, said: dict[str, str], n_left_out: int) -> Table | None:
    """The table of the rows in `grid`; None where it has hardly any."""
    acceleration = rotation = grid
    if plan.sensor is not None:
        kinds = [plan.kind(x) for x in grid.texts(plan.sensor)]
        acceleration, rotation = (
            grid.only(np.fromiter((x == kind for x in kinds), np.bool_, len(kinds))) for kind in _LIMITS
        )
    n_sorted, back = 0, 0.0
    if plan.time is not None and layout.time and layout.time.disorder == SORTED:
        acceleration, n_sorted, back = acceleration.in_order_of(plan.time)
        if plan.sensor is None:
            rotation = acceleration
        else:
            rotation, n_more, further = rotation.in_order_of(plan.time)
            n_sorted, back = n_sorted + n_more, max(back, further)
    first = acceleration if plan.acceleration else rotation
    if len(first) < 2:
        return None
    has_iso_times = plan.time is not None and ":" in first.columns[plan.time][0]
    plan = column_plan.settled(plan, grid.header, grid.place, has_iso_times, lambda: _size(first, plan))
    texts = {name: _texts(first, name, place, layout) for name, place in plan.texts.items() if name not in said}
    times = _times(first, plan, layout)  # which may go back where another person begins
    found: dict[str, Series] = {}
    if plan.acceleration:
        found["acceleration"] = _series(first, "acceleration", plan, times)
    if plan.rotation and len(rotation):
        own = times if plan.sensor is None else _times(rotation, plan, layout)
        found["rotation"] = _series(rotation, "rotation", plan, own)
    return Table(
        grid.place,
        found.get("acceleration"),
        found.get("rotation"),
        plan.sensor is None,
        texts,
        said,
        first.numbers,
        grid.n_rows,
        plan.time_factor,
        n_left_out,
        n_sorted,
        back * plan.time_factor,
    )


def _size(grid: CellGrid, plan: ColumnPlan) -> float:
    """The typical size of acceleration, in its own unit."""
    return units.typical_size(np.stack([grid.numbers_in(x) for (x,) in plan.acceleration], axis=1))


def _times(grid: CellGrid, plan: ColumnPlan, layout: Layout) -> _Times:
    """The times of the rows. Raises `InputError` out of order."""
    if plan.time is None:
        return _Times(0.0, np.arange(len(grid)) / (layout.rate_hz or 1.0))
    first = grid.columns[plan.time][0]
    if layout.time and ":" in first and not layout.time.of_day:
        raise InputError(f'{grid.where(0)}: {quoted(first, 30)} is a date: write unit = "date" under [time]')
    if layout.time and layout.time.of_day and ":" not in first and not layout.time.pattern:
        raise InputError(
            f"{grid.where(0)}: {quoted(first, 30)} is no date as ISO 8601 has it: write the unit of a number under "
            '[time], or how it is written, as unit = "%d.%m.%Y %H:%M:%S.%f"'
        )
    times = grid.numbers_in(plan.time, is_time=True)
    # From the start on: float64 holds nanoseconds since 1970 to a quarter of a microsecond, seconds no better.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (times - times[0]) * plan.time_factor
        steps = np.diff(seconds)
        is_late = ~(steps >= 0) if layout.time and layout.time.steady else ~(steps > 0)
    allows_disorder = layout.time is not None and layout.time.disorder != REFUSED
    clock = coarse_step(seconds)
    if layout.time:
        _check_clock(steps, grid.place, first, layout.time, clock)
    if is_late.any() and not allows_disorder:
        mend = "sort the rows"
        if layout.time:
            mend = (
                'write disorder = "new recording" under [time] where one begins there, or "sort" where rows of one '
                "were written in another order"
            )
        if layout.time is None and clock:
            mend = (
                f"the clock moves on every {clock:g} s alone; write a layout with columns and, under [time], "
                "steady = true (docs/data.md)"
            )
        raise InputError(
            f"{grid.where(int(is_late.argmax()) + 1)}: the timestamp is not after that of the row before; {mend}"
        )
    is_spread = clock > 0 and layout.time is not None and layout.time.steady
    return _Times(float(times[0]), spread(seconds, clock), clock) if is_spread else _Times(float(times[0]), seconds)


def _check_clock(steps: Array, place: str, first: str, time: TimeColumn, clock: float) -> None:
    """Raise `InputError` where the clock of a file, which shows `first` at first, is coarser than samples.

    Its step is `clock` where samples can be spread over that. Where disorder is allowed, rows of the same time are left
    out, and those that are left may be enough.
    """
    still = np.count_nonzero(steps == 0) / max(len(steps), 1)
    onward = steps[steps > 0]
    is_fine = len(onward) > 0 and units.is_step(float(np.median(onward)))
    is_few = len(steps) < ENOUGH_ROWS  # too few to be spread
    is_usable = (is_fine or (still < 1 and not is_few)) if time.steady else is_few
    if still <= _MOST_STILL or is_usable:
        return
    if time.disorder != REFUSED and not clock and not time.steady:
        return
    other = ", or steady = true under it" if clock or is_fine else ""
    raise InputError(
        f"{place}: the time does not move on in {'all' if still == 1 else 'most'} rows, from {quoted(first, 30)} on; "
        f"where samples were taken evenly write rate = 50 (samples a second) in place of [time]{other}"
    )


def _series(grid: CellGrid, kind: str, plan: ColumnPlan, times: _Times) -> Series:
    """The values of a sensor. Raises `InputError` where one is beyond its limit, which no sensor is."""
    axes = plan.acceleration if kind == "acceleration" else plan.rotation
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is beyond the limit
        read = [np.sum([grid.numbers_in(x) for x in summed], axis=0) for summed in axes]
        values: Array = (np.stack(read, axis=1) + plan.offsets.get(kind, (0.0,) * 3)) * plan.factors[kind]
    limit, unit = _LIMITS[kind]
    beyond = np.argwhere(~(np.abs(values) <= limit))
    if len(beyond):
        row, axis = beyond[0]
        name = " + ".join(grid.header[x].strip() if grid.header else f"column {x + 1}" for x in axes[axis])
        where = f"its unit, scale and offset under [{kind}]" if plan.by_name is None else "its unit in the header"
        mend = f"check {where}, or leave out such rows"
        size = units.typical_size(values)
        if kind == "acceleration" and plan.by_name is None and _TOO_LARGE_G < size < np.inf:
            mend = (
                "these seem to be counts: multiply scale under [acceleration] (1 where there is none) by about "
                f"{1 / size:.2g}, by which gravity has 1 g, if its columns and offset fit"
            )
        raise InputError(
            f"{grid.where(row)}: '{name}' is {values[row, axis]:.4g} {unit}, and nobody moves with more than "
            f"{limit:g} {unit}; {mend}"
        )
    return Series(times.begin, times.seconds, values, times.clock_s)


def _texts(grid: CellGrid, name: str, place: int, layout: Layout) -> list[str]:
    """The text of each row. Raises `InputError` for a change that is not allowed."""
    found = grid.texts(place)
    different = set(found)
    if name != "label" and not layout.text_columns[name].several and (len(different) > 1 or "" in different):
        row = next(i for i, x in enumerate(found) if x != found[0] or not x)
        raise InputError(
            f"{grid.where(row)}: each row of a file needs the same {name}, and a name for it, here "
            f"{quoted(found[row], 20)}; a layout may allow more: {name} = {{ column = ..., several = true }}"
        )
    return found
