"""Write the expressions of single elements in C, with the roundings of LiteRT's int8 kernels in XNNPACK.

An int8 value q stands for (q - zero point) * scale. Scales are float32, and so are the operations on them. A sum of
products rounds once: rint(float(sum) * (sx * sw / sy)) + zy, ties to even. ADD and SUB are integer: both factors are
rounded to 21 bits at one shift.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convert.c_file.graph_tracing import HIGHEST, LOWEST, Step, Value
from edge_runtime.errors import InputError

_FACTOR_BITS = 20  # of the greater factor of an int8 sum, behind its first
_FLOAT_OPERATORS = {"ADD": "+", "SUB": "-", "MUL": "*", "DIV": "/"}
_FLOAT_FUNCTIONS = {"MINIMUM": "smaller", "MAXIMUM": "greater"}
_LIMITS = {
    0: (-np.inf, np.inf),
    1: (0.0, np.inf),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}  # ActivationFunctionType: none, relu...


def number(x: float | np.floating) -> str:
    """A float32 literal of exactly this number."""
    mantissa, _, exponent = float(x).hex().partition("p")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}p{exponent}f"


def activation(step: Step) -> int:
    """The number of the activation function that is fused into an operator, 0 for none. Raises `InputError`."""
    kind = int(getattr(step.options, "fusedActivationFunction", 0) or 0)
    if kind not in _LIMITS:
        raise InputError(f"--c does not write the activation function {kind} of {step.kind}: take another one")
    return kind


def limits(step: Step) -> tuple[int, int]:
    """The least and the greatest int8 of an operator's output."""
    y, (low, high) = step.output, _LIMITS[activation(step)]
    bounds = (np.clip(np.float32(x) / y.scales[0], -1000, 1000) for x in (low, high))
    low8, high8 = (int(np.clip(np.rint(x) + y.zero_point, LOWEST, HIGHEST)) for x in bounds)
    return low8, high8


def product_scales(x: Value, weights: Value, y: Value, size: int) -> npt.NDArray[np.float32]:
    """The factors of `size` sums of products."""
    scales: npt.NDArray[np.float32] = x.scales[0] * weights.scales / y.scales[0]
    return np.broadcast_to(scales, size)


def element(step: Step, operands: Sequence[str]) -> str:
    """The C expression of one element of the output, of those of the inputs. Raises `InputError`."""
    x, y = step.given[0], step.output
    if step.kind == "QUANTIZE" and x.dtype == "float32":
        return f"rounded({operands[0]} * {number(np.float32(1) / y.scales[0])}, {y.zero_point}, -128, 127)"
    if step.kind == "DEQUANTIZE":
        return f"((float)({_shifted(operands[0], x)}) * {number(x.scales[0])})"
    if y.dtype == "float32" and not activation(step):
        if step.kind == "ABS":
            return f"absolute({operands[0]})"
        if step.kind in _FLOAT_OPERATORS:
            return f"({operands[0]} {_FLOAT_OPERATORS[step.kind]} {operands[1]})"
        if step.kind in _FLOAT_FUNCTIONS:
            return f"{_FLOAT_FUNCTIONS[step.kind]}({operands[0]}, {operands[1]})"
    if y.dtype == "int8" and step.kind in ("ADD", "SUB"):
        return _sum(step, operands)
    if y.dtype == "int8" and step.kind == "MUL":
        a, b = (_shifted(c, v) for c, v in zip(operands, step.given, strict=True))
        scale = number(x.scales[0] * step.given[1].scales[0] / y.scales[0])
        low, high = limits(step)
        return f"rounded((float)(({a}) * ({b})) * {scale}, {y.zero_point}, {low}, {high})"
    raise unknown(step)


def formula(step: Step, operands: Sequence[str]) -> str:
    """What `element` computes, in terms of the numbers that the integers stand for."""
    if step.kind in _FLOAT_OPERATORS:
        return f"({operands[0]} {_FLOAT_OPERATORS[step.kind]} {operands[1]})"
    if step.kind in _FLOAT_FUNCTIONS:
        return f"{_FLOAT_FUNCTIONS[step.kind]}({operands[0]}, {operands[1]})"
    if step.kind in ("QUANTIZE", "DEQUANTIZE"):
        return operands[0]
    return f"tanh({bare(operands[0])})" if step.merged else f"|{bare(operands[0])}|"


def mean_factors(step: Step, n: int) -> tuple[np.float32, np.float32]:
    """What a MEAN or SUM of `n` values multiplies their sum with, and adds then, before it rounds."""
    x, y = step.given[0], step.output
    scale = x.scales[0] / y.scales[0] * (np.float32(1) / np.float32(n) if step.kind == "MEAN" else np.float32(1))
    return scale, np.float32(y.zero_point) - np.float32(n * x.zero_point) * scale


def unknown(step: Step) -> InputError:
    """The error that refuses an operator."""
    return InputError(f"--c does not write the operator {step.kind} of {step.output.dtype}: take other layers")


def _sum(step: Step, operands: Sequence[str]) -> str:
    (a, b), y = step.given, step.output
    ratios = a.scales[0] / y.scales[0], b.scales[0] / y.scales[0]
    shift = _FACTOR_BITS - int(np.floor(np.log2(max(ratios))))
    p, q = (int(np.rint(np.float64(x) * 2.0**shift)) for x in ratios)
    q *= -1 if step.kind == "SUB" else 1
    start = (1 << (shift - 1)) - p * a.zero_point - q * b.zero_point
    low, high = limits(step)
    text = f"clamped(({operands[0]} * {p} + {operands[1]} * {q} + {start}) >> {shift}, {y.zero_point}, {low}, {high})"
    return text.replace("+ -", "- ")


def _shifted(code: str, x: Value) -> str:
    return f"{code} - {x.zero_point}" if x.zero_point > 0 else f"{code} + {-x.zero_point}" if x.zero_point else code


def bare(code: str) -> str:
    """`code` without outer parentheses."""
    depth = 0
    for i, character in enumerate(code):
        depth += (character == "(") - (character == ")")
        if not depth:
            return code[1:-1] if code.startswith("(") and i == len(code) - 1 else code
    return code
