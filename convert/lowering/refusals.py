"""Refuse layers, options and operations that cannot be converted, naming the layer, the option and the remedy."""

from typing import Any, NoReturn

import keras
import numpy as np

from convert.keras_layers import CONVERTIBLE
from edge_runtime.errors import InputError

_ALTERNATIVES = f"use {', '.join(CONVERTIBLE)}"


def refuse(layer: Any, reason: str) -> NoReturn:
    """Raise `InputError` about `layer`."""
    raise InputError(f"layer '{layer.name}' ({type(layer).__name__}) {reason}")


def refuse_kind(layer: Any) -> NoReturn:
    """Raise `InputError` about a layer, or an operation on tensors, of a kind that cannot be converted."""
    if isinstance(layer, keras.layers.Layer):
        refuse(layer, f"cannot be converted: {_ALTERNATIVES}")
    raise InputError(
        f"operation '{layer.name}' ({type(layer).__name__}) cannot be converted with these arguments: {_ALTERNATIVES}, "
        "or an operation of docs/convert.md"
    )


def require_options(layer: Any, rank: int) -> None:
    """Refuse `layer`, which takes `rank` axes, when an option has a value that `CONVERTIBLE` does not list."""
    row = CONVERTIBLE[type(layer).__name__]
    for option, values in row.options.items():
        value = getattr(layer, option, values[0])
        if value not in values:
            only = " or ".join(map(repr, values))
            refuse(layer, f"has {option}={value!r}: only {only} can be converted")
    if row.last_axis:
        axes = (layer.axis,) if isinstance(layer.axis, int) else tuple(layer.axis)
        if axes not in ((), (-1,), (rank - 1,)):
            refuse(layer, f"has axis={layer.axis}: only the last axis can be converted")


def require_numbers(layer: Any) -> None:
    """Refuse `layer` if it does not calculate in float32, or has infinite or NaN weights."""
    for part in layer._flatten_layers():  # with the layers that it wraps
        if part.dtype_policy.name != "float32":
            refuse(layer, f"has dtype={part.dtype_policy.name!r}: only 'float32' can be converted")
    if not all(np.isfinite(weights).all() for weights in layer.get_weights()):
        refuse(layer, "has infinite or NaN weights: train it again with a lower learning rate")
