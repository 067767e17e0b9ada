"""The sites of a network's activations, by name: where its int8 form rounds, and what shares one scale."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Tap: TypeAlias = Callable[[str, tf.Tensor], tf.Tensor]
"""Called with each activation and the name of its site; returns what the network goes on with."""

# All but the input come after the name of a layer and a slash; the output of a layer is named after it alone.
INPUT = "input"
GATES = "gates"
CANDIDATE = "candidate"
UPDATE = "update"
KEPT = "kept"
CELL = "cell"
SIGMOID_INPUT = "sigmoid_input"
TANH_INPUT = "tanh_input"

# The name of an operation, where one step has several tensors at one site.
JOINED = "joined"


def no_tap(site: str, tensor: tf.Tensor) -> tf.Tensor:
    """Leave every activation as it is: the float network."""
    del site
    return tensor
