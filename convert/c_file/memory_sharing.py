"""Give the buffers of a program arrays, which buffers of one size and name share at different times."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from convert.c_file.graph_tracing import Buffer, Value
from convert.c_file.statements import Program, Statement

_LARGE = 1024
"""Values: from this size on, arrays of other names are shared too."""


@dataclass
class Memory:
    """An array of the program: its values, and how many of them products read."""

    name: str
    dtype: str
    size: int
    reach: int = 0


def share_memory(program: Program, given: tuple[Value, Value]) -> tuple[dict[Buffer, str], list[Memory]]:
    """The name of each buffer, and the arrays to declare; those of `given`, window and logits, are parameters."""
    counts: Counter[str] = Counter()
    names = {x.buffer: x.buffer.name for x in given}

    def fresh(buffer: Buffer) -> str:
        counts[buffer.name] += 1
        return f"{buffer.name}_{counts[buffer.name]}" if counts[buffer.name] > 1 else buffer.name

    for x in program.constants.values():
        names[x] = fresh(x)
    last: dict[Buffer, int] = {}
    for i, statement in enumerate(program.statements):
        last.update((x.place[0], i) for x in statement.views)
    arrays: dict[Buffer, Memory] = {}
    free: dict[tuple[int, str], list[tuple[str, Memory]]] = defaultdict(list)
    for i, statement in enumerate(program.statements):
        ending = [x for x in dict.fromkeys(v.place[0] for v in statement.views) if last[x] == i and x in arrays]
        for out in [x for x in dict.fromkeys(v.place[0] for v in statement.views) if x not in names]:
            over = next((x for x in ending if _is_replaced(statement, out, x)), None)
            slots = free[out.size, out.dtype]
            slot = next((x for x in slots if x[0] == out.name or out.size >= _LARGE), None)
            if over:
                arrays[out] = arrays[over]
                ending.remove(over)
            elif slot:
                slots.remove(slot)
                arrays[out] = slot[1]
            else:
                arrays[out] = Memory(fresh(out), out.dtype, out.size)
            names[out] = arrays[out].name
            if last[out] == i:
                ending.append(out)
        for buffer in ending:
            free[buffer.size, buffer.dtype].append((buffer.name, arrays[buffer]))
        number, n_values = statement.reads
        buffer, offset = statement.views[number].place
        if buffer in arrays:
            arrays[buffer].reach = max(arrays[buffer].reach, offset + n_values)
    return names, list({x.name: x for x in arrays.values()}.values())


def _is_replaced(statement: Statement, out: Buffer, operand: Buffer) -> bool:
    """Tell whether the statement may write `out` where its `operand` was, element over element."""
    into, *others = statement.views
    own = {(v.place[1], v.size) for v in others if v.place[0] is operand}
    fits = (out.size, out.dtype, out.name) == (operand.size, operand.dtype, operand.name)
    return statement.in_place and fits and operand is not out and own == {(into.place[1], into.size)}
