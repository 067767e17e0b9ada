"""Read layouts strictly: a mistake is refused with its line, and with the words that could stand there."""

import codecs
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from edge_runtime.data.layout import (
    DISORDERS,
    END,
    REFUSED,
    START,
    TEXTS,
    Column,
    LabelFile,
    Layout,
    SensorColumns,
    TextColumn,
    TimeColumn,
)
from edge_runtime.data.layout_keys import MAX_COLUMN, LayoutKeys, as_key
from edge_runtime.data.path_pattern import SENSOR, PathPattern
from edge_runtime.data.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, canonical
from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import read_text
from edge_runtime.system.printable import has_control, quoted

FOLDER = Path(__file__).parent / "layouts"
DEFAULT = "har-edge"
"""The layout of har-edge's own recordings, and of phone apps' exports."""

_SEPARATORS = {",": ",", ";": ";", "tab": "\t", "blanks": " "}
_TOP = (
    *("name", "files", "separator", "line_end", "skip", "comments", "encoding", "bad_rows", "rate", "mounting"),
    *TEXTS,
    *(SENSOR, "where", "time", "acceleration", "rotation", "placements", "labels", "other_labels", "label_file"),
)
_DATE = "date"
_SAMPLES = "samples"
_LARGEST_FILE = 1 << 16  # bytes


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
        near = difflib.get_close_matches(name.lower(), shipped(), 1)
        meant = f", perhaps {near[0]}" if near else ""
        if isinstance(error, FileNotFoundError) and (path.suffix or len(path.parts) > 1):
            said = f"the file {path} of a layout does not exist"
        else:
            said = f"there is no layout '{name}'"
            said += "" if isinstance(error, FileNotFoundError) else f" ({error.strerror})"
        raise InputError(f"{said}{meant}: give the path of a TOML file, or one of {', '.join(shipped())}") from error
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
        str(content)  # whole numbers of thousands of digits, 0xfff... too, can neither be read nor shown
    except (ValueError, RecursionError) as error:
        # Python's parser says of a key that stands twice that it cannot overwrite a value.
        twice = ", a key that stands twice: leave one of them out" if "overwrite" in str(error) else ""
        # Of a name such as `go up` it says that '=' is expected, of one that begins with an accent that it is invalid.
        is_of_name = "Expected '=' after a key" in str(error) or "Invalid statement" in str(error)
        quotes = ' names with blanks or accents stand in quotes, "go up" = "WALKING_UPSTAIRS";' if is_of_name else ""
        raise InputError(f"{source} is no TOML file ({error}{twice}):{quotes} see docs/data.md for one") from error
    top = LayoutKeys(text, source, "", content)
    top.check_keys(_TOP)
    pattern = _pattern(top, "files", 'files = "{label}/{subject}.csv", with * and {names} for what differs')
    by_sensor = SENSOR in pattern.names or SENSOR in content
    acceleration = _sensor(top, "acceleration", ACCELERATION_UNITS, by_sensor)
    rotation = _sensor(top, "rotation", ROTATION_UNITS, by_sensor)
    rate, time = top.number("rate", 1, 100_000, None), _time(top)
    fixed, columns = _texts(top, pattern)
    if acceleration is None and (rotation or time):
        table = "rotation" if rotation else "time"
        raise top.error(table, f"[{table}] needs [acceleration]: give both, or neither to find columns by their names")
    if acceleration and (rate is None) == (time is None):
        says = "says rate and [time]: leave one out" if rate else "needs rate = 50 (samples a second), or [time]"
        raise top.error("rate", f"it {says}")
    if by_sensor and not (acceleration and rotation):
        key = SENSOR if SENSOR in content else "files"
        raise top.error(
            key, f"{SENSOR} tells [acceleration] and [rotation] apart: give both tables, each with sensor ="
        )
    return Layout(
        source=source,
        name=top.text("name", name),
        files=pattern,
        fixed=fixed,
        text_columns=columns,
        labels=_named(top, "labels"),
        other_labels=_named(top, "other_labels"),
        time=time,
        rate_hz=rate,
        acceleration=acceleration,
        rotation=rotation,
        separator=_SEPARATORS[top.one_of("separator", _SEPARATORS, None)] if "separator" in content else None,
        line_end=top.text("line_end", ""),
        skip=top.whole("skip", 10_000, 0),
        comments=top.list_of_text("comments"),
        encoding=_encoding(top),
        leaves_out_bad_rows=top.one_of("bad_rows", ("refuse", "leave out"), "refuse") == "leave out",
        each_file_is_a_mounting=top.one_of("mounting", ("each subject", "each file"), "each subject") == "each file",
        sensor_column=_sensor_column(top, pattern),
        where=_where(top),
        placements=_placements(top, fixed, columns, pattern),
        label_file=_label_file(top, pattern),
    )


