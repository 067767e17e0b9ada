"""Lower convolutions and Dense layers, with the normalisation and activation function that follow them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.activations import ActivationFunction, activation_layer, activation_of
from convert.lowering.cells import fully_connected
from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import Array
from convert.lowering.normalising_layers import scale_and_offset
from convert.lowering.quantisation_points import Observer
from convert.lowering.sequences import Lowering, TensorFunction, of_steps, of_whole


def _with_followers(call: Call, kernel: Array, bias: Array | None) -> tuple[Array, Array, ActivationFunction]:
    """Return kernel `[..., out]`, bias and activation function of a layer together with its followers."""
    offset = np.zeros(kernel.shape[-1], np.float32) if bias is None else bias
    function = activation_of(call.layer)
    for follower in call.followers:
        if (activation := activation_layer(follower)) is not None:
            function = activation
        else:
            scale, shift = scale_and_offset(follower)
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
}
