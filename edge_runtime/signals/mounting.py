"""Find from walking how a device is worn, and turn its signals into the walking frame.

That has x up, y ahead and z to the left. Up is the mean acceleration of someone who walks. With each step the body is
pushed up, and 160 ms later backwards. So the product of vertical acceleration and the horizontal one after that lag,
summed over a window, points back.

In running it mostly points ahead, and downstairs elsewhere. There a body that turns to the left while stepping is
pushed to the right 60 ms later, which shows a frame that is turned round. Both need only sums over a window, so a long
walk takes little memory. Frames are rounded, and signals turned without matrix products, so that every machine gives
the same windows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.types import Array, triads

LAG_S = 0.16  # from a push upwards until its push backwards, in walking
MOVING_G = 0.1  # root mean square of body acceleration above which a body moves
RUNNING_G = 0.9  # above it 97 % of MotionSense's windows of jogging, 5 % of its walking and none of UCI HAR's are
# Between the halves of a window, a device tips further when someone lies down, and in 5 % of walking in pockets.
TIPPED = np.cos(np.radians(10))
_ENOUGH = 3  # windows below it that make a frame, if they are this share of those that move
_SHARE = 0.1
SWAY_LAG_S = 0.06  # from a turn to one side until its push to the other
MILLIONTHS = 1e6  # of rotations
WEISZFELD_STEPS = 20
NEAREST = 1e-2  # rad: a nearer heading has no more weight

Windows = npt.NDArray[np.floating]


def check_signals(names: Sequence[str], what: str) -> None:
    """Raise `InputError` unless the signals `names` of `what` have both accelerations, which a walking frame needs."""
    missing = {"body_acc", "total_acc"} - set(triads(names).values())
    if missing:
        raise InputError(
            f"{what} lacks the three axes of {' and '.join(sorted(missing))}, which a walking frame needs: give data "
            "with them, or leave the windows in the frame of the device"
        )


def is_moving(windows: Windows, names: Sequence[str], least_g: float = MOVING_G) -> npt.NDArray[np.bool_]:
    """Tell which of `windows` `[n, samples, n_signals]` show a body that moves, as walking does; or harder."""
    squares = _triad(windows, names, "body_acc") ** 2
    mean: Array = squares.sum(axis=2).mean(axis=1)
    return mean > least_g**2


def may_be_walking(window: Windows, names: Sequence[str]) -> bool:
    """Tell whether a `window` `[samples, n_signals]` shows a body that moves, but neither runs nor tips the device."""
    half = len(window) // 2
    parts = _triad(window, names, "total_acc")
    first, last = parts[:half].mean(axis=0), parts[-half:].mean(axis=0)
    tips = first @ last < TIPPED * np.linalg.norm(first) * np.linalg.norm(last)
    of_one = window[np.newaxis]
    return bool(is_moving(of_one, names)[0] and not is_moving(of_one, names, RUNNING_G)[0] and not tips)


class Motion(NamedTuple):
    """The numbers of `n` windows that a walking frame is computed from.

    `acceleration` `[n, 3]` is the mean total acceleration. `pushes` `[n, 3, 3]` are sums of products, by axis, of body
    acceleration and body acceleration `LAG_S` later; `turns` of rotation and body acceleration `SWAY_LAG_S` later, both
    less their means, 0 without a gyroscope.
    """

    acceleration: Array
    pushes: Array
    turns: Array

    @classmethod
    def of(cls, windows: Windows, names: Sequence[str], rate_hz: float) -> "Motion":
        """Sum the products of `windows` `[n, samples, n_signals]`."""
        body = _triad(windows, names, "body_acc")
        turns = np.zeros((len(windows), 3, 3))
        if "body_gyro" in triads(names).values():
            gyro = _triad(windows, names, "body_gyro")
            turning, pushed = (values - values.mean(axis=1, keepdims=True) for values in (gyro, body))
            turns = _lagged(turning, pushed, SWAY_LAG_S * rate_hz)
        return cls(_triad(windows, names, "total_acc").mean(axis=1), _lagged(body, body, LAG_S * rate_hz), turns)


def walking_frame(motion: Motion) -> Array:
    """The rotation `[3, 3]` of one mounting from the device's frame to the walking frame, rounded to six decimals.

    `motion` is of the windows of the mounting in which the body moves. Up is the mean of their acceleration, ahead the
    spatial median of their headings. Raises `InputError` without windows.
    """
    if not len(motion.acceleration):
        raise InputError("a walking frame needs windows of walking: record a few steps")
    up = _unit(motion.acceleration.mean(axis=0))
    back = _backwards(motion.pushes, np.broadcast_to(up, motion.acceleration.shape))
    return _frames(up[np.newaxis], _median_direction(back)[np.newaxis])[0]


def in_walking_frame(windows: Windows, names: Sequence[str], rate_hz: float) -> npt.NDArray[np.float32]:
    """Turn `windows` `[n, samples, n_signals]` of one mounting into its walking frame. Raises as `walking_frame`."""
    return turned(windows, names, recorded_frame(windows, names, rate_hz))


def recorded_frame(windows: Windows, names: Sequence[str], rate_hz: float) -> Array:
    """The walking frame `[3, 3]` of one mounting, by its windows of walking, or else by the sway of running in all.

    Raises as `walking_frame`.
    """
    moves, runs = is_moving(windows, names), is_moving(windows, names, RUNNING_G)
    walks = moves & ~runs
    if walks.sum() >= max(_ENOUGH, _SHARE * moves.sum()):
        return walking_frame(Motion.of(windows[walks], names, rate_hz))
    motion = Motion.of(windows[moves], names, rate_hz)
    frame = walking_frame(motion)
    turned_round = runs.sum() > walks.sum() and is_turned_round(motion, frame)
    sign = -1.0 if turned_round else 1.0
    return frame * [[1.0], [sign], [sign]]


def own_frames(motion: Motion) -> Array:
    """The rotation `[n, 3, 3]` of each window of `motion` by its own mean acceleration and its own heading."""
    up = _unit(motion.acceleration)
    return _frames(up, _backwards(motion.pushes, up))


def is_turned_round(motion: Motion, rotation: Array) -> bool:
    """Tell by sway whether the frame `rotation` of windows of steps points back; False without a gyroscope."""
    up, _, leftwards = rotation
    return bool((motion.turns.sum(axis=0) * up[:, np.newaxis] * leftwards).sum() > 0)


def turned(windows: Windows, names: Sequence[str], rotations: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Turn the triads of axes in `windows` `[n, samples, n_signals]` by `rotations` `[3, 3]`, or `[n, 3, 3]`."""
    result = np.array(windows, np.float32)
    for first in triads(names):
        axes = [np.asarray(windows[..., first + axis], np.float64) for axis in range(3)]
        for row in range(3):
            a, b, c = (rotations[..., row, column, np.newaxis] for column in range(3))
            result[..., first + row] = a * axes[0] + b * axes[1] + c * axes[2]
    return result


