"""Read a TFLite flatbuffer, and write a compact one: without unread parts, and with equal parts only once."""

from collections.abc import Hashable
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16  # bytes, as the schema says
_ABSENT = -1  # in the place of an optional input
_NO_BUFFER = 0  # by convention the first buffer is empty


def read(flatbuffer: bytes) -> schema.ModelT:
    """Return the model in a flatbuffer as mutable objects."""
    return schema.ModelT.InitFromPackedBuf(bytearray(flatbuffer))


def write(model: schema.ModelT, input_name: str = "windows") -> bytes:
    """Change `model`, and return it as a flatbuffer without names, ranges, signatures and metadata."""
    model.signatureDefs = model.metadata = model.metadataBuffer = model.description = None
    parts: dict[Hashable, _Once] = {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = None
            tensor.quantization = _once(_without_range(tensor.quantization), parts)
            if tensor.shapeSignature is not None and np.min(tensor.shapeSignature, initial=0) == 0:
                tensor.shapeSignature = None  # equal to the shape
        for operator in graph.operators:
            operator.builtinOptions = _once(operator.builtinOptions, parts)
    main = model.subgraphs[0]
    main.tensors[main.inputs[0]].name = input_name.encode()
    main.tensors[main.outputs[0]].name = b"logits"
    _drop_empty_buffers(model)
    for graph in model.subgraphs:
        graph.tensors = [_once(tensor, parts) for tensor in graph.tensors]
        graph.operators = [_once(operator, parts) for operator in graph.operators]
    builder = _Builder()
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def drop_unread(graph: Any) -> None:
    """Remove the operators and tensors of a subgraph that nothing reads."""
    needed, operators = set(map(int, graph.outputs)), []
    for operator in reversed(graph.operators):
        if needed & set(map(int, operator.outputs)):
            operators.append(operator)
            needed |= set(map(int, operator.inputs))
    graph.operators = operators[::-1]
    outputs = {int(i) for operator in operators for i in operator.outputs}
    indices = sorted((outputs | {*map(int, graph.inputs), *needed}) - {_ABSENT})
    place = {_ABSENT: _ABSENT} | {old: new for new, old in enumerate(indices)}
    graph.tensors = [graph.tensors[i] for i in indices]
    for part in (graph, *operators):
        for side in ("inputs", "outputs"):
            setattr(part, side, np.array([place[int(i)] for i in getattr(part, side)], np.int32))


class _Builder(flatbuffers.Builder):
    """Writes equal vectors of numbers only once."""

    def __init__(self) -> None:
        super().__init__(1 << 16)
        self._vectors: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # noqa: N802 - the library's name
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = self._bytes(x) if x.dtype == np.uint8 else super().CreateNumpyVector(x)
        return self._vectors[key]

    def _bytes(self, x: npt.NDArray[np.uint8]) -> int:
        """Write a buffer's data; the generated code would align it to only 4 bytes."""
        self.StartVector(1, x.size, _BUFFER_ALIGNMENT)
        self.head -= x.size
        self.Bytes[self.head : self.head + x.size] = x.tobytes()
        return int(self.EndVector())


class _Once:
    """A part of the model that is written once, however many parts refer to it."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self._offset: int | None = None

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - the generated code's name
        if self._offset is None:
            self._offset = int(self._part.Pack(builder))
        return self._offset


def _once(part: Any, parts: dict[Hashable, _Once]) -> _Once | None:
    if part is None:
        return None
    values = tuple((key, _hashable(value)) for key, value in sorted(vars(part).items()))
    return parts.setdefault((type(part), values), _Once(part))


def _hashable(value: Any) -> Hashable:
    """Return a key that is equal for equal numbers and vectors; a part within a part equals only itself."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return tuple(value) if isinstance(value, list) else value


def _without_range(quantisation: schema.QuantizationParametersT | None) -> schema.QuantizationParametersT | None:
    if quantisation is None or (quantisation.scale is None and quantisation.details is None):
        return None
    quantisation.min = quantisation.max = None
    return quantisation


def _drop_empty_buffers(model: schema.ModelT) -> None:
    """Make activations share the empty buffer, and constants with equal bytes share a buffer."""
    buffers = [model.buffers[_NO_BUFFER]]
    index_of = {b"": _NO_BUFFER}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            content = b"" if buffer.data is None else bytes(buffer.data)
            if content not in index_of:
                index_of[content] = len(buffers)
                buffers.append(buffer)
            tensor.buffer = index_of[content]
    model.buffers = buffers
