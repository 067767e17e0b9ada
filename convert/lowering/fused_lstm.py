"""LSTM layers as TFLite's own operator for a whole sequence, UNIDIRECTIONAL_SEQUENCE_LSTM.

The converter makes it of Keras 2's LSTM alone, which tf_keras has; Keras 3's becomes a loop. Its state is kept in the
interpreter between calls, so that it has to be reset before each window (`edge_runtime.model.interpreters.Model`).
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.activations import function_of
from convert.lowering.gate_layout import GateLayout
from convert.lowering.keras_graph import Call
from convert.lowering.layers import Operation
from convert.lowering.quantisation_points import Tap
from convert.lowering.refusals import refuse
from convert.lowering.sequences import Activation, whole
from edge_runtime.errors import MissingExtraError


def fuse(call: Call) -> tuple[Operation, Any]:
    """One operation for a whole LSTM layer, and the variables in it, which whoever traces it has to keep.

    It is for a batch of one, and has no sites inside. Raises `InputError` for what the operator cannot do.
    """
    layer = call.layer
    _check(layer)
    copy = _keras_2(layer, call.shapes[0])

    def run(inputs: Sequence[Activation], tap: Tap, arrangement: GateLayout) -> Activation:
        del tap, arrangement
        x = whole(inputs[0])
        y = copy(tf.reverse(x, [1]) if layer.go_backwards else x)
        return tf.reverse(y, [1]) if call.in_reverse else y

    return run, copy


def _check(layer: Any) -> None:
    if type(layer) is not layers.LSTM:
        refuse(layer, "has no fused operator in TFLite: use --lstm unrolled")
    for option, usual in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        if function_of(layer, option).name != usual:
            refuse(
                layer,
                f"has {option}={function_of(layer, option).name}, and the fused operator has {usual} alone: "
                "use --lstm unrolled",
            )
    if importlib.util.find_spec("tf_keras") is None:
        raise MissingExtraError("a fused LSTM", "tf_keras", "train")


def _keras_2(layer: Any, shape: Sequence[int]) -> Any:
    import tf_keras

    copy = tf_keras.layers.LSTM(layer.units, return_sequences=layer.return_sequences)
    copy.build((1, *shape))
    kernel, recurrent, *bias = (np.asarray(x) for x in layer.get_weights())
    copy.set_weights([kernel, recurrent, bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)])
    return copy
