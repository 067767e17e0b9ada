"""Convert dataclasses to JSON and back, and name the value that has a wrong type."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")
_NOUNS = {float: "a number", int: "a whole number", str: "text", bool: "true or false", Path: "text"}


@dataclasses.dataclass(frozen=True)
class Quantity:
    """The unit and the limits of a number, as in `Annotated[float, Quantity("ms", at_least=0)]`.

    The default limits keep all computed values finite.
    """

    unit: str = ""
    at_least: float = -1e15
    at_most: float = 1e15


def to_text(value: Any, **others: Any) -> str:
    """Return the dataclass `value` as a JSON object, with the members `others` in front."""
    return json.dumps({**others, **dataclasses.asdict(value)}, default=str)  # a `Path` is its text


def from_text(kind: type[_T], text: str) -> _T:
    """Read the text that `to_text` returns. Raises `ValueError` as `from_json` does."""
    return from_json(kind, json.loads(text))


def from_json(kind: type[_T], value: object, known_keys_only: bool = False) -> _T:
    """Convert `value`, from `json.loads` or `dataclasses.asdict`, to the dataclass `kind`.

    Fields may be `float`, `int`, `str`, `bool`, `Path`, `Any`, a `Literal`, dataclasses, and unions, tuples, lists,
    sequences and string-keyed mappings of these; numbers may be `Annotated` with a `Quantity`. Absent keys get the
    field's default. Unknown keys are ignored, or refused with `known_keys_only`. Raises `ValueError` that
    names the wrong value: `results[0].accuracy is not a number`.
    """
    converted: _T = _convert(kind, value, "", known_keys_only)
    return converted


@cache
def field_types(kind: Any) -> dict[str, Any]:
    """Return the type of each field of the dataclass `kind`, by name."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def bare_type(kind: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """Return `kind` without `Annotated` and `| None`, its annotations, and whether it may be None."""
    notes: tuple[Any, ...] = ()
    optional = False
    while True:
        arguments = typing.get_args(kind)
        others = [argument for argument in arguments if argument is not type(None)]
        if typing.get_origin(kind) is typing.Annotated:
            kind, notes = arguments[0], notes + arguments[1:]
        elif _is_union(kind) and len(others) == 1:
            kind, optional = others[0], True
        else:
            return kind, notes, optional


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _convert(kind: Any, value: Any, where: str, strict: bool) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where, strict)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        converted = _convert(arguments[0], value, where, strict)
        for note in arguments[1:]:
            if isinstance(note, Quantity) and converted is not None and not note.at_least <= converted <= note.at_most:
                raise ValueError(f"{where} is not from {note.at_least:g} to {note.at_most:g}")
        return converted
    if _is_union(kind):
        return _member(arguments, value, where, strict)
    if origin is typing.Literal:
        if value not in arguments:
            raise ValueError(f"{where} is none of {', '.join(map(str, arguments))}")
        return value
    if origin in (tuple, list, Sequence):
        length = None if origin is not tuple or arguments[-1] is ... else len(arguments)
        if not isinstance(value, (list, tuple)) or length not in (None, len(value)):
            raise ValueError(f"{where} is not a list" + ("" if length is None else f" of {length}"))
        if length is None and _are_numbers(arguments[0], value):
            return tuple(value) if origin is tuple else list(value)
        kinds = arguments if length else [arguments[0]] * len(value)
        items = (_convert(item_kind, value[i], f"{where}[{i}]", strict) for i, item_kind in enumerate(kinds))
        return tuple(items) if origin is tuple else list(items)
    if origin in (dict, Mapping):
        _check_object(value, where)
        return {key: _convert(arguments[1], item, f"{where}.{key}", strict) for key, item in value.items()}
    return _plain(kind, value, where)


def _are_numbers(kind: Any, values: Sequence[Any]) -> bool:
    """Tell quickly whether `values` are valid numbers of `kind`: a measurement has many thousands."""
    plain, notes, _ = bare_type(kind)
    limits = [note for note in notes if isinstance(note, Quantity)]
    return plain in (float, int) and all(
        type(value) is plain and all(limit.at_least <= value <= limit.at_most for limit in limits) for value in values
    )


def _object(kind: Any, value: Any, where: str, strict: bool) -> Any:
    _check_object(value, where)
    kinds, prefix = field_types(kind), f"{where}." if where else ""
    unknown = sorted(value.keys() - kinds.keys())
    if strict and unknown:
        raise ValueError(f"{prefix}{unknown[0]} is not known")
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            values[field.name] = _convert(kinds[field.name], value[field.name], prefix + field.name, strict)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{prefix}{field.name} is missing")
    return kind(**values)


def _member(kinds: Sequence[Any], value: Any, where: str, strict: bool) -> Any:
    """Convert `value` to the first of the union's `kinds` that fits. Raises the error of the last kind."""
    if value is None and type(None) in kinds:
        return None
    *others, last = (kind for kind in kinds if kind is not type(None))
    for kind in others:
        try:
            return _convert(kind, value, where, strict)
        except ValueError:
            continue
    return _convert(last, value, where, strict)


def _plain(kind: Any, value: Any, where: str) -> Any:
    accepted = {float: (float, int), Path: (str,)}.get(kind, (kind,))
    if type(value) not in accepted:
        raise ValueError(f"{where} is not {_NOUNS[kind]}")
    try:
        return kind(value)
    except OverflowError:
        raise ValueError(f"{where} is too large") from None


def _check_object(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'the content'} is not an object")
