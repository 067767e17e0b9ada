"""Take the preparation of a window out of an int8 model's graph, which then takes and gives int8.

It undoes `convert.quantise.raw_input`, and needs no TensorFlow: a microcontroller has less memory than time.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from convert.quantise import compaction

_Op = schema.BuiltinOperator
_PREPARING = (_Op.RESHAPE, _Op.SUB, _Op.DIV, _Op.MINIMUM, _Op.MAXIMUM, _Op.ABS, _Op.MUL, _Op.ADD)


def take_prepared_windows(flatbuffer: bytes) -> bytes:
    """Return the int8 model that `take_raw_windows` was given, in other bytes.

    `flatbuffer` is what that made of it. Raises `ValueError` when its windows are not quantised right after they are
    prepared, or its answers are no integers that are made float32 at the end.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(flatbuffer, 0))
    main = model.subgraphs[0]
    kinds = [model.operatorCodes[x.opcodeIndex].builtinCode for x in main.operators]
    quantise = next((i for i, kind in enumerate(kinds) if kind not in _PREPARING), 0)
    if not kinds or kinds[quantise] != _Op.QUANTIZE or kinds[-1] != _Op.DEQUANTIZE:
        raise ValueError("it does not quantise its windows and make its answers float32")
    body, answers = int(main.operators[quantise].outputs[0]), int(main.operators[-1].inputs[0])
    main.tensors[body].shape = main.tensors[int(main.inputs[0])].shape
    main.operators = main.operators[quantise + 1 : -1]
    main.inputs, main.outputs = np.array([body], np.int32), np.array([answers], np.int32)
    _drop_unused_tensors(main)
    return compaction.write(model)


def _drop_unused_tensors(graph: Any) -> None:
    """Leave the tensors that operators read or write, and number them anew; -1 stands for an input left out."""
    lists = [graph.inputs, graph.outputs, *(y for x in graph.operators for y in (x.inputs, x.outputs))]
    used = sorted({int(i) for x in lists for i in x} - {-1})
    number = {old: new for new, old in enumerate(used)} | {-1: -1}

    def renumbered(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        return np.array([number[int(i)] for i in values], np.int32)

    graph.tensors = [graph.tensors[i] for i in used]
    graph.inputs, graph.outputs = renumbered(graph.inputs), renumbered(graph.outputs)
    for x in graph.operators:
        x.inputs, x.outputs = renumbered(x.inputs), renumbered(x.outputs)
