"""What training and conversion both know of Keras's layers: by their names, so that Keras need not be there."""

from collections.abc import Iterator
from typing import Any

_IDENTITY = ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity")
CONVERTIBLE = (
    *("LSTM", "GRU", "Bidirectional", "Conv1D", "Dense", "TimeDistributed"),
    *("MaxPooling1D", "AveragePooling1D", "GlobalMaxPooling1D", "GlobalAveragePooling1D"),
    *("BatchNormalization", "LayerNormalization", "Normalization"),
    *("Flatten", "Reshape", "Permute", "ZeroPadding1D", "Cropping1D"),
    *("Concatenate", "Add", "Average", "Multiply", "Subtract"),
    *("Activation", "ReLU", "LeakyReLU", "ELU"),
    *_IDENTITY,
)
"""The layers that can be converted, not all of them with every option."""


def is_convertible(layer: Any) -> bool:
    """Whether layers of its kind can be converted."""
    return _kind(layer) in CONVERTIBLE


def does_nothing(layer: Any) -> bool:
    """Whether a layer passes on what it takes, outside training."""
    kind = _kind(layer)
    return kind in _IDENTITY or (kind == "Activation" and _activation(layer) == "linear")


def last_call(network: Any) -> tuple[Any, list[Any]]:
    """What gives the answer of a network that is a graph of layers, and the tensors that it takes.

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
    """Whether a layer is a graph of layers itself."""
    return hasattr(layer, "outputs")


def is_softmax(layer: Any) -> bool:
    """Whether `layer` is a softmax and nothing else: the layer, or the function applied to a tensor."""
    return _kind(layer) == "Softmax"


def has_softmax(layer: Any) -> bool:
    """Whether a softmax is the activation function of `layer`."""
    return _activation(layer) == "softmax"


def ends_in_softmax(network: Any) -> bool:
    """Whether a network that is a graph of layers answers with probabilities, wherever the softmax stands."""
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
    """Whether a layer is none of Keras's own, or calls a function that is not: a file of it cannot be loaded safely."""
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