def _pattern(table: LayoutKeys, key: str, example: str) -> PathPattern:
    value = table.content.get(key)
    texts = table.list_of_text(key) if isinstance(value, list) and value else (table.need(key, str, example),)
    try:
        return PathPattern(*texts)
    except ValueError as error:
        raise table.error(key, f"{quoted(' or '.join(texts))} is no pattern of paths: {error}") from None


def _sensor(top: LayoutKeys, name: str, units: Mapping[str, float], by_sensor: bool) -> SensorColumns | None:
    table = top.table(name)
    if table is None:
        return None
    table.check_keys(("columns", "unit", "sign", "scale", "offset", *([SENSOR] if by_sensor else [])), _TOP)
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
    unit = _unit(table, units)
    factor = units[unit] * (table.number("scale", 1e-9, 1e9, 1.0) or 1.0) * sign
    sensor = table.need(SENSOR, str, 'sensor = "acc", as the path or the column has it') if by_sensor else ""
    return SensorColumns(tuple(columns), unit, factor, sensor, table.three_numbers("offset", 1e9))


def _time(top: LayoutKeys) -> TimeColumn | None:
    table = top.table("time")
    if table is None:
        return None
    table.check_keys(("column", "unit", "steady", "disorder"), _TOP)
    if "column" not in table.content:
        raise table.error("column", 'there is no column: write column = "timestamp", a name or a number from 1 on')
    disorder = table.one_of("disorder", DISORDERS, REFUSED)
    column = table.column("column", table.content["column"])
    return TimeColumn(column, _factor(table), table.truth("steady"), disorder, *_date(table))


def _sensor_column(top: LayoutKeys, pattern: PathPattern) -> Column | None:
    if SENSOR not in top.content:
        return None
    if SENSOR in pattern.names:
        raise top.error(SENSOR, f"{SENSOR} is said by {{{SENSOR}}} in files too: leave one of them out")
    table = top.content[SENSOR]
    if not isinstance(table, dict) or list(table) != ["column"]:
        raise top.error(SENSOR, f'write {SENSOR} = {{ column = "type" }}, the column that names the sensor of each row')
    return top.column(SENSOR, table["column"])


def _where(top: LayoutKeys) -> dict[Column, tuple[str, ...]]:
    table = top.table("where")
    kept: dict[Column, tuple[str, ...]] = {}
    for key, value in table.content.items() if table else ():
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(x, (str, int)) and not isinstance(x, bool) for x in texts):
            raise top.error("where", f'where keeps rows by their texts: write where = {{ {as_key(key)} = "text" }}')
        # Of a number with too many digits those that are left are too many too.
        kept[top.column("where", int(key.lstrip("0")[:9] or 0) if key.isdecimal() else key)] = tuple(map(str, texts))
    return kept


def _placements(
    top: LayoutKeys, fixed: Mapping[str, str], columns: Mapping[str, TextColumn], pattern: PathPattern
) -> dict[str, int]:
    table = top.table("placements")
    if table is None:
        return {}
    if "placement" in (*fixed, *columns, *pattern.names):
        raise top.error("placements", "[placements] name the placement of each device: leave placement out elsewhere")
    for key in table.content:
        if has_control(key):
            raise table.error(key, f"the placement {quoted(key, 30)} has a line break or control character")
    return {key: table.whole(key, MAX_COLUMN, 0) for key in table.content}


