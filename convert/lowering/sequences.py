"""Lower a layer to an operation on whole sequences or on their steps; split sequences into steps and join them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import tensorflow as tf

from convert.lowering.cells import GateLayout
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import Observer

TensorOrSteps: TypeAlias = tf.Tensor | list[tf.Tensor]
"""The output of a layer: a tensor `[batch, ...]`, or the steps `[batch, features]` of a sequence."""

Operation: TypeAlias = Callable[[Sequence[TensorOrSteps], Observer, GateLayout], TensorOrSteps]
"""Computes the output of a call from its inputs."""

Lowering: TypeAlias = Callable[[Call, str, Sequence[str]], Operation]
"""Makes the operation of a call, from the quantisation points of its output and inputs, or raises `InputError`."""

TensorFunction: TypeAlias = Callable[[tf.Tensor, Observer], tf.Tensor]

_PARTS = 4  # the most that XNNPACK's split and concatenation take


def named_steps(steps: Sequence[tf.Tensor]) -> Iterator[tf.Tensor]:
    """Yield each step, within a name scope of its number."""
    for number, step in enumerate(steps, 1):
        with tf.name_scope(f"step{number}"):
            yield step


def map_steps(x: TensorOrSteps, function: Callable[[tf.Tensor], tf.Tensor]) -> TensorOrSteps:
    """Apply `function` to the tensor, or to each step."""
    return [function(step) for step in named_steps(x)] if isinstance(x, list) else function(x)


def map_inputs(xs: Sequence[TensorOrSteps], function: Callable[[Sequence[tf.Tensor]], tf.Tensor]) -> TensorOrSteps:
    """Apply `function` to several inputs: step by step if all are lists of steps."""
    lists = [x for x in xs if isinstance(x, list)]
    if len(lists) < len(xs):
        return function([join_steps(x) for x in xs])
    return [function([steps[number] for steps in lists]) for number, _ in enumerate(named_steps(lists[0]))]


def split_steps(x: TensorOrSteps) -> list[tf.Tensor]:
    """Return the steps `[batch, features]` of a sequence `[batch, n_steps, features]`; XNNPACK does not take UNPACK."""
    return list(x) if isinstance(x, list) else split_rows(rows_of(x), x.shape[1])


def join_steps(x: TensorOrSteps) -> tf.Tensor:
    """Return the sequence `[batch, n_steps, features]`: the inverse of `split_steps`."""
    return sequence_of(concatenate_rows(x), x[0].shape[0]) if isinstance(x, list) else x


def rows_of(x: tf.Tensor) -> tf.Tensor:
    """Return the steps of a sequence `[batch, n_steps, features]` below each other, `[n_steps * batch, features]`."""
    batch, n_steps, features = x.shape
    # With a batch of one, as in the converted model, the rows are in order.
    in_order = x if batch == 1 else tf.transpose(x, [1, 0, 2])
    return tf.reshape(in_order, [n_steps * batch, features])


def sequence_of(rows: tf.Tensor, batch: int) -> tf.Tensor:
    """Return the sequence `[batch, n_steps, features]`: the inverse of `rows_of`."""
    n_steps, features = rows.shape[0] // batch, rows.shape[1]
    in_order = tf.reshape(rows, [n_steps, batch, features])
    return tf.reshape(in_order, [1, n_steps, features]) if batch == 1 else tf.transpose(in_order, [1, 0, 2])


def split_rows(rows: tf.Tensor, n_steps: int, row_by_row: bool = False) -> list[tf.Tensor]:
    """Return `n_steps` equal parts of `rows`, from a tree of splits into 2 to 4 parts or cut out one by one."""
    if n_steps == 1:
        return [rows]
    parts = next((n for n in range(_PARTS, 1, -1) if n_steps % n == 0), None)
    if parts is None or row_by_row:
        size = rows.shape[0] // n_steps
        return [rows[step * size : (step + 1) * size] for step in range(n_steps)]
    return [step for part in tf.split(rows, parts, axis=0) for step in split_rows(part, n_steps // parts)]


def concatenate_rows(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return all rows below each other, from a tree of concatenations."""
    while len(parts) > 1:
        groups = [parts[i : i + _PARTS] for i in range(0, len(parts), _PARTS)]
        parts = [tf.concat(group, axis=0) if len(group) > 1 else group[0] for group in groups]
    return parts[0]


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
