"""Lower layers that are not recurrent to TensorFlow operators with constants for weights."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.activations import ActivationFunction, activation_layer, activation_of
from convert.lowering.cells import Array, GateLayout, fully_connected
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import INPUT, Observer, rounded_to
from convert.lowering.refusals import refuse, refuse_kind
from convert.lowering.sequences import TensorOrSteps, join_steps, map_inputs, map_steps

Operation: TypeAlias = Callable[[Sequence[TensorOrSteps], Observer, GateLayout], TensorOrSteps]
"""Computes the output of a call from its inputs."""

_TensorFunction: TypeAlias = Callable[[tf.Tensor, Observer], tf.Tensor]

_COPIES = (
    layers.AveragePooling1D,
    layers.MaxPooling1D,
    layers.GlobalMaxPooling1D,
    layers.ZeroPadding1D,
    layers.Cropping1D,
    layers.Flatten,
    layers.Reshape,
    layers.Permute,
)


def keeps_scale(layer: Any) -> bool:
    """Say whether the output has the scale of the input, since TFLite's operator moves int8 values as they are."""
    return isinstance(layer, _COPIES) or (type(layer) is layers.TimeDistributed and keeps_scale(layer.layer))


def shares_scale(layer: Any) -> bool:
    """Say whether all inputs and the output have one scale."""
    return type(layer) is layers.Concatenate


def lower_layer(call: Call, point: str, sources: Sequence[str]) -> Operation:
    """Return the operators of a call whose output is at the quantisation `point`, and its inputs at `sources`.

    Raises `InputError` for a layer that cannot be converted.
    """
    layer = call.layer
    if type(layer) in _MERGES:
        return _MERGES[type(layer)](call, point, sources)
    if type(layer) is layers.TimeDistributed:
        return _at_every_step(call, point, sources)
    if type(layer) is layers.Cropping1D:
        return _crop(call)
    if type(layer) in _WHOLE:
        compute = _WHOLE[type(layer)](call, point)
        return lambda inputs, observe, _: compute(join_steps(inputs[0]), observe)
    if type(layer) in _STEPWISE:
        compute_step = _STEPWISE[type(layer)](call, point)
        return lambda inputs, observe, _: map_steps(inputs[0], lambda x: compute_step(x, observe))
    function = activation_layer(layer)
    if function is None:
        refuse_kind(layer)
    return lambda inputs, observe, _: map_steps(inputs[0], lambda x: observe(point, function(x, observe, call.name)))


def _product(call: Call) -> tuple[Array, Array, ActivationFunction]:
    """The weights and the activation function of a layer that multiplies, with what it took over from its followers."""
    kernel, *bias = (np.asarray(x) for x in call.layer.get_weights())
    offset = bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)
    function = activation_of(call.layer)
    for follower in call.followers:
        if type(follower) is layers.BatchNormalization:
            scale, shift = _batch_normalisation(follower)
            kernel, offset = kernel * scale, offset * scale + shift
        else:
            function = activation_layer(follower) or function
    return kernel, offset, function


