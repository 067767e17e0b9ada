"""Write the JSON Schema of results and the tables of docs/bench.md from the dataclasses in bench/results.py.

Run `python -m tools.result_format` after a change of these; a test compares.
"""

import dataclasses
import json
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import edge_runtime
from edge_runtime.bench.results import FORMAT, Report
from edge_runtime.system.dataclass_json import Quantity, bare_type, field_types

SCHEMA = Path(edge_runtime.__file__).with_name("bench.schema.json")
DOCUMENT = Path(__file__).parents[1] / "docs" / "bench.md"
BEGIN, END = "<!-- written by tools/result_format.py -->\n", "<!-- end of what it wrote -->\n"

_TYPES = {str: ("string", "text"), int: ("integer", "whole number"), float: ("number", "number")}
_TYPES[bool] = ("boolean", "true or false")


def schema() -> str:
    """The text of bench.schema.json."""
    report, *parts = dict.fromkeys(_dataclasses(Report))
    whole = _object(report)
    return (
        json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": f"A result of har-edge bench, format {FORMAT}",
                "description": "Later versions may add keys; none is renamed. Null is what could not be measured.",
                **whole,
                "properties": {"format": {"const": FORMAT}, **whole["properties"]},
                "required": ["format", *whole["required"]],
                "$defs": {part.__name__: _object(part) for part in parts},
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def document() -> str:
    """The text of docs/bench.md with its tables as they should be."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + "\n".join(map(_table, dict.fromkeys(_dataclasses(Report)))) + "\n" + END + after


def _dataclasses(kind: Any) -> Iterator[type]:
    """The dataclasses that `kind` consists of: itself, then those of its fields."""
    kind, _, _ = bare_type(kind)
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        yield kind
        for part in field_types(kind).values():
            yield from _dataclasses(part)
    elif typing.get_origin(kind) in (tuple, Mapping):
        yield from _dataclasses(typing.get_args(kind)[-2 if typing.get_origin(kind) is tuple else 1])


def _object(kind: Any) -> dict[str, Any]:
    missing = dataclasses.MISSING
    return {
        "type": "object",
        "description": kind.__doc__,
        "required": [x.name for x in dataclasses.fields(kind) if x.default is x.default_factory is missing],
        "properties": {name: _schema(x) for name, x in field_types(kind).items()},
    }


def _schema(kind: Any) -> dict[str, Any]:
    kind, notes, optional = bare_type(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    made: dict[str, Any]
    if dataclasses.is_dataclass(kind):
        made = {"$ref": f"#/$defs/{kind.__name__}"}
    elif origin is typing.Literal:
        made = {"enum": list(arguments)}
    elif origin is Mapping:
        made = {"type": "object", "additionalProperties": _schema(arguments[1])}
    elif origin is tuple:
        made = {"type": "array", "items": _schema(arguments[0])}
        if arguments[-1] is not ...:
            made |= {"minItems": len(arguments), "maxItems": len(arguments)}
    else:
        made = {"type": _TYPES[kind][0]}
    for quantity in (x for x in notes if isinstance(x, Quantity)):
        limits = {"minimum": quantity.at_least, "exclusiveMinimum": quantity.above, "maximum": quantity.at_most}
        made |= {key: limit for key, limit in limits.items() if limit is not None}
    if optional:
        made = {"anyOf": [made, {"type": "null"}]}
    texts = [x for x in notes if isinstance(x, str)]
    return made | ({"description": texts[0] + _unit(notes)} if texts else {})


def _table(kind: Any) -> str:
    lines = [f"### {_words(kind)}", "", kind.__doc__, "", "| key | value | content |", "|---|---|---|"]
    rows = field_types(kind).items()
    if kind is Report:
        lines.append(f"| `format` | {FORMAT} | |")
    for name, declared in rows:
        _, notes, optional = bare_type(declared)
        (text,) = (x for x in notes if isinstance(x, str))
        lines.append(f"| `{name}` | {_value(declared)}{' or null' if optional else ''} | {text} |")
    return "\n".join(lines) + "\n"


def _value(kind: Any) -> str:
    kind, notes, _ = bare_type(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return f"[{_words(kind).lower()}](#{_words(kind).lower().replace(' ', '-')})"
    if origin is typing.Literal:
        return " or ".join(f"`{x}`" for x in arguments)
    if origin is Mapping:
        return f"object of {_value(arguments[1])}"
    if origin is tuple and arguments[-1] is ...:
        return f"list of {_value(arguments[0])}"
    if origin is tuple:
        return f"{len(arguments)} × {_value(arguments[0])}"
    return _TYPES[kind][1] + _unit(notes)


def _unit(notes: Iterable[Any]) -> str:
    return "".join(f" ({x.unit})" for x in notes if isinstance(x, Quantity) and x.unit)


def _words(kind: Any) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).capitalize()


def main() -> None:
    """Write both files."""
    SCHEMA.write_text(schema(), encoding="utf-8")
    DOCUMENT.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
