"""Lower recurrent layers: unrolled over their steps, or LSTM layers as TFLite's own operator for a whole sequence.

The converter makes that operator, UNIDIRECTIONAL_SEQUENCE_LSTM, of Keras 2's LSTM alone, which tf_keras has; Keras 3's
becomes a loop. Its state stays in the interpreter between calls, so that it has to be reset before each window
(`edge_runtime.model.interpreters.Model`).
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.activations import activation_of
from convert.lowering.cells import GateLayout, GRUCell, LSTMCell, SimpleCell
from convert.lowering.keras_graph import Call
from convert.lowering.operations import Operation
from convert.lowering.quantisation_points import Observer, rounded_to
from convert.lowering.refusals import refuse
from convert.lowering.sequences import TensorOrSteps, join_steps, map_steps, named_steps, split_steps
from edge_runtime.system.installation import MissingExtraError

_CELLS: dict[type, type[LSTMCell | GRUCell | SimpleCell]] = {
    layers.LSTM: LSTMCell,
    layers.GRU: GRUCell,
    layers.SimpleRNN: SimpleCell,
}


def is_recurrent(layer: Any) -> bool:
    """Say whether `layer` can be unrolled."""
    return type(layer) in _CELLS


def unroll(call: Call, point: str, sources: Sequence[str]) -> Operation:
    """Return one operation for all steps of a layer, whose state and rounded input are at the quantisation `point`."""
    layer, (source,) = call.layer, sources
    cell = _CELLS[type(layer)](layer, call.name, point)

    def run(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        x = inputs[0] if source == point else map_steps(inputs[0], lambda x: rounded_to(point, source, x, observe))
        steps = split_steps(x, layout.row_by_row)
        if layer.go_backwards:
            steps.reverse()
        carried = cell.start(steps[0].shape[0])
        states: list[tf.Tensor] = []
        for step in named_steps(steps):
            carried = cell(step, carried, not states, observe, layout)
            states.append(carried[0])
        if not layer.return_sequences:
            return states[-1]
        return states[::-1] if call.in_reverse else states

    return run


def fused_lstm(call: Call) -> tuple[Operation, Any]:
    """Return one operation for a whole LSTM layer, and its variables, which whoever traces it has to keep.

    It is for a batch of one, and has no quantisation points inside. Raises `InputError` for options that TFLite's
    operator lacks.
    """
    layer = call.layer
    if type(layer) is not layers.LSTM:
        refuse(layer, "has no fused operator in TFLite: use --lstm unrolled")
    for option, only in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        name = activation_of(layer, option).name
        if name != only:
            refuse(layer, f"has {option}={name}, and the fused operator has {only} alone: use --lstm unrolled")
    if importlib.util.find_spec("tf_keras") is None:
        raise MissingExtraError("a fused LSTM", "tf_keras", "train")
    copy = _keras_2(layer, call.shapes[0])

    def run(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        del observe, layout
        x = join_steps(inputs[0])
        y = copy(tf.reverse(x, [1]) if layer.go_backwards else x)
        return tf.reverse(y, [1]) if call.in_reverse else y

    return run, copy


def _keras_2(layer: Any, shape: Sequence[int]) -> Any:
    import tf_keras

    copy = tf_keras.layers.LSTM(layer.units, return_sequences=layer.return_sequences)
    copy.build((1, *shape))
    kernel, recurrent, *bias = (np.asarray(x) for x in layer.get_weights())
    copy.set_weights([kernel, recurrent, bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)])
    return copy
