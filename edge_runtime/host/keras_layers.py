"""List the Keras layers that can be converted, and classify a layer by names, without Keras."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ConvertibleLayers:
    """Layers that can be converted with the same options.

    options : the values that an option may have, for those where not all can be converted.
    last_axis : whether the option `axis` must name the last axis.
    note : further conditions, for docs/convert.md.
    """

    names: tuple[str, ...]
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    last_axis: bool = False
    note: str = ""


_STATELESS = {"stateful": (False,), "return_state": (False,)}
_CHANNELS_LAST = {"data_format": ("channels_last",)}
_IDENTITY = ConvertibleLayers(
    ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity"),
    note="nothing outside training",
)

CONVERTIBLE_LAYERS = (
    ConvertibleLayers(("LSTM",), _STATELESS, note="unrolled or, with tanh and sigmoid, fused"),
    ConvertibleLayers(("GRU",), _STATELESS, note="`recurrent_activation` sigmoid or hard_sigmoid; always unrolled"),
    ConvertibleLayers(("Bidirectional",), {"merge_mode": ("concat", "sum", "ave", "mul")}, note="of LSTM and GRU"),
    ConvertibleLayers(("Conv1D",), {"padding": ("same", "valid", "causal"), "groups": (1,)} | _CHANNELS_LAST),
    ConvertibleLayers(("Dense",), note="for the whole or for each step"),
    ConvertibleLayers(("TimeDistributed",), note="of a layer here that has one input and is not recurrent"),
    ConvertibleLayers(("MaxPooling1D", "AveragePooling1D"), _CHANNELS_LAST),
    ConvertibleLayers(("GlobalMaxPooling1D", "GlobalAveragePooling1D"), {"keepdims": (False,)} | _CHANNELS_LAST),
    ConvertibleLayers(
        ("BatchNormalization",), last_axis=True, note="becomes a part of a convolution or Dense layer before it"
    ),
    ConvertibleLayers(("LayerNormalization",), {"rms_scaling": (False,)}, last_axis=True),
    ConvertibleLayers(
        ("Normalization",),
        {"invert": (False,)},
        last_axis=True,
        note="better taken out of the network and given with `--normalisation`",
    ),
    ConvertibleLayers(("Flatten", "ZeroPadding1D"), _CHANNELS_LAST),
    ConvertibleLayers(("Reshape", "Permute", "Cropping1D")),
    ConvertibleLayers(("Concatenate",), last_axis=True),
    ConvertibleLayers(
        ("Add", "Average", "Multiply", "Subtract"), note="of equal shapes; `+`, `*` and `-` of two tensors too"
    ),
    ConvertibleLayers(("Activation",), note="of the activation functions below"),
    ConvertibleLayers(("ReLU",), {"max_value": (None, 6.0), "negative_slope": (0.0,), "threshold": (0.0,)}),
    ConvertibleLayers(("LeakyReLU",)),
    ConvertibleLayers(("ELU",), {"alpha": (1.0,)}),
    _IDENTITY,
)
"""In the order of docs/convert.md; `Softmax` beside them, where the network ends in it."""

CONVERTIBLE = {name: row for row in CONVERTIBLE_LAYERS for name in row.names}
"""By the name of the layer."""


def is_convertible(layer: Any) -> bool:
    """Tell whether layers of its kind can be converted, if not with every option."""
    return _kind(layer) in CONVERTIBLE


def does_nothing(layer: Any) -> bool:
    """Tell whether a layer passes on its input unchanged, outside training."""
    kind = _kind(layer)
    return kind in _IDENTITY.names or (kind == "Activation" and _activation(layer) == "linear")


def last_call(network: Any) -> tuple[Any, list[Any]]:
    """The layer that gives the answer of a network that is a graph of layers, and the tensors that it takes.

    Layers behind it that do nothing are passed over. It may be a network itself.
    """
    tensor = network.outputs[0]
    while True:
        history = tensor._keras_history
        inputs = history.operation._inbound_nodes[history.node_index].input_tensors
        if not inputs or not does_nothing(history.operation):
            return history.operation, inputs
        tensor = inputs[0]


def is_network(layer: Any) -> bool:
    """Tell whether a layer is a graph of layers itself."""
    return hasattr(layer, "outputs")


def is_softmax(layer: Any) -> bool:
    """Tell whether `layer` is a softmax and nothing else: the layer, or the function applied to a tensor."""
    return _kind(layer) == "Softmax"


def has_softmax(layer: Any) -> bool:
    """Tell whether a softmax is the activation function of `layer`."""
    return _activation(layer) == "softmax"


def ends_in_softmax(network: Any) -> bool:
    """Tell whether a network that is a graph of layers answers with probabilities, wherever the softmax stands."""
    layer, _ = last_call(network)
    return ends_in_softmax(layer) if is_network(layer) else is_softmax(layer) or has_softmax(layer)


def layers_of(network: Any) -> Iterator[Any]:
    """The layers of a network and of those within it, these networks themselves, and the operations between them."""
    for layer in getattr(network, "operations", network.layers):
        if _kind(layer) != "InputLayer":
            yield layer
        if is_network(layer):
            yield from layers_of(layer)
        elif hasattr(layer, "layer"):  # a wrapper, such as TimeDistributed
            yield layer.layer


def holds_code(layer: Any) -> bool:
    """Tell whether a layer, or a function that it calls, is not Keras's own: its file cannot be loaded safely."""
    options = ("activation", "recurrent_activation")
    functions = [x for x in (getattr(layer, option, None) for option in options) if x is not None]
    return _kind(layer) in ("", "Lambda") or not all(map(_is_keras, functions))


def _is_keras(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "keras"


def _kind(layer: Any) -> str:
    """The name of Keras's class that `layer` is of; empty for others."""
    return type(layer).__name__ if _is_keras(type(layer)) else ""


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")
