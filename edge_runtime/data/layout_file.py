"""Read layouts strictly: a mistake is refused with its line, and with the words that could stand there."""

import codecs
import re
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from edge_runtime.data.layout import TEXTS, Column, Layout, SensorColumns, TextColumn, TimeColumn
from edge_runtime.data.path_pattern import SENSOR, PathPattern
from edge_runtime.data.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, canonical
from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import read_text
from edge_runtime.system.printable import quoted

FOLDER = Path(__file__).parent / "layouts"
DEFAULT = "har-edge"
"""The layout of har-edge's own recordings, and of phone apps' exports."""

_SEPARATORS = {",": ",", ";": ";", "tab": "\t", "blanks": " "}
_TOP = (
    *("name", "files", "separator", "line_end", "skip", "comments", "encoding", "bad_rows", "rate", "mounting"),
    *TEXTS,
    *("time", "acceleration", "rotation", "labels", "other_labels"),
)
_LARGEST_FILE = 1 << 16  # bytes
_MAX_COLUMN = 10_000
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def shipped() -> list[str]:
    """The names of the layouts that come with har-edge."""
    return sorted(x.stem for x in FOLDER.glob("*.toml"))


def find(name: str) -> Layout:
    """The layout that is shipped as `name`, or in the file of this path. Raises `InputError` when there is none."""
    if name in shipped():
        return _shipped(name)
    path = Path(name)
    try:
        text = read_text(path, "a layout", _LARGEST_FILE)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}); a layout is a TOML file") from error
    except OSError as error:
        raise InputError(
            f"there is no layout '{name}' ({error.strerror}): give the path of a TOML file, or one of "
            f"{', '.join(shipped())}"
        ) from error
    return parse(text, str(path), path.stem)


@cache
def _shipped(name: str) -> Layout:
    path = FOLDER / f"{name}.toml"
    return parse(path.read_text(encoding="utf-8"), path.name, "" if name == DEFAULT else name)


def parse(text: str, source: str, name: str) -> Layout:
    """The layout that `text` writes; `source` names it in the `InputError` raised when it is none.

    `name` is that of the data set, unless the layout has one.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # whole numbers of thousands of digits too
        raise InputError(f"{source} is no TOML file ({error}): see docs/data.md for one") from error
    top = _Keys(text, source, "", content)
    top.check_keys(_TOP)
    files = top.need("files", str, 'files = "{label}/{subject}.csv", with * and {names} for what differs')
    try:
        pattern = PathPattern(files)
    except ValueError as error:
        raise top.error("files", f"{quoted(files)} is no pattern of paths: {error}") from None
    acceleration = _sensor(top, "acceleration", ACCELERATION_UNITS, pattern)
    rotation = _sensor(top, "rotation", ROTATION_UNITS, pattern)
    rate, time = top.number("rate", 1, 100_000, None), _time(top)
    fixed, columns = _texts(top, pattern)
    if acceleration is None and (rotation or time):
        table = "rotation" if rotation else "time"
        raise top.error(table, f"[{table}] needs [acceleration]: give both, or neither to find columns by their names")
    if acceleration and (rate is None) == (time is None):
        says = "says rate and [time]: leave one out" if rate else "needs rate = 50 (samples a second), or [time]"
        raise top.error("rate", f"it {says}")
    if SENSOR in pattern.names and not (acceleration and acceleration.sensor and time):
        raise top.error("files", "files of one sensor each need [time], and sensor = in [acceleration] and [rotation]")
    return Layout(
        source,
        top.text("name", name),
        pattern,
        fixed,
        columns,
        _named(top, "labels"),
        _named(top, "other_labels"),
        time,
        rate,
        acceleration,
        rotation,
        _SEPARATORS[top.one_of("separator", _SEPARATORS, None)] if "separator" in content else None,
        top.text("line_end", ""),
        int(top.number("skip", 0, 10_000, 0) or 0),
        top.list_of_text("comments"),
        _encoding(top),
        top.one_of("bad_rows", ("refuse", "leave out"), "refuse") == "leave out",
        top.one_of("mounting", ("each subject", "each file"), "each subject") == "each file",
    )


class _Keys:
    """One table of a layout, whose errors name its lines."""

    def __init__(self, text: str, source: str, name: str, content: Mapping[str, Any]) -> None:
        self.content = content
        self._text, self._source, self._name = text, source, name

    def table(self, key: str) -> "_Keys | None":
        """The table `key` inside; None without one."""
        if key not in self.content:
            return None
        if not isinstance(self.content[key], dict):
            raise self.error(key, f"{key} is a table: write [{key}] above its keys")
        return _Keys(self._text, self._source, key, self.content[key])

    def check_keys(self, known: Collection[str]) -> None:
        """Raise `InputError` for a key that is none of those `known`."""
        for key in self.content:
            if key not in known:
                where = f"in [{self._name}]" if self._name else "here"
                raise self.error(key, f"there is no {quoted(key, 30)} {where}: known are {', '.join(known)}")

    def error(self, key: str, says: str) -> InputError:
        """The error that the line of `key` has, or of the table without it."""
        line = _line(self._text, self._name, key)
        return InputError(f"{self._source}, line {line}: {says}" if line else f"{self._source}: {says}")

    def need(self, key: str, kind: type, example: str) -> Any:
        """The value of `key`, which has to be there."""
        value = self.content.get(key)
        if not isinstance(value, kind) or isinstance(value, bool) or value == "":
            fault = f"{key} = {quoted(str(value), 30)} is not taken" if key in self.content else f"there is no {key}"
            raise self.error(key, f"{fault}: write {example}")
        return value

    def text(self, key: str, default: str) -> str:
        """The text of `key`."""
        value: str = self.need(key, str, f'{key} = "text"') if key in self.content else default
        if _UNPRINTABLE.search(value):
            raise self.error(key, f"{key} has a line break or control character: leave it out")
        return value

    def one_of(self, key: str, known: Collection[str], default: str | None) -> Any:
        """The value of `key`, one of those `known`."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or value not in known:
            raise self.error(key, f"{key} is one of {', '.join(map(quoted, known))}, not {quoted(str(value), 30)}")
        return value

    def number(self, key: str, least: float, most: float, default: float | None) -> float | None:
        """The number of `key` from `least` to `most`."""
        value = self.content.get(key, default)
        if value is default:
            return default
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
            raise self.error(key, f"{key} is a number from {least:g} to {most:g}, not {quoted(str(value), 30)}")
        return float(value)

    def truth(self, key: str) -> bool:
        """The true or false of `key`; false without it."""
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"{key} is true or false, not {quoted(str(value), 30)}")
        return value

    def list_of_text(self, key: str) -> tuple[str, ...]:
        """The texts in the list of `key`."""
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(x, str) and x for x in value):
            raise self.error(key, f'{key} is a list of texts: write {key} = ["#"]')
        return tuple(value)

    def column(self, key: str, value: Any) -> Column:
        """`value` as a column."""
        is_number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_COLUMN
        if not is_number and not (isinstance(value, str) and value.strip()):
            raise self.error(
                key, f"{quoted(str(value), 30)} is no column: give its name in the header, or its number from 1 on"
            )
        return value.strip() if isinstance(value, str) else int(value)


