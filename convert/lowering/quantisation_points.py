"""Name the quantisation points of a network: where its int8 form rounds, and what shares one scale."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Observer: TypeAlias = Callable[[str, tf.Tensor], tf.Tensor]
"""Called with the name of a quantisation point and each tensor there; returns the tensor to go on with."""

# All but the input come after the name of a layer and a slash. The output of a layer has the layer's name.
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
"""The name of an operation where a layer has several tensors at one point."""


def rounded_to(point: str, source: str, tensor: tf.Tensor, observe: Observer) -> tf.Tensor:
    """Return a layer's input, at the point `source`, at the `point` that it shares with other tensors."""
    return tensor if source == point else observe(point, tf.identity(tensor, name=INPUT))


def no_observer(point: str, tensor: tf.Tensor) -> tf.Tensor:
    """Leave every activation as it is: the float network."""
    return tensor
