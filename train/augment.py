"""Augmentation of windows: how the phone is worn and how the sensor is made vary; the activity does not."""

import tensorflow as tf

from edge_runtime.card import Normalisation
from train.recipe import Recipe


def augment(windows: tf.Tensor, key: tf.Tensor, recipe: Recipe, normalisation: Normalisation) -> tf.Tensor:
    """Rotate, scale, normalise, clip and add noise, all drawn from `key`.

    Parameters
    ----------
    windows : float32 `[batch, samples, n_signals]` in physical units; signals come in x y z triads.
    key : an int32 pair; the same key draws the same numbers.

    Returns
    -------
    float32 `[batch, samples, n_signals]`, normalised: the network's input.
    """
    n_signals = windows.shape[-1]
    rotated = _rotate(windows, tf.random.stateless_normal([tf.shape(windows)[0], 3], _stream(key, 0)) * recipe.rotation)
    gain = 1 + recipe.gain * tf.random.stateless_normal([tf.shape(windows)[0], 1, n_signals], _stream(key, 1))
    mean, std, clip = (tf.constant(x, tf.float32) for x in (normalisation.mean, normalisation.std, normalisation.clip))
    normalised = tf.clip_by_value((rotated * gain - mean) / std, -clip, clip)
    return normalised + recipe.noise * tf.random.stateless_normal(tf.shape(windows), _stream(key, 2))


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
