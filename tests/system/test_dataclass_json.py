"""The converter from JSON to dataclasses: each kind of field, and the place that an error names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from edge_runtime.system.dataclass_json import from_json


@dataclass(frozen=True)
class Inner:
    share: float
    pair: tuple[int, float] | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    inners: tuple[Inner, ...]
    by_name: Mapping[str, tuple[float, ...]]
    mode: Literal["fast", "slow"] = "fast"
    subject: int | str = 0
    numbers: Sequence[int] = ()
    rows: list[str] = field(default_factory=list)
    path: Path | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    flag: bool = False


WHOLE = Outer(
    "x", (Inner(0.5, (1, 2.0)), Inner(1.0)), {"a": (1.0,)}, "slow", "anna", [3], ["r"], None, {"k": [1]}, True
)


def minimal(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "inners": [{"share": 1}], "by_name": {}} | changes


def test_what_asdict_gives_is_read_back():
    assert from_json(Outer, json.loads(json.dumps(asdict(WHOLE)))) == WHOLE


def test_absent_keys_get_defaults_and_whole_numbers_become_floats():
    found = from_json(Outer, minimal(path="a/b"))
    assert found == Outer("x", (Inner(1.0),), {}, path=Path("a/b"))
    assert type(found.inners[0].share) is float


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": 3}, "name is not text"),
        ({"inners": {}}, "inners is not a list"),
        ({"inners": [1]}, r"inners\[0\] is not an object"),
        ({"inners": [{"share": True}]}, r"inners\[0\]\.share is not a number"),
        ({"inners": [{"share": 10**400}]}, r"inners\[0\]\.share is too large"),
        ({"inners": [{}]}, r"inners\[0\]\.share is missing"),
        ({"inners": [{"share": 1, "pair": [1]}]}, r"inners\[0\]\.pair is not a list of 2"),
        ({"inners": [{"share": 1, "pair": [1.5, 1]}]}, r"inners\[0\]\.pair\[0\] is not a whole number"),
        ({"by_name": {"a": [None]}}, r"by_name\.a\[0\] is not a number"),
        ({"mode": "other"}, "mode is none of fast, slow"),
        ({"subject": None}, "subject is not text"),
        ({"flag": 1}, "flag is not true or false"),
    ],
)
def test_an_error_names_the_value(changes, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        from_json(Outer, minimal(**changes))


def test_unknown_keys_are_ignored_or_refused():
    content = minimal(inners=[{"share": 1, "new": 2}])
    assert from_json(Outer, content) == from_json(Outer, minimal())
    with pytest.raises(ValueError, match=r"^inners\[0\]\.new is not known$"):
        from_json(Outer, content, known_keys_only=True)
