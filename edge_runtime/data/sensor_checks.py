"""Check the numbers of sensors for wrong units, axes and rates, and for devices that were taken off and put on again.

Slow turns show a gyroscope of other axes or in another unit, and a wrong rate. The mean acceleration of someone who
walks is gravity: if it differs from walk to walk, the device was put on again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import WINDOW
from edge_runtime.data.recording import Recording
from edge_runtime.signals.axes import UPRIGHT_AXES
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.gyroscope_axes import CALM_G, correlation, expected_change, has_other_axes, slow_turns
from edge_runtime.signals.sensor_faults import MOST_ROTATION, MOVED
from edge_runtime.signals.types import STANDARD_GRAVITY, Array
from edge_runtime.system.quantities import counted

# Limits lie midway between right and wrong units, axes and rates of 68 people of three data sets.
_GRAVITY_G = (0.9, 1.1)
_SMOOTHED_S = 1.0
_LEAST_TURNING_S, _ENOUGH_TURNING_S, _LEAST_FAST_S = 5.0, 20.0, 2.0
_SURE, _NONE, _AGAINST = 0.5, 0.3, -0.3  # correlation; of a noisy gyroscope on a belt 0.43
_USUAL = (0.7, 1.3)  # times that gravity turns as fast as the gyroscope says
# Limits for one file: in five data sets, files of jogging have up to 1.27 g, and of falls 0.88 g. After 10 s of turns,
# times are 0.7 to 1.6.
_OF_FILE_G, _OF_FILE_TIMES, _OF_FILE_TURNING_S, _OF_FILE_SURE = (0.7, 1.4), (0.5, 2.0), 10.0, 0.7
_ELSEWHERE_DEG = 45.0  # as in live recognition
_TOO_MANY, _LEAST_ELSEWHERE = 1 / 3, 2  # share and number of walks; one of two may have been put back differently
_FEW = 0.1  # share of walks, in files that are mountings of their own
_PAUSE_S, _LEAST_WALKING_S = 1.0, 2.5  # within a walk, and of one by its label
_LEAST_MOVEMENT_S = 5.0  # sitting down and lying down take less
_UPRIGHT, _UPRIGHT_G = ("STANDING", "WALKING"), 0.7  # g: on average, on the axis that points up
_ARMS = ("wrist", "hand", "arm")
_WALKS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")

_STUCK_S = 10.0  # in which no axis stays the same while another moves
_MOST_NAMED = 8


@dataclass(frozen=True)
class Finding:
    """A sentence `about` a part of the recordings of a `placement`, "" for all, with its `numbers` for JSON."""

    about: str
    text: str
    is_fault: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)
    placement: str = ""


def listed(names: Sequence[str]) -> str:
    """The first of the `names`, for a sentence."""
    return ", ".join(names[:_MOST_NAMED]) + ", ..." * (len(names) > _MOST_NAMED)


def sensor_findings(recordings: Sequence[Recording], in_header: bool = False) -> Iterator[Finding]:
    """The findings about sensors at the same placement; columns and units are `in_header`, or in a layout."""
    fitting, odd = _without_odd_files(recordings, _gravity, in_header)
    yield (gravity := _gravity(fitting, in_header))
    yield from odd
    yield _axes(fitting)
    yield from _still_axes(recordings, in_header)
    turning: Sequence[Recording] = [recording for recording in fitting if recording.has_gyroscope]
    if not turning:
        yield Finding("rotation", "There is no rotation: use a model that needs only acceleration.")
    elif not gravity.is_fault:
        turning, odd = _without_odd_files(turning, _hand, in_header)
        yield _hand(turning, in_header)
        yield from odd
    if not gravity.is_fault:
        yield from _mountings(fitting)


def _without_odd_files(
    recordings: Sequence[Recording], check: Callable[[Sequence[Recording], bool], Finding], in_header: bool
) -> tuple[Sequence[Recording], list[Finding]]:
    """The recordings without the files that are far off by a `check`, and a finding on these; all if none is left."""
    by_file: dict[str, list[Recording]] = {}
    for recording in recordings:
        if len(recording.samples) >= WINDOW.samples:
            by_file.setdefault(recording.file, []).append(recording)
    odd = {file: x for file, of_file in by_file.items() if _is_far_off(x := check(of_file, in_header))}
    if len(odd) in (0, len(by_file)):
        return recordings, []
    findings: list[Finding] = []
    by_fault: dict[tuple[bool, bool], list[str]] = {}
    for file, x in odd.items():
        by_fault.setdefault((x.numbers.get("other_axes", False), _ratio(x) > 1), []).append(file)
    for _, alike in sorted(by_fault.items()):
        first = odd[alike[0]]
        where = f"In {len(alike)} of {len(by_file)} files, for example {alike[0]}"
        text = f"{where}: {first.text[0].lower()}{first.text[1:]}"
        findings.append(replace(first, text=text, numbers={"files": len(alike), **first.numbers}))
    return [x for x in recordings if x.file not in odd], findings


def _ratio(of_file: Finding) -> float:
    """How many times as great as it should be the size of gravity or the speed of rotation is."""
    numbers = of_file.numbers
    return float(numbers["gravity_g" if of_file.about == "gravity" else "times"])


def _is_far_off(of_file: Finding) -> bool:
    """Tell whether the numbers of a file differ by more than movement or noise explains."""
    numbers = of_file.numbers
    if of_file.about == "gravity":
        return not _OF_FILE_G[0] <= _ratio(of_file) <= _OF_FILE_G[1]
    if numbers.get("turning_s", 0) < _OF_FILE_TURNING_S:
        return "rotation_rad_s" in numbers
    is_off = not _OF_FILE_TIMES[0] < numbers["times"] < _OF_FILE_TIMES[1]
    return bool(numbers["other_axes"]) or (is_off and abs(numbers["correlation"]) >= _OF_FILE_SURE)


def _gravity(recordings: Sequence[Recording], in_header: bool) -> Finding:
    sizes = [np.linalg.norm(_smoothed(recording.samples[:, :3]), axis=1) for recording in recordings]
    size = float(np.median(np.concatenate(sizes)))
    is_fault = not _GRAVITY_G[0] <= size <= _GRAVITY_G[1]
    unit = "its unit in the header" if in_header else "unit, scale and offset under [acceleration]"
    is_in_g = 0.9 < size * STANDARD_GRAVITY < 1.1
    mend = f"should be 1: see {unit}{' (g, not m/s2)' if is_in_g else ', and whether its columns include gravity'}"
    text = f"Gravity has a size of {size:.3g} g, and {mend if is_fault else 'the unit of acceleration fits'}."
    return Finding("gravity", text, is_fault, {"gravity_g": size})


def _is_labelled(recording: Recording, names: Collection[str]) -> npt.NDArray[np.bool_]:
    """Which samples `[n]` have a label of these `names`."""
    return np.isin(recording.labels, [i for i, name in enumerate(recording.label_names) if name in names])


def _axes(recordings: Sequence[Recording]) -> Finding:
    by_person: dict[int | str, list[Array]] = {}
    is_known = any(_is_labelled(recording, _UPRIGHT).any() for recording in recordings)
    for recording in recordings:
        samples = recording.samples[_is_labelled(recording, _UPRIGHT) if is_known else slice(None), :3]
        if len(samples):
            by_person.setdefault(recording.subject, []).append(samples)
    people = {person: np.concatenate(parts).mean(axis=0) for person, parts in by_person.items()}
    means = np.concatenate([part for parts in by_person.values() for part in parts]).mean(axis=0)
    shown = ", ".join(f"{axis} {value:+.2f}" for axis, value in zip("xyz", means, strict=True))
    when = "While people stand or walk" if is_known else "On average"
    text = f"{when} acceleration is {shown} g on the device's axes"
    is_judged = is_known and not turn_with_arms(recordings)
    ups = {str(person): axis for person, mean in people.items() if is_judged and (axis := _axis_up(mean))}
    up = next((axis for axis, n in Counter(ups.values()).items() if 2 * n > len(ups)), "")
    over = [person for person, axis in ups.items() if axis != up]
    text += f": {up} points up" * bool(up)
    if up in UPRIGHT_AXES:
        text += f'. A layout\'s axes = "{UPRIGHT_AXES[up]}" turns x up, or train with --frame walking'
    if over:
        text += f". Another axis points up for {listed(over) if up else 'each person'}: train with --frame walking"
    return Finding("axes", f"{text}.", numbers={"acceleration_g": means.tolist(), "up": up, "others": over})


def turn_with_arms(recordings: Sequence[Recording]) -> bool:
    """Tell whether the recordings, of one placement, are of a wrist or hand, which turns with what people do."""
    return any(arm in recordings[0].mounting.placement.casefold() for arm in _ARMS)


def _axis_up(gravity: Array) -> str:
    """The axis that points up by the mean acceleration `[3]` (g) of someone upright; "" if none does."""
    axis = int(np.abs(gravity).argmax())
    return ("-" if gravity[axis] < 0 else "") + "xyz"[axis] if abs(gravity[axis]) > _UPRIGHT_G else ""


def _hand(recordings: Sequence[Recording], in_header: bool) -> Finding:
    """How gravity turns with the gyroscope in slow turns: their correlation, and how many times as fast."""
    turns = np.concatenate([slow_turns(recording.samples) for recording in recordings if recording.has_gyroscope])
    a, b = turns[:, :3], expected_change(turns)
    seconds = len(turns) / RATE_HZ
    unit = "the unit of rotation" if in_header else "unit and scale under [rotation]"
    speed = float(np.quantile(np.linalg.norm(np.concatenate([x.samples[:, 3:] for x in recordings]), axis=1), 0.9))
    if seconds < _OF_FILE_TURNING_S and speed > 2 * MOST_ROTATION:
        text = f"Rotation is often {speed:.0f} rad/s, which nobody reaches: see {unit} (rad/s or deg/s)."
        return Finding("rotation", text, True, {"rotation_rad_s": speed, "times": 1 / speed})
    is_other = has_other_axes(turns, _OF_FILE_SURE) if seconds >= _OF_FILE_TURNING_S else has_other_axes(turns)
    if (seconds < _LEAST_TURNING_S and not is_other) or not b.any():
        return Finding("rotation", "Nothing turns slowly for long enough to see the gyroscope's hand and unit.")
    squares = (b**2).sum(axis=1)
    is_fast = squares * (a**2).sum(axis=1) > 1  # faster than 1 g/s by the mean of both
    is_sure = is_fast.sum() >= _LEAST_FAST_S * RATE_HZ
    if not is_sure:
        is_fast = (squares >= np.median(squares)) & (squares > 0)
    times = float(np.median((a * b).sum(axis=1)[is_fast] / squares[is_fast]))
    together = correlation(a, b)
    enough_s = _ENOUGH_TURNING_S if _OF_FILE_TIMES[0] < times < _OF_FILE_TIMES[1] else _OF_FILE_TURNING_S
    is_long, fault = seconds >= enough_s, True
    least = _USUAL[0] * (1 if is_sure else together**2)  # noise can make the slope of slow turns this much smaller
    time = "the unit of timestamp in the header" if in_header else "rate or the unit under [time]"
    if is_other or together < _AGAINST or (times <= 0 and together >= _SURE):
        sign = "the signs of rotation" if in_header else "sign under [rotation]"
        mend = f"turn {sign} round, or see that columns of both sensors are x, y and z of the same axes"
    elif together < _NONE and is_long:
        mend = f"see that columns of both sensors are x, y and z of the same axes, and {time}"
    elif together >= _SURE and is_long and not least < times < _USUAL[1]:
        mend = f"see {unit} (rad/s or deg/s), and {time}"
    else:
        fits = "hand and unit fit" if times > _USUAL[0] else "the hand fits; nothing turns fast enough for the unit"
        mend, fault = fits if together >= _SURE else "the hand and the unit cannot be told", False
    seen = f"gravity turns with the gyroscope by a correlation of {together:+.2f}, {times:.2g} times as fast"
    numbers = {"correlation": together, "times": times, "turning_s": seconds, "other_axes": is_other}
    return Finding("rotation", f"In slow turns {seen}: {mend}.", fault, numbers)


def _still_axes(recordings: Sequence[Recording], in_header: bool) -> Iterator[Finding]:
    sensors = ["acceleration", *(["rotation"] if all(recording.has_gyroscope for recording in recordings) else [])]
    judged = [x for x in recordings if len(x.samples) >= WINDOW.samples]
    for first, sensor in enumerate(sensors if judged else ()):
        still = np.array([_still(x.samples[:, 3 * first : 3 * first + 3], MOVED[first]) for x in judged])
        if still.any():
            axes = ["xyz"[i] for i in np.flatnonzero(still.any(axis=0))]
            text = f"In {int(still.any(axis=1).sum())} of {counted(len(judged), 'recording')}"
            text += f", for example {name}," if (name := judged[int(still.any(axis=1).argmax())].file) else ""
            place = "in the header" if in_header else f"under [{sensor}]"
            text += f" nothing changes in {sensor} {', '.join(axes)} for {_STUCK_S:g} s or more: see columns {place},"
            text += " or leave files out."
            yield Finding("still axis", text, True)


def _still(values: Array, moved: float) -> npt.NDArray[np.bool_]:
    """Which axes `[3]` of `values` `[n, 3]` never change, or do not for seconds in which another axis moves.

    An axis moves if its standard deviation is over `moved`.
    """
    n = round(_STUCK_S * RATE_HZ)
    still = np.ptp(values, axis=0) < 1e-9
    for first in range(0, len(values) - n + 1, n):
        part = values[first : first + n]
        still |= (np.ptp(part, axis=0) < 1e-9) & (part.std(axis=0).max() > moved)
    return still


def _mountings(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """How walks, or without labels all long movements, in the same mounting differ in the direction of gravity.

    Where each file is a mounting, the mountings of each person are compared.
    """
    has_walking = any(set(_WALKS).intersection(recording.found_labels) for recording in recordings)
    is_anew = all(recording.file and recording.mounting.name.endswith(recording.file) for recording in recordings)
    by_mounting: dict[object, list[tuple[str, str, Array]]] = {}
    for x in recordings:
        by_mounting.setdefault(x.subject if is_anew else x.mounting, []).extend(_walks(x, has_walking))
    compared = [x for x in by_mounting.values() if len(x) > 1]
    if not compared:
        return
    everyone = np.mean([up for walks in by_mounting.values() for *_, up in walks], axis=0)
    apart: list[float] = []
    elsewhere: list[tuple[str, str]] = []
    for walks in compared:  # from the walk that is nearest to its mounting's and to all, which is left out
        directions = np.stack([up for *_, up in walks])
        nearest = int((directions @ (directions.mean(axis=0) + everyone / 4)).argmax())
        deg = np.degrees(np.arccos(np.clip(directions @ directions[nearest], -1, 1))).tolist()
        apart += [x for i, x in enumerate(deg) if i != nearest]
        elsewhere += [walk[:2] for walk, x in zip(walks, deg, strict=True) if x > _ELSEWHERE_DEG]
    in_file = Counter(file for walks in compared for file, *_ in walks)
    odd = [x for x, m in Counter(file for file, _ in elsewhere).items() if m == in_file[x] > _LEAST_ELSEWHERE]
    n, median = sum(map(len, compared)), float(np.median(apart))
    text = f"In {len(elsewhere)} of {n} stretches of {'walking' if has_walking else 'movement'} the device points "
    text += f"elsewhere than {'on the same person' if is_anew else 'in the rest of its mounting'}"
    text += f", for example in {odd[0] if odd else elsewhere[0][1]}" if elsewhere else ""
    turns = not has_walking and turn_with_arms(recordings)
    is_often = not turns and len(elsewhere) >= max(_LEAST_ELSEWHERE, _TOO_MANY * len(apart))
    is_rare = len(elsewhere) <= _FEW * len(apart) and len(apart) > _LEAST_ELSEWHERE
    if is_anew and is_rare:
        text += ': write mounting = "each subject"'
    elif is_often and not is_anew:
        text += ': if people put it on again, write mounting = "each file" above all tables, and cut files there'
    elif odd and not turns and not is_anew:
        text += f", and in {len(odd)} of {len(in_file)} files throughout: exchange columns, or leave files out"
    numbers = {"walks": n, "mountings": len(compared), "elsewhere": len(elsewhere), "median_deg": median}
    yield Finding("mounting", f"{text}.", is_rare if is_anew else is_often or (bool(odd) and not turns), numbers)


def _walks(recording: Recording, only_walking: bool) -> Iterator[tuple[str, str, Array]]:
    """File and place of each stretch of walking, or of any movement, and the direction `[3]` of gravity there."""
    acceleration = recording.samples[:, :3]
    smooth = _smoothed(acceleration)
    counts = _smoothed(((acceleration - smooth) ** 2).sum(axis=1)) > CALM_G**2  # mean square over a second
    if only_walking:
        counts &= _is_labelled(recording, _WALKS)
    least_s = _LEAST_WALKING_S if only_walking else _LEAST_MOVEMENT_S
    rows = np.flatnonzero(counts)
    for walk in np.split(rows, np.flatnonzero(np.diff(rows) > _PAUSE_S * RATE_HZ) + 1):
        if len(walk) >= least_s * RATE_HZ:
            mean = smooth[walk].mean(axis=0)
            yield recording.file, f"{recording.file} at {walk[0] / RATE_HZ:.0f} s".strip(), mean / np.linalg.norm(mean)


def _smoothed(samples: Array) -> Array:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(samples, round(_SMOOTHED_S * RATE_HZ), axis=0, mode="nearest"))
