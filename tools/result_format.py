"""Write the JSON Schema of results from the dataclasses in bench/results.py.

Run `python -m tools.result_format` after a change of the dataclasses; a test compares.
"""

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from edge_runtime.bench.results import FORMAT, Report
from edge_runtime.system.dataclass_json import Quantity, bare_type, field_types
from tools import ROOT

SCHEMA = ROOT / "edge_runtime" / "bench.schema.json"

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema() -> str:
    """Return the text of bench.schema.json."""
    return json.dumps(_schema(), indent=1, ensure_ascii=False) + "\n"


def _schema() -> dict[str, Any]:
    parts: dict[str, Any] = {}
    whole = _object(Report, parts)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A result of har-edge bench, format {FORMAT}",
        **whole,
        "required": ["format", *whole["required"]],
        "properties": {"format": {"const": FORMAT, "description": "format of this file"}, **whole["properties"]},
        "$defs": parts,
    }


def _object(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a dataclass; schemas of fields that are dataclasses go into `parts`, by name."""
    missing = dataclasses.MISSING
    return {
        "type": "object",
        "description": kind.__doc__,
        "required": [x.name for x in dataclasses.fields(kind) if x.default is x.default_factory is missing],
        "properties": {name: _field(x, parts) for name, x in field_types(kind).items()},
    }


def _field(declared: Any, parts: dict[str, Any]) -> dict[str, Any]:
    kind, notes, optional = bare_type(declared)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    content: dict[str, Any]
    if dataclasses.is_dataclass(kind):
        name = typing.cast("type", kind).__name__
        if name not in parts:
            parts[name] = {}  # before the parts of its fields
            parts[name].update(_object(kind, parts))
        content = {"$ref": f"#/$defs/{name}"}
    elif origin is typing.Literal:
        content = {"enum": list(arguments)}
    elif origin is Mapping:
        content = {"type": "object", "additionalProperties": _field(arguments[1], parts)}
    elif origin is tuple:
        content = {"type": "array", "items": _field(arguments[0], parts)}
        if arguments[-1] is not ...:
            content |= {"minItems": len(arguments), "maxItems": len(arguments)}
    else:
        content = {"type": _TYPES[kind]}
    description = "".join(note for note in notes if isinstance(note, str))
    for quantity in (note for note in notes if isinstance(note, Quantity)):
        content |= {"minimum": quantity.at_least, "maximum": quantity.at_most}
        description += f" ({quantity.unit})" if description and quantity.unit else ""
    if optional:
        content = {"anyOf": [content, {"type": "null"}]}
    return content | ({"description": description} if description else {})


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
