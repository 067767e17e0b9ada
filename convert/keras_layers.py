"""List the Keras layers that can be converted, and classify a layer by names, without Keras."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ConvertibleLayers:
    """Layers that can be converted with the same options.

    `options` lists the values of an option that has restrictions. With `last_axis` the option `axis` must name the last
    axis. `note` gives further conditions, for docs/convert.md.
    """

    names: tuple[str, ...]
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    last_axis: bool = False
    note: str = ""


_NO_STATES = {"return_state": (False,)}
_STATES = "of the states only the first, `h`"
_CHANNELS_LAST = {"data_format": ("channels_last",)}
_IDENTITY = ConvertibleLayers(
    (
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianNoise", "GaussianDropout"),
        *("ActivityRegularization", "Identity", "Masking"),
    ),
    note="do nothing outside training; masks are ignored",
)

CONVERTIBLE_LAYERS = (
    ConvertibleLayers(("LSTM", "SimpleRNN"), note=_STATES),
    ConvertibleLayers(("GRU",), note=f"{_STATES}; `recurrent_activation` sigmoid or hard_sigmoid"),
    ConvertibleLayers(
        ("Bidirectional",), {"merge_mode": ("concat", "sum", "ave", "mul")}, note="around the recurrent layers above"
    ),
    ConvertibleLayers(("ConvLSTM1D", "ConvLSTM2D"), _NO_STATES | _CHANNELS_LAST, note="always unrolled"),
    ConvertibleLayers(("Conv1D", "Conv2D"), {"groups": (1,)} | _CHANNELS_LAST),
    ConvertibleLayers(("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"), _CHANNELS_LAST),
    ConvertibleLayers(("Dense",), note="on the whole input or on each step"),
    ConvertibleLayers(("TimeDistributed",), note="around a layer of this table with one input, or a network"),
    ConvertibleLayers(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _CHANNELS_LAST),
    ConvertibleLayers(("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D")),
    ConvertibleLayers(
        ("BatchNormalization",), last_axis=True, note="becomes a part of a convolution or Dense layer before it"
    ),
    ConvertibleLayers(("Rescaling",), note="also `+`, `-`, `*` and `/` with a constant"),
    ConvertibleLayers(("LayerNormalization",), {"rms_scaling": (False,)}, last_axis=True),
    ConvertibleLayers(
        ("Normalization",),
        {"invert": (False,)},
        last_axis=True,
        note="better removed from the network and given with `--normalisation`",
    ),
    ConvertibleLayers(("Flatten", "ZeroPadding1D", "ZeroPadding2D", "Cropping2D"), _CHANNELS_LAST),
    ConvertibleLayers(("Reshape", "Permute", "RepeatVector", "Cropping1D"), note="also parts such as `x[:, -1]`"),
    ConvertibleLayers(("Concatenate",)),
    ConvertibleLayers(("Add", "Average", "Multiply", "Subtract"), note="also `+`, `*` and `-` of two tensors"),
    ConvertibleLayers(("Softmax",), note="over one axis; removed at the end of the network"),
    ConvertibleLayers(("Dot",), {"normalize": (False,)}, note="of vectors and sequences"),
    ConvertibleLayers(("Attention",), {"score_mode": ("dot",)}, note="without masks"),
    ConvertibleLayers(("MultiHeadAttention",), note="of sequences, without masks, gate or sliding window"),
    ConvertibleLayers(("Activation",), note="with the activation functions below"),
    ConvertibleLayers(("ReLU",), {"max_value": (None, 6.0), "negative_slope": (0.0,), "threshold": (0.0,)}),
    ConvertibleLayers(("LeakyReLU",)),
    ConvertibleLayers(("ELU",), {"alpha": (1.0,)}),
    _IDENTITY,
)
"""In the order of docs/convert.md."""

CONVERTIBLE = {name: row for row in CONVERTIBLE_LAYERS for name in row.names}
"""Indexed by the name of the layer."""


OPERATIONS = (
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "GetItem", "Reshape", "ExpandDims", "Squeeze"),
    *("Transpose", "Softmax", "Relu", "Relu6", "Sigmoid", "Tanh", "Silu", "HardSigmoid", "HardSilu", "HardTanh", "Sum"),
    *("Mean", "Flip"),
)
"""Operations on tensors between layers: with most arguments, an operation is equal to a layer."""


def is_convertible(layer: Any) -> bool:
    """Tell whether layers or operations of this kind can be converted, perhaps not with every option."""
    return kind_of(layer) in (*CONVERTIBLE, *OPERATIONS)


def does_nothing(layer: Any) -> bool:
    """Tell whether a layer passes on its input unchanged outside training."""
    kind = kind_of(layer)
    if kind == "TimeDistributed":
        return does_nothing(layer.layer)
    return kind in _IDENTITY.names or (kind == "Activation" and activation_name(layer) == "linear")


def last_call(network: Any) -> tuple[Any, list[Any]]:
    """Return the last layer (or network) of a graph that does something, and the tensors that it takes."""
    tensor = network.outputs[0]
    while True:
        history = tensor._keras_history
        inputs = history.operation._inbound_nodes[history.node_index].input_tensors
        if not inputs or not does_nothing(history.operation):
            return history.operation, inputs
        tensor = inputs[0]


def is_network(layer: Any) -> bool:
    """Tell whether a layer is itself a graph of layers."""
    return hasattr(layer, "outputs")


def form_fault(network: Any) -> str:
    """Return the reason why a network does not turn a window into a vector of classes; empty if it does."""
    if not getattr(network, "outputs", None):
        return "is not a graph of layers: build it with keras.Sequential or the functional API"
    if (n_inputs := len(network.inputs)) != 1:
        return f"takes {n_inputs} inputs: let it take one window and cut it, for example with x[:, :, :3]"
    if (n_outputs := len(network.outputs)) != 1:
        return f"has {n_outputs} outputs: keep one, for example with keras.Model(network.inputs, network.outputs[0])"
    answer = tuple(network.outputs[0].shape[1:])
    if len(answer) != 1:
        return f"returns {answer} for a window, not one logit for each class: is return_sequences=False missing?"
    return ""


def ends_in_softmax(network: Any) -> bool:
    """Tell whether a network that is a graph of layers returns probabilities, wherever its softmax is."""
    layer, _ = last_call(network)
    if is_network(layer):
        return ends_in_softmax(layer)
    return kind_of(layer) == "Softmax" or activation_name(layer) == "softmax"


def layers_of(network: Any) -> Iterator[Any]:
    """Yield all layers of a network, including inner networks, their layers, and operations between layers."""
    for layer in getattr(network, "operations", network.layers):
        if kind_of(layer) != "InputLayer":
            yield layer
        if is_network(layer):
            yield from layers_of(layer)
        elif hasattr(layer, "layer"):  # a wrapper, such as TimeDistributed
            yield layer.layer
            if is_network(layer.layer):
                yield from layers_of(layer.layer)


def holds_code(layer: Any) -> bool:
    """Tell whether a layer, or a function that it calls, is not Keras's own."""
    options = ("activation", "recurrent_activation")
    functions = [x for x in (getattr(layer, option, None) for option in options) if x is not None]
    return kind_of(layer) in ("", "Lambda") or not all(map(_is_keras, functions))


def _is_keras(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "keras"


def kind_of(layer: Any) -> str:
    """Return the name of the class of a layer or operation; empty if it is not Keras's."""
    return type(layer).__name__ if _is_keras(type(layer)) else ""


def activation_name(layer: Any) -> str:
    """Return the name of the activation function of a layer, perhaps an Activation; empty if it has none."""
    return getattr(getattr(layer, "activation", None), "__name__", "")
