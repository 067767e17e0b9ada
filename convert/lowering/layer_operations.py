"""Define what a layer is lowered to: an operation on tensors, or on the steps of a sequence."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf

from convert.lowering.cells import GateLayout
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import Observer
from convert.lowering.sequences import TensorOrSteps, join_steps, map_steps

Operation: TypeAlias = Callable[[Sequence[TensorOrSteps], Observer, GateLayout], TensorOrSteps]
"""Computes the output of a call from its inputs."""

Lowering: TypeAlias = Callable[[Call, str, Sequence[str]], Operation]
"""Makes the operation of a call, from the quantisation points of its output and inputs, or raises `InputError`."""

TensorFunction: TypeAlias = Callable[[tf.Tensor, Observer], tf.Tensor]


def of_whole(lower: Callable[[Call, str], TensorFunction]) -> Lowering:
    """Lower a layer that takes all steps of its input at once."""

    def lowering(call: Call, point: str, sources: Sequence[str]) -> Operation:
        compute = lower(call, point)
        return lambda inputs, observe, _: compute(join_steps(inputs[0]), observe)

    return lowering


def of_steps(lower: Callable[[Call, str], TensorFunction]) -> Lowering:
    """Lower a layer that takes each step by itself."""

    def lowering(call: Call, point: str, sources: Sequence[str]) -> Operation:
        compute = lower(call, point)
        return lambda inputs, observe, _: map_steps(inputs[0], lambda x: compute(x, observe))

    return lowering
