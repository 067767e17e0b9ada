"""Lower convolutions and Dense layers, and the normalisations and constants that may become a part of them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.activations import ActivationFunction, activation_layer, activation_of
from convert.lowering.cells import fully_connected
from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import Affine, Array
from convert.lowering.quantisation_points import Observer
from convert.lowering.sequences import Lowering, TensorFunction, of_steps, of_whole


def _scale_and_offset(layer: Any) -> tuple[Array, Array]:
    """Return scale and offset of a layer that calculates `x * scale + offset`: single numbers, or one per feature."""
    if type(layer) is layers.BatchNormalization:
        mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        gain = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
        shift = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
        scale = gain / np.sqrt(variance + layer.epsilon)
        return scale, shift - mean * scale
    if type(layer) is layers.Normalization:
        mean, variance = (np.asarray(values) for values in (layer.mean, layer.variance))
        mean, variance = (values.reshape(-1) if values.ndim else values for values in (mean, variance))
        scale = (1 / np.maximum(np.sqrt(variance), keras.config.epsilon())).astype(np.float32)
        return scale, (-mean * scale).astype(np.float32)
    return np.asarray(layer.scale, np.float32), np.asarray(layer.offset, np.float32)


def _scale_and_shift(call: Call, point: str) -> TensorFunction:
    scale, offset = _scale_and_offset(call.layer)
    is_scaled, is_shifted = bool((scale != 1).any()), bool(offset.any())

    def compute(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        if is_scaled or not is_shifted:
            x = x * scale
            if not is_shifted:
                return observe(point, x)
            x = observe(f"{call.name}/scaled", x)
        return observe(point, x + offset)

    return compute


def _layer_normalisation(call: Call, point: str) -> TensorFunction:
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


def _with_followers(call: Call, kernel: Array, bias: Array | None) -> tuple[Array, Array, ActivationFunction]:
    """Return kernel `[..., out]`, bias and activation function of a layer together with its followers."""
    offset = np.zeros(kernel.shape[-1], np.float32) if bias is None else bias
    function = activation_of(call.layer)
    for follower in call.followers:
        if (activation := activation_layer(follower)) is not None:
            function = activation
        else:
            scale, shift = _scale_and_offset(follower)
            kernel, offset = kernel * scale.reshape(-1), offset * scale.reshape(-1) + shift.reshape(-1)
    return kernel, offset, function


def _weights(layer: Any) -> tuple[Array, Array | None]:
    kernel, *bias = (np.asarray(weights) for weights in layer.get_weights())
    return kernel, bias[0] if bias else None


def _dense(call: Call, point: str) -> TensorFunction:
    return _row_by_row(call, point, *_with_followers(call, *_weights(call.layer)))


def _row_by_row(call: Call, point: str, kernel: Array, bias: Array, function: ActivationFunction) -> TensorFunction:
    def multiply(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        rows = x if len(x.shape) == 2 else tf.reshape(x, [-1, x.shape[-1]])
        answers = observe(point, function(fully_connected(rows, kernel, bias), observe, call.name))
        return answers if rows is x else tf.reshape(answers, [*x.shape[:-1], kernel.shape[-1]])

    return multiply


def _convolution(call: Call, point: str) -> TensorFunction:
    layer = call.layer
    kernel, bias, function = _with_followers(call, *_weights(layer))
    strides, dilations = list(layer.strides), list(layer.dilation_rate)
    operator = tf.nn.conv1d if len(strides) == 1 else tf.nn.conv2d
    causal = layer.padding == "causal"

    def convolve(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        if causal:
            x = tf.pad(x, [[0, 0], [(len(kernel) - 1) * dilations[0], 0], [0, 0]])
        padding = "VALID" if causal else layer.padding.upper()
        product = operator(x, kernel, strides, padding, dilations=dilations)
        return observe(point, function(tf.nn.bias_add(product, bias), observe, call.name))

    return convolve


def _depthwise(call: Call, point: str) -> TensorFunction:
    kernel, bias = _weights(call.layer)
    kernel, bias, function = _with_followers(call, *_by_channel(kernel, bias))
    return lambda x, observe: observe(point, function(_each_channel(call.layer, x, kernel, bias), observe, call.name))


def _separable(call: Call, point: str) -> TensorFunction:
    layer = call.layer
    by_channel, across, *bias = (np.asarray(weights) for weights in layer.get_weights())
    by_channel, no_bias = _by_channel(by_channel, None)
    whole = _with_followers(call, across.reshape(across.shape[-2:]), bias[0] if bias else None)
    multiply = _row_by_row(call, point, *whole)

    def convolve(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        return multiply(observe(f"{call.name}/depthwise", _each_channel(layer, x, by_channel, no_bias)), observe)

    return convolve


def _by_channel(kernel: Array, bias: Array | None) -> tuple[Array, Array]:
    """Return the kernel `[..., channels * multiplier]` of a depthwise convolution, and its bias."""
    kernel = kernel.reshape(*kernel.shape[:-2], -1)
    return kernel, np.zeros(kernel.shape[-1], np.float32) if bias is None else bias


def _each_channel(layer: Any, x: tf.Tensor, kernel: Array, bias: Array) -> tf.Tensor:
    """Convolve each channel of `x` `[batch, ..., channels]` by itself with its columns of `kernel` `[..., out]`."""
    rank = len(kernel.shape) - 1
    strides, dilations = layer.strides, layer.dilation_rate
    kernel = _dilated(kernel, dilations)
    if rank == 1:
        x, kernel = tf.expand_dims(x, 1), kernel[np.newaxis]
    kernel = kernel.reshape(*kernel.shape[:2], x.shape[-1], -1)
    # The stride between rows does not matter for a single row.
    y = tf.nn.depthwise_conv2d(x, kernel, [1, strides[0], strides[-1], 1], layer.padding.upper())
    y = tf.nn.bias_add(y, bias)
    return tf.squeeze(y, [1]) if rank == 1 else y


def _dilated(kernel: Array, dilations: Sequence[int]) -> Array:
    """Put zeros between the kernel's weights: TFLite's converter does not take dilated depthwise convolutions."""
    for axis, dilation in enumerate(dilations[: kernel.ndim - 1]):
        size = list(kernel.shape)
        size[axis] = (size[axis] - 1) * dilation + 1
        wider = np.zeros(size, np.float32)
        wider[(slice(None),) * axis + (slice(None, None, dilation),)] = kernel
        kernel = wider
    return kernel


PRODUCT_LAYERS: dict[type, Lowering] = {
    layers.Dense: of_steps(_dense),
    **dict.fromkeys((layers.Conv1D, layers.Conv2D), of_whole(_convolution)),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), of_whole(_depthwise)),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), of_whole(_separable)),
    **dict.fromkeys((layers.BatchNormalization, layers.Normalization, layers.Rescaling), of_steps(_scale_and_shift)),
    layers.LayerNormalization: of_steps(_layer_normalisation),
    Affine: of_whole(_scale_and_shift),  # the constants may differ from step to step
}
