"""What cannot be converted, in one sentence that names the layer and the option."""

from typing import Any, NoReturn

import keras
import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.host.keras_layers import CONVERTIBLE

_CHOICE = f"use {', '.join(CONVERTIBLE)}"
_LAYERS = {
    "Masking": ", since a fixed graph takes every step and windows always have their full length: leave it out, which "
    "changes no weights",
    "Softmax": " within the network: only as its last layer, where it is left out",
}
_CONSTANT = ", a calculation with a constant: leave it to the weights of a Dense, Conv1D or BatchNormalization layer"
_OPERATIONS = {
    "GetItem": ", a part of a tensor: for the last step set return_sequences=False in the layer before, for more use "
    "Cropping1D",
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Power"), _CONSTANT),
}


def refuse(layer: Any, reason: str) -> NoReturn:
    """Raise `InputError` about `layer`."""
    raise InputError(f"layer '{layer.name}' ({type(layer).__name__}) {reason}")


def require(layer: Any, **allowed: tuple[Any, ...]) -> None:
    """Refuse `layer` unless each option named has one of the values given."""
    for option, values in allowed.items():
        if getattr(layer, option) not in values:
            only = " or ".join(map(repr, values))
            refuse(layer, f"has {option}={getattr(layer, option)!r}: only {only} can be converted")


def require_numbers(layer: Any) -> None:
    """Refuse `layer` when it does not calculate in float32, or when its weights are no numbers."""
    for part in layer._flatten_layers():  # what it wraps too
        if part.dtype_policy.name != "float32":
            refuse(layer, f"has dtype={part.dtype_policy.name!r}: only 'float32' can be converted")
    if not all(np.isfinite(x).all() for x in layer.get_weights()):
        refuse(layer, "has weights that are infinite or no number: train it again, with a lower learning rate")


def refuse_kind(layer: Any) -> NoReturn:
    """Refuse `layer`, or the operation on tensors that it is, since nothing of its kind can be converted."""
    kind = type(layer).__name__
    if isinstance(layer, keras.layers.Layer):
        refuse(layer, f"cannot be converted{_LAYERS.get(kind, f': {_CHOICE}')}")
    advice = _OPERATIONS.get(kind, f": it is an operation on tensors, and layers are needed; {_CHOICE}")
    raise InputError(f"operation '{layer.name}' ({kind}) cannot be converted{advice}")
