"""Name the quantisation points of a network: where its int8 form rounds, and which tensors share a scale."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Observer: TypeAlias = Callable[[str, tf.Tensor], tf.Tensor]
"""Called with the name of a quantisation point and each tensor there; returns the tensor to continue with."""

# All but the input follow the name of a layer and a slash. The output of a layer has the layer's name.
INPUT = "input"
GATES = "gates"
CANDIDATE = "candidate"
UPDATE = "update"
GATED_CELL = "gated_cell"
CELL = "cell"
GATED_STATE = "gated_state"
SIGMOID_INPUT = "sigmoid_input"
TANH_INPUT = "tanh_input"
HARD_SIGMOID_INPUT = "hard_sigmoid_input"

JOINED = "joined"
"""The name of an operation, for layers with several tensors at one point."""


def rounded_to(point: str, source: str, tensor: tf.Tensor, observe: Observer) -> tf.Tensor:
    """Round a layer's input, which is at the point `source`, to the `point` that it shares with other tensors."""
    return tensor if source == point else observe(point, tf.identity(tensor, name=INPUT))


def no_observer(point: str, tensor: tf.Tensor) -> tf.Tensor:
    """Leave the activation as it is, for the float network."""
    return tensor
