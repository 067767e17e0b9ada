"""Find from walking how a device is worn, and turn its signals into the walking frame.

That has x up, y ahead and z to the left. Up is the mean acceleration of someone who walks. With each step the body is
pushed up, and 160 ms later backwards. So the product of vertical acceleration and the horizontal one after that lag,
summed over a window, points back.

In running it mostly points ahead, and downstairs elsewhere. There a body that turns to the left while stepping is
pushed to the right 60 ms later, which shows a frame that is turned round. Frames are rounded, and signals turned
without matrix products, so that every machine gives the same windows.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.types import triads

LAG_S = 0.16  # from a push upwards until its push backwards, in walking
MOVING_G = 0.1  # root mean square of body acceleration above which a body moves
_RUNNING_G = 0.9  # above it 97 % of MotionSense's windows of jogging, 5 % of its walking and none of UCI HAR's are
_ENOUGH = 3  # windows below it that make a frame, if they are this share of those that move
_SHARE = 0.1
SWAY_LAG_S = 0.06  # from a turn to one side until its push to the other
_DECIMALS = 6
_STEPS = 20  # of Weiszfeld's algorithm
_NEAREST = 1e-2  # rad: a nearer heading has no more weight

Array = npt.NDArray[np.float64]
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


def walking_frame(windows: Windows, names: Sequence[str], rate_hz: float) -> Array:
    """The rotation `[3, 3]` of one mounting from the device's frame to the walking frame, rounded to six decimals.

    `windows` `[n, samples, n_signals]` are the windows of the mounting in which the body moves. Up is the mean of their
    acceleration, ahead the spatial median of their headings. Raises `InputError` without windows.
    """
    if not len(windows):
        raise InputError("a walking frame needs windows of walking: record a few steps")
    up = _unit(_triad(windows, names, "total_acc").mean(axis=(0, 1)))
    back = _backwards(_triad(windows, names, "body_acc"), np.broadcast_to(up, (len(windows), 3)), rate_hz)
    return _frames(up[np.newaxis], _median_direction(back)[np.newaxis])[0]


def in_walking_frame(windows: Windows, names: Sequence[str], rate_hz: float) -> npt.NDArray[np.float32]:
    """Turn `windows` `[n, samples, n_signals]` of one mounting into its walking frame. Raises as `walking_frame`."""
    return turned(windows, names, recorded_frame(windows, names, rate_hz))


def recorded_frame(windows: Windows, names: Sequence[str], rate_hz: float) -> Array:
    """The walking frame `[3, 3]` of one mounting, by its windows of walking, or else by the sway of running in all.

    Raises as `walking_frame`.
    """
    moves, runs = is_moving(windows, names), is_moving(windows, names, _RUNNING_G)
    walks = moves & ~runs
    if walks.sum() >= max(_ENOUGH, _SHARE * moves.sum()):
        return walking_frame(windows[walks], names, rate_hz)
    frame = walking_frame(windows[moves], names, rate_hz)
    turned_round = runs.sum() > walks.sum() and is_turned_round(windows[moves], names, frame, rate_hz)
    sign = -1.0 if turned_round else 1.0
    return frame * [[1.0], [sign], [sign]]


def own_frames(windows: Windows, names: Sequence[str], rate_hz: float) -> Array:
    """The rotation `[n, 3, 3]` of each of `windows` by its own mean acceleration and its own heading."""
    up = _unit(_triad(windows, names, "total_acc").mean(axis=1))
    return _frames(up, _backwards(_triad(windows, names, "body_acc"), up, rate_hz))


def is_turned_round(windows: Windows, names: Sequence[str], rotation: Array, rate_hz: float) -> bool:
    """Tell by sway whether the frame `rotation` of `windows` of steps points back; False without a gyroscope."""
    if "body_gyro" not in triads(names).values():
        return False
    lag = max(1, round(SWAY_LAG_S * rate_hz))
    up, _, leftwards = rotation
    turning, pushed = (
        (_triad(windows, names, x) * axis).sum(axis=2) for x, axis in (("body_gyro", up), ("body_acc", leftwards))
    )
    turning, pushed = (x - x.mean(axis=1, keepdims=True) for x in (turning, pushed))
    return bool((turning[:, :-lag] * pushed[:, lag:]).sum() > 0)


def turned(windows: Windows, names: Sequence[str], rotations: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Turn the triads of axes in `windows` `[n, samples, n_signals]` by `rotations` `[3, 3]`, or `[n, 3, 3]`."""
    result = np.array(windows, np.float32)
    for first in triads(names):
        axes = [np.asarray(windows[..., first + axis], np.float64) for axis in range(3)]
        for row in range(3):
            a, b, c = (rotations[..., row, column, np.newaxis] for column in range(3))
            result[..., first + row] = a * axes[0] + b * axes[1] + c * axes[2]
    return result


def _backwards(body: Array, up: Array, rate_hz: float) -> Array:
    """The unit vector `[n, 3]` that points back in each window `body` `[n, samples, 3]`."""
    lag = max(1, round(LAG_S * rate_hz))
    vertical = (body * up[:, np.newaxis]).sum(axis=2, keepdims=True)
    horizontal = body - vertical * up[:, np.newaxis]
    return _unit((vertical[:, :-lag] * horizontal[:, lag:]).sum(axis=1))


def _median_direction(directions: Array) -> Array:
    """The unit vector `[3]` with the least sum of distances to `directions` `[n, 3]` (Weiszfeld 1937)."""
    median = _unit(directions.mean(axis=0))
    for _ in range(_STEPS):
        apart = np.maximum(np.linalg.norm(directions - median, axis=1), _NEAREST)
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
    return np.asarray(np.round(frames, _DECIMALS), np.float64)


def _unit(vectors: Array) -> Array:
    """The vectors `[..., 3]` at length 1; next to zero they stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units: Array = vectors / np.where(lengths > 1e-12, lengths, 1.0)
    return units


def _triad(windows: Windows, names: Sequence[str], quantity: str) -> Array:
    """The axes `[n, samples, 3]` of `quantity` in `windows` `[n, samples, n_signals]`."""
    first = next(i for i, name in triads(names).items() if name == quantity)
    return np.asarray(windows[..., first : first + 3], np.float64)