def _label_file(top: LayoutKeys, pattern: PathPattern) -> LabelFile | None:
    table = top.table("label_file")
    if table is None:
        return None
    table.check_keys(("files", "columns", "unit", "skip"), _TOP)
    files = _pattern(table, "files", 'files = "labels.txt"')
    known = ("label", START, END, *(x for x in pattern.names if x != SENSOR), "")
    columns = table.content.get("columns")
    if not isinstance(columns, list) or not all(isinstance(x, str) and x in known for x in columns):
        raise table.error("columns", f"columns are a list of {', '.join(map(quoted, known))}, in the order of the file")
    has_ranges = START in columns or END in columns
    if missing := [x for x in ("label", *((START, END) if has_ranges else ())) if columns.count(x) != 1]:
        raise table.error("columns", f"columns have to name '{missing[0]}' once")
    if not has_ranges and "unit" in table.content:
        raise table.error("unit", "unit is that of start and end, which columns do not name: leave it out")
    if "label" in (*pattern.names, *top.content):
        raise top.error("label_file", "[label_file] gives the labels: leave label out elsewhere")
    factor = None if table.content.get("unit", _SAMPLES) == _SAMPLES else _factor(table, (_SAMPLES,))
    return LabelFile(files, tuple(columns), factor, *_date(table), skip=table.whole("skip", 10_000, 0))


def _date(table: LayoutKeys) -> tuple[bool, str]:
    """Whether the unit of times is that of dates, and as which pattern these are written, "" as ISO 8601 has it."""
    unit = table.content.get("unit")
    pattern = unit if isinstance(unit, str) and "%" in unit else ""
    return bool(pattern) or unit == _DATE, pattern


def _factor(table: LayoutKeys, others: Sequence[str] = ()) -> float:
    """The unit of times in seconds, of dates 1."""
    return 1.0 if _date(table)[0] else TIME_UNITS[_unit(table, TIME_UNITS, (_DATE, *others))]


def _unit(table: LayoutKeys, units: Mapping[str, float], others: Sequence[str] = ()) -> str:
    known = " or ".join(f'unit = "{x}"' for x in (*units, *others))
    unit = table.need("unit", str, known)
    if canonical(unit) not in units:
        raise table.error("unit", f"there is no unit {quoted(unit, 30)} of it: write {known}")
    return canonical(unit)


def _texts(top: LayoutKeys, pattern: PathPattern) -> tuple[dict[str, str], dict[str, TextColumn]]:
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


def _named(top: LayoutKeys, key: str) -> dict[str, str]:
    table = top.table(key)
    if table is None:
        return {}
    for label, name in table.content.items():
        if isinstance(name, dict):
            dotted = quoted(f"{label}.{next(iter(name), '')}", 60)
            raise table.error(label, f'a label with a dot in it stands in quotes: {dotted} = "ITS NAME"')
        if not isinstance(name, str) or has_control(name) or len(name) > 100:
            raise table.error(
                label, f'a label of the files = "its name here", or "" to leave it out: not {quoted(str(name), 30)}'
            )
        if key == "other_labels" and label in top.content.get("labels", {}):
            raise table.error(label, f"{quoted(label)} stands in [labels] too: leave one of them out")
    return {label: name.strip() for label, name in table.content.items()}


def _encoding(top: LayoutKeys) -> str:
    encoding = top.text("encoding", "utf-8-sig")
    try:
        "a,1".encode(codecs.lookup(encoding).name).decode(encoding)
    except (LookupError, UnicodeError, AttributeError):
        raise top.error("encoding", f"there is no encoding {quoted(encoding, 30)}: try utf-8 or latin-1") from None
    return encoding
