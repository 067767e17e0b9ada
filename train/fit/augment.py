"""Augmentation of windows: how the phone is worn, how someone moves and how the sensor is made; never the activity."""

import tensorflow as tf

from edge_runtime.signals.normalisation import Normalisation
from train.fit.recipe import Recipe


def augment(windows: tf.Tensor, key: tf.Tensor, recipe: Recipe, normalisation: Normalisation) -> tf.Tensor:
    """Rotate, move more or less briskly, scale, normalise and add noise, all drawn from `key`.

    Parameters
    ----------
    windows : float32 `[batch, samples, n_signals]` in physical units: body acceleration, angular velocity (or not),
        total acceleration.
    key : an int32 pair; the same key draws the same numbers.

    Returns
    -------
    float32 `[batch, samples, n_signals]`, normalised: the network's input.
    """
    size = tf.shape(windows)[0]
    axes = tf.constant([recipe.turn, recipe.rotation, recipe.rotation], tf.float32)
    rotated = _rotate(windows, tf.random.stateless_normal([size, 3], _stream(key, 0)) * axes)
    factor = tf.exp(recipe.intensity * tf.random.stateless_normal([size, 1, 1], _stream(key, 3)))
    gain = 1 + recipe.gain * tf.random.stateless_normal([size, 1, windows.shape[-1]], _stream(key, 1))
    normalised = _normalise(_intensify(rotated, factor) * gain, normalisation)
    return normalised + recipe.noise * tf.random.stateless_normal(tf.shape(windows), _stream(key, 2))


def _normalise(windows: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """What `Normalisation.apply` does, in TensorFlow."""
    mean, std, clip = (tf.constant(x, tf.float32) for x in (normalisation.mean, normalisation.std, normalisation.clip))
    gain, bend, knee = normalisation.companding()
    scaled = tf.clip_by_value((windows - mean) / std, -clip, clip)
    return scaled * gain / (tf.abs(scaled) * bend + knee)


def _intensify(windows: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """The same movement, `factor` times as brisk: gravity, the rest of total acceleration, stays."""
    body, total = windows[..., :3], windows[..., -3:]
    return tf.concat([factor * windows[..., :-3], total + (factor - 1) * body], axis=-1)


def _stream(key: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(key, stream)


def _rotate(windows: tf.Tensor, rotation_vectors: tf.Tensor) -> tf.Tensor:
    """Rotate every triad of a window by the same rotation vector (Rodrigues' formula)."""
    samples, n_signals = windows.shape[1:]
    angle = tf.norm(rotation_vectors, axis=1)[:, None, None] + 1e-9  # 0 rad has no axis
    x, y, z = tf.unstack(rotation_vectors / angle[:, :, 0], axis=1)
    zero = tf.zeros_like(x)
    cross = tf.reshape(tf.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1), [-1, 3, 3])
    matrix = tf.eye(3) + tf.sin(angle) * cross + (1 - tf.cos(angle)) * (cross @ cross)
    triads = tf.reshape(windows, [-1, samples * n_signals // 3, 3])
    return tf.reshape(tf.matmul(triads, matrix, transpose_b=True), [-1, samples, n_signals])
