"""Lower layers that move values without a calculation: reshape, permute, crop, pad, repeat, slice."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf
from keras import layers

from convert.lowering.cells import GateLayout
from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import IntoBatch, OutOfBatch, Slice
from convert.lowering.quantisation_points import Observer
from convert.lowering.sequences import Lowering, Operation, TensorOrSteps, join_steps

_Move: TypeAlias = Callable[[tf.Tensor], tf.Tensor]

_REPEATED_AT_ONCE = 4  # as many as XNNPACK's concatenation takes


def _moving(lower: Callable[[Call], _Move]) -> Lowering:
    """Lower a layer to a move of all steps at once. It keeps the scale, so it is not observed."""

    def lowering(call: Call, point: str, sources: Sequence[str]) -> Operation:
        move = lower(call)
        return lambda inputs, observe, layout: move(join_steps(inputs[0]))

    return lowering


def _reshape(call: Call) -> _Move:
    shape = call.layer.compute_output_shape((1, *call.shapes[0]))[1:]
    return lambda x: tf.reshape(x, [x.shape[0], *shape])


def _permute(call: Call) -> _Move:
    return lambda x: tf.transpose(x, [0, *call.layer.dims])


def _pad(call: Call) -> _Move:
    padding = call.layer.padding
    by_axis = [list(sides) for sides in padding] if isinstance(padding[0], tuple) else [list(padding)]
    return lambda x: tf.pad(x, [[0, 0], *by_axis, [0, 0]])


def _repeat(call: Call) -> _Move:
    def tile(x: tf.Tensor, times: int) -> tf.Tensor:
        """Concatenate `[batch, 1, features]` with itself: XNNPACK takes this, but not TILE."""
        if times == 1:
            return x
        whole, rest = divmod(times, _REPEATED_AT_ONCE)
        if not whole:
            return tf.concat([x] * times, axis=1)
        y = tf.concat([tile(x, whole)] * _REPEATED_AT_ONCE, axis=1)
        return tf.concat([y, *[x] * rest], axis=1) if rest else y

    return lambda x: tile(tf.expand_dims(x, 1), call.layer.n)


def _into_batch(call: Call) -> _Move:
    n_steps, *shape = call.shapes[0]
    return lambda x: tf.reshape(x, [x.shape[0] * n_steps, *shape])


def _out_of_batch(call: Call) -> _Move:
    n_steps, shape = call.layer.n_steps, call.shapes[0]
    return lambda x: tf.reshape(x, [x.shape[0] // n_steps, n_steps, *shape])


def _slice(call: Call, point: str, sources: Sequence[str]) -> Operation:
    """Take a part along each axis but the batch, and only the steps that are needed from a list of steps."""
    parts = _parts(call)
    first, *others = parts
    is_of_whole_steps = others == [slice(0, size, 1) for size in call.shapes[0][1:]]
    # A reshape removes the axis of an index: XNNPACK does not take slices with fewer axes.
    slices = [slice(part, part + 1, 1) if isinstance(part, int) else part for part in parts]
    shape = [len(range(part.start, part.stop, part.step)) for part in parts if isinstance(part, slice)]

    def run(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        if isinstance(inputs[0], list) and is_of_whole_steps:
            return inputs[0][first]
        y = join_steps(inputs[0])[(slice(None), *slices)]
        return y if len(shape) == len(parts) else tf.reshape(y, [y.shape[0], *shape])

    return run


def _parts(call: Call) -> Sequence[slice | int]:
    if isinstance(call.layer, Slice):
        return call.layer.parts
    cropping = call.layer.cropping
    by_axis = cropping if isinstance(cropping[0], tuple) else (cropping,)
    *steps, n_features = call.shapes[0]
    parts = [slice(begin, size - end, 1) for (begin, end), size in zip(by_axis, steps, strict=True)]
    return [*parts, slice(0, n_features, 1)]


REARRANGING_LAYERS: dict[type, Lowering] = {
    **dict.fromkeys((layers.Flatten, layers.Reshape), _moving(_reshape)),
    **dict.fromkeys((layers.ZeroPadding1D, layers.ZeroPadding2D), _moving(_pad)),
    **dict.fromkeys((layers.Cropping1D, layers.Cropping2D, Slice), _slice),
    **{layers.Permute: _moving(_permute), layers.RepeatVector: _moving(_repeat)},
    **{IntoBatch: _moving(_into_batch), OutOfBatch: _moving(_out_of_batch)},
}
"""All of these layers keep the scale."""
