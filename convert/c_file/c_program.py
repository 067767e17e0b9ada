"""Hold a program of C statements, give its arrays their places in memory, and write repeated statements as loops.

Time steps become loops because the addresses in their statements move in equal steps; no operator knows about loops.
"""

import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np

from convert.c_file.c_names import KEYWORDS, comment
from convert.c_file.graph_tracing import Array, Buffer, Value, constant

KERNELS = files(__package__).joinpath("kernels.c").read_text(encoding="utf-8")
C_TYPES = {"int8": "int8_t", "int32": "int32_t", "float32": "float"}
_BYTES = {"int8_t": 1, "int32_t": 4, "float": 4}
_ALIGNED = 16  # values
_BEYOND = 15  # values, as in kernels.c
_WIDTH = 118  # characters of a line of numbers
_LONGEST = 400  # statements in a turn
_VARIABLES = "tuvwxyz"  # of nested loops
_LOCAL = re.compile(r"_i\d*$")  # of names in a loop's body
_PLACE = re.compile(r"@(\d+)(?:\[([^]]+)\])?")


@dataclass(frozen=True)
class Statement:
    """C code in which `@0` is an address in the first of the arrays `names`, and `@0[i]` the element i from there on.

    `@0[i:n]` is the element i of n values that repeat. Addresses begin at `starts` in their arrays, and move by `steps`
    with the turns of the loops around the statement.
    """

    code: str
    names: tuple[str, ...]
    starts: tuple[int, ...]
    layer: str = ""
    steps: tuple[tuple[int, ...], ...] = ()


class Program:
    """Statements in order, the declarations of `constants`, and the names of `arrays`, the parameters first."""

    def __init__(self, parameters: Iterable[Buffer]) -> None:
        self._statements: list[tuple[str, Sequence[Value], bool]] = []
        self.constants: list[str] = []
        self.most_terms = 1  # of a sum
        self.n_bytes = 0  # of the constants, on a processor without vectors
        self.layers: dict[tuple[object, ...], Value] = {}  # constants of products, by their sources
        self._stored: dict[tuple[str, str], Value] = {}
        # How often each name is in use: the name of a layer may be a word of C or of the kernels.
        self._numbers = Counter({"dense", "look_up", "divide", *re.findall(r"\w+", KERNELS), *KEYWORDS, *_VARIABLES})
        self._numbers.update(f"memory_of_{c_type}" for c_type in C_TYPES.values())
        self.arrays = {buffer: self._fresh(buffer.name) for buffer in parameters}

    def add(self, code: str, *views: Value, in_place: bool = False) -> None:
        """Add a statement, with code as in `Statement`, that writes the first view.

        `in_place`: element i of this view depends only on element i of the other views.
        """
        self._statements.append((code, views, in_place))

    def constant(self, name: str, data: Array, period: int | None = None) -> Value:
        """Return a constant array, or an earlier constant with the same values.

        If the array repeats `period` values, processors without vectors store these once; code says `@0[i:period]`.
        """
        flat = data.ravel()
        text, rest = lines_of(flat[:period]), flat[period or flat.size :]
        text += f"#if defined(REPEATED)\n  ,{lines_of(rest)}#endif\n" if rest.size else ""
        declaration = f"{C_TYPES[str(data.dtype)]} {{}}[]"
        return replace(self.declared(declaration, name, text, flat[:period].nbytes), shape=data.shape)

    def declared(self, declaration: str, name: str, text: str, n_bytes: int) -> Value:
        """Return a constant of `n_bytes`, or an earlier constant with the same declaration and text."""
        if (declaration, text) not in self._stored:
            value = self._stored[declaration, text] = constant(np.zeros(1, np.int8))
            self.arrays[value.buffer] = self._fresh(name)
            self.n_bytes += n_bytes
            self.constants.append(f"static const {declaration.format(self.arrays[value.buffer])} = {{{text}}};")
        return self._stored[declaration, text]

    def body(self) -> tuple[list[str], int]:
        """Return the lines of a function and the bytes of its arrays.

        Arrays that live at different times share memory and, if alike, a name.
        """
        last = {view.place[0]: i for i, (_, views, _) in enumerate(self._statements) for view in views}
        names: dict[tuple[str, int, str], list[str]] = defaultdict(list)  # of arrays that are alike
        lives: dict[str, tuple[str, int, int, int]] = {}  # of arrays by their names: type, size, first and last use
        placed = []
        for i, (code, views, in_place) in enumerate(self._statements):
            roots, starts = zip(*(view.place for view in views), strict=True)
            for new in (root for root in roots if root not in self.arrays):
                alike = names[new.name, new.size, new.dtype]
                is_whole = all(x.size == new.size for x, y in zip(views, roots, strict=True) if y.name == new.name)
                free = (name for name in alike if lives[name][3] < i + (in_place and is_whole))
                name = next(free, "") or self._fresh(new.name)
                if name not in lives:
                    alike.append(name)
                lives[name] = C_TYPES[new.dtype], new.size, lives[name][2] if name in lives else i, last[new]
                self.arrays[new] = name
            placed.append(Statement(code, tuple(self.arrays[root] for root in roots), starts, views[0].buffer.layer))
        declarations, n_bytes = _declarations(lives)
        return [*declarations, *in_loops(placed)], n_bytes

    def _fresh(self, name: str) -> str:
        """Return a name that no other array has, based on `name`."""
        self._numbers[name] += 1
        if self._numbers[name] == 1 and not _LOCAL.search(name):
            return name
        return self._fresh(f"{name}_{self._numbers[name]}")


