"""Check a layout by the numbers of sensors: units, the gyroscope's hand, the rate, and how devices are worn.

Gravity has a size of 1 g. While a device turns slowly, gravity g turns in its axes against its rotation w: dg/dt is
-w x g, by which a gyroscope of the wrong hand, or in another unit, is seen, and a wrong rate. The sign of acceleration
is not: a device upside down measures the same. People walk with one to three steps a second, and whoever walks has
gravity in the mean acceleration: where it differs from walk to walk, a device was put on anew.

References
----------
R. Mahony, T. Hamel, J.-M. Pflimlin: Nonlinear complementary filters on the special orthogonal group. IEEE Transactions
on Automatic Control 53(5), 2008 (the kinematics of a direction that a gyroscope sees).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Mounting, Recording, segments
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.steps import GRID_HZ, beats
from edge_runtime.system.quantities import counted

# Limits lie midway between right and wrong units, axes and rates, of 68 people of three data sets.
_GRAVITY_G = (0.9, 1.1)
_SMOOTHED_S = 1.0
_TURNING = (0.1, 3.0)  # g/s: slower is noise, faster no turn
_CALM_G = 0.2  # so little movement (root mean square) that smoothed acceleration is gravity; with more a body moves
_LEAST_TURNING_S, _ENOUGH_TURNING_S = 5.0, 20.0
_SURE, _AGAINST = 0.5, -0.3  # correlation
_USUAL = (0.7, 1.3)  # times that gravity turns as fast as the gyroscope says
_STEPS_HZ = (0.88, 3.2)  # the slower for a wrist, which swings once in two steps; of one or two people twice as wide
_ENOUGH_PEOPLE, _ENOUGH_WINDOWS, _LEAST_WINDOWS = 3, 10, 3  # the last of each person
_BEATS_FROM_HZ = 0.3  # slower is drift
_STEPS_WINDOW = 256  # samples; the least is a quarter of it
_ELSEWHERE_DEG = 45.0  # beyond which live recognition too takes a device to be elsewhere
_TOO_MANY, _LEAST_ELSEWHERE = 1 / 3, 2  # share and number of walks; one of two may have been put back otherwise
_PAUSE_S, _LEAST_WALKING_S = 1.0, 2.5  # within a walk, and of one by its label
_LEAST_MOVEMENT_S = 5.0  # of any: sitting down and lying down take less
_UPRIGHT = ("STANDING", "WALKING")
_WALKS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")

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


def sensor_findings(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Yield what recordings of the same placement show."""
    first = [_gravity(recordings), *_steps(recordings)]
    yield from first
    yield _axes(recordings)
    # How gravity turns says nothing of the gyroscope, nor of mountings, where gravity or time is wrong.
    fits = not any(x.is_fault for x in first)
    yield from _rotation(recordings, by_gravity=fits)
    yield from _still_axes(recordings)
    if fits:
        yield from _mountings(recordings)


def gravity_size(recordings: Sequence[Recording]) -> float:
    """The median size of smoothed acceleration, in g."""
    return float(np.median(np.concatenate([np.linalg.norm(_smoothed(x.samples[:, :3]), axis=1) for x in recordings])))


def gyroscope_hand(recordings: Sequence[Recording]) -> GyroscopeHand | None:
    """The hand of the gyroscope; None where nothing turns for long enough."""
    measured, expected = [np.empty((0, 3))], [np.empty((0, 3))]
    for x in recordings:
        if x.has_gyroscope and len(x.samples) > RATE_HZ:
            smooth, movement = _smoothed_and_movement(x.samples)
            change = np.gradient(smooth[:, :3], 1 / RATE_HZ, axis=0)
            size = np.linalg.norm(change, axis=1)
            is_turning = (size > _TURNING[0]) & (size < _TURNING[1]) & (movement < _CALM_G**2)
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


def _gravity(recordings: Sequence[Recording]) -> Finding:
    size = gravity_size(recordings)
    numbers = {"gravity_g": size}
    if _GRAVITY_G[0] <= size <= _GRAVITY_G[1]:
        return Finding("gravity", f"Gravity has a size of {size:.2f} g: the unit of acceleration fits.", False, numbers)
    mend = "see unit, scale and offset under [acceleration], and that its columns include gravity"
    return Finding("gravity", f"Gravity has a size of {size:.3g} g instead of 1: {mend}.", True, numbers)


