"""The layers that are not recurrent, as TensorFlow operators with constants for weights."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.activations import LINEAR, Function, function_layer, function_of
from convert.lowering.gate_layout import Array, GateLayout, fully_connected
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import INPUT, Tap, rounded_for
from convert.lowering.refusals import refuse, refuse_kind, require
from convert.lowering.sequences import Activation, each, together, whole

Operation: TypeAlias = Callable[[Sequence[Activation], Tap, GateLayout], Activation]
"""What a call computes of its inputs."""

_OneToOne: TypeAlias = Callable[[tf.Tensor, Tap], tf.Tensor]

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


def keeps_site(layer: Any) -> bool:
    """Whether the output has the scale of the input, since TFLite's operator moves int8 values as they are."""
    return isinstance(layer, _COPIES) or (type(layer) is layers.TimeDistributed and keeps_site(layer.layer))


def shares_site(layer: Any) -> bool:
    """Whether all inputs and the output have one scale."""
    return type(layer) is layers.Concatenate


def lower_layer(call: Call, site: str, sources: Sequence[str]) -> Operation:
    """The operators of a call whose output is at `site`, and whose inputs are at the sites `sources`.

    Raises `InputError` for a layer, or an option of it, that cannot be converted.
    """
    layer = call.layer
    if type(layer) in _MERGES:
        return _MERGES[type(layer)](call, site, sources)
    if type(layer) is layers.TimeDistributed:
        return _at_every_step(call, site, sources)
    if type(layer) is layers.Cropping1D:
        return _crop(call)
    if type(layer) in _WHOLE:
        compute = _WHOLE[type(layer)](call, site)
        return lambda inputs, tap, _: compute(whole(inputs[0]), tap)
    if type(layer) in _STEPWISE:
        compute_step = _STEPWISE[type(layer)](call, site)
        return lambda inputs, tap, _: each(inputs[0], lambda x: compute_step(x, tap))
    function = function_layer(layer)
    if function is None:
        refuse_kind(layer)
    return lambda inputs, tap, _: each(inputs[0], lambda x: tap(site, function(x, tap, call.name)))


def _product(call: Call) -> tuple[Array, Array, Function]:
    """The weights and the activation function of a layer that multiplies, with what it took over from its followers."""
    kernel, *bias = (np.asarray(x) for x in call.layer.get_weights())
    offset = bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)
    function = function_of(call.layer)
    for follower in call.followers:
        if type(follower) is layers.BatchNormalization:
            scale, shift = _batch_normalisation(follower, 1 + len(call.shapes[0]))
            kernel, offset = kernel * scale, offset * scale + shift
        else:
            function = function_layer(follower) or LINEAR
    return kernel, offset, function


def _conv(call: Call, site: str) -> _OneToOne:
    layer = call.layer
    require(layer, data_format=("channels_last",), groups=(1,), padding=("same", "valid", "causal"))
    kernel, bias, function = _product(call)
    stride, dilation = layer.strides[0], layer.dilation_rate[0]
    causal = layer.padding == "causal"

    def convolve(x: tf.Tensor, tap: Tap) -> tf.Tensor:
        if causal:
            x = tf.pad(x, [[0, 0], [(len(kernel) - 1) * dilation, 0], [0, 0]])
        padding = "VALID" if causal else layer.padding.upper()
        product = tf.nn.bias_add(tf.nn.conv1d(x, kernel, stride, padding, dilations=dilation), bias)
        return tap(site, function(product, tap, call.name))

    return convolve


def _dense(call: Call, site: str) -> _OneToOne:
    kernel, bias, function = _product(call)

    def multiply(x: tf.Tensor, tap: Tap) -> tf.Tensor:
        if len(x.shape) == 2:
            return tap(site, function(fully_connected(x, kernel, bias), tap, call.name))
        rows = tf.reshape(x, [-1, x.shape[-1]])
        answers = tap(site, function(fully_connected(rows, kernel, bias), tap, call.name))
        return tf.reshape(answers, [*x.shape[:-1], kernel.shape[-1]])

    return multiply


