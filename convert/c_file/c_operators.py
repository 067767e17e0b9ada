"""Write operators as C statements, with the roundings of LiteRT's int8 kernels in XNNPACK.

An int8 value q stands for (q - zero point) * scale. Scales are float32, and so are the operations on them. A sum of
products rounds once: rint(float(sum) * (sx * sw / sy)) + zy, ties to even. ADD and SUB compute in integers: both
factors are rounded to 21 bits with the same shift.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convert.c_file.c_products import limits, write_depthwise, write_product
from convert.c_file.c_program import Program, loop, number
from convert.c_file.graph_tracing import JOIN, POOLS, Buffer, Step, Value, constant, unknown

_MOST_GROUPED = 32  # element-wise operators in a loop
_LONGEST_FORMULA = 500  # characters
_MANY_PARTS = 8  # an array of more parts is filled while they are computed
_FACTOR_BITS = 20  # of the greater factor of an int8 sum, after its first bit
_TABLES: dict[str, Callable[[Any], Any]] = {"LOGISTIC": lambda x: 1 / (1 + np.exp(-x)), "TANH": np.tanh}  # of int8
_SIGNS = {"ADD": "+", "SUB": "-", "MUL": "*", "DIV": "/"}
_FLOAT_FUNCTIONS = {"ABS": "absolute", "TANH": "hyperbolic_tangent", "MINIMUM": "smaller", "MAXIMUM": "greater"}
_INT8 = np.arange(-128, 128)


def write_program(steps: Sequence[Step], window: Value, logits: Value) -> Program:
    """Return the program of a trace. Raises `InputError` for an operator that cannot be written."""
    program = Program((window.buffer, logits.buffer))
    copies, groups = _place_parts(steps), _groups(steps)
    grouped = {step for members in groups.values() for step in members}
    for step in steps:
        if step in groups:
            _compute(program, groups[step])
        elif step not in grouped:
            _write(program, step)
        for into, value in copies[step]:
            source = value if value.data is None else program.constant(f"{into.buffer.name}_start", value.data)
            program.add(f"memcpy(@0, @1, {value.size * np.dtype(value.dtype).itemsize});", into, source)
    return program


def _place_parts(steps: Sequence[Step]) -> dict[Step, list[tuple[Value, Value]]]:
    """Let parts of joined arrays be computed in place; return the parts to copy instead, by the step before."""
    makers = {step.output.buffer: step for step in steps}
    copies: dict[Step, list[tuple[Value, Value]]] = defaultdict(list)
    for join in (step for step in steps if step.kind == JOIN):
        offset = 0
        for part in join.inputs:
            into, maker = join.output.part(offset, part.shape), makers.get(part.buffer)
            offset += part.size
            if maker and part.buffer.within is None and part.size == part.buffer.size:
                part.buffer.within = into
            else:
                copies[maker if maker and len(join.inputs) > _MANY_PARTS else join].append((into, part))
    return copies


def _write(program: Program, step: Step) -> None:
    """Add an operator that is not element-wise."""
    x, y, options = step.inputs[0], step.output, step.options
    if step.kind == JOIN:
        return
    if x.dtype != "int8" or y.dtype != "int8" or getattr(options, "dilationWFactor", 1) > 1:
        raise unknown(f"{step.kind} of {y.dtype}")
    if step.kind in ("FULLY_CONNECTED", "CONV_2D"):
        write_product(program, step)
    elif step.kind == "DEPTHWISE_CONV_2D":
        write_depthwise(program, step)
    elif step.kind in POOLS:
        _pool(program, step)
    elif step.kind == "MEAN":
        _mean(program, step)
    elif step.kind in ("RELU", "RSQRT", *_TABLES):
        answers = _answers(step)
        table = program.constant(f"{y.buffer.name}_table", np.clip(answers, -128, 127).astype(np.int8))
        program.add(f"look_up(@2, @1, {y.size}, @0);", y, x, table, in_place=True)
    else:
        raise unknown(step.kind)


def _answers(step: Step) -> Any:
    """Return the answers `[256]` of an operator of single values to all int8 values, not yet limited to int8."""
    x, y = step.inputs[0], step.output
    values = _INT8 - x.zero_point
    if step.kind in _TABLES:
        real = (np.float32(values) * x.scale).astype(np.float64)
        return np.rint(np.float32(_TABLES[step.kind](real)) / y.scale) + y.zero_point
    terms, ratio = np.maximum(values, 0), np.float64(x.scale / y.scale)
    if step.kind == "RSQRT":
        terms = np.floor(2.0**20 / np.sqrt(np.maximum(values, 1)) + 0.5)
        ratio = 2.0**-20 / (np.sqrt(np.float64(x.scale)) * np.float64(y.scale))
    # LiteRT's own kernels round halves up, and round twice if the ratio is below 1/2.
    factor, shift = np.frexp(ratio)
    answers = np.floor(np.floor(terms * 2.0 ** max(shift, 0) * factor + 0.5) * 2.0 ** min(shift, 0) + 0.5)
    if step.kind == "RSQRT":
        answers[values < 1] = 255
    return answers + y.zero_point


def _pool(program: Program, step: Step) -> None:
    """Add a pool for each position, of the values that are not padding."""
    x, y, options = step.inputs[0], step.output, step.options
    if options.fusedActivationFunction:
        raise unknown(f"{step.kind} with an activation")
    _, *sides, depth = x.shape
    strides, filters = (options.strideH, options.strideW), (options.filterHeight, options.filterWidth)
    missing = [(n - 1) * s + f - side for n, s, f, side in zip(y.shape[1:], strides, filters, sides, strict=False)]
    for row, (image, *at) in enumerate(np.ndindex(*y.shape[:3])):
        begins = [i * s - max(m, 0) // 2 for i, s, m in zip(at, strides, missing, strict=True)]
        ends = [min(begin + f, side) for begin, f, side in zip(begins, filters, sides, strict=True)]
        top, left = (max(begin, 0) for begin in begins)
        rows, columns, across = ends[0] - top, ends[1] - left, sides[1] * depth
        terms = x.part((image * sides[0] + top) * across + left * depth, ((rows - 1) * across + columns * depth,))
        code = f"{POOLS[step.kind]}(@1, {rows}, {across}, {columns}, {depth}, @0);"
        program.add(code, y.part(row * depth, (depth,)), terms)


def _mean(program: Program, step: Step) -> None:
    """Add means of neighbouring axes, for each row of the axes before."""
    x, y = step.inputs[0], step.output
    axes = sorted(axis % len(x.shape) for axis in np.ravel(np.asarray(step.inputs[1].data)).tolist())
    if axes != [*range(axes[0], axes[-1] + 1)]:
        raise unknown("MEAN of axes with an axis between")
    channels = math.prod(x.shape[axes[-1] + 1 :])
    n = math.prod(x.shape[axes[0] : axes[-1] + 1])
    scale = x.scale / y.scale * (np.float32(1) / np.float32(n))
    start = np.float32(y.zero_point) - np.float32(n * x.zero_point) * scale
    code = f"mean(@1, {n}, {channels}, {number(scale)}, {number(start)}, @0);"
    for row in range(y.size // channels):
        program.add(code, y.part(row * channels, (channels,)), x.part(row * n * channels, (n * channels,)))


def _groups(steps: Sequence[Step]) -> dict[Step, list[Step]]:
    """Return the element-wise steps that one loop computes, in order, by the last of them."""
    readers: dict[Buffer, list[Step]] = defaultdict(list)
    for step in steps:
        for value in step.inputs:
            readers[value.buffer].append(step)
    last_of: dict[Step, Step] = {}
    groups: dict[Step, list[Step]] = defaultdict(list)
    for step in reversed(steps):
        y = step.output
        is_table = step.kind in _TABLES and y.dtype == "int8"
        if is_table or step.kind not in (*_SIGNS, *_FLOAT_FUNCTIONS, "QUANTIZE", "DEQUANTIZE"):
            continue
        lasts = {last_of.get(reader) if reader.output.size == y.size else None for reader in readers[y.buffer]}
        last = lasts.pop() if len(lasts) == 1 else None
        if last is None or len(groups[last]) >= _MOST_GROUPED or len(_rows([step, *groups[last]])) > 1:
            last = step
        last_of[step] = last
        groups[last].insert(0, step)
    return groups


def _rows(steps: Sequence[Step]) -> set[int]:
    """Return the sizes of operands that are rows of the output."""
    return {value.size for step in steps for value in step.inputs} - {1, steps[-1].output.size}


def _compute(program: Program, steps: Sequence[Step]) -> None:
    """Add a loop over the elements of the last step's output, or a loop for each row if an operand is a row."""
    y = steps[-1].output
    n, period = _turn([value for step in steps for value in step.inputs if value.size in _rows(steps)], y.size)
    views: dict[tuple[Buffer, int], Value] = {}
    expressions: dict[Buffer, tuple[str, str]] = {}  # the C and the formula of values inside
    lines: list[str] = []

    def operand(value: Value) -> tuple[str, str]:
        if value.buffer in expressions:
            return expressions[value.buffer]
        if value.data is not None and value.size == 1 and value.dtype == "float32":
            return number(value.data.item()), number(value.data.item())
        repeated = period if value.data is not None and period < value.size < y.size else None
        view = value if value.data is None else program.constant(f"{y.buffer.name}_row", value.data, repeated)
        views.setdefault((view.buffer, view.offset), view)
        text = f"@{[*views].index((view.buffer, view.offset)) + 1}[{'0' if view.size == 1 else 'i'}]"
        return text if repeated is None else text.replace("]", f":{repeated}]"), text

    for step in steps:
        codes, formulas = zip(*map(operand, step.inputs), strict=True)
        z, code = step.output, _element(step, codes)
        if step.kind == "DIV" and (divisor := step.inputs[1].data) is not None:
            code = f"divide({', '.join(codes)}, {operand(constant(1 / divisor))[0]})"
        is_read_twice = sum(value.buffer is z.buffer for other in steps for value in other.inputs) > 1
        if z is not y and (z.dtype == "int8" or is_read_twice):
            name = f"{z.buffer.name}_i{len(lines) or ''}"
            lines.append(f"const {'int32_t' if z.dtype == 'int8' else 'float'} {name} = {code};")
            code = name
        formula = _formula(step, formulas)
        expressions[z.buffer] = code, formula if len(formula) < _LONGEST_FORMULA else z.buffer.name
    code, formula = expressions[y.buffer]
    body = "\n".join([f"/* @0[i] = {formula} */", *loop("i", 0, n, [*lines, f"@0[i] = {code};"])])
    for start in range(0, y.size, n):
        parts = (
            view if view.size == 1 else view.part(start if view.size == y.size else start % period, (n,))
            for view in views.values()
        )
        program.add(body, y.part(start, (n,)), *parts, in_place=True)