def _steps(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """A number of steps a second that nobody walks with, of which the rate or the clock is the reason."""
    people: dict[int | str, list[Recording]] = {}
    for x in recordings:
        people.setdefault(x.subject, []).append(x)
    found = [x for x in map(_steps_hz, people.values()) if len(x) >= _LEAST_WINDOWS]
    steps = float(np.median([np.median(x) for x in found])) if sum(map(len, found)) >= _ENOUGH_WINDOWS else None
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


def _is_labelled(recording: Recording, names: Collection[str]) -> npt.NDArray[np.bool_]:
    """Which samples `[n]` have a label of these `names`."""
    return np.isin(recording.labels, [i for i, x in enumerate(recording.label_names) if x in names])


def _axes(recordings: Sequence[Recording]) -> Finding:
    together = np.concatenate([x.samples[_is_labelled(x, _UPRIGHT), :3] for x in recordings])
    when = "While people stand or walk"
    if not len(together):
        together, when = np.concatenate([x.samples[:, :3] for x in recordings]), "On average"
    means = together.mean(axis=0).tolist()
    shown = ", ".join(f"{axis} {value:+.2f}" for axis, value in zip("xyz", means, strict=True))
    return Finding("axes", f"{when} acceleration is {shown} g on the device's axes.", numbers={"acceleration_g": means})


def _rotation(recordings: Sequence[Recording], by_gravity: bool) -> Iterator[Finding]:
    if not any(x.has_gyroscope for x in recordings):
        yield Finding("rotation", "There is no rotation: models of it take acceleration alone.")
    elif by_gravity:
        hand = gyroscope_hand(recordings)
        if hand is None:
            yield Finding("rotation", "Nothing turns slowly for long enough to see the gyroscope's hand and unit.")
        else:
            yield _hand(hand)


def _hand(hand: GyroscopeHand) -> Finding:
    """What the gyroscope's hand shows of rotation."""
    seen = (
        f"gravity turns with the gyroscope by a correlation of {hand.correlation:+.2f}, {hand.times:.2g} times as fast"
    )
    is_long = hand.seconds >= _ENOUGH_TURNING_S
    fault = True
    if hand.correlation < _AGAINST or (hand.times <= 0 and hand.correlation >= _SURE):
        mend = "turn sign under [rotation] round, or see that columns of both sensors are x, y and z of the same axes"
    elif hand.correlation < _SURE and is_long:
        mend = "see that columns of both sensors are x, y and z of the same axes, and rate or the unit under [time]"
    elif hand.correlation >= _SURE and is_long and not _USUAL[0] < hand.times < _USUAL[1]:
        mend = "see unit (rad/s or deg/s) and scale under [rotation], and rate or the unit under [time]"
    else:
        mend, fault = "hand and unit fit" if hand.correlation >= _SURE else "so short a time shows little", False
    numbers = {"correlation": hand.correlation, "times": hand.times, "turning_s": hand.seconds}
    return Finding("rotation", f"In slow turns {seen}: {mend}.", fault, numbers)


def _still_axes(recordings: Sequence[Recording]) -> Iterator[Finding]:
    names = [(sensor, axis) for sensor in ("acceleration", "rotation") for axis in "xyz"]
    n = 6 if all(x.has_gyroscope for x in recordings) else 3
    for column, (sensor, axis) in enumerate(names[:n]):
        still = [x for x in recordings if float(np.ptp(x.samples[:, column])) < 1e-9]
        if still:
            named = f", {still[0].file} first" if still[0].file else ""
            yield Finding(
                "still axis",
                f"The axis {sensor} {axis} never changes in {counted(len(still), 'recording')} of {len(recordings)}"
                f"{named}: see columns under [{sensor}], or leave such files out.",
                is_fault=True,
            )


def _mountings(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """How walks in the same mounting differ in the direction of gravity.

    Where nothing is labelled walking all movement that lasts counts: with labels a wrist may turn between activities.
    """
    has_walking = any(set(_WALKS).intersection(x.found_labels) for x in recordings)
    by_mounting: dict[Mounting, list[tuple[str, Array]]] = {}
    for x in recordings:
        by_mounting.setdefault(x.mounting, []).extend(_walks(x, has_walking))
    compared = [x for x in by_mounting.values() if len(x) > 1]
    if not compared:
        return
    apart = [x for walks in compared for x in _apart_deg(walks)]
    elsewhere = [where for where, deg in apart if deg > _ELSEWHERE_DEG]
    n, median = sum(map(len, compared)), float(np.median([deg for _, deg in apart]))
    numbers = {"walks": n, "mountings": len(compared), "elsewhere": len(elsewhere), "median_deg": median}
    what = "walking" if has_walking else "movement"
    seen = (
        f"In {len(elsewhere)} of {n} stretches of {what} the device points elsewhere than in the rest of its mounting"
    )
    seen += f", {elsewhere[0]} first" if elsewhere else ""
    is_fault = len(elsewhere) >= max(_LEAST_ELSEWHERE, _TOO_MANY * len(apart))
    mend = (
        ': where it was put on anew for each file write mounting = "each file" above all tables, and cut files '
        "where it was put on anew within them"
    )
    yield Finding("mounting", f"{seen}{mend if is_fault else ''}.", is_fault, numbers)


def _walks(recording: Recording, only_walking: bool) -> Iterator[tuple[str, Array]]:
    """Where each stretch of movement is, of walking alone or any, and the direction `[3]` of gravity in it."""
    smooth, movement = _smoothed_and_movement(recording.samples[:, :3])
    counts = movement > _CALM_G**2
    if only_walking:
        counts &= _is_labelled(recording, _WALKS)
    least_s = _LEAST_WALKING_S if only_walking else _LEAST_MOVEMENT_S
    rows = np.flatnonzero(counts)
    for walk in np.split(rows, np.flatnonzero(np.diff(rows) > _PAUSE_S * RATE_HZ) + 1):
        if len(walk) >= least_s * RATE_HZ:
            mean = smooth[walk].mean(axis=0)
            yield f"{recording.file} at {walk[0] / RATE_HZ:.0f} s".strip(), mean / np.linalg.norm(mean)


def _apart_deg(walks: Sequence[tuple[str, Array]]) -> list[tuple[str, float]]:
    """How far the device points in each walk of a mounting from that which is nearest to all, which is left out."""
    directions = np.stack([up for _, up in walks])
    apart = np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))
    nearest = int(apart.sum(axis=0).argmin())
    return [(where, float(apart[i, nearest])) for i, (where, _) in enumerate(walks) if i != nearest]


def _smoothed(samples: Array) -> Array:
    """`samples` `[n, k]` averaged over a second around each."""
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(samples, round(_SMOOTHED_S * RATE_HZ), axis=0, mode="nearest"))


def _smoothed_and_movement(samples: Array) -> tuple[Array, Array]:
    """Smoothed `samples` `[n, k]`, and how far acceleration is from its own: the mean square `[n]` over a second."""
    smooth = _smoothed(samples)
    return smooth, _smoothed(((samples[:, :3] - smooth[:, :3]) ** 2).sum(axis=1))
