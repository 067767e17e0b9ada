"""Add the preparation of a window to a converted model's graph, which then takes physical units.

The operators repeat `Normalisation.apply`, in its order and in float32, so that the numbers are equal. For an int8
model a QUANTIZE follows, and a DEQUANTIZE makes the answers float32. The rest of the graph stays as it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from convert.quantise import compaction
from edge_runtime.model.classifier import RAW_INPUT
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation

# XNNPACK goes row by row: 128 rows of 9 values take five times as long as 16 rows of 72. Longer rows are not faster,
# and constants are rows, too.
_LEAST_ROW = 64

_LOWEST_STEP, _HIGHEST_STEP = -127.49, 126.51  # values beyond become -128 or 127

_Op = schema.BuiltinOperator
_Options = schema.BuiltinOptions
_OPTIONS: dict[int, tuple[int, Any]] = {
    _Op.SUB: (_Options.SubOptions, schema.SubOptionsT),
    _Op.DIV: (_Options.DivOptions, schema.DivOptionsT),
    _Op.MINIMUM: (_Options.MaximumMinimumOptions, schema.MaximumMinimumOptionsT),
    _Op.MAXIMUM: (_Options.MaximumMinimumOptions, schema.MaximumMinimumOptionsT),
    _Op.ABS: (_Options.AbsOptions, schema.AbsOptionsT),
    _Op.MUL: (_Options.MulOptions, schema.MulOptionsT),
    _Op.ADD: (_Options.AddOptions, schema.AddOptionsT),
    _Op.RESHAPE: (_Options.ReshapeOptions, schema.ReshapeOptionsT),
    _Op.QUANTIZE: (_Options.QuantizeOptions, schema.QuantizeOptionsT),
    _Op.DEQUANTIZE: (_Options.DequantizeOptions, schema.DequantizeOptionsT),
}
_VERSIONS = {_Op.DEQUANTIZE: 2}  # the first version that takes int8


def take_raw_windows(flatbuffer: bytes, normalisation: Normalisation) -> bytes:
    """Return a model with raw windows and logits in float32, from the model for windows prepared by `normalisation`."""
    model = compaction.read(flatbuffer)
    _prepare(model, normalisation)
    _dequantise(model)
    return compaction.write(model, RAW_INPUT)


def _prepare(model: schema.ModelT, normalisation: Normalisation) -> None:
    """Insert the preparation at the front, without operators that would change nothing."""
    main = model.subgraphs[0]
    body = int(main.inputs[0])
    window = main.tensors[body]
    shape = tuple(int(n) for n in window.shape)
    is_float = window.type == schema.TensorType.FLOAT32
    mean, std, clip, gain, bend, knee = normalisation.rows()
    lowest, highest = -clip, clip
    if not is_float:
        # If int8 ends at the clip, quantising clips. It also avoids the tie -127.5 at -clip itself, which
        # tflite-runtime 2.14 rounds to -127 and other runtimes to -128.
        scale, zero_point = (np.float32(x[0]) for x in (window.quantization.scale, window.quantization.zeroPoint))
        lowest = np.where(lowest / scale + zero_point < _LOWEST_STEP, -NO_CLIP, lowest).astype(np.float32)
        highest = np.where(highest / scale + zero_point > _HIGHEST_STEP, NO_CLIP, highest).astype(np.float32)
    steps = [
        *([(_Op.SUB, mean)] if mean.any() else []),
        *([(_Op.DIV, std)] if (std != 1).any() else []),
        *([(_Op.MINIMUM, highest)] if (highest < NO_CLIP).any() else []),
        *([(_Op.MAXIMUM, lowest)] if (lowest > -NO_CLIP).any() else []),
    ]
    is_plain = not steps and not bend.any()
    if is_float and is_plain:
        return
    per_row = samples_a_row(*shape[1:])
    rows = shape if is_plain else (shape[1] // per_row, per_row * shape[2])
    new = _NewOperators(model)

    def row(values: npt.NDArray[np.float32]) -> int:
        return new.constant(np.tile(values, per_row))

    entry = new.tensor(shape)
    values = entry if is_plain else new.reshape(entry, rows)
    for kind, numbers in steps:
        values = new.add(kind, [values, row(numbers)], rows)
    if bend.any():
        divisor = new.add(_Op.ABS, [values], rows)
        if not bend.all():
            divisor = new.add(_Op.MUL, [divisor, row(bend)], rows)
        divisor = new.add(_Op.ADD, [divisor, row(knee)], rows)
        values = new.add(_Op.MUL, [values, row(gain)], rows)
        values = new.add(_Op.DIV, [values, divisor], rows)
    if not is_float:
        values = new.add(_Op.QUANTIZE, [values], rows, like=window)
    # The body's own RESHAPE takes its input in any shape.
    readers = [model.operatorCodes[x.opcodeIndex].builtinCode for x in main.operators if body in x.inputs]
    if rows != shape and readers != [_Op.RESHAPE]:
        new.reshape(values, shape, like=window)
    # The last operator writes the tensor that the body reads.
    main.tensors[body] = main.tensors.pop()
    new.operators[-1].outputs = np.array([body], np.int32)
    main.operators = [*new.operators, *main.operators]
    main.inputs = np.array([entry], np.int32)


def _dequantise(model: schema.ModelT) -> None:
    main = model.subgraphs[0]
    answers = int(main.outputs[0])
    tensor = main.tensors[answers]
    if tensor.type != schema.TensorType.FLOAT32:
        new = _NewOperators(model)
        logits = new.add(_Op.DEQUANTIZE, [answers], tuple(int(n) for n in tensor.shape))
        main.operators = [*main.operators, *new.operators]
        main.outputs = np.array([logits], np.int32)


def samples_a_row(n_samples: int, n_signals: int) -> int:
    """Return the least divisor of `n_samples` that gives a row enough values, or else all samples."""
    divisors = (n for n in range(1, n_samples) if n_samples % n == 0 and n * n_signals >= _LEAST_ROW)
    return next(divisors, n_samples)


class _NewOperators:
    """Operators to add to a model's main graph; their tensors come after the graph's own."""

    def __init__(self, model: schema.ModelT) -> None:
        self.operators: list[schema.OperatorT] = []
        self._model = model
        self._tensors = model.subgraphs[0].tensors

    def tensor(self, shape: tuple[int, ...], like: schema.TensorT | None = None) -> int:
        """Add a float32 tensor, or a tensor with the type and quantisation of `like`; return its index."""
        tensor = schema.TensorT()
        tensor.shape, tensor.hasRank, tensor.buffer = np.array(shape, np.int32), True, 0
        tensor.type = schema.TensorType.FLOAT32 if like is None else like.type
        tensor.quantization = None if like is None else like.quantization
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def constant(self, values: npt.NDArray[Any]) -> int:
        """Add a constant of float32 or int32; return its index."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        index = self.tensor(values.shape)
        tensor = self._tensors[index]
        tensor.buffer = len(self._model.buffers) - 1
        tensor.type = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return index

    def add(self, kind: int, inputs: list[int], shape: tuple[int, ...], like: schema.TensorT | None = None) -> int:
        """Add an operator with an output of `shape`; return the index of this tensor, which is the last."""
        output = self.tensor(shape, like)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        operator.builtinOptionsType, options = _OPTIONS[kind]
        operator.builtinOptions = options()
        if kind == _Op.RESHAPE:
            operator.builtinOptions.newShape = np.array(shape, np.int32)
        self.operators.append(operator)
        return output

    def reshape(self, values: int, shape: tuple[int, ...], like: schema.TensorT | None = None) -> int:
        """Add a RESHAPE of the tensor `values`; return the index of its output."""
        return self.add(_Op.RESHAPE, [values, self.constant(np.array(shape, np.int32))], shape, like)

    def _code(self, kind: int) -> int:
        codes, version = self._model.operatorCodes, _VERSIONS.get(kind, 1)
        for number, code in enumerate(codes):
            if (code.builtinCode, code.version) == (kind, version):
                return number
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = version
        codes.append(code)
        return len(codes) - 1