def _batch_normalisation(layer: Any, rank: int) -> tuple[Array, Array]:
    """Scale and offset per channel."""
    if layer.axis not in (-1, rank - 1):
        refuse(layer, f"has axis={layer.axis}: only the last axis can be converted")
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gain = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
    shift = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gain / np.sqrt(variance + layer.epsilon)
    return scale, shift - mean * scale


def _scale_and_offset(call: Call, site: str) -> _OneToOne:
    if type(call.layer) is layers.BatchNormalization:
        scale, offset = _batch_normalisation(call.layer, 1 + len(call.shapes[0]))
    else:
        scale, offset = _input_normalisation(call.layer, call.shapes[0][-1])

    def normalise(x: tf.Tensor, tap: Tap) -> tf.Tensor:
        return tap(site, tap(f"{call.name}/scaled", x * scale) + offset)

    return normalise


def _input_normalisation(layer: Any, n_features: int) -> tuple[Array, Array]:
    require(layer, axis=((-1,), (), (2,)), invert=(False,))
    mean, variance = (np.broadcast_to(np.asarray(x).reshape(-1), n_features) for x in (layer.mean, layer.variance))
    scale = (1 / np.maximum(np.sqrt(variance), keras.config.epsilon())).astype(np.float32)
    return scale, (-mean * scale).astype(np.float32)


def _layer_normalisation(call: Call, site: str) -> _OneToOne:
    layer, name = call.layer, call.name
    rank = 1 + len(call.shapes[0])
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    if axis not in (-1, rank - 1, (-1,), (rank - 1,)):
        refuse(layer, f"has axis={layer.axis}: only the last axis can be converted")
    if getattr(layer, "rms_scaling", False):
        refuse(layer, "has rms_scaling=True: only False can be converted")

    gain = np.asarray(layer.gamma) if layer.scale else None
    shift = np.asarray(layer.beta) if layer.center else None

    def normalise(x: tf.Tensor, tap: Tap) -> tf.Tensor:
        mean = tap(f"{name}/mean", tf.reduce_mean(x, axis=-1, keepdims=True))
        centred = tap(f"{name}/centred", x - mean)
        squares = tap(f"{name}/squares", centred * centred)
        variance = tap(f"{name}/variance", tf.reduce_mean(squares, axis=-1, keepdims=True))
        inverse = tap(f"{name}/inverse", tf.math.rsqrt(tap(f"{name}/shifted", variance + layer.epsilon)))
        y = centred * inverse
        if gain is not None:
            y = tap(f"{name}/normalised", y) * gain
        if shift is not None:
            y = tap(f"{name}/scaled", y) + shift
        return tap(site, y)

    return normalise


def _pool(call: Call, site: str) -> _OneToOne:
    layer = call.layer
    require(layer, data_format=("channels_last",))
    size, stride, padding = layer.pool_size, layer.strides, layer.padding.upper()
    size, stride = (x if isinstance(x, int) else x[0] for x in (size, stride))
    if type(layer) is layers.MaxPooling1D:
        return lambda x, tap: tf.nn.max_pool1d(x, size, stride, padding)
    if site == INPUT:
        # The converter fails where the input, rounded here, is rounded to another scale next; it knows this one anyway.
        return lambda x, tap: tf.nn.avg_pool1d(x, size, stride, padding)
    return lambda x, tap: tap(site, tf.nn.avg_pool1d(x, size, stride, padding))


def _pool_all(call: Call, site: str) -> _OneToOne:
    require(call.layer, data_format=("channels_last",), keepdims=(False,))
    n_steps, n_features = call.shapes[0]
    if type(call.layer) is layers.GlobalMaxPooling1D:
        return lambda x, tap: tf.reshape(tf.nn.max_pool1d(x, n_steps, n_steps, "VALID"), [x.shape[0], n_features])
    return lambda x, tap: tap(site, tf.reduce_mean(x, axis=1))


