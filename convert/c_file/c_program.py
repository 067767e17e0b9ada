"""Hold a program of C statements on arrays, and give these their places in memory."""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from convert.c_file.graph_tracing import Array, Buffer, Value, constant
from convert.c_file.loop_rolling import Statement, in_loops

C_TYPES = {"int8": "int8_t", "int32": "int32_t", "float32": "float"}
_WIDTH = 118  # characters of a line of numbers


class Program:
    """Statements in order, the declarations of `constants`, and the names of `arrays`, first those of `parameters`."""

    def __init__(self, parameters: Iterable[Buffer]) -> None:
        self._statements: list[tuple[str, Sequence[Value], bool]] = []
        self.constants: list[str] = []
        self.layers: dict[tuple[object, ...], Value] = {}  # constants of products, by what they are made of
        self._stored: dict[tuple[str, str], Value] = {}
        self._numbers: Counter[str] = Counter()
        self.arrays = {x: self._fresh(x.name) for x in parameters}

    def add(self, code: str, *views: Value, in_place: bool = False) -> None:
        """Add a statement, as `loop_rolling` describes its code; the first view is written.

        `in_place`: its element i depends only on element i of the others.
        """
        self._statements.append((code, views, in_place))

    def constant(self, name: str, data: Array) -> Value:
        """A constant array, or the one from before with the same values."""
        return replace(self.declared(f"{C_TYPES[str(data.dtype)]} {{}}[]", name, lines_of(data)), shape=data.shape)

    def declared(self, declaration: str, name: str, text: str) -> Value:
        """A constant, or the one from before of the same kind with the same text of its values."""
        if (declaration, text) not in self._stored:
            value = self._stored[declaration, text] = constant(np.zeros(1, np.int8))
            self.arrays[value.buffer] = self._fresh(name)
            self.constants.append(f"static const {declaration.format(self.arrays[value.buffer])} = {{{text}}};")
        return self._stored[declaration, text]

    def body(self) -> list[str]:
        """The lines of a function: arrays, of which those of one name and size share memory at different times."""
        last = {x.place[0]: i for i, (_, views, _) in enumerate(self._statements) for x in views}
        ends: dict[tuple[str, int, str], dict[str, int]] = defaultdict(dict)  # the last uses of arrays that are alike
        placed = []
        for i, (code, views, in_place) in enumerate(self._statements):
            roots, starts = zip(*(x.place for x in views), strict=True)
            for x in (y for y in roots if y not in self.arrays):
                alike = ends[x.name, x.size, x.dtype]
                may_replace = in_place and all(
                    v.size == x.size for v, y in zip(views, roots, strict=True) if y.name == x.name
                )
                self.arrays[x] = next((y for y, end in alike.items() if end < i + may_replace), "") or self._fresh(
                    x.name
                )
                alike[self.arrays[x]] = last[x]
            placed.append(Statement(code, tuple(self.arrays[x] for x in roots), starts, views[0].buffer.layer))
        declared = [
            f"int8_t {name}[{size} + BEYOND] = {{0}};" if dtype == "int8" else f"{C_TYPES[dtype]} {name}[{size}];"
            for (_, size, dtype), names in ends.items()
            for name in names
        ]
        return [*declared, *in_loops(placed)]

    def _fresh(self, name: str) -> str:
        self._numbers[name] += 1
        return f"{name}_{self._numbers[name]}" if self._numbers[name] > 1 else name


def number(x: float | np.floating) -> str:
    """A float32 literal of exactly this number."""
    mantissa, _, exponent = float(np.float32(x)).hex().partition("p")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}p{exponent}f"


def lines_of(data: Array) -> str:
    """The numbers of an array, in lines of their own."""
    words = map(number if data.dtype == np.float32 else str, data.ravel().tolist())
    return f"\n{textwrap.indent(textwrap.fill(', '.join(words), _WIDTH, break_on_hyphens=False), '  ')}\n"
