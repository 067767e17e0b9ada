"""Lower pooling over windows of steps, or over all of them, and sums and means over an axis."""

import tensorflow as tf
from keras import layers

from convert.lowering.keras_graph import Call
from convert.lowering.operations import Lowering, TensorFunction, of_whole
from convert.lowering.quantisation_points import INPUT, Observer
from convert.lowering.tensor_operations import Reduction

_MAXIMUM = (layers.MaxPooling1D, layers.MaxPooling2D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D)


def _pool(call: Call, point: str) -> TensorFunction:
    layer = call.layer
    rank = len(call.shapes[0]) - 1
    size, strides = (_each(x, rank) for x in (layer.pool_size, layer.strides))
    padding = layer.padding.upper()
    if isinstance(layer, _MAXIMUM):
        pool = tf.nn.max_pool1d if rank == 1 else tf.nn.max_pool2d
        return lambda x, observe: pool(x, size, strides, padding)
    pool = tf.nn.avg_pool1d if rank == 1 else tf.nn.avg_pool2d
    if point == INPUT:
        # The converter fails where the input, rounded here, is rounded to another scale next; it knows this one anyway.
        return lambda x, observe: pool(x, size, strides, padding)
    return lambda x, observe: observe(point, pool(x, size, strides, padding))


def _each(value: int | tuple[int, ...], rank: int) -> list[int]:
    return [value] * rank if isinstance(value, int) else list(value)


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
            y = (tf.nn.max_pool1d if rank == 1 else tf.nn.max_pool2d)(x, size, size, "VALID")
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


POOLING_LAYERS: dict[type, Lowering] = {
    **dict.fromkeys((layers.MaxPooling1D, layers.MaxPooling2D), of_whole(_pool)),
    **dict.fromkeys((layers.AveragePooling1D, layers.AveragePooling2D), of_whole(_pool)),
    **dict.fromkeys((layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D), of_whole(_pool_all)),
    **dict.fromkeys((layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D), of_whole(_pool_all)),
    Reduction: of_whole(_reduce),
}
KEEP_SCALE = (*_MAXIMUM, layers.AveragePooling1D, layers.AveragePooling2D)
"""Those whose operator moves int8 values as they are."""
