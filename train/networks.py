"""The networks, each a few lines of Keras; all take normalised windows and answer with logits.

Keras is imported when a network is built: their names are known without it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import keras


def edge(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """A strided convolution, then an LSTM over 8 steps: the default network, 48 k parameters.

    The convolution turns 16 samples into one step, so that the recurrence has 8 steps instead of 128, and as many times
    fewer operators. Its output is bounded (ReLU6) because in the int8 model it shares one scale with the
    LSTM's state.

    Parameters
    ----------
    input_shape : (samples, n_signals) of one window, normalised.
    n_classes : number of logits.
    """
    return strided_lstm("edge", input_shape, n_classes, filters=64, kernel=25, stride=16, units=64)


def edge_small(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """The same with half as many filters and fewer units: 23 k parameters, for the tightest devices."""
    return strided_lstm("edge-small", input_shape, n_classes, filters=32, kernel=25, stride=16, units=48)


def strided_lstm(
    name: str, input_shape: tuple[int, int], n_classes: int, filters: int, kernel: int, stride: int, units: int
) -> keras.Model:
    """A convolution of `filters` over `kernel` samples, one step every `stride` samples, and an LSTM of `units`."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(input_shape, name="windows"),
            layers.Conv1D(filters, kernel, strides=stride, padding="same", activation="relu6", name="steps"),
            layers.LSTM(units, unroll=True, name="lstm"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(n_classes, name="logits"),
        ],
        name=name,
    )


NETWORKS: dict[str, Callable[[tuple[int, int], int], keras.Model]] = {"edge": edge, "edge-small": edge_small}


def check_name(name: str) -> None:
    """Raise `InputError` for a name that is not known."""
    if name not in NETWORKS:
        raise InputError(f"there is no network '{name}': choose one of {', '.join(NETWORKS)}")


def build(name: str, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build the network called `name`, or by the function `module:function`, as comparisons of networks do.

    Raises `InputError` for a name that is not known.
    """
    module, _, function = name.rpartition(":")
    if module:
        network: keras.Model = getattr(importlib.import_module(module), function)(input_shape, n_classes)
        return network
    check_name(name)
    return NETWORKS[name](input_shape, n_classes)