def _conv(call: Call, point: str) -> _TensorFunction:
    layer = call.layer
    kernel, bias, function = _product(call)
    stride, dilation = layer.strides[0], layer.dilation_rate[0]
    causal = layer.padding == "causal"

    def convolve(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        if causal:
            x = tf.pad(x, [[0, 0], [(len(kernel) - 1) * dilation, 0], [0, 0]])
        padding = "VALID" if causal else layer.padding.upper()
        product = tf.nn.bias_add(tf.nn.conv1d(x, kernel, stride, padding, dilations=dilation), bias)
        return observe(point, function(product, observe, call.name))

    return convolve


def _dense(call: Call, point: str) -> _TensorFunction:
    kernel, bias, function = _product(call)

    def multiply(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        if len(x.shape) == 2:
            return observe(point, function(fully_connected(x, kernel, bias), observe, call.name))
        rows = tf.reshape(x, [-1, x.shape[-1]])
        answers = observe(point, function(fully_connected(rows, kernel, bias), observe, call.name))
        return tf.reshape(answers, [*x.shape[:-1], kernel.shape[-1]])

    return multiply


def _batch_normalisation(layer: Any) -> tuple[Array, Array]:
    """Scale and offset per channel."""
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gain = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
    shift = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gain / np.sqrt(variance + layer.epsilon)
    return scale, shift - mean * scale


def _scale_and_offset(call: Call, point: str) -> _TensorFunction:
    if type(call.layer) is layers.BatchNormalization:
        scale, offset = _batch_normalisation(call.layer)
    else:
        n_features = call.shapes[0][-1]
        mean, variance = (
            np.broadcast_to(np.asarray(x).reshape(-1), n_features) for x in (call.layer.mean, call.layer.variance)
        )
        scale = (1 / np.maximum(np.sqrt(variance), keras.config.epsilon())).astype(np.float32)
        offset = (-mean * scale).astype(np.float32)

    def normalise(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        return observe(point, observe(f"{call.name}/scaled", x * scale) + offset)

    return normalise


def _layer_normalisation(call: Call, point: str) -> _TensorFunction:
    layer, name = call.layer, call.name
    gain = np.asarray(layer.gamma) if layer.scale else None
    shift = np.asarray(layer.beta) if layer.center else None

    def normalise(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        mean = observe(f"{name}/mean", tf.reduce_mean(x, axis=-1, keepdims=True))
        centred = observe(f"{name}/centred", x - mean)
        squares = observe(f"{name}/squares", centred * centred)
        variance = observe(f"{name}/variance", tf.reduce_mean(squares, axis=-1, keepdims=True))
        inverse = observe(f"{name}/inverse", tf.math.rsqrt(observe(f"{name}/shifted", variance + layer.epsilon)))
        y = centred * inverse
        if gain is not None:
            y = observe(f"{name}/normalised", y) * gain
        if shift is not None:
            y = observe(f"{name}/scaled", y) + shift
        return observe(point, y)

    return normalise


def _pool(call: Call, point: str) -> _TensorFunction:
    layer = call.layer
    size, stride, padding = layer.pool_size, layer.strides, layer.padding.upper()
    size, stride = (x if isinstance(x, int) else x[0] for x in (size, stride))
    if type(layer) is layers.MaxPooling1D:
        return lambda x, observe: tf.nn.max_pool1d(x, size, stride, padding)
    if point == INPUT:
        # The converter fails where the input, rounded here, is rounded to another scale next; it knows this one anyway.
        return lambda x, observe: tf.nn.avg_pool1d(x, size, stride, padding)
    return lambda x, observe: observe(point, tf.nn.avg_pool1d(x, size, stride, padding))


def _pool_all(call: Call, point: str) -> _TensorFunction:
    n_steps, n_features = call.shapes[0]
    if type(call.layer) is layers.GlobalMaxPooling1D:
        return lambda x, observe: tf.reshape(tf.nn.max_pool1d(x, n_steps, n_steps, "VALID"), [x.shape[0], n_features])
    return lambda x, observe: observe(point, tf.reduce_mean(x, axis=1))


def _pad(call: Call, point: str) -> _TensorFunction:
    del point
    return lambda x, observe: tf.pad(x, [[0, 0], list(call.layer.padding), [0, 0]])


def _crop(call: Call) -> Operation:
    begin, end = call.layer.cropping
    steps = slice(begin, call.shapes[0][0] - end)
    return lambda inputs, observe, _: inputs[0][steps] if isinstance(inputs[0], list) else inputs[0][:, steps]


def _reshape(call: Call, point: str) -> _TensorFunction:
    del point
    shape = call.layer.compute_output_shape((1, *call.shapes[0]))[1:]
    return lambda x, observe: tf.reshape(x, [x.shape[0], *shape])


def _permute(call: Call, point: str) -> _TensorFunction:
    del point
    return lambda x, observe: tf.transpose(x, [0, *call.layer.dims])


def _at_every_step(call: Call, point: str, sources: Sequence[str]) -> Operation:
    """Lower TimeDistributed: each step becomes a window."""
    inner = call.layer.layer
    if type(inner) not in (*_WHOLE, *_STEPWISE) and activation_layer(inner) is None:
        refuse(call.layer, f"wraps a {type(inner).__name__}, which cannot be converted")
    (shape,) = call.shapes
    operation = lower_layer(replace(call, layer=inner, shapes=(shape[1:],)), point, sources)

    def compute(inputs: Sequence[TensorOrSteps], observe: Observer, layout: GateLayout) -> TensorOrSteps:
        x = join_steps(inputs[0])
        batch, n_steps = x.shape[:2]
        y = join_steps(operation([tf.reshape(x, [batch * n_steps, *shape[1:]])], observe, layout))
        return tf.reshape(y, [batch, n_steps, *y.shape[1:]])

    return compute


def _concatenate(call: Call, point: str, sources: Sequence[str]) -> Operation:
    del call

    def join(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
        in_scale = [rounded_to(point, source, x, observe) for x, source in zip(xs, sources, strict=True)]
        return observe(point, tf.concat(in_scale, axis=-1))

    return lambda inputs, observe, _: map_inputs(inputs, lambda xs: join(xs, observe))


def _combine(combine: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Callable[[Call, str, Sequence[str]], Operation]:
    def lower(call: Call, point: str, sources: Sequence[str]) -> Operation:
        del sources
        if len(set(call.shapes)) > 1:
            refuse(call.layer, f"has inputs of different shapes {call.shapes}: only equal ones can be converted")
        share = 1 / len(call.inputs) if type(call.layer) is layers.Average else None

        def combine_all(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
            so_far = reduce(lambda a, b: observe(f"{call.name}/partial", combine(a, b)), xs[:-1])
            last = combine(so_far, xs[-1])
            return observe(point, last if share is None else observe(f"{call.name}/sum", last) * share)

        return lambda inputs, observe, _: map_inputs(inputs, lambda xs: combine_all(xs, observe))

    return lower


_MERGES: dict[type, Callable[[Call, str, Sequence[str]], Operation]] = {
    layers.Concatenate: _concatenate,
    layers.Add: _combine(tf.add),
    layers.Average: _combine(tf.add),
    layers.Multiply: _combine(tf.multiply),
    layers.Subtract: _combine(tf.subtract),
}
_WHOLE: dict[type, Callable[[Call, str], _TensorFunction]] = {
    layers.Conv1D: _conv,
    layers.MaxPooling1D: _pool,
    layers.AveragePooling1D: _pool,
    layers.GlobalMaxPooling1D: _pool_all,
    layers.GlobalAveragePooling1D: _pool_all,
    layers.ZeroPadding1D: _pad,
    layers.Flatten: _reshape,
    layers.Reshape: _reshape,
    layers.Permute: _permute,
}
_STEPWISE: dict[type, Callable[[Call, str], _TensorFunction]] = {
    layers.Dense: _dense,
    layers.BatchNormalization: _scale_and_offset,
    layers.LayerNormalization: _layer_normalisation,
    layers.Normalization: _scale_and_offset,
}