def _turn(rows: Sequence[Value], size: int) -> tuple[int, int]:
    """Return how many of `size` elements a loop takes (whole vectors if possible), and the period of its `rows`."""
    n = min((row.size for row in rows), default=size)
    constants = [row.data.ravel() for row in rows if row.data is not None]
    if constants and len(constants) == len(rows):
        period = next(p for p in range(1, n + 1) if all(np.array_equal(x[p:], x[:-p]) for x in constants))
        return next(((m, period) for m in (64, 32, 16) if m + period - 1 <= n and size % m == 0), (n, n))
    return n, n


def _element(step: Step, operands: Sequence[str]) -> str:
    """Return the C expression of one element of the output, from the expressions of the `operands`."""
    x, y, (a, *others) = step.inputs[0], step.output, operands
    if step.kind == "QUANTIZE" and x.dtype == "int8":
        factor = round(_ratio(step, x.scale / y.scale, 2**-8, 2**7) * 256)
        return f"clamped((({_minus(a, x.zero_point)}) * {factor} + 128) >> 8, {y.zero_point}, -128, 127)"
    if step.kind == "QUANTIZE":
        return f"rounded({_operand(a)} * {number(1 / y.scale)}, {y.zero_point}, -128, 127)"
    if step.kind == "DEQUANTIZE":
        return f"(float)({_minus(a, x.zero_point)}) * {number(x.scale)}"
    if y.dtype == "float32":
        if getattr(step.options, "fusedActivationFunction", 0):
            raise unknown(f"{step.kind} of float32 with an activation")
        if step.kind in _SIGNS:
            return f"{_operand(a)} {_SIGNS[step.kind]} {_operand(*others)}"
        return f"{_FLOAT_FUNCTIONS[step.kind]}({', '.join(operands)})"
    if step.kind not in ("ADD", "SUB", "MUL"):
        raise unknown(f"{step.kind} of int8")
    (b,), z, within = others, step.inputs[1], f"{y.zero_point}, {', '.join(map(str, limits(step)))}"
    if step.kind == "MUL":
        product = f"({_minus(a, x.zero_point)}) * ({_minus(b, z.zero_point)})"
        return f"rounded((float)({product}) * {number(x.scale * z.scale / y.scale)}, {within})"
    p, q = x.scale / y.scale, z.scale / y.scale
    shift = _FACTOR_BITS - int(np.floor(np.log2(_ratio(step, max(p, q), 2**-10, 2**8))))
    m, n = (int(np.rint(np.float64(ratio) * 2.0**shift)) for ratio in (p, q))
    n *= -1 if step.kind == "SUB" else 1
    start = (1 << (shift - 1)) - m * x.zero_point - n * z.zero_point
    return f"clamped(({a} * {m} + {b} * {n} + {start}) >> {shift}, {within})".replace("+ -", "- ")


def _ratio(step: Step, ratio: Any, low: float, high: float) -> Any:
    """Return a ratio of scales, which XNNPACK takes from `low` to `high`."""
    if not low <= ratio <= high:
        raise unknown(f"{step.kind} whose scales have the ratio {ratio:g}")
    return ratio


def _formula(step: Step, operands: Sequence[str]) -> str:
    """Return what `_element` computes, in terms of the numbers that integers stand for."""
    if step.kind in _SIGNS:
        return f" {_SIGNS[step.kind]} ".join(map(_operand, operands))
    return operands[0] if "QUANTIZE" in step.kind else f"{_FLOAT_FUNCTIONS[step.kind]}({', '.join(operands)})"


def _operand(code: str) -> str:
    return f"({code})" if " " in code else code


def _minus(code: str, zero_point: int) -> str:
    return f"{code} - {zero_point}".replace("- -", "+ ") if zero_point else code
