"""Vary training windows: their first sample, how the phone is worn, how people move, and the sensor."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.data.dataset import Split
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.mounting import MOVING_G
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import STANDARD_GRAVITY, triads
from train.fit.recipe import Recipe
from train.fit.signal_normalisation import is_body_motion

_TURN_S = 1.0, 8.0
_TURN_RATE = 1.6  # rad/s, standard deviation of the mean over the turn
_TURN_SPEED = 0.0, 1.0  # m/s: people slow down and lean, so that GeoTec's turns push aside as at 0.2 m/s


def find_continuations(split: Split, hop: int) -> npt.NDArray[np.bool_]:
    """Find the windows `[n]` that the next window continues, `hop` samples later in the same recording.

    Both windows agree in all shared samples, in subject and in class.
    """
    continued = np.zeros(len(split), bool)
    if len(split) > 1 and 0 < hop < split.X.shape[1]:
        continued[:-1] = (
            (split.X[:-1, hop:] == split.X[1:, :-hop]).all(axis=(1, 2))
            & (split.y[:-1] == split.y[1:])
            & (split.subject[:-1] == split.subject[1:])
        )
    return continued


class Shifts:
    """Cut training windows anew: each begins up to `hop` samples later, if another window continues it."""

    def __init__(self, split: Split, hop: int) -> None:
        self._X, self._hop = split.X, hop
        self._continued = find_continuations(split, hop)

    def draw(self, rows: npt.NDArray[np.intp], generator: np.random.Generator) -> npt.NDArray[np.intp]:
        """Draw offsets `[len(rows)]` in samples, evenly from 0 to `hop` - 1; 0 if the signal ends with the window."""
        return np.where(self._continued[rows], generator.integers(0, self._hop, len(rows)), 0)

    def cut(self, rows: npt.NDArray[np.intp], offsets: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Return windows `[len(rows), samples, n_signals]` that begin `offsets` samples after the windows `rows`."""
        samples = self._X.shape[1]
        rest = self._X[rows + self._continued[rows], samples - self._hop :]
        longer = np.concatenate([self._X[rows], rest], axis=1)
        return longer[np.arange(len(rows))[:, np.newaxis], offsets[:, np.newaxis] + np.arange(samples)]


def augment(
    windows: tf.Tensor, key: tf.Tensor, recipe: Recipe, normalisation: Normalisation, signals: Sequence[str]
) -> tf.Tensor:
    """Mirror, change the pace, turn aside, rotate, move more or less briskly, scale, normalise, hide and add noise.

    The activity stays the same. Signals that do not measure body motion are only rotated (if three are axes of one
    quantity), scaled, hidden and made noisy.

    Takes float32 `[batch, samples, n_signals]` in physical units, and the names of the `signals`; returns the network's
    input in the same shape. `key` is an int32 pair: equal keys draw equal numbers.
    """
    size = tf.shape(windows)[0]
    is_motion = is_body_motion(signals)
    axes = tf.constant([recipe.turn if is_motion else recipe.rotation, recipe.rotation, recipe.rotation], tf.float32)
    varied = _mirror(windows, recipe.mirror, _stream(key, 4), signals) if is_motion and recipe.mirror else windows
    if is_motion and recipe.swing:
        swing = tf.exp(recipe.swing * tf.random.stateless_normal([size, 1, 1], _stream(key, 7)))
        varied = tf.where(tf.constant(["gyro" in signal for signal in signals]), swing * varied, varied)
    if is_motion and recipe.pace:
        varied = _change_pace(varied, recipe.pace, _stream(key, 8), signals)
    if is_motion and recipe.turning:
        varied = _turn_aside(varied, recipe.turning, _stream(key, 6), signals)
    varied = _rotate(varied, tf.random.stateless_normal([size, 3], _stream(key, 0)) * axes, signals)
    if is_motion:
        factor = tf.exp(recipe.intensity * tf.random.stateless_normal([size, 1, 1], _stream(key, 3)))
        varied = _intensify(varied, factor)
    gain = 1 + recipe.gain * tf.random.stateless_normal([size, 1, windows.shape[-1]], _stream(key, 1))
    normalised = _normalise(varied * gain, normalisation)
    if recipe.hidden:
        is_seen = tf.random.stateless_uniform([size, 1, windows.shape[-1]], _stream(key, 5)) >= recipe.hidden
        normalised = tf.where(is_seen, normalised, 0.0)
    return normalised + recipe.noise * tf.random.stateless_normal(tf.shape(windows), _stream(key, 2))


