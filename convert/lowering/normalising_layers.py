"""Lower layers and calculations that scale and shift features: normalisations, rescaling, constants."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import Affine, Array
from convert.lowering.quantisation_points import Observer
from convert.lowering.sequences import Lowering, TensorFunction, of_steps, of_whole


def scale_and_offset(layer: Any) -> tuple[Array, Array]:
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
    scale, offset = scale_and_offset(call.layer)
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


NORMALISING_LAYERS: dict[type, Lowering] = {
    layers.BatchNormalization: of_steps(_scale_and_shift),
    layers.LayerNormalization: of_steps(_layer_normalisation),
    layers.Normalization: of_steps(_scale_and_shift),
    layers.Rescaling: of_steps(_scale_and_shift),
    Affine: of_whole(_scale_and_shift),  # the constants may differ from step to step
}
