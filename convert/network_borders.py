"""Give an external network the input and output of har-edge's: windows `[samples, signals]` in, logits out."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convert.keras_layers import activation_name, form_fault, is_network, kind_of, last_call
from edge_runtime.errors import InputError


def fit_to_windows(model: Any, samples: int, n_signals: int) -> tuple[Any, str | None]:
    """Return the network for windows `[samples, n_signals]` if they can be arranged, and in words how, or None."""
    import keras

    fixed, shape = _fixed(model, samples, n_signals)
    words = None if fixed is model else f"fixed at {list(shape)}"
    if shape == (samples, n_signals):
        return fixed, words
    # Axes of length 1 change nothing.
    axes = tuple(n for n in shape if n != 1)
    is_turned = axes == (n_signals, samples)
    in_parts = axes[-1:] == (n_signals,) and prod(axes[:-1]) == samples
    if not (is_turned or in_parts or axes == (samples * n_signals,)):
        return model, None
    windows = tensor = keras.Input((samples, n_signals))
    if is_turned:
        tensor = keras.layers.Permute((2, 1), name="windows_transposed")(tensor)
    if tensor.shape[1:] != shape:
        tensor = keras.layers.Reshape(shape, name="windows_reshaped")(tensor)
    arranged = f"windows are {'transposed' if is_turned else 'reshaped'} to {list(shape)} in front"
    return keras.Model(windows, fixed(tensor), name=model.name), f"{words}, and {arranged}" if words else arranged


def samples_of(shape: Sequence[int | None], n_signals: int) -> int | None:
    """Return the length of windows for an input of this `shape` without the batch; None if any or no length fits."""
    axes = [n for n in shape if n != 1]
    sizes = [n for n in axes if n is not None]
    if len(sizes) < len(axes) or not sizes:
        return None
    if n_signals in (sizes[-1], *(sizes[:1] if len(sizes) == 2 else [])) or (len(sizes) == 1 and n_signals == 1):
        return prod(sizes) // n_signals
    return sizes[0] // n_signals if len(sizes) == 1 and sizes[0] % n_signals == 0 else None


def _fixed(model: Any, samples: int, n_signals: int) -> tuple[Any, tuple[int, ...]]:
    import keras

    shape = tuple(model.input_shape[1:])
    if None not in shape:
        return model, shape
    n_values = prod(n for n in shape if n is not None)
    if shape == (None, None):
        shape = (samples, n_signals)
    elif shape.count(None) == 1 and samples * n_signals % n_values == 0:
        shape = tuple(samples * n_signals // n_values if n is None else n for n in shape)
    else:
        return model, shape
    copy = keras.models.clone_model(model, input_tensors=keras.Input(shape))
    copy.set_weights(model.get_weights())
    return copy, shape


def as_logits(model: Any) -> Any:
    """Return `model` without the softmax at its end, even in an inner network; a single sigmoid becomes two logits.

    Raises `InputError` for another kind of answer, for example several sigmoids.
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


def _as_two_logits(model: Any, last: Any, before: Any) -> Any:
    """Return the network with logits -z/2 and z/2 instead of the sigmoid of z, in or after the layer `last`."""
    import keras

    n_classes = model.output_shape[-1]
    if n_classes != 1:
        raise InputError(f"the network '{model.name}' ends in {n_classes} sigmoids: train it with a softmax")
    if activation_name(last) == "sigmoid":
        last.activation, before = keras.activations.linear, model.outputs[0]
    halves = keras.layers.Dense(2, use_bias=False, name="two_logits")
    answer = halves(before)
    halves.set_weights([np.array([[-0.5, 0.5]], np.float32)])
    return keras.Model(model.inputs, answer, name=model.name)
