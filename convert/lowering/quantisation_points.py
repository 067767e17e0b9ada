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
HELD = "held"
SIGMOID_INPUT = "sigmoid_input"
TANH_INPUT = "tanh_input"
HARD_SIGMOID_INPUT = "hard_sigmoid_input"

# The names of operations where a layer has several tensors at one site; of what it takes, `INPUT`.
JOINED = "joined"


def rounded_for(site: str, source: str, tensor: tf.Tensor, tap: Tap) -> tf.Tensor:
    """What a layer takes, which is at the site `source`, at the `site` where it meets others."""
    return tensor if source == site else tap(site, tf.identity(tensor, name=INPUT))


def no_observer(site: str, tensor: tf.Tensor) -> tf.Tensor:
    """Leave every activation as it is: the float network."""
    del site
    return tensor