def _pad(call: Call, site: str) -> _OneToOne:
    del site
    require(call.layer, data_format=("channels_last",))
    return lambda x, tap: tf.pad(x, [[0, 0], list(call.layer.padding), [0, 0]])


def _crop(call: Call) -> Operation:
    begin, end = call.layer.cropping
    kept = slice(begin, call.shapes[0][0] - end)
    return lambda inputs, tap, _: inputs[0][kept] if isinstance(inputs[0], list) else inputs[0][:, kept]


def _reshape(call: Call, site: str) -> _OneToOne:
    del site
    if type(call.layer) is layers.Flatten:
        require(call.layer, data_format=("channels_last",))
    shape = call.layer.compute_output_shape((1, *call.shapes[0]))[1:]
    return lambda x, tap: tf.reshape(x, [x.shape[0], *shape])


def _permute(call: Call, site: str) -> _OneToOne:
    del site
    return lambda x, tap: tf.transpose(x, [0, *call.layer.dims])


def _at_every_step(call: Call, site: str, sources: Sequence[str]) -> Operation:
    """TimeDistributed: the steps are so many windows."""
    inner = call.layer.layer
    if type(inner) not in (*_WHOLE, *_STEPWISE) and function_layer(inner) is None:
        refuse(call.layer, f"wraps a {type(inner).__name__}, which cannot be converted")
    (shape,) = call.shapes
    operation = lower_layer(replace(call, layer=inner, shapes=(shape[1:],)), site, sources)

    def compute(inputs: Sequence[Activation], tap: Tap, arrangement: GateLayout) -> Activation:
        x = whole(inputs[0])
        batch, n_steps = x.shape[:2]
        y = whole(operation([tf.reshape(x, [batch * n_steps, *shape[1:]])], tap, arrangement))
        return tf.reshape(y, [batch, n_steps, *y.shape[1:]])

    return compute


def _concatenate(call: Call, site: str, sources: Sequence[str]) -> Operation:
    rank = 1 + len(call.shapes[0])
    if call.layer.axis not in (-1, rank - 1):
        refuse(call.layer, f"has axis={call.layer.axis}: only the last axis can be converted")

    def join(inputs: Sequence[Activation], tap: Tap, _: GateLayout) -> Activation:
        def once(xs: Sequence[tf.Tensor]) -> tf.Tensor:
            in_scale = [rounded_for(site, source, x, tap) for x, source in zip(xs, sources, strict=True)]
            return tap(site, tf.concat(in_scale, axis=-1))

        return together(inputs, once)

    return join


def _combine(combine: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Callable[[Call, str, Sequence[str]], Operation]:
    def lower(call: Call, site: str, sources: Sequence[str]) -> Operation:
        del sources
        if len(set(call.shapes)) > 1:
            refuse(call.layer, f"has inputs of different shapes {call.shapes}: only equal ones can be converted")
        share = 1 / len(call.inputs) if type(call.layer) is layers.Average else None

        def once(xs: Sequence[tf.Tensor], tap: Tap) -> tf.Tensor:
            so_far = reduce(lambda a, b: tap(f"{call.name}/partial", combine(a, b)), xs[:-1])
            last = combine(so_far, xs[-1])
            return tap(site, last if share is None else tap(f"{call.name}/sum", last) * share)

        return lambda inputs, tap, _: together(inputs, lambda xs: once(xs, tap))

    return lower


_MERGES: dict[type, Callable[[Call, str, Sequence[str]], Operation]] = {
    layers.Concatenate: _concatenate,
    layers.Add: _combine(tf.add),
    layers.Average: _combine(tf.add),
    layers.Multiply: _combine(tf.multiply),
    layers.Subtract: _combine(tf.subtract),
}
_WHOLE: dict[type, Callable[[Call, str], _OneToOne]] = {
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
_STEPWISE: dict[type, Callable[[Call, str], _OneToOne]] = {
    layers.Dense: _dense,
    layers.BatchNormalization: _scale_and_offset,
    layers.LayerNormalization: _layer_normalisation,
    layers.Normalization: _scale_and_offset,
}
