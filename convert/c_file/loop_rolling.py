"""Write statements that repeat, with addresses in equal steps, as loops: time steps, of which no operator knows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

_LONGEST = 400  # statements in a turn
_VARIABLES = "tuvwxyz"  # of loops in loops
_PLACE = re.compile(r"@(\d+)(?:\[([^]]+)\])?")


@dataclass(frozen=True)
class Statement:
    """C code in which `@0` is an address in the first of the arrays `names`, and `@0[i]` the element i from there on.

    Addresses begin at `starts` in the array, and move by one of the `steps` in a turn of each loop around.
    """

    code: str
    names: tuple[str, ...]
    starts: tuple[int, ...]
    layer: str = ""
    steps: tuple[tuple[int, ...], ...] = ()


def in_loops(statements: Sequence[Statement], variables: str = _VARIABLES) -> list[str]:
    """The lines of C that do what `statements` do, one after the other; a comment begins each layer."""
    lines, begin, layer = [], 0, ""
    while begin < len(statements):
        turns = {1: 1}
        for period in range(1, min(_LONGEST, len(statements) - begin) + 1):
            # A multiple of a period repeats no longer than that.
            if not any(period % x == 0 and 2 * period <= x * n for x, n in turns.items() if n > 1):
                turns[period] = _turns(statements, begin, period)
        period = max(turns, key=lambda x: (x * (turns[x] - 1), -x))
        n, body = turns[period], statements[begin : begin + period]
        if body[-1].layer != layer and not body[-1].steps:
            layer = body[-1].layer
            lines.append(f"/* {layer.replace('_', ' ')} */")
        if n == 1:
            lines += _lines(body[0])
        else:
            steps = [_step(x, y) or () for x, y in zip(body, statements[begin + period :], strict=False)]
            # Turns are counted from where the addresses that move need the smallest other summands.
            moves = [(a, s) for x, y in zip(body, steps, strict=True) for a, s in zip(x.starts, y, strict=True)]
            first = max(min((a // s for a, s in moves if s > 0), default=0), 0)
            moving = []
            for x, y in zip(body, steps, strict=True):
                starts = tuple(a - first * s for a, s in zip(x.starts, y, strict=True))
                moving.append(replace(x, starts=starts, steps=(*x.steps, y)))
            lines += loop(variables[0], first, first + n, in_loops(moving, variables[1:]))
        begin += period * n
    return lines


def loop(name: str, begin: int, end: int, lines: Sequence[str]) -> list[str]:
    """The lines of a loop around others."""
    return [f"for (int {name} = {begin}; {name} < {end}; {name}++) {{", *(f"  {x}" for x in lines), "}"]


def _turns(statements: Sequence[Statement], begin: int, period: int) -> int:
    """How often the `period` statements from `begin` on stand there, with addresses in equal steps."""
    end, steps = begin + period, list[tuple[int, ...]]()
    while end < len(statements):
        step = _step(statements[end - period], statements[end])
        if step is None or (len(steps) >= period and step != steps[-period]):
            break
        steps.append(step)
        end += 1
    return (end - begin) // period


def _step(x: Statement, y: Statement) -> tuple[int, ...] | None:
    """How far the addresses of `y` are from those of `x`, where it does the same."""
    if (x.code, x.names, x.steps) != (y.code, y.names, y.steps):
        return None
    return tuple(b - a for a, b in zip(x.starts, y.starts, strict=True))


def _lines(statement: Statement) -> list[str]:
    """The lines of a statement with its addresses."""

    def address(place: re.Match[str]) -> str:
        number, index = int(place[1]), place[2]
        steps = ((x[number], t) for x, t in zip(statement.steps, _VARIABLES, strict=False))
        terms = [{1: t, -1: f"-{t}"}.get(step, f"{step} * {t}") for step, t in steps if step]
        terms += [str(statement.starts[number])] if statement.starts[number] else []
        if index and (index != "0" or not terms):
            terms.append(index)
        name, text = statement.names[number], " + ".join(terms).replace("+ -", "- ")
        return f"{name}[{text}]" if index else f"{name} + {text}".replace("+ -", "- ") if terms else name

    return _PLACE.sub(address, statement.code).split("\n")
