"""Ask LiteRT for the answers of single operators: tables of int8 functions, and the steps of rounded float ones."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from convert.c_file.graph_tracing import Array, Step, Value
from convert.quantise import compaction
from edge_runtime.model.graphs import TYPES
from edge_runtime.model.interpreters import Model, open_model
from edge_runtime.system.standard_streams import suppressed_stderr

INT8 = np.arange(-128, 128).astype(np.int8)
"""All values of an int8."""


def table(step: Step) -> npt.NDArray[np.int8]:
    """The answers of an operator with one int8 input for all its 256 values."""
    return np.asarray(_model_of([step], len(INT8)).run(INT8[np.newaxis])[0])


_NEAR = 512  # floats to each side of a threshold
_NEVER = 0x7FFFFFFF  # greater than all floats
_ENDS = (-0x7F800001, 0x7F800000)  # of the floats, infinities


@dataclass(frozen=True)
class Thresholds:
    """Where a rounded float function begins to answer each int8, of floats as `ordered` numbers.

    `steps` `[257, 3]` has a row for each answer, and one beyond. First is the least float that reaches the answer. Some
    floats above it may not: second is how many are uncertain, third where these begin in `bits` `[n]`, 1 for reached.
    """

    steps: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint8]


def thresholds(steps: Sequence[Step]) -> Thresholds:
    """The thresholds of operators on a float32, of which the last rounds.

    The last bits of a float function are not monotonic, and depend on the processor. LiteRT's on this machine are
    taken: found by bisection, and by trying the floats around.
    """
    model = _model_of(steps, len(INT8))

    def reached(numbers: Array) -> Array:
        return np.asarray(model.run(_float_of(np.clip(numbers, *_ENDS))[np.newaxis])[0] >= INT8)

    low, high = (np.full(len(INT8), x) for x in _ENDS)
    while np.any(low < high):
        middle = (low + high) // 2
        is_reached = reached(middle)
        low, high = np.where(is_reached, low, middle + 1), np.where(is_reached, middle, high)
    around = np.array([reached(low + i) for i in range(-_NEAR, _NEAR)]).T
    found, bits = [(-_NEVER, 0, 0)], np.zeros(0, np.uint8)
    for middle, row in zip(low[1:], around[1:], strict=True):
        if not row.any():
            found.append((_NEVER, 0, 0))
            continue
        first, end = int(np.argmax(row)), len(row) - int(np.argmin(row[::-1]))
        width = max(0, end - first)
        found.append((int(middle) - _NEAR + first, width, len(bits)))
        bits = np.concatenate([bits, row[first : first + width]])
    return Thresholds(np.array([*found, (_NEVER, 0, 0)], np.int32), bits.astype(np.uint8))


def ordered(x: npt.NDArray[np.float32] | np.float32) -> Array:
    """A whole number for each float32, in the same order."""
    bits = np.asarray(x).view(np.int32).astype(np.int64)
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


def _float_of(number: Array) -> npt.NDArray[np.float32]:
    bits = np.where(number < 0, number ^ 0x7FFFFFFF, number)
    return bits.astype(np.int32).view(np.float32)


def _model_of(steps: Sequence[Step], size: int) -> Model:
    """A model of only these operators, one after the other, on `size` values."""
    graph = schema.SubGraphT(inputs=[0], outputs=[len(steps)])
    graph.tensors = [_tensor(x, size) for x in (steps[0].given[0], *(x.output for x in steps))]
    graph.operators = []
    for number, step in enumerate(steps):
        operator = copy.copy(step.operator)
        operator.opcodeIndex, operator.inputs, operator.outputs = number, [number], [number + 1]
        graph.operators.append(operator)
    codes = [copy.copy(x.code) for x in steps]
    model = schema.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=[schema.BufferT()])
    with suppressed_stderr():
        return open_model(compaction.write(model, "values"), "litert")


def _tensor(like: Value, size: int) -> schema.TensorT:
    quantisation = None
    if len(like.scales):
        quantisation = schema.QuantizationParametersT(
            scale=like.scales, zeroPoint=np.array([like.zero_point], np.int64)
        )
    return schema.TensorT(shape=np.array([1, size], np.int32), type=TYPES.index(like.dtype), quantization=quantisation)
