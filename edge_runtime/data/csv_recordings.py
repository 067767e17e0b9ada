"""Read a recording from one CSV file without a layout: its header and its first rows say what the columns are."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge_runtime.data.column_names import (
    DECIMAL_COMMAS,
    Columns,
    MalformedError,
    Row,
    find_columns,
    is_number,
    sensor_kind,
    unnamed_columns,
)
from edge_runtime.data.data_sources import FOREIGN
from edge_runtime.data.layout import Layout, SensorColumns, TextColumn, TimeColumn
from edge_runtime.data.layout_recordings import with_rotation
from edge_runtime.data.sample_files import read_tables
from edge_runtime.data.text_rows import delimiter, text_lines
from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import N_CHANNELS
from edge_runtime.signals.units import N_JUDGED, NOT_NEEDED, TIME_UNITS, Units, inferred_units, unit_name, units_notice
from edge_runtime.system.outside_files import read_bytes

Array = npt.NDArray[np.float64]

_SEPARATORS: dict[str | None, Literal[",", ";", "tab", "blanks"]] = {",": ",", ";": ";", "\t": "tab", None: "blanks"}

_MOST_ABOVE = 100  # lines above the header


@dataclass(frozen=True)
class CsvRecording:
    """Samples `[n, 6]` in g and rad/s as they stand in a file, and their times `seconds` `[n]` in its clock, or None.

    Impossible values are NaN. `n_left_out` counts rows that are not samples. `units_notice` names the units that were
    inferred from the numbers, "" if none.
    """

    seconds: Array | None
    samples: Array
    n_left_out: int
    units_notice: str


def read_csv_recording(path: Path, stated: Units) -> CsvRecording:
    """The recording in the file at `path`; `stated` units take precedence over its header.

    Raises `InputError` for a file without samples, and for units that are unclear or contradict the numbers.
    """
    try:
        content = read_bytes(path, "a recording").decode("utf-8-sig", "replace").replace("\0", "").encode()
        layout, notice = _inferred_layout(content, str(path), stated)
        tables, n_left_out = read_tables(content, str(path), layout, "")
    except (OSError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    samples = with_rotation(tables[0], tables, layout) if tables and "acceleration" in tables[0].series else None
    if samples is None or not len(samples[0]):
        lacks = "acceleration with rotation" if layout.sensor else "samples"
        raise InputError(f"{path} has no two rows of {lacks}: {n_left_out:,} rows are incomplete or not numbers")
    _, seconds, values = samples
    base = tables[0].series["acceleration"]
    values = np.pad(values, ((0, 0), (0, N_CHANNELS - values.shape[1])))
    return CsvRecording(base.begin * base.factor + seconds if layout.time else None, values, n_left_out, notice)


def _inferred_layout(content: bytes, place: str, stated: Units) -> tuple[Layout, str]:
    """The layout of a file, and a sentence about units that only the size of its numbers shows."""
    needs_rotation = stated.rotation != NOT_NEEDED
    columns, separator, n_above = _columns(text_lines(content, place, "utf-8"), place, needs_rotation)
    names: dict[str, str] = {}  # of the sensors, if each row holds one sensor
    rows: list[Row] = []
    has_dates = False
    for cells in _split(islice(text_lines(content, place, "utf-8"), n_above, None), separator):
        try:
            row = columns.row(cells)
        except MalformedError:
            continue
        kind = "acceleration" if columns.sensor is None else sensor_kind(cells[columns.sensor])
        if columns.sensor is not None:
            names.setdefault(kind, cells[columns.sensor])
        if kind == "acceleration" and len(rows) < N_JUDGED:
            rows.append(row)
            has_dates = columns.time is not None and ":" in cells[columns.time]
        if len(rows) == N_JUDGED and (columns.sensor is None or "rotation" in names):
            break
    if not rows:
        raise InputError(f"{place} has no row of samples of the columns that its header names; {FOREIGN}")
    stated = stated.or_else(columns.units)
    try:
        times = [time for time, _ in rows if time is not None]
        units = inferred_units(stated, [values[:3] for _, values in rows], times)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    time = None
    if columns.time is not None:
        unit = "date" if has_dates else unit_name(units.time or 1.0, TIME_UNITS)
        time = TimeColumn(unit, columns.time + 1, disorder="new recording")
    rotation = columns.values[3:] or columns.values
    layout = Layout(
        "*",
        separator=_SEPARATORS[separator],
        skip=n_above,
        bad_rows="leave out",
        rate=None if time else 1.0,
        time=time,
        sensor=None if columns.sensor is None else TextColumn(columns.sensor + 1),
        acceleration=_sensor(columns.values[:3], "g", units.acceleration, names.get("acceleration", "")),
        rotation=_sensor(rotation, "rad/s", units.rotation, names.get("rotation", "")) if needs_rotation else None,
    )
    return layout, units_notice(stated, units)


def _columns(lines: Iterable[str], place: str, needs_rotation: bool) -> tuple[Columns, str | None, int]:
    """Find the columns, the separator of cells, and the number of lines above the first row of samples."""
    fault = ""
    for n_above, line in enumerate(islice(lines, _MOST_ABOVE)):
        if not line.strip():
            continue
        separator = delimiter(line)
        (cells,) = _split([line], separator)
        has_header = not any(map(is_number, cells))
        try:
            if has_header:
                return find_columns(cells, needs_rotation), separator, n_above + 1
            if not fault:
                return unnamed_columns(len(cells), needs_rotation), separator, n_above
            break
        except InputError as error:
            fault = fault or str(error)
    raise InputError(f"{place} is not a CSV file of samples: {fault or 'it is empty'}; {FOREIGN}")


def _split(lines: Iterable[str], separator: str | None) -> Iterator[list[str]]:
    """The cells of each line that is not blank, with decimal points."""
    for line in filter(str.strip, lines):
        cells = next(csv.reader([line.strip()], delimiter=separator)) if separator else line.split()
        yield [cell.strip().replace(",", ".") if separator in DECIMAL_COMMAS else cell.strip() for cell in cells]


def _sensor(places: Sequence[int], unit: str, factor: float | None, name: str) -> SensorColumns:
    x, y, z = (place + 1 for place in places)
    return SensorColumns((x, y, z), unit, scale=1.0 if factor is None else factor, sensor=name)
