"""Take the preparation of a window out of an int8 model's graph, which then takes and gives int8.

It undoes `convert.quantise.raw_input`, and needs no TensorFlow: a microcontroller has less memory than time.
"""

import numpy as np
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
    compaction.drop_unread(main)
    return compaction.write(model)
