"""Hold a program of C statements on arrays, and write the loops in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convert.c_file.graph_tracing import Buffer, Value


@dataclass(eq=False)
class Statement:
    """C code in which `@0` is the address of the first of `views`, and `@0[i]` its element i; the first is written.

    `in_place`: element i of the first view depends only on element i of the others. `reads`: the number of a view that
    is read beyond its end, and how many values are read from its beginning on.
    """

    code: str
    views: list[Value]
    layer: str
    in_place: bool = False
    reads: tuple[int, int] = (0, 0)
    order: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Layer:
    """Constants of a product of `n` sums of `k` terms: its arrays, and the limits of its answers."""

    arrays: tuple[Buffer, Buffer, Buffer]
    numbers: tuple[int, int, int, int, int]


@dataclass
class Program:
    """Statements in order, and the constants that they read."""

    statements: list[Statement] = field(default_factory=list)
    constants: dict[tuple[Any, ...], Buffer] = field(default_factory=dict)
    written: dict[Buffer, tuple[int, int]] = field(default_factory=dict)  # the order of what completes a buffer

    def add(self, code: str, views: list[Value], early: bool = False, **others: Any) -> None:
        """Add a statement; an `early` one directly behind that which computes its second view."""
        number = len(self.statements)
        order = (self.written[views[1].buffer][0], number) if early else (number, number)
        self.note_written(views[0].buffer, order)
        self.statements.append(Statement(code, views, views[0].buffer.layer, order=order, **others))

    def note_written(self, buffer: Buffer, order: tuple[int, int]) -> None:
        """Note that a statement of this order writes a part of a buffer, which may be complete after a later one."""
        self.written[buffer] = max(order, self.written.get(buffer, order))

    def constant(self, layer: str, part: str, data: Any) -> Value:
        """The constant, or the one from before with the same values."""
        is_array = isinstance(data, np.ndarray)
        key: tuple[Any, ...] = (part.rpartition("_")[2], data.dtype.str, data.tobytes()) if is_array else (data,)
        if key not in self.constants:
            size, dtype = (data.size, str(data.dtype)) if is_array else (1, "layer")
            self.constants[key] = Buffer(size, dtype, data, layer=layer, part=part)
        return Value(self.constants[key], 0, (self.constants[key].size,), np.zeros(0, np.float32), 0)


def offsets_of(rows: Sequence[int], n: int, starts: Sequence[int], names: str = "hij") -> tuple[str, str]:
    """Where a position of a loop over `rows` writes `n` values, and where it reads: sums, behind an address."""
    written = [n * int(np.prod(rows[i + 1 :])) for i in range(len(rows))]
    texts = (
        "".join(f" + {s} * {i}" for s, i, r in zip(steps, names, rows, strict=False) if r > 1)
        for steps in (written, starts)
    )
    out, into = texts
    return out, into


def loops_over(rows: Sequence[int], code: str, offsets: Sequence[str], names: str = "hij") -> str:
    """Loops around `code`, in which {0} and {1} are the offsets."""
    for i, text in enumerate(offsets):
        code = code.replace(f"{{{i}}}", text)
    lines = code.split("\n")
    for name, n in reversed([*zip(names, rows, strict=False)]):
        if n > 1:
            lines = loop(name, n, lines)
    return "\n".join(lines)


def loop(name: str, n: int, lines: Sequence[str], step: int = 1) -> list[str]:
    """The lines of a loop around others."""
    advance = f"{name}++" if step == 1 else f"{name} += {step}"
    return [f"for (int {name} = 0; {name} < {n}; {advance}) {{", *(f"  {x}" for x in lines), "}"]


def byte_count(n: int, item: int) -> str:
    """The size of `n` values; the item of an int8 is a byte."""
    return str(n) if item == 1 else f"{n} * sizeof(float)"
