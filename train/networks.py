"""The networks, each a few lines of Keras; all take normalised windows and answer with logits.

Keras is imported when a network is built: their names are known without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import keras


def edge(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """A strided convolution, then an LSTM over 16 steps: the default network, 43 k parameters.

    The convolution turns 8 samples into one step, so that the recurrence has 16 steps instead of 128: faster on every
    processor, and more accurate. Its output is bounded (ReLU6) because in the int8 model it shares one scale with the
    LSTM's state.

    Parameters
    ----------
    input_shape : (samples, n_signals) of one window, normalised.
    n_classes : number of logits.
    """
    return _strided_lstm("edge", input_shape, n_classes, stride=8, width=64)


def edge_small(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """The same of half the width over 8 steps of 16 samples each: 13 k parameters, for the tightest devices."""
    return _strided_lstm("edge-small", input_shape, n_classes, stride=16, width=32)


def _strided_lstm(name: str, input_shape: tuple[int, int], n_classes: int, stride: int, width: int) -> keras.Model:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(input_shape, name="windows"),
            layers.Conv1D(width, 17, strides=stride, padding="same", activation="relu6", name="steps"),
            layers.LSTM(width, unroll=True, name="lstm"),
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
    """Build the network called `name`. Raises `InputError` for a name that is not known."""
    check_name(name)
    return NETWORKS[name](input_shape, n_classes)
