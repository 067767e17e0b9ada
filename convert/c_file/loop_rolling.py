"""Roll statements that repeat, with addresses in equal steps, into loops: time steps, of which no operator knows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from convert.c_file.graph_tracing import Buffer
from convert.c_file.statements import Statement

_LONGEST = 80  # statements in a turn
_PLACE = re.compile(r"@(\d+)(?:\[([^]]+)\])?")


@dataclass(frozen=True)
class _Address:
    """The place `name + base + step * t` of a view in turn `t`, which begins with `first`."""

    name: str
    base: int
    step: int = 0
    first: int = 0

    def in_c(self, index: str | None) -> str:
        """The address, or the element of an index."""
        base = self.base - self.step * self.first
        moving = {0: "", 1: "t", -1: "-t"}.get(self.step, f"{self.step} * t")
        terms = [*([moving] if moving else []), *([str(base)] if base else [])]
        if index is None:
            return " + ".join([self.name, *terms]).replace("+ -", "- ")
        inside = " + ".join([*terms, *([] if index == "0" and terms else [index])]).replace("+ -", "- ")
        return f"{self.name}[{inside}]"


@dataclass(frozen=True)
class Rolled:
    """The statements from number `begin` on, `period` of them, in `turns` turns."""

    begin: int
    period: int
    turns: int


def roll(items: Sequence[tuple[str, tuple[str, ...], tuple[int, ...]]]) -> Iterator[Rolled]:
    """Loops and single statements that together are `items`: the code, names and offsets of each."""
    kinds: dict[tuple[str, tuple[str, ...]], int] = {}
    kind = [kinds.setdefault(x[:2], len(kinds)) for x in items]
    begin = 0
    while begin < len(items):
        candidates = (Rolled(begin, p, _turns(kind, items, begin, p)) for p in range(1, _LONGEST + 1))
        best = max(candidates, key=lambda x: (x.period * (x.turns - 1), -x.period))
        best = best if best.turns > 1 else Rolled(begin, 1, 1)
        yield best
        begin += best.period * best.turns


def _turns(
    kind: Sequence[int], items: Sequence[tuple[str, tuple[str, ...], tuple[int, ...]]], begin: int, period: int
) -> int:
    """How often the `period` statements from `begin` on stand there, with offsets in equal steps."""
    turns = 1
    while begin + (turns + 1) * period <= len(items):
        for j in range(begin, begin + period):
            other = j + turns * period
            if kind[j] != kind[other]:
                return turns
            offsets = zip(items[j][2], items[j + period][2], items[other][2], strict=True)
            if any(z - x != turns * (y - x) for x, y, z in offsets):
                return turns
        turns += 1
    return turns


def in_c(statements: Sequence[Statement], names: Mapping[Buffer, str]) -> list[str]:
    """The lines of statements, in which what repeats is a loop; a comment begins each layer."""
    items = []
    for statement in statements:
        places = [v.place for v in statement.views]
        items.append((statement.code, tuple(names[b] for b, _ in places), tuple(offset for _, offset in places)))
    lines, layer = [], ""
    for x in roll(items):
        own = [y for y in dict.fromkeys(s.layer for s in statements[x.begin : x.begin + x.period]) if y]
        if own and own[-1] != layer:
            layer = own[-1]
            lines.append(f"/* {layer.replace('_', ' ')} */")
        body = []
        first = _first(items, x)
        for j in range(x.begin, x.begin + x.period):
            code, array_names, offsets = items[j]
            ahead = items[j + x.period][2] if x.turns > 1 else offsets
            addresses = [
                _Address(name, a, b - a, first) for name, a, b in zip(array_names, offsets, ahead, strict=True)
            ]
            body += _filled(code, addresses)
        if x.turns > 1:
            lines += [f"for (int t = {first}; t < {first + x.turns}; t++) {{", *(f"  {y}" for y in body), "}"]
        else:
            lines += body
    return lines


def _filled(code: str, addresses: Sequence[_Address]) -> list[str]:
    """The lines of a statement with its addresses."""
    return _PLACE.sub(lambda place: addresses[int(place[1])].in_c(place[2]), code).split("\n")


def _first(items: Sequence[tuple[str, tuple[str, ...], tuple[int, ...]]], x: Rolled) -> int:
    """The number of the first turn, with which the first moving address needs no other summand."""
    if x.turns > 1:
        for j in range(x.begin, x.begin + x.period):
            for a, b in zip(items[j][2], items[j + x.period][2], strict=True):
                if b > a:
                    return a // (b - a)
    return 0