def _declarations(lives: Mapping[str, tuple[str, int, int, int]]) -> tuple[list[str], int]:
    """Declare arrays in a memory for each type, largest first, each at a place that is free while the array is used.

    Returns the lines, and the bytes of the memories.
    """
    places: dict[str, tuple[int, int]] = {}
    for name, (c_type, size, first, last) in sorted(lives.items(), key=lambda x: -x[1][1]):
        others = ((place, lives[other]) for other, place in places.items())
        busy = [place for place, (kind, _, begin, end) in others if kind == c_type and begin <= last and first <= end]
        starts = (0, *(end for _, end in busy))
        start = min(at for at in starts if all(at + size <= low or high <= at for low, high in busy))
        places[name] = start, start + -(-size // _ALIGNED) * _ALIGNED
    sizes: dict[str, int] = defaultdict(int)
    for name, (_, end) in places.items():
        sizes[lives[name][0]] = max(sizes[lives[name][0]], end)
    memories = [f"{c_type} memory_of_{c_type}[{size} + BEYOND] = {{0}};" for c_type, size in sizes.items()]
    n_bytes = sum(_BYTES[c_type] * (size + _BEYOND) for c_type, size in sizes.items())
    lines = [f"{kind} *const {x} = memory_of_{kind} + {places[x][0]};" for x, (kind, *_) in lives.items()]
    return memories + lines, n_bytes


def in_loops(statements: Sequence[Statement], variables: str = _VARIABLES) -> list[str]:
    """Return lines of C that do the same as `statements`, one after the other; a comment begins each layer."""
    lines, begin, layer = [], 0, ""
    while begin < len(statements):
        turns = {1: 1}
        for period in range(1, min(_LONGEST, len(statements) - begin) + 1):
            # A multiple of a period does not repeat longer than the period.
            if not any(period % shorter == 0 and 2 * period <= shorter * n for shorter, n in turns.items() if n > 1):
                turns[period] = _turns(statements, begin, period)
        period = max(turns, key=lambda x: (x * (turns[x] - 1), -x))
        n, body = turns[period], statements[begin : begin + period]
        if body[-1].layer != layer and not body[-1].steps:
            layer = body[-1].layer
            lines.append(comment(layer))
        if n == 1:
            lines += _lines(body[0])
        else:
            steps = [_step(x, y) or () for x, y in zip(body, statements[begin + period :], strict=False)]
            # The first turn has the number that leaves the smallest other summands in the addresses that move.
            moves = [(a, s) for x, step in zip(body, steps, strict=True) for a, s in zip(x.starts, step, strict=True)]
            first = max(min((a // s for a, s in moves if s > 0), default=0), 0)
            moving = []
            for line, step in zip(body, steps, strict=True):
                starts = tuple(a - first * s for a, s in zip(line.starts, step, strict=True))
                moving.append(replace(line, starts=starts, steps=(*line.steps, step)))
            lines += loop(variables[0], first, first + n, in_loops(moving, variables[1:]))
        begin += period * n
    return lines


def loop(name: str, begin: int, end: int, lines: Sequence[str]) -> list[str]:
    """Return the lines of a loop around `lines`."""
    return [f"for (int {name} = {begin}; {name} < {end}; {name}++) {{", *(f"  {line}" for line in lines), "}"]


def _turns(statements: Sequence[Statement], begin: int, period: int) -> int:
    """Return how often the `period` statements from `begin` on repeat, with addresses that move in equal steps."""
    end, steps = begin + period, list[tuple[int, ...]]()
    while end < len(statements):
        step = _step(statements[end - period], statements[end])
        if step is None or (len(steps) >= period and step != steps[-period]):
            break
        steps.append(step)
        end += 1
    return (end - begin) // period


def _step(first: Statement, second: Statement) -> tuple[int, ...] | None:
    """Return how far the addresses move from `first` to `second`, or None if the statements are not alike."""
    if (first.code, first.names, first.steps) != (second.code, second.names, second.steps):
        return None
    return tuple(b - a for a, b in zip(first.starts, second.starts, strict=True))


def _lines(statement: Statement) -> list[str]:
    """Return the lines of a statement with its addresses."""

    def address(place: re.Match[str]) -> str:
        number, (index, _, period) = int(place[1]), (place[2] or "").partition(":")
        steps = ((moves[number], t) for moves, t in zip(statement.steps, _VARIABLES, strict=False))
        terms = [{1: t, -1: f"-{t}"}.get(step, f"{step} * {t}") for step, t in steps if step]
        terms += [str(statement.starts[number])] if statement.starts[number] else []
        if index and (index != "0" or not terms):
            terms.append(index)
        name, text = statement.names[number], " + ".join(terms).replace("+ -", "- ")
        text = f"IN_ROW({text}, {period})" if period else text
        return f"{name}[{text}]" if index else f"{name} + {text}".replace("+ -", "- ") if terms else name

    return _PLACE.sub(address, statement.code).split("\n")


def number(x: float | np.floating) -> str:
    """Return a float32 literal of exactly this number."""
    return f"{np.float32(x)!s}f"


def lines_of(data: Array) -> str:
    """Return the numbers of an array, on separate lines."""
    words = map(number if data.dtype == np.float32 else str, data.ravel().tolist())
    return f"\n{textwrap.indent(textwrap.fill(', '.join(words), _WIDTH, break_on_hyphens=False), '  ')}\n"
