"""The networks, each a few lines of Keras; all take normalised windows and answer with logits."""

from collections.abc import Callable

import keras
from keras import layers

from edge_runtime.errors import InputError


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
    return keras.Sequential(
        [
            keras.Input(input_shape, name="windows"),
            layers.Conv1D(64, 17, strides=8, padding="same", activation="relu6", name="steps"),
            layers.LSTM(64, unroll=True, name="lstm"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(n_classes, name="logits"),
        ],
        name="edge",
    )


NETWORKS: dict[str, Callable[[tuple[int, int], int], keras.Model]] = {"edge": edge}


def build(name: str, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build the network called `name`. Raises `InputError` for a name that is not known."""
    if name not in NETWORKS:
        raise InputError(f"there is no network '{name}': choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name](input_shape, n_classes)
