"""Lower layers that are not recurrent to TensorFlow operators with constants for weights."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from convert.lowering.activations import activation_layer
from convert.lowering.attention_layers import ATTENTION_LAYERS
from convert.lowering.convolutional_lstm import CONVOLUTIONAL_LSTM
from convert.lowering.keras_graph import Call
from convert.lowering.merging_layers import MERGING_LAYERS
from convert.lowering.normalising_layers import NORMALISING_LAYERS
from convert.lowering.operations import Operation
from convert.lowering.pooling_layers import KEEP_SCALE, POOLING_LAYERS
from convert.lowering.product_layers import PRODUCT_LAYERS
from convert.lowering.rearranging_layers import REARRANGING_LAYERS
from convert.lowering.refusals import refuse_kind
from convert.lowering.sequences import map_steps

_LOWERINGS = {
    **(PRODUCT_LAYERS | NORMALISING_LAYERS | POOLING_LAYERS | REARRANGING_LAYERS),
    **(MERGING_LAYERS | ATTENTION_LAYERS | CONVOLUTIONAL_LSTM),
}


def keeps_scale(layer: Any) -> bool:
    """Say whether the output has the scale of the input, since TFLite's operator moves int8 values as they are."""
    return type(layer) in REARRANGING_LAYERS or type(layer) in KEEP_SCALE


def shares_scale(layer: Any) -> bool:
    """Say whether all inputs and the output have one scale."""
    return type(layer) is layers.Concatenate or type(layer) in CONVOLUTIONAL_LSTM


def lower_layer(call: Call, point: str, sources: Sequence[str]) -> Operation:
    """Return the operators of a call whose output is at the quantisation `point`, and its inputs at `sources`.

    Raises `InputError` for a layer that cannot be converted.
    """
    if type(call.layer) in _LOWERINGS:
        return _LOWERINGS[type(call.layer)](call, point, sources)
    function = activation_layer(call.layer)
    if function is None:
        refuse_kind(call.layer)
    return lambda inputs, observe, _: map_steps(inputs[0], lambda x: observe(point, function(x, observe, call.name)))
