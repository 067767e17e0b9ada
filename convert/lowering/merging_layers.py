"""Lower layers that join tensors: concatenation, sums, products, differences, averages."""

from collections.abc import Callable, Sequence
from functools import reduce

import tensorflow as tf
from keras import layers

from convert.lowering.keras_graph import Call
from convert.lowering.operations import Lowering, Operation
from convert.lowering.quantisation_points import Observer, rounded_to
from convert.lowering.refusals import refuse
from convert.lowering.sequences import join_steps, map_inputs


def _concatenate(call: Call, point: str, sources: Sequence[str]) -> Operation:
    rank = 1 + len(call.shapes[0])
    axis = call.layer.axis % rank
    if axis == 0:
        refuse(call.layer, f"has axis={call.layer.axis}, the batch: only other axes can be converted")

    def join(xs: Sequence[tf.Tensor], observe: Observer, along: int) -> tf.Tensor:
        in_scale = [rounded_to(point, source, x, observe) for x, source in zip(xs, sources, strict=True)]
        return observe(point, tf.concat(in_scale, axis=along))

    if axis == rank - 1:
        return lambda inputs, observe, _: map_inputs(inputs, lambda xs: join(xs, observe, -1))
    return lambda inputs, observe, _: join([join_steps(x) for x in inputs], observe, axis)


def _combine(combine: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Lowering:
    def lower(call: Call, point: str, sources: Sequence[str]) -> Operation:
        del sources
        share = 1 / len(call.inputs) if type(call.layer) is layers.Average else None

        def combine_all(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
            most = max(len(x.shape) for x in xs)
            # As Keras does: new axes stand behind the batch's.
            xs = [x if len(x.shape) == most else _widened(x, most) for x in xs]
            so_far = reduce(lambda a, b: observe(f"{call.name}/partial", combine(a, b)), xs[:-1])
            last = combine(so_far, xs[-1])
            return observe(point, last if share is None else observe(f"{call.name}/sum", last) * share)

        # Step by step where all have the same steps.
        is_stepwise = len({shape[:-1] for shape in call.shapes}) == 1
        whole = (lambda x: x) if is_stepwise else join_steps
        return lambda inputs, observe, _: map_inputs([*map(whole, inputs)], lambda xs: combine_all(xs, observe))

    return lower


def _widened(x: tf.Tensor, rank: int) -> tf.Tensor:
    return tf.reshape(x, [x.shape[0], *[1] * (rank - len(x.shape)), *x.shape[1:]])


MERGING_LAYERS: dict[type, Lowering] = {
    layers.Concatenate: _concatenate,
    layers.Add: _combine(tf.add),
    layers.Average: _combine(tf.add),
    layers.Multiply: _combine(tf.multiply),
    layers.Subtract: _combine(tf.subtract),
}