def _sensor(top: _Keys, name: str, units: Mapping[str, float], pattern: PathPattern) -> SensorColumns | None:
    table = top.table(name)
    if table is None:
        return None
    table.check_keys(("columns", "unit", "sign", "scale", *([SENSOR] if SENSOR in pattern.names else [])))
    axes = table.need("columns", list, 'columns = ["x", "y", "z"], names in the header or numbers from 1 on')
    if len(axes) != 3:
        raise table.error("columns", f"columns are those of x, y and z, three, and here are {len(axes)}")
    columns = []
    for axis in axes:
        summed = axis if isinstance(axis, list) and axis else [axis]
        columns.append(tuple(table.column("columns", x) for x in summed))
    sign = table.number("sign", -1, 1, 1.0)
    if sign not in (1, -1):
        raise table.error("sign", "sign is 1, or -1 to turn the sign of all three axes round")
    factor = _unit(table, units) * (table.number("scale", 1e-9, 1e9, 1.0) or 1.0) * sign
    sensor = (
        table.need(SENSOR, str, f'sensor = "acc", as {{{SENSOR}}} in files has it') if SENSOR in pattern.names else ""
    )
    return SensorColumns(tuple(columns), factor, sensor)


def _time(top: _Keys) -> TimeColumn | None:
    table = top.table("time")
    if table is None:
        return None
    table.check_keys(("column", "unit", "steady", "disorder"))
    if "column" not in table.content:
        raise table.error("column", 'there is no column: write column = "timestamp", a name or a number from 1 on')
    disorder = table.one_of("disorder", ("refuse", "new recording"), "refuse") == "new recording"
    column = table.column("column", table.content["column"])
    return TimeColumn(column, _unit(table, TIME_UNITS), table.truth("steady"), disorder)


def _unit(table: _Keys, units: Mapping[str, float]) -> float:
    known = " or ".join(f'unit = "{x}"' for x in units)
    unit = table.need("unit", str, known)
    if canonical(unit) not in units:
        raise table.error("unit", f"there is no unit {quoted(unit, 30)} of it: write {known}")
    return units[canonical(unit)]


def _texts(top: _Keys, pattern: PathPattern) -> tuple[dict[str, str], dict[str, TextColumn]]:
    fixed: dict[str, str] = {}
    columns: dict[str, TextColumn] = {}
    for key in TEXTS:
        if key not in top.content:
            continue
        if key in pattern.names:
            raise top.error(key, f"{key} is said by {{{key}}} in files too: leave one of them out")
        if not isinstance(top.content[key], dict):
            fixed[key] = top.text(key, "")
            continue
        table = top.table(key)
        assert table
        table.check_keys(("column", "several"))
        if "column" not in table.content:
            raise top.error(key, f'{key} is a text, or {{ column = "{key}" }} for a column of the files')
        columns[key] = TextColumn(top.column(key, table.content["column"]), table.truth("several"))
    return fixed, columns


def _named(top: _Keys, key: str) -> dict[str, str]:
    table = top.table(key)
    if table is None:
        return {}
    for label, name in table.content.items():
        if not isinstance(name, str) or _UNPRINTABLE.search(name) or len(name) > 100:
            raise table.error(
                label, f'a label of the files = "its name here", or "" to leave it out: not {quoted(str(name), 30)}'
            )
        if key == "other_labels" and label in top.content.get("labels", {}):
            raise table.error(label, f"{quoted(label)} stands in [labels] too: leave one of them out")
    return {label: name.strip() for label, name in table.content.items()}


def _encoding(top: _Keys) -> str:
    encoding = top.text("encoding", "utf-8-sig")
    try:
        "a,1".encode(codecs.lookup(encoding).name).decode(encoding)
    except (LookupError, UnicodeError, AttributeError):
        raise top.error("encoding", f"there is no encoding {quoted(encoding, 30)}: try utf-8 or latin-1") from None
    return encoding


def _line(text: str, table: str, key: str) -> int:
    """The line of `key` in `table`, or else of the table's heading; 0 where neither is found."""
    here, heading = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*\[\s*([^\]]*?)\s*\]", line):
            here = found[1].strip("\"'")
            heading = number if here == (table or key) else heading
        elif here == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return heading