def _lagged(first: Array, later: Array, lag: float) -> Array:
    """Sums `[n, 3, 3]` of products of `first` and, `lag` samples later, `later` `[n, samples, 3]`, by axis."""
    samples = max(1, round(lag))
    return np.einsum("nti,ntj->nij", first[:, :-samples], later[:, samples:])


def _backwards(pushes: Array, up: Array) -> Array:
    """The unit vector `[n, 3]` that points back in each window of `pushes` `[n, 3, 3]` and `up` `[n, 3]`."""
    along = (pushes * up[..., np.newaxis]).sum(axis=1)  # of the vertical acceleration and all later acceleration
    return _unit(along - (along * up).sum(axis=1, keepdims=True) * up)


def _median_direction(directions: Array) -> Array:
    """The unit vector `[3]` with the least sum of distances to `directions` `[n, 3]` (Weiszfeld 1937)."""
    median = _unit(directions.mean(axis=0))
    for _ in range(WEISZFELD_STEPS):
        apart = np.maximum(np.linalg.norm(directions - median, axis=1), NEAREST)
        median = _unit((directions / apart[:, np.newaxis]).sum(axis=0))
    return np.asarray(median, np.float64)


def _frames(up: Array, back: Array) -> Array:
    """Rotations `[n, 3, 3]` whose rows are up, ahead and left, of unit vectors `up` and directions `back` `[n, 3]`."""
    ahead = -back
    # Where nothing moves any direction may be ahead: take the least upright axis.
    flat = np.linalg.norm(ahead, axis=1) < 1e-9
    ahead[flat] = np.eye(3)[np.abs(up[flat]).argmin(axis=1)]
    ahead = _unit(ahead - (ahead * up).sum(axis=1, keepdims=True) * up)
    frames = np.stack([up, ahead, np.cross(up, ahead)], axis=1)
    return np.asarray(np.rint(frames * MILLIONTHS) / MILLIONTHS, np.float64)


def _unit(vectors: Array) -> Array:
    """The vectors `[..., 3]` at length 1; next to zero they stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units: Array = vectors / np.where(lengths > 1e-12, lengths, 1.0)
    return units


def _triad(windows: Windows, names: Sequence[str], quantity: str) -> Array:
    """The axes `[n, samples, 3]` of `quantity` in `windows` `[n, samples, n_signals]`."""
    first = next(i for i, name in triads(names).items() if name == quantity)
    return np.asarray(windows[..., first : first + 3], np.float64)
