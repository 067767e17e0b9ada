"""Check the numbers of sensors against the layout that they were read by.

Gravity has a size of 1 g. While a device turns slowly, gravity g turns in its axes against its rotation w: dg/dt is
-w x g, by which a gyroscope of the wrong hand, or in another unit, is seen, and a wrong rate. The sign of acceleration
is not: a device upside down measures the same and, turned into the walking frame, has left and right exchanged. People
walk with one to three steps a second, by which a rate that is wrong by far is seen without a gyroscope too.

References
----------
R. Mahony, T. Hamel, J.-M. Pflimlin: Nonlinear complementary filters on the special orthogonal group. IEEE Transactions
on Automatic Control 53(5), 2008 (the kinematics of a direction that a gyroscope sees).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Mounting, Recording, segments
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.steps import GRID_HZ, beats
from edge_runtime.signals.types import STANDARD_GRAVITY
from edge_runtime.system.quantities import counted

SIGN = (
    "The sign of acceleration cannot be seen in numbers: a phone at rest, upright in the hand or a pocket, has about "
    "+1 g on the axis that points up. Where yours has -1 g, turn sign under [acceleration] round (-1, or back to 1). "
    "Models of --frame walking are not hurt by it."
)
"""How to see the sign of acceleration by a layout of one's own, in words."""

_GRAVITY_G = (0.9, 1.1)
_NO_GRAVITY_G = 0.3
# The hand's constants were chosen on UCI HAR's 21 training subjects, MotionSense's 24 and GeoTec's 23 alone, in groups
# of them: with the axes right, and with rotation's in the five wrong orders. First, in groups of 3, averages of 0.5, 1
# and 1.5 s with turns from 0.05, 0.1 and 0.2 g/s on and movements up to 0.1, 0.2 and 0.3 g; then, in groups of 1, 2, 3,
# 6 and all, the five best with at least 5, 10, 20 and 40 s of turns. Taken is what tells right from wrong best and
# finds so many seconds in nearly as many groups. Correlations are at least 0.50 in all 467 right groups (0.83, 0.77 and
# 0.78 in the whole sets), and below 0.5 in the worst order of 94 %.
# By the median over the faster half of turns, gravity turns 0.91 to 1.01 times as fast as the gyroscope says of each of
# UCI HAR's 21 training subjects; 0.47 to 0.54 times where the rate is half the true one, and 1.68 to 1.96 where it is
# twice that: the limits lie midway. Of each of the others with 20 s of turns, on whom nothing was chosen, it is 0.88 to
# 1.20, at most 0.65, and at least 1.80. The limits of another unit lie midway to the 57 times that rad/s and deg/s are
# apart.
_SMOOTHED_S = 1.0
_TURNING = (0.1, 3.0)  # g/s: slower is noise, faster no turn
CALM_G = 0.2  # so little movement (root mean square) that smoothed acceleration is gravity; with more a body moves
_ENOUGH_TURNING_S = 20.0
_SURE = 0.5  # correlation
_LEAST_TURNING_S, _AGAINST = 5.0, -0.3  # from 5 s of turns on no right group has less than 0.28: hand and unit show
_USUAL = (0.7, 1.3)  # times
_ANOTHER_UNIT = 8.0  # times
_UPRIGHT = ("STANDING", "WALKING")
_RESTING = ("SITTING", "LAYING")
# Of the same people, in groups of 3: in calm the middle nine tenths of gravity's sizes span at most 0.09 of their
# median (0.14 of one person), and between upright and sitting gravity turns by 24, 64 and 69 degrees in the median of
# UCI HAR's, GeoTec's and MotionSense's mountings. A scale leaves both as they are; an offset changes the sizes, or
# leaves the direction hardly free to turn.
_SAME_SIZE, _TURNED_DEG = 0.15, 16.0
# They walk with 1.6 to 2.1 steps a second, in the median 1.76 (UCI HAR), 1.73 (GeoTec) and 1.88 (MotionSense). The
# limits are half of that median, below which a wrist stays that swings once in two steps, and twice the slowest.
# One of these 68 people, of GeoTec, shows two beats a step: 3.8 a second. One such person does not make the median of
# three wrong, but that of one or two: for so few the limits are twice as wide.
_STEPS_HZ = (0.88, 3.2)
_ENOUGH_PEOPLE = 3
_LEAST_WINDOWS = 3  # a person with fewer of walking is not counted: one window may show another beat
_BEATS_FROM_HZ = 0.3  # slower is drift
_ENOUGH_WINDOWS = 10
_STEPS_WINDOW = 256  # samples; the least is a quarter of it
# Each of them turns with a median of 0.48 to 2.68 rad/s while walking: the limits lie midway to what the other unit
# would make of it.
_WALKING_RAD_S = (0.15, 9.0)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """A sentence `about` a part of recordings of a `placement`, and whether it says that something does not fit.

    `numbers` are those that it is about, by their names in JSON; `placement` is "" where it is about all.
    """

    about: str
    text: str
    is_fault: bool = False
    numbers: Mapping[str, object] = field(default_factory=dict)
    placement: str = ""


