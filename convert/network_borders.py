"""Give an external network the borders of har-edge's: windows `[samples, signals]` in, logits out."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convert.keras_layers import activation_name, form_fault, is_network, kind_of, last_call
from edge_runtime.errors import InputError


def fit_to_windows(model: Any, samples: int, n_signals: int) -> tuple[Any, str | None]:
    """Return the network for windows `[samples, n_signals]` where it can be arranged, and what was done, or None."""
    import keras

    fixed, shape = _fixed(model, samples, n_signals)
    words = None if fixed is model else f"fixed at {list(shape)}"
    if shape == (samples, n_signals):
        return fixed, words
    # Axes of one value change nothing.
    axes = tuple(x for x in shape if x != 1)
    is_turned = axes == (n_signals, samples)
    in_parts = axes[-1:] == (n_signals,) and prod(axes[:-1]) == samples
    if not (is_turned or in_parts or axes == (samples * n_signals,)):
        return model, None
    windows = x = keras.Input((samples, n_signals))
    if is_turned:
        x = keras.layers.Permute((2, 1), name="windows_transposed")(x)
    if x.shape[1:] != shape:
        x = keras.layers.Reshape(shape, name="windows_reshaped")(x)
    arranged = f"windows are {'transposed' if is_turned else 'reshaped'} to {list(shape)} in front"
    return keras.Model(windows, fixed(x), name=model.name), f"{words}, and {arranged}" if words else arranged


def samples_of(shape: Sequence[int | None], n_signals: int) -> int | None:
    """The length of windows for an input of this `shape` without the batch; None for any, or without an arrangement."""
    axes = [x for x in shape if x != 1]
    known = [x for x in axes if x is not None]
    if len(known) < len(axes) or not known:
        return None
    if n_signals in (known[-1], *(known[:1] if len(known) == 2 else [])) or (len(known) == 1 and n_signals == 1):
        return prod(known) // n_signals
    return known[0] // n_signals if len(known) == 1 and known[0] % n_signals == 0 else None


def _fixed(model: Any, samples: int, n_signals: int) -> tuple[Any, tuple[int, ...]]:
    import keras

    shape = tuple(model.input_shape[1:])
    if None not in shape:
        return model, shape
    known = prod(x for x in shape if x is not None)
    if shape == (None, None):
        shape = (samples, n_signals)
    elif shape.count(None) == 1 and samples * n_signals % known == 0:
        shape = tuple(samples * n_signals // known if x is None else x for x in shape)
    else:
        return model, shape
    copy = keras.models.clone_model(model, input_tensors=keras.Input(shape))
    copy.set_weights(model.get_weights())
    return copy, shape


def as_logits(model: Any) -> Any:
    """Return `model` without the softmax at its end, also in a network within; a single sigmoid becomes two logits.

    Raises `InputError` for another kind of answer, as several sigmoids.
    """
    import keras

    if fault := form_fault(model):
        raise InputError(f"the network '{model.name}' {fault}")
    last, inputs = last_call(model)
    if is_network(last):
        inner = as_logits(last)
        return model if inner is last else keras.Model(model.inputs, inner(inputs[0]), name=model.name)
    if kind_of(last) == "Softmax":
        return keras.Model(model.inputs, inputs[0], name=model.name)
    if activation_name(last) == "softmax":
        last.activation = keras.activations.linear
    if kind_of(last) == "Sigmoid" or activation_name(last) == "sigmoid":
        return _as_two_logits(model, last, inputs[0])
    return model


def _as_two_logits(model: Any, last: Any, taken: Any) -> Any:
    """The network with logits -z/2 and z/2 in place of the sigmoid of z, in or behind its layer `last`."""
    import keras

    n_classes = model.output_shape[-1]
    if n_classes != 1:
        raise InputError(f"the network '{model.name}' ends in {n_classes} sigmoids, not a softmax: train it with one")
    if activation_name(last) == "sigmoid":
        last.activation, taken = keras.activations.linear, model.outputs[0]
    halves = keras.layers.Dense(2, use_bias=False, name="two_logits")
    answer = halves(taken)
    halves.set_weights([np.array([[-0.5, 0.5]], np.float32)])
    return keras.Model(model.inputs, answer, name=model.name)