def _normalise(windows: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """Do `normalise` in TensorFlow."""
    mean, std, clip, gain, bend, knee = normalisation.rows()
    scaled = tf.clip_by_value((windows - mean) / std, -clip, clip)
    return scaled * gain / (tf.abs(scaled) * bend + knee)


def _mirror(windows: tf.Tensor, share: float, key: tf.Tensor, signals: Sequence[str]) -> tf.Tensor:
    """Exchange left and right in a `share` of windows whose z points to a side.

    A mirror reverses the z of acceleration, a vector, and x and y of the angular rate, a pseudovector.
    """
    turned_round = [signal.endswith("_z") != ("gyro" in signal) for signal in signals]
    is_mirrored = tf.random.stateless_uniform([tf.shape(windows)[0], 1, 1], key) < share
    return tf.where(is_mirrored & tf.constant(turned_round), -windows, windows)


def _change_pace(windows: tf.Tensor, deviation: float, key: tf.Tensor, signals: Sequence[str]) -> tf.Tensor:
    """Play each window faster or slower about its middle, by a factor whose logarithm has this standard `deviation`.

    At a pace p, rotation is p times as fast, and body acceleration p^2 times as strong. Samples beyond the ends of a
    window are those before the ends, in reverse.
    """
    size, samples = tf.shape(windows)[0], windows.shape[1]
    pace, middle = tf.exp(deviation * tf.random.stateless_normal([size, 1], key)), (samples - 1) / 2
    place = tf.abs(middle + pace * (tf.range(samples, dtype=tf.float32) - middle))
    place = tf.clip_by_value(samples - 1 - tf.abs(samples - 1 - place), 0.0, samples - 1.0)
    before = tf.minimum(tf.cast(place, tf.int32), samples - 2)
    weight = (place - tf.cast(before, tf.float32))[..., None]
    first, second = (tf.gather(windows, before + i, axis=1, batch_dims=1) for i in (0, 1))
    played = (1 - weight) * first + weight * second
    factor = pace[..., None]
    played = tf.where(tf.constant(["gyro" in signal for signal in signals]), played / factor, played)
    return _intensify(played, factor**2)


def _turn_aside(windows: tf.Tensor, share: float, key: tf.Tensor, signals: Sequence[str]) -> tf.Tensor:
    """Walk a curve of up to 360 degrees in a `share` of windows of movement in the walking frame.

    The angular rate w about the upright axis rises and falls once. At speed v it pushes to the inner side by v w. A
    person who slows down is pushed back before the middle of the turn, and ahead after it.
    """
    size, samples = tf.shape(windows)[0], windows.shape[1]

    def draw(stream: int, least: float, most: float) -> tf.Tensor:
        return tf.random.stateless_uniform([size, 1], _stream(key, stream), least, most)

    seconds, speed = draw(0, *_TURN_S), draw(1, *_TURN_SPEED)
    slowing = tf.minimum(draw(2, 0.0, 0.15) * seconds, 0.9)  # the share of the speed that is lost in the middle
    begin = draw(3, 0.0, 1.0) * (samples / RATE_HZ + 0.4 * seconds) - 0.7 * seconds
    phase = 2 * np.pi * tf.clip_by_value((tf.range(samples, dtype=tf.float32) / RATE_HZ - begin) / seconds, 0.0, 1.0)
    angle = _TURN_RATE * seconds * tf.random.stateless_normal([size, 1], _stream(key, 4))
    rise = (1 - tf.cos(phase)) / 2
    rate = 2 * tf.clip_by_value(angle, -2 * np.pi, 2 * np.pi) / seconds * rise
    aside = speed * (1 - slowing * rise) * rate / STANDARD_GRAVITY
    ahead = -speed * slowing * tf.sin(phase) * np.pi / seconds / STANDARD_GRAVITY
    changes = {"acc_y": ahead, "acc_z": aside, "gyro_x": rate}
    change = tf.stack([changes.get(signal.partition("_")[2], tf.zeros_like(rate)) for signal in signals], axis=-1)
    moves = tf.reduce_mean(tf.reduce_sum(windows[..., :3] ** 2, axis=2), axis=1, keepdims=True) > MOVING_G**2
    return windows + tf.where((moves & (draw(5, 0.0, 1.0) < share))[..., None], change, 0.0)


def _intensify(windows: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Make the movement `factor` times as brisk; gravity, the rest of total acceleration, stays."""
    body, total = windows[..., :3], windows[..., -3:]
    return tf.concat([factor * windows[..., :-3], total + (factor - 1) * body], axis=-1)


def _stream(key: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(key, stream)


def _rotate(windows: tf.Tensor, rotation_vectors: tf.Tensor, signals: Sequence[str]) -> tf.Tensor:
    """Rotate every triad of a window by the same rotation vector (Rodrigues' formula)."""
    axes = [i + axis for i in triads(signals) for axis in range(3)]
    if not axes:
        return windows
    others = np.setdiff1d(np.arange(len(signals)), axes)
    samples, n_axes = windows.shape[1], len(axes)
    angle = tf.norm(rotation_vectors, axis=1)[:, None, None] + 1e-9  # 0 rad has no axis
    x, y, z = tf.unstack(rotation_vectors / angle[:, :, 0], axis=1)
    zero = tf.zeros_like(x)
    cross = tf.reshape(tf.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1), [-1, 3, 3])
    matrix = tf.eye(3) + tf.sin(angle) * cross + (1 - tf.cos(angle)) * (cross @ cross)
    vectors = tf.reshape(tf.gather(windows, axes, axis=-1), [-1, samples * n_axes // 3, 3])
    rotated = tf.reshape(tf.matmul(vectors, matrix, transpose_b=True), [-1, samples, n_axes])
    together = tf.concat([rotated, tf.gather(windows, others, axis=-1)], axis=-1)
    return tf.gather(together, np.argsort([*axes, *others]), axis=-1)
