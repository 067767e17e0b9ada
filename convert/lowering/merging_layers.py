"""Lower layers that make one value of several: pooling, sums and means over an axis, joins and sums of tensors."""

from collections.abc import Callable, Sequence
from functools import reduce

import tensorflow as tf
from keras import layers

from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import Reduction
from convert.lowering.quantisation_points import INPUT, Observer, rounded_to
from convert.lowering.refusals import refuse
from convert.lowering.sequences import Lowering, Operation, TensorFunction, join_steps, map_inputs, of_whole

_MAXIMUM = (layers.MaxPooling1D, layers.MaxPooling2D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D)


def _pool(call: Call, point: str) -> TensorFunction:
    layer = call.layer
    rank = len(call.shapes[0]) - 1
    size, strides = ([x] * rank if isinstance(x, int) else list(x) for x in (layer.pool_size, layer.strides))
    padding = layer.padding.upper()
    if isinstance(layer, _MAXIMUM):
        return lambda x, observe: tf.nn.max_pool(x, size, strides, padding)
    if point == INPUT:
        # The converter fails to round the rounded input to another scale, but it knows that pooling keeps the scale.
        return lambda x, observe: tf.nn.avg_pool(x, size, strides, padding)
    return lambda x, observe: observe(point, tf.nn.avg_pool(x, size, strides, padding))


def _pool_all(call: Call, point: str) -> TensorFunction:
    layer = call.layer
    rank = len(call.shapes[0]) - 1
    is_first = layer.data_format == "channels_first"
    n_features = call.shapes[0][0 if is_first else -1]

    def pool(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        if is_first:
            x = tf.transpose(x, [0, *range(2, rank + 2), 1])
        if isinstance(layer, _MAXIMUM):
            size = list(x.shape[1:-1])
            y = tf.nn.max_pool(x, size, size, "VALID")
        else:
            y = observe(point, tf.reduce_mean(x, axis=list(range(1, rank + 1))))
        ones = [1] * rank if layer.keepdims else []
        shape = [x.shape[0], n_features, *ones] if is_first else [x.shape[0], *ones, n_features]
        return y if y.shape == shape else tf.reshape(y, shape)

    return pool


def _reduce(call: Call, point: str) -> TensorFunction:
    layer = call.layer
    reduce = tf.reduce_mean if layer.is_mean else tf.reduce_sum
    return lambda x, observe: observe(point, reduce(x, axis=layer.axis, keepdims=layer.keepdims))


def _concatenate(call: Call, point: str, sources: Sequence[str]) -> Operation:
    rank = 1 + len(call.shapes[0])
    axis = call.layer.axis % rank
    if axis == 0:
        refuse(call.layer, f"has axis={call.layer.axis}, which is the batch: only other axes can be converted")

    def join(xs: Sequence[tf.Tensor], observe: Observer, along: int) -> tf.Tensor:
        in_scale = [rounded_to(point, source, tensor, observe) for tensor, source in zip(xs, sources, strict=True)]
        return observe(point, tf.concat(in_scale, axis=along))

    if axis == rank - 1:
        return lambda inputs, observe, _: map_inputs(inputs, lambda xs: join(xs, observe, -1))
    return lambda inputs, observe, _: join([join_steps(x) for x in inputs], observe, axis)


def _combine(combine: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Lowering:
    def lower(call: Call, point: str, sources: Sequence[str]) -> Operation:
        share = 1 / len(call.inputs) if type(call.layer) is layers.Average else None

        def combine_all(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
            most = max(len(x.shape) for x in xs)
            # As in Keras, new axes come right after the batch.
            xs = [x if len(x.shape) == most else _widened(x, most) for x in xs]
            so_far = reduce(lambda a, b: observe(f"{call.name}/partial", combine(a, b)), xs[:-1])
            last = combine(so_far, xs[-1])
            return observe(point, last if share is None else observe(f"{call.name}/sum", last) * share)

        # Step by step if all inputs have the same steps.
        is_stepwise = len({shape[:-1] for shape in call.shapes}) == 1
        whole = (lambda x: x) if is_stepwise else join_steps
        return lambda inputs, observe, _: map_inputs([*map(whole, inputs)], lambda xs: combine_all(xs, observe))

    return lower


def _widened(x: tf.Tensor, rank: int) -> tf.Tensor:
    return tf.reshape(x, [x.shape[0], *[1] * (rank - len(x.shape)), *x.shape[1:]])


MERGING_LAYERS: dict[type, Lowering] = {
    **dict.fromkeys((layers.MaxPooling1D, layers.MaxPooling2D), of_whole(_pool)),
    **dict.fromkeys((layers.AveragePooling1D, layers.AveragePooling2D), of_whole(_pool)),
    **dict.fromkeys((layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D), of_whole(_pool_all)),
    **dict.fromkeys((layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D), of_whole(_pool_all)),
    Reduction: of_whole(_reduce),
    layers.Concatenate: _concatenate,
    layers.Add: _combine(tf.add),
    layers.Average: _combine(tf.add),
    layers.Multiply: _combine(tf.multiply),
    layers.Subtract: _combine(tf.subtract),
}
KEEP_SCALE = (*_MAXIMUM, layers.AveragePooling1D, layers.AveragePooling2D)
"""Layers whose int8 operator keeps the scale of its input."""
