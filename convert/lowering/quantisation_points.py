"""Name the quantisation points of a network: where its int8 form rounds, and what shares one scale."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Observer: TypeAlias = Callable[[str, tf.Tensor], tf.Tensor]
"""Called with the name of a quantisation point and each tensor there; returns the tensor that the network goes on with.
"""

# All but the input come after the name of a layer and a slash; the output of a layer is named after it alone.
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

# The names of operations where a layer has several tensors at one point; of its rounded input, `INPUT`.
JOINED = "joined"


def rounded_to(point: str, source: str, tensor: tf.Tensor, observe: Observer) -> tf.Tensor:
    """Return a layer's input, which is at the point `source`, at the `point` that it shares with other tensors."""
    return tensor if source == point else observe(point, tf.identity(tensor, name=INPUT))


def no_observer(point: str, tensor: tf.Tensor) -> tf.Tensor:
    """Leave every activation as it is: the float network."""
    del point
    return tensor
