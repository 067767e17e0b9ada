"""Lower layers that move values without a calculation: reshape, permute, crop, pad, repeat, slice."""

from collections.abc import Sequence

import tensorflow as tf
from keras import layers

from convert.lowering.cells import GateLayout
from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import IntoBatch, OutOfBatch, Slice
from convert.lowering.layer_operations import Lowering, Operation, TensorFunction, of_whole
from convert.lowering.quantisation_points import Observer
from convert.lowering.sequences import TensorOrSteps, join_steps

_REPEATED_AT_ONCE = 4  # as many as XNNPACK's concatenation takes


def _reshape(call: Call, point: str) -> TensorFunction:
    del point
    shape = call.layer.compute_output_shape((1, *call.shapes[0]))[1:]
    return lambda x, observe: tf.reshape(x, [x.shape[0], *shape])


def _permute(call: Call, point: str) -> TensorFunction:
    del point
    return lambda x, observe: tf.transpose(x, [0, *call.layer.dims])


def _pad(call: Call, point: str) -> TensorFunction:
    del point
    padding = call.layer.padding
    by_axis = [list(x) for x in padding] if isinstance(padding[0], tuple) else [list(padding)]
    return lambda x, observe: tf.pad(x, [[0, 0], *by_axis, [0, 0]])


def _repeat(call: Call, point: str) -> TensorFunction:
    del point

    def tile(x: tf.Tensor, times: int) -> tf.Tensor:
        """Concatenate `[batch, 1, features]` with itself, which XNNPACK does, and a TILE it does not."""
        if times == 1:
            return x
        whole, rest = divmod(times, _REPEATED_AT_ONCE)
        if not whole:
            return tf.concat([x] * times, axis=1)
        y = tf.concat([tile(x, whole)] * _REPEATED_AT_ONCE, axis=1)
        return tf.concat([y, *[x] * rest], axis=1) if rest else y

    return lambda x, observe: tile(tf.expand_dims(x, 1), call.layer.n)


def _slice(call: Call, parts: Sequence[slice | int]) -> Operation:
    """Take the `parts`, one for each axis but the batch's; of a list of steps, those that are wanted."""
    first, *others = parts
    is_of_whole_steps = others == [slice(0, size, 1) for size in call.shapes[0][1:]]
    # A reshape takes out the axis of an index: XNNPACK takes no slice with fewer axes.
    slices = [slice(x, x + 1, 1) if isinstance(x, int) else x for x in parts]
    shape = [len(range(x.start, x.stop, x.step)) for x in parts if isinstance(x, slice)]

    def run(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        del observe, layout
        if isinstance(inputs[0], list) and is_of_whole_steps:
            return inputs[0][first]
        y = join_steps(inputs[0])[(slice(None), *slices)]
        return y if len(shape) == len(parts) else tf.reshape(y, [y.shape[0], *shape])

    return run


def _lower_slice(call: Call, point: str, sources: Sequence[str]) -> Operation:
    del point, sources
    return _slice(call, call.layer.parts)


def _crop(call: Call, point: str, sources: Sequence[str]) -> Operation:
    del point, sources
    cropping = call.layer.cropping
    by_axis = cropping if isinstance(cropping[0], tuple) else (cropping,)
    *steps, n_features = call.shapes[0]
    parts = [slice(begin, size - end, 1) for (begin, end), size in zip(by_axis, steps, strict=True)]
    return _slice(call, [*parts, slice(0, n_features, 1)])


def _into_batch(call: Call, point: str) -> TensorFunction:
    del point
    n_steps, *shape = call.shapes[0]
    return lambda x, observe: tf.reshape(x, [x.shape[0] * n_steps, *shape])


def _out_of_batch(call: Call, point: str) -> TensorFunction:
    del point
    n_steps, shape = call.layer.n_steps, call.shapes[0]
    return lambda x, observe: tf.reshape(x, [x.shape[0] // n_steps, n_steps, *shape])


REARRANGING_LAYERS: dict[type, Lowering] = {
    layers.Flatten: of_whole(_reshape),
    layers.Reshape: of_whole(_reshape),
    layers.Permute: of_whole(_permute),
    layers.ZeroPadding1D: of_whole(_pad),
    layers.ZeroPadding2D: of_whole(_pad),
    layers.RepeatVector: of_whole(_repeat),
    layers.Cropping1D: _crop,
    layers.Cropping2D: _crop,
    Slice: _lower_slice,
    IntoBatch: of_whole(_into_batch),
    OutOfBatch: of_whole(_out_of_batch),
}
"""All of them keep the scale."""
