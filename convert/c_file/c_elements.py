"""Write element-wise operators as fused loops, and int8 functions as tables."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from convert.c_file.array_names import function_name
from convert.c_file.exact_arithmetic import bare, element, formula, number
from convert.c_file.graph_tracing import Buffer, Step, Value
from convert.c_file.reference_answers import table, thresholds
from convert.c_file.statements import Program, loop

ROUNDED_TANH = "ROUNDED_TANH"
"""A float TANH with the QUANTIZE behind it."""

FUNCTIONS = {
    *("LOGISTIC", "TANH", "ABS", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "ELU"),
    *("HARD_SWISH", "GELU", "EXP", "SQRT", "RSQRT", "NEG"),
}
"""Operators from an int8 to an int8."""

_ELEMENTWISE = {"ADD", "SUB", "MUL", "DIV", "ABS", "MINIMUM", "MAXIMUM", "QUANTIZE", "DEQUANTIZE", ROUNDED_TANH}
_C_TYPES = {"int8": "int32_t", "float32": "float"}  # of single values


def with_rounded_tanh(steps: Sequence[Step]) -> list[Step]:
    """The steps, in which a float TANH and the only QUANTIZE behind it are one."""
    users: dict[Buffer, list[Step]] = defaultdict(list)
    for step in steps:
        for x in step.given:
            users[x.buffer].append(step)
    changed, absorbed = [], set()
    for step in steps:
        readers = users[step.output.buffer]
        if step.kind == "TANH" and step.output.dtype == "float32" and [x.kind for x in readers] == ["QUANTIZE"]:
            absorbed.add(readers[0])
            changed.append(replace(step, kind=ROUNDED_TANH, output=readers[0].output, merged=(step, readers[0])))
        elif step not in absorbed:
            changed.append(step)
    return changed


def group_elements(steps: Sequence[Step]) -> dict[int, list[int]]:
    """The numbers of element-wise operators that are computed in one loop, by that of the last of them."""
    users: dict[Buffer, list[int]] = defaultdict(list)
    for i, step in enumerate(steps):
        for x in step.given:
            users[x.buffer].append(i)
    group_of: dict[int, int] = {}
    groups: dict[int, list[int]] = {}
    rows: dict[int, set[int]] = defaultdict(set)
    for i, step in reversed([*enumerate(steps)]):
        is_table = len(step.given) == 1 and step.given[0].dtype == "int8" == step.output.dtype
        if step.kind in _ELEMENTWISE and not is_table:
            own = {x.size for x in step.given} - {1, step.output.size}
            readers = users[step.output.buffer]
            using = {group_of.get(j, -1) if steps[j].output.size == step.output.size else -1 for j in readers}
            group = using.pop() if len(using) == 1 else -1
            group = group if group >= 0 and len(rows[group] | own) < 2 else i
            group_of[i] = group
            groups.setdefault(group, []).insert(0, i)
            rows[group] |= own
    return groups


@dataclass
class ElementWriter:
    """Adds loops over elements to a program, and asks LiteRT once for each function."""

    program: Program
    asked: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def look_up(self, step: Step) -> None:
        """Add the look-up of an int8 function."""
        x, y = step.given[0], step.output
        entries = self.program.constant(
            x.buffer.layer,
            f"{x.buffer.part}_{function_name(step.kind)}_table",
            self._answers(step, lambda: table(step)),
        )
        self.program.add(f"look_up(@2, @1, {y.size}, @0);", [y, x, entries], in_place=True)

    def _answers(self, step: Step, ask: Callable[[], Any]) -> Any:
        """LiteRT's answers for an operator, or those of an equal one from before."""
        borders = [(x.scales.tobytes(), x.zero_point) for x in (step.given[0], step.output)]
        options = {} if step.options is None else vars(step.options)
        key = (step.kind, *borders[0], *borders[1], tuple(options.items()))
        if key not in self.asked:
            self.asked[key] = ask()
        return self.asked[key]

    def compute(self, steps: Sequence[Step]) -> None:
        """A loop over the elements of the last step's output; values in between have names of their own."""
        out = steps[-1].output
        inside = {x.output.buffer: x for x in steps}
        row = max((x.size for y in steps for x in y.given if x.size not in (1, out.size)), default=0)
        views: list[Value] = [out]
        lines: list[str] = []
        names: dict[Buffer, str] = {}
        said: dict[str, str] = {}

        def operand(x: Value) -> str:
            if x.buffer in inside:
                return names.get(x.buffer) or value_of(inside[x.buffer])
            if x.data is not None:
                if x.size == 1 and x.dtype == "float32":
                    return number(np.ravel(x.data)[0])
                x = self.program.constant(out.buffer.layer, "row" if x.size > 1 else "value", np.ravel(x.data))
            k = next((k for k, v in enumerate(views) if k and (v.buffer, v.offset) == (x.buffer, x.offset)), len(views))
            if k == len(views):
                views.append(x)
            return f"@{k}[{'0' if x.size == 1 else 'j' if x.size == row else 'i + j' if row else 'i'}]"

        def value_of(step: Step) -> str:
            y, operands = step.output, [operand(x) for x in step.given]
            if step.kind == ROUNDED_TANH:
                found = self._answers(step, lambda: thresholds(step.merged))
                parts = (("steps", found.steps), ("bits", np.append(found.bits, np.uint8(1)).astype(np.int8)))
                views.extend(self.program.constant(y.buffer.layer, f"tanh_{what}", x) for what, x in parts)
                tables, scale = f"@{len(views) - 2}, @{len(views) - 1}", number(np.float32(1) / y.scales[0])
                code = f"rounded_tanh({operands[0]}, {tables}, {scale}, {y.zero_point})"
            else:
                code = element(step, operands)
            said[code] = formula(step, [said.get(x, x) for x in operands])
            uses = sum(x.buffer is y.buffer for other in steps for x in other.given)
            if y is not out and (uses > 1 or y.dtype == "int8"):
                name = _fresh(y.buffer.part or "value", names.values())
                lines.append(f"const {_C_TYPES[y.dtype]} {name} = {bare(code)};")
                said[name] = said[code]
                names[y.buffer] = code = name
            return code

        result = value_of(steps[-1])
        equation = bare(said[result])
        result = bare(result)
        lines.append(f"@0[{'i + j' if row else 'i'}] = {result};")
        if row:
            lines = loop("j", row, lines)
        comment = [] if row else [f"/* @0[i] = {equation} */"]
        lines = [*comment, *loop("i", out.size, lines, row or 1)]
        self.program.add("\n".join(lines), views, in_place=True)


def _fresh(name: str, taken: Collection[str]) -> str:
    return name if name not in taken else next(x for i in count(2) if (x := f"{name}_{i}") not in taken)
