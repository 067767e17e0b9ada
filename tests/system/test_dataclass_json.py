"""The converter from JSON to dataclasses: each kind of field, and the place that an error names."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from edge_runtime.system.dataclass_json import Quantity, from_json


@dataclass(frozen=True)
class Inner:
    share: Annotated[float, Quantity(at_least=0, at_most=1)]
    pair: tuple[int, float] | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    inners: tuple[Inner, ...]
    by_name: Mapping[str, tuple[float, ...]]
    mode: Literal["fast", "slow"] = "fast"
    subject: int | str = 0
    numbers: Sequence[Annotated[int, Quantity()]] = ()
    rows: list[str] = field(default_factory=list)
    path: Path | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    flag: bool = False


INNERS = (Inner(0.5, (1, 2.0)), Inner(1.0))
WHOLE = Outer("x", INNERS, {"a": (1.0,)}, "slow", "anna", [3], ["r"], None, {"k": [1]}, True)


def minimal(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "inners": [{"share": 1}], "by_name": {}} | changes


def test_the_output_of_asdict_is_read_back():
    assert from_json(Outer, json.loads(json.dumps(asdict(WHOLE)))) == WHOLE


def test_absent_keys_get_defaults_and_whole_numbers_become_floats():
    outer = from_json(Outer, minimal(path="a/b"))
    assert outer == Outer("x", (Inner(1.0),), {}, path=Path("a/b"))
    assert type(outer.inners[0].share) is float


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": 3}, "name"),
        ({"inners": [{"share": True}]}, "inners[0].share"),
        ({"inners": [{"share": 2}]}, "inners[0].share"),
        ({"inners": [{}]}, "inners[0].share"),
        ({"inners": [{"share": 1, "pair": [1.5, 1]}]}, "inners[0].pair[0]"),
        ({"by_name": {"a": [None]}}, "by_name.a[0]"),
        ({"mode": "other"}, "mode"),
        ({"subject": None}, "subject"),
        ({"flag": 1}, "flag"),
        ({"numbers": [2, 10**16]}, "numbers[1]"),
    ],
)
def test_an_error_names_the_value(changes, place):
    with pytest.raises(ValueError, match=f"^{re.escape(place)} "):
        from_json(Outer, minimal(**changes))


def test_unknown_keys_are_ignored_or_refused():
    content = minimal(inners=[{"share": 1, "new": 2}])
    assert from_json(Outer, content) == from_json(Outer, minimal())
    with pytest.raises(ValueError, match=r"^inners\[0\]\.new is not known$"):
        from_json(Outer, content, known_keys_only=True)