@dataclass(frozen=True)
class GyroscopeHand:
    """How dg/dt goes with -w x g while a device turns slowly: `correlation`, and how many `times` as large it is.

    It does so for `seconds` in all. A rate that is so many times too high makes dg/dt so many times larger.
    """

    correlation: float
    times: float
    seconds: float


def sensor_findings(recordings: Sequence[Recording], units: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what recordings of the same placement show; `units` are those that their layout writes, by sensor."""
    first = [_gravity(recordings, units.get("acceleration")), *_steps(recordings)]
    yield from first
    yield from _sign(recordings)
    # How gravity turns says nothing of the gyroscope where gravity or time is wrong.
    yield from _rotation(recordings, units.get("rotation"), by_gravity=not any(x.is_fault for x in first))
    yield from _dead_axes(recordings)


def gravity_size(recordings: Sequence[Recording]) -> float:
    """The median size of smoothed acceleration, in g."""
    return float(np.median(np.concatenate([np.linalg.norm(_smoothed(x.samples[:, :3]), axis=1) for x in recordings])))


def gyroscope_hand(recordings: Sequence[Recording]) -> GyroscopeHand | None:
    """The hand of the gyroscope; None where nothing turns for long enough."""
    measured, expected = [np.empty((0, 3))], [np.empty((0, 3))]
    for x in recordings:
        if x.has_gyroscope and len(x.samples) > RATE_HZ:
            smooth, movement = smoothed_and_movement(x.samples)
            change = np.gradient(smooth[:, :3], 1 / RATE_HZ, axis=0)
            size = np.linalg.norm(change, axis=1)
            is_turning = (size > _TURNING[0]) & (size < _TURNING[1]) & (movement < CALM_G**2)
            measured.append(change[is_turning])
            expected.append(-np.cross(smooth[:, 3:], smooth[:, :3])[is_turning])
    a, b = (np.concatenate(x) for x in (measured, expected))
    if len(a) < _LEAST_TURNING_S * RATE_HZ or not b.any():
        return None
    squares = (b**2).sum(axis=1)
    is_fast = (squares >= np.median(squares)) & (squares > 0)  # of slow turns noise makes the slope smaller
    slopes = (a * b).sum(axis=1)[is_fast] / squares[is_fast]
    correlation = float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    return GyroscopeHand(correlation, float(np.median(slopes)), len(a) / RATE_HZ)


def _gravity(recordings: Sequence[Recording], unit: str | None) -> Finding:
    size = gravity_size(recordings)
    numbers = {"gravity_g": size}
    if _is_gravity(size):
        return Finding("gravity", f"Gravity has a size of {size:.2f} g: the unit of acceleration fits.", False, numbers)
    if size < _NO_GRAVITY_G and not _is_gravity(size * STANDARD_GRAVITY):
        mend = 'it has no gravity; give columns that have it, or add gravity\'s, as [["gravity.x", "acc.x"], ...]'
    elif _has_offset(recordings):
        mend = (
            "an offset seems to be in the numbers, as its size changes with the device's direction, or its direction "
            "hardly does: write offset under [acceleration], minus what the numbers are around"
        )
    elif unit != "m/s2" and _is_gravity(size / STANDARD_GRAVITY):
        mend = 'write unit = "m/s2" under [acceleration]'
    elif unit != "g" and _is_gravity(size * STANDARD_GRAVITY):
        mend = 'write unit = "g" under [acceleration]'
    else:
        mend = (
            f"multiply scale under [acceleration] (1 where there is none) by {1 / size:.5g}, if its columns are those "
            "of acceleration"
        )
    return Finding("gravity", f"Gravity has a size of {size:.3g} g instead of 1: {mend}.", True, numbers)


def _is_gravity(size: float) -> bool:
    return _GRAVITY_G[0] <= size <= _GRAVITY_G[1]


def _has_offset(recordings: Sequence[Recording]) -> bool:
    """Tell whether gravity's size changes in calm, or its direction is nearly the same upright and at rest."""
    calm = []
    by_mounting: dict[Mounting, list[Recording]] = {}
    for x in recordings:
        by_mounting.setdefault(x.mounting, []).append(x)
        smooth, movement = smoothed_and_movement(x.samples[:, :3])
        sizes = np.linalg.norm(smooth, axis=1)
        calm.append(sizes[movement < (CALM_G * sizes) ** 2])
    sizes = np.concatenate(calm)
    if len(sizes):
        low, middle, high = np.percentile(sizes, [5, 50, 95])
        if high - low > _SAME_SIZE * middle:
            return True
    turns = [max(x) for x in map(_turns_deg, by_mounting.values()) if x]
    return bool(turns) and float(np.median(turns)) < _TURNED_DEG


def _turns_deg(recordings: Sequence[Recording]) -> list[float]:
    """How far mean acceleration turns between upright and each posture at rest that there is, in degrees."""
    upright, *resting = (
        x.mean(axis=0) / np.linalg.norm(x.mean(axis=0)) if len(x) else None
        for x in (_acceleration_of(recordings, names) for names in (_UPRIGHT, *((x,) for x in _RESTING)))
    )
    if upright is None:
        return []
    return [float(np.degrees(np.arccos(np.clip(upright @ x, -1, 1)))) for x in resting if x is not None]


def _acceleration_of(recordings: Sequence[Recording], names: Collection[str]) -> Array:
    """The acceleration `[n, 3]` of all samples with a label of these `names`."""
    return np.concatenate(
        [
            x.samples[np.isin(x.labels, [i for i, name in enumerate(x.label_names) if name in names]), :3]
            for x in recordings
        ]
    )


def _steps(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """A number of steps a second that nobody walks with, of which the rate or the clock is the reason."""
    people: dict[int | str, list[Recording]] = {}
    for x in recordings:
        people.setdefault(x.subject, []).append(x)
    found = [x for x in map(_steps_hz, people.values()) if len(x) >= _LEAST_WINDOWS]
    medians = [float(np.median(x)) for x in found]
    steps = float(np.median(medians)) if sum(map(len, found)) >= _ENOUGH_WINDOWS else None
    slack = 1 if len(found) >= _ENOUGH_PEOPLE else 2
    if steps and not _STEPS_HZ[0] / slack <= steps <= _STEPS_HZ[1] * slack:
        yield Finding(
            "steps",
            f"People labelled WALKING step {steps:.2g} times a second, where 1.5 to 2.5 times is usual: see rate, or "
            "the unit under [time].",
            True,
            {"steps_hz": steps},
        )


def _steps_hz(recordings: Sequence[Recording]) -> list[float]:
    """The commonest beat of each window of walking."""
    found: list[float] = []
    for stretch in _walking(recordings):
        for start in range(0, len(stretch) + 1 - _STEPS_WINDOW // 4, _STEPS_WINDOW // 2):
            power = beats(stretch[start : start + _STEPS_WINDOW, :3], RATE_HZ)
            power[: round(_BEATS_FROM_HZ / GRID_HZ)] = 0
            found.append(GRID_HZ * float(power.argmax()))
    return found


def _walking(recordings: Sequence[Recording]) -> list[Array]:
    """The samples of each stretch that is labelled WALKING."""
    return [
        x.samples[first:end]
        for x in recordings
        for first, end, label in segments(x.labels)
        if 0 <= label < len(x.label_names) and x.label_names[label] == "WALKING"
    ]


def _sign(recordings: Sequence[Recording]) -> Iterator[Finding]:
    together = _acceleration_of(recordings, _UPRIGHT)
    when = "While people stand or walk"
    if not len(together):
        together, when = np.concatenate([x.samples[:, :3] for x in recordings]), "On average"
    means = together.mean(axis=0).tolist()
    shown = ", ".join(f"{axis} {value:+.2f}" for axis, value in zip("xyz", means, strict=True))
    text = f"{when} acceleration is {shown} g on the device's axes."
    yield Finding("axes", text, numbers={"acceleration_g": means})


def _rotation(recordings: Sequence[Recording], written: str | None, by_gravity: bool) -> Iterator[Finding]:
    with_rotation = [x for x in recordings if x.has_gyroscope]
    if not with_rotation:
        yield Finding("rotation", "There is no rotation: models of it take acceleration alone.")
        return
    walking = _walking(with_rotation)
    size = float(np.median(np.linalg.norm(np.concatenate(walking)[:, 3:], axis=1))) if walking else 0.0
    if size and not _WALKING_RAD_S[0] <= size <= _WALKING_RAD_S[1]:
        unit, in_unit = ("rad/s", np.degrees(size)) if size < 1 else ("deg/s", np.radians(size))
        is_unit = _WALKING_RAD_S[0] <= in_unit <= _WALKING_RAD_S[1] and unit != written
        mend = f'write unit = "{unit}" under [rotation]; else see its' if is_unit else "see [rotation]'s"
        yield Finding(
            "rotation",
            f"People labelled WALKING turn the device with {size:.2g} rad/s, where 0.5 to 3 is usual: {mend} columns "
            "and scale.",
            True,
            {"rotation_rad_s": size},
        )
        return
    if not by_gravity:
        return
    hand = gyroscope_hand(recordings)
    if hand is None:
        yield Finding("rotation", "Nothing turns slowly for long enough to see the gyroscope's hand and unit.")
        return
    numbers = {"correlation": hand.correlation, "times": hand.times, "turning_s": hand.seconds}
    yield replace(_hand(hand, written), numbers=numbers)


def _hand(hand: GyroscopeHand, written: str | None) -> Finding:
    """What the gyroscope's hand shows of rotation, whose `written` unit is that of a layout."""
    if hand.correlation < _AGAINST or (hand.times <= 0 and hand.correlation >= _SURE):
        return Finding(
            "rotation",
            f"Gravity turns against the gyroscope (correlation {hand.correlation:+.2f}, {hand.times:.2g} times as fast "
            "in the median): turn sign under [rotation] round: sign = -1, or 1 if it is -1; or see that columns of "
            "both sensors are x, y and z of the same axes.",
            is_fault=True,
        )
    if hand.correlation < _SURE and hand.seconds >= _ENOUGH_TURNING_S:
        return Finding(
            "rotation",
            f"Gravity's turns hardly go with the gyroscope's (correlation {hand.correlation:+.2f}): see that columns "
            "under [acceleration] and [rotation] are x, y and z of the same axes, and rate or the unit under [time].",
            is_fault=True,
        )
    if hand.times > _ANOTHER_UNIT or 0 < hand.times < 1 / _ANOTHER_UNIT:
        unit = "rad/s" if hand.times > 1 else "deg/s"
        mend = f'write unit = "{unit}" under [rotation], or another scale'
        if unit == written:
            mend = (
                f'unit = "{unit}" under [rotation] is not the reason; multiply scale there (1 where there is none) by '
                f"{hand.times:.2g}, or see its columns, and rate or the unit under [time]"
            )
        return Finding(
            "rotation", f"Gravity turns {hand.times:.2g} times as fast as the gyroscope: {mend}.", is_fault=True
        )
    if hand.correlation < _SURE:
        return Finding(
            "rotation",
            f"Gravity turns with the gyroscope by a correlation of {hand.correlation:+.2f}, but there are "
            f"{hand.seconds:.0f} s of slow turns alone: from {_ENOUGH_TURNING_S:.0f} s on these show whether axes fit.",
        )
    if hand.seconds >= _ENOUGH_TURNING_S and not _USUAL[0] < hand.times < _USUAL[1]:
        return Finding(
            "rotation",
            f"Gravity turns {hand.times:.2f} times as fast as the gyroscope, where 0.9 to 1.2 times is usual: samples "
            f"seem to come {1 / hand.times:.2g} times as fast as rate or [time] says; else see scale under [rotation].",
            is_fault=True,
        )
    return Finding(
        "rotation", f"Gravity turns with the gyroscope (correlation {hand.correlation:+.2f}): hand and unit fit."
    )


def _dead_axes(recordings: Sequence[Recording]) -> Iterator[Finding]:
    names = [f"{sensor} {axis}" for sensor in ("acceleration", "rotation") for axis in "xyz"]
    n = 6 if all(x.has_gyroscope for x in recordings) else 3
    for column, name in enumerate(names[:n]):
        still = [x for x in recordings if float(np.ptp(x.samples[:, column])) < 1e-9]
        if still:
            table = name.split()[0]
            named = f", {still[0].file} first" if still[0].file else ""
            yield Finding(
                "still axis",
                f"The axis {name} never changes in {counted(len(still), 'recording')} of {len(recordings)}{named}: see "
                f"columns under [{table}], or leave such files out.",
                is_fault=True,
            )


def _smoothed(samples: Array) -> Array:
    """`samples` `[n, k]` averaged over a second around each."""
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(samples, round(_SMOOTHED_S * RATE_HZ), axis=0, mode="nearest"))


def smoothed_and_movement(samples: Array) -> tuple[Array, Array]:
    """Smoothed `samples` `[n, k]`, and how far acceleration is from its own: the mean square `[n]` over a second."""
    smooth = _smoothed(samples)
    return smooth, _smoothed(((samples[:, :3] - smooth[:, :3]) ** 2).sum(axis=1))
