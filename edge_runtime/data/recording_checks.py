"""Check recordings against their layout, by what their numbers, files and labels show.

Slow turns show a gyroscope of other axes or in another unit, and a wrong rate. The mean acceleration of someone who
walks is gravity: where it differs from walk to walk, the device was put on anew.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset, Recording
from edge_runtime.data.layout_recordings import LayoutRecordings
from edge_runtime.data.names import natural
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.gyroscope_axes import CALM_G, correlation, expected_change, has_other_axes, slow_turns
from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted

# Limits lie midway between right and wrong units, axes and rates of 68 people of three data sets.
_GRAVITY_G = (0.9, 1.1)
_SMOOTHED_S = 1.0
_LEAST_TURNING_S, _ENOUGH_TURNING_S, _LEAST_FAST_S = 5.0, 20.0, 2.0
_SURE, _AGAINST = 0.5, -0.3  # correlation
_USUAL = (0.7, 1.3)  # times that gravity turns as fast as the gyroscope says
_ELSEWHERE_DEG = 45.0  # as in live recognition
_TOO_MANY, _LEAST_ELSEWHERE = 1 / 3, 2  # share and number of walks; one of two may have been put back differently
_FEW = 0.1  # share of walks, in files that are mountings of their own
_PAUSE_S, _LEAST_WALKING_S = 1.0, 2.5  # within a walk, and of one by its label
_LEAST_MOVEMENT_S = 5.0  # sitting down and lying down take less
_UPRIGHT = ("STANDING", "WALKING")
_WALKS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")
_SAME_RATE = 0.1
_MOST_NAMED = 8  # placements, labels or files

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """A sentence `about` a part of the recordings of a `placement`, "" for all, with its `numbers` for JSON."""

    about: str
    text: str
    is_fault: bool = False
    numbers: Mapping[str, object] = field(default_factory=dict)
    placement: str = ""


def findings(facts: LayoutRecordings) -> list[Finding]:
    """All findings on the recordings."""
    by_placement: dict[str, list[Recording]] = {}
    for x in facts.recordings:
        by_placement.setdefault(x.mounting.placement, []).append(x)
    of_devices: list[Finding] = []
    for placement, recordings in by_placement.items():
        before = f"{placement or 'no placement'}: " if len(by_placement) > 1 else ""
        of_devices += [replace(x, text=before + x.text, placement=placement) for x in _sensors(recordings)]
    of_all = (finding for check in (_rate, _gaps, _files, _people, _labels) for finding in check(facts))
    return [*_worn(facts.recordings), *of_devices, *of_all]


def unlike_parts(data: Dataset) -> Iterator[Finding]:
    """The labels and placements that only the training windows have, or only the test windows."""
    parts = {name: x for name, x in (("training", data.train), ("test", data.test)) if len(x)}
    worn = {name: np.unique(x.mounting) for name, x in parts.items() if x.mounting is not None}
    for about, of_parts in (
        ("labels", {name: {data.labels[i] for i in np.unique(x.y)} for name, x in parts.items()}),
        ("placements", {name: {data.mountings[i].placement for i in x} - {""} for name, x in worn.items()}),
    ):
        for name, own in of_parts.items():
            if absent := sorted(set().union(*of_parts.values()) - own):
                text = f"The {name} part has no windows of the {about} {_listed(absent)}"
                yield Finding("test group", f"{text}: --test-subjects chooses other people.")


def misfits(described: Sequence[tuple[str, LayoutRecordings]], is_training: bool = False) -> Iterator[str]:
    """Sentences about what does not fit in data sets, each after its name, and about files that were left out.

    A low rate matters only for training: a network can recognise a data set by its rate.
    """
    for name, facts in described:
        for finding in findings(facts):
            if finding.is_fault and (is_training or finding.about != "rate"):
                yield f"{name} does not fit. {finding.text}"
        yield from (f"{name}: {finding.text}" for finding in _files(facts))


def _sensors(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Findings on the numbers of sensors at the same placement."""
    yield (gravity := _gravity(recordings))
    yield _axes(recordings)
    yield from _still_axes(recordings)
    if not any(x.has_gyroscope for x in recordings):
        yield Finding("rotation", "There is no rotation: models of acceleration take such data.")
    elif not gravity.is_fault:
        yield _hand(recordings)
    if not gravity.is_fault:
        yield from _mountings(recordings)


def _gravity(recordings: Sequence[Recording]) -> Finding:
    sizes = [np.linalg.norm(_smoothed(x.samples[:, :3]), axis=1) for x in recordings]
    size = float(np.median(np.concatenate(sizes)))
    is_fault = not _GRAVITY_G[0] <= size <= _GRAVITY_G[1]
    mend = "should be 1: see unit, scale and offset under [acceleration], and whether its columns include gravity"
    text = f"Gravity has a size of {size:.3g} g, and {mend if is_fault else 'the unit of acceleration fits'}."
    return Finding("gravity", text, is_fault, {"gravity_g": size})


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


def _hand(recordings: Sequence[Recording]) -> Finding:
    """How gravity turns with the gyroscope in slow turns: their correlation, and how many times as fast."""
    turns = np.concatenate([slow_turns(x.samples) for x in recordings if x.has_gyroscope])
    a, b = turns[:, :3], expected_change(turns)
    seconds = len(turns) / RATE_HZ
    is_other = has_other_axes(turns)
    if (seconds < _LEAST_TURNING_S and not is_other) or not b.any():
        return Finding("rotation", "Nothing turns slowly for long enough to see the gyroscope's hand and unit.")
    squares = (b**2).sum(axis=1)
    is_fast = squares * (a**2).sum(axis=1) > 1  # faster than 1 g/s by the mean of both
    is_sure = is_fast.sum() >= _LEAST_FAST_S * RATE_HZ
    if not is_sure:
        is_fast = (squares >= np.median(squares)) & (squares > 0)
    times = float(np.median((a * b).sum(axis=1)[is_fast] / squares[is_fast]))
    together = correlation(a, b)
    is_long, fault = seconds >= _ENOUGH_TURNING_S, True
    least = _USUAL[0] * (1 if is_sure else together**2)  # noise can make the slope of slow turns this much smaller
    if is_other or together < _AGAINST or (times <= 0 and together >= _SURE):
        mend = "turn sign under [rotation] round, or see that columns of both sensors are x, y and z of the same axes"
    elif together < _SURE and is_long:
        mend = "see that columns of both sensors are x, y and z of the same axes, and rate or the unit under [time]"
    elif together >= _SURE and is_long and not least < times < _USUAL[1]:
        mend = "see unit (rad/s or deg/s) and scale under [rotation], and rate or the unit under [time]"
    else:
        fits = "hand and unit fit" if times > _USUAL[0] else "the hand fits; nothing turns fast enough for the unit"
        mend, fault = fits if together >= _SURE else "so short a time shows little", False
    seen = f"gravity turns with the gyroscope by a correlation of {together:+.2f}, {times:.2g} times as fast"
    numbers = {"correlation": together, "times": times, "turning_s": seconds}
    return Finding("rotation", f"In slow turns {seen}: {mend}.", fault, numbers)


def _still_axes(recordings: Sequence[Recording]) -> Iterator[Finding]:
    sensors = ["acceleration", *(["rotation"] if all(x.has_gyroscope for x in recordings) else [])]
    for first, sensor in enumerate(sensors):
        still = np.array([np.ptp(x.samples[:, 3 * first : 3 * first + 3], axis=0) < 1e-9 for x in recordings])
        if still.any():
            axes = ["xyz"[i] for i in np.flatnonzero(still.any(axis=0))]
            text = f"In {int(still.any(axis=1).sum())} of {counted(len(recordings), 'recording')}"
            text += f", {name} first," if (name := recordings[int(still.any(axis=1).argmax())].file) else ""
            text += f" nothing changes in {sensor} {', '.join(axes)}: see columns under [{sensor}], or leave them out."
            yield Finding("still axis", text, True)


def _mountings(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """How walks, or without labels all long movements, in the same mounting differ in the direction of gravity.

    Where each file is a mounting those of a person are compared.
    """
    has_walking = any(set(_WALKS).intersection(x.found_labels) for x in recordings)
    is_anew = all(x.file and x.mounting.name.endswith(x.file) for x in recordings)
    by_mounting: dict[object, list[tuple[str, Array]]] = {}
    for x in recordings:
        by_mounting.setdefault(x.subject if is_anew else x.mounting, []).extend(_walks(x, has_walking))
    compared = [x for x in by_mounting.values() if len(x) > 1]
    if not compared:
        return
    apart: list[tuple[str, float]] = []
    for walks in compared:  # from the walk that is nearest to all, which is left out
        directions = np.stack([up for _, up in walks])
        deg = np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))
        nearest = int(deg.sum(axis=0).argmin())
        apart += [(where, float(deg[i, nearest])) for i, (where, _) in enumerate(walks) if i != nearest]
    elsewhere = [where for where, x in apart if x > _ELSEWHERE_DEG]
    n, median = sum(map(len, compared)), float(np.median([x for _, x in apart]))
    text = f"In {len(elsewhere)} of {n} stretches of {'walking' if has_walking else 'movement'} the device points "
    text += f"elsewhere than {'on the same person' if is_anew else 'in the rest of its mounting'}"
    text += f", {elsewhere[0]} first" if elsewhere else ""
    is_often = len(elsewhere) >= max(_LEAST_ELSEWHERE, _TOO_MANY * len(apart))
    is_rare = len(elsewhere) <= _FEW * len(apart) and len(apart) > _LEAST_ELSEWHERE
    if is_anew and is_rare:
        text += ': write mounting = "each subject", since such files are told apart better together'
    elif is_often and not is_anew:
        text += ': where it was put on anew for each file write mounting = "each file" above all tables, and cut files '
        text += "where it was put on anew within them"
    numbers = {"walks": n, "mountings": len(compared), "elsewhere": len(elsewhere), "median_deg": median}
    yield Finding("mounting", f"{text}.", is_rare if is_anew else is_often, numbers)


def _walks(recording: Recording, only_walking: bool) -> Iterator[tuple[str, Array]]:
    """The place of each stretch of walking, or of any movement, and the direction `[3]` of gravity there."""
    smooth, movement = _smoothed_and_movement(recording.samples[:, :3])
    counts = movement > CALM_G**2
    if only_walking:
        counts &= _is_labelled(recording, _WALKS)
    least_s = _LEAST_WALKING_S if only_walking else _LEAST_MOVEMENT_S
    rows = np.flatnonzero(counts)
    for walk in np.split(rows, np.flatnonzero(np.diff(rows) > _PAUSE_S * RATE_HZ) + 1):
        if len(walk) >= least_s * RATE_HZ:
            mean = smooth[walk].mean(axis=0)
            yield f"{recording.file} at {walk[0] / RATE_HZ:.0f} s".strip(), mean / np.linalg.norm(mean)


def _smoothed(samples: Array) -> Array:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(samples, round(_SMOOTHED_S * RATE_HZ), axis=0, mode="nearest"))


def _smoothed_and_movement(samples: Array) -> tuple[Array, Array]:
    """Smoothed `samples` `[n, k]`, and the mean square `[n]` of acceleration's distance from its own over a second."""
    smooth = _smoothed(samples)
    return smooth, _smoothed(((samples[:, :3] - smooth[:, :3]) ** 2).sum(axis=1))


def _worn(recordings: Sequence[Recording]) -> Iterator[Finding]:
    placements = list(dict.fromkeys(x.mounting.placement for x in recordings))
    makes = {x.mounting.device for x in recordings} - {""}
    if any(placements) or makes:
        text = f"Worn at: {_listed([x or 'a place that is not told' for x in placements])}"
        text += f"; devices: {_listed(sorted(makes, key=natural))}." if makes else "."
        yield Finding("worn", text, numbers={"placements": len([*filter(None, placements)]), "devices": len(makes)})


def _rate(facts: LayoutRecordings) -> Iterator[Finding]:
    low, middle, high = (float(x(facts.rates_hz)) for x in (np.min, np.median, np.max))
    span = f"{middle:.4g}" if high - low <= _SAME_RATE * middle else f"{low:.4g} to {high:.4g}, half below {middle:.4g}"
    change = "" if span == f"{RATE_HZ}" else f", which become {RATE_HZ}"
    numbers = {"least_hz": low, "median_hz": middle, "greatest_hz": high}
    yield Finding("rate", f"Files have {span} samples a second{change}.", numbers=numbers)
    if middle < (1 - _SAME_RATE) * RATE_HZ:
        text = f"Movements faster than {middle / 2:.3g} Hz are missing from these, and not from data at {RATE_HZ} Hz: "
        yield Finding("rate", f"{text}a network can tell the two apart.", is_fault=True)


def _gaps(facts: LayoutRecordings) -> Iterator[Finding]:
    if n := facts.gaps:
        text = f"{counted(n, 'gap')} of more than {MAX_GAP_S:g} s: a new recording begins after each."
        yield Finding("gaps", text, numbers={"gaps": n})
    if n := facts.set_back:
        text = f"Times go back {counted(n, 'time')}: a new recording begins there."
        yield Finding("gaps", text, numbers={"set_back": n})
    if n := facts.rows_left_out:
        text = f"{counted(n, 'row')} left out, with fields missing, no numbers or the time of the row before."
        yield Finding("left out", text, numbers={"rows": n})
    if facts.bunched:
        files = f"{counted(len(facts.bunched), 'file')}, {facts.bunched[0]} first"
        text = f"In {files}, samples come in bunches: if these are times of delivery write steady = true under [time]."
        yield Finding("bunches", text, True, {"files": len(facts.bunched)})


def _files(facts: LayoutRecordings) -> Iterator[Finding]:
    for names, why in (
        (facts.without_samples, "there are no samples in it"),
        (facts.without_rotation, "there are no samples of the other sensor beside it"),
    ):
        if names:
            text = f"{counted(len(names), 'file')} left out, {names[0]} first: {why}."
            yield Finding("left out", text, numbers={"files": len(names)})


def _people(facts: LayoutRecordings) -> Iterator[Finding]:
    """People who seem to be files, so that the same person would be in training and test."""
    labels: dict[str, set[str]] = {}
    for x in facts.recordings:
        labels.setdefault(str(x.subject), set()).update(x.found_labels)
    names = sorted(labels, key=natural)
    if len(names) > 2 and max(map(len, labels.values())) == 1 < len(set.union(*labels.values())):
        text = f"Each of {len(names):,} people has only one label, {quoted(names[0], 50)} first: see the column of "
        yield Finding("people", f"{text}people or, in a layout, what {{subject}} stands for in files.", is_fault=True)


def _labels(facts: LayoutRecordings) -> Iterator[Finding]:
    if facts.absent_labels:
        absent = _listed([*map(quoted, facts.absent_labels)])
        yield Finding("labels", f"No file has {counted(len(facts.absent_labels), 'label')} of the layout: {absent}.")
    if facts.without_labels:
        text = f"{counted(len(facts.without_labels), 'recording')} without any label, {_listed(facts.without_labels)}: "
        mend = "see that files of labels name them as their paths do, and the unit of start and end under [label_file]"
        yield Finding("labels", f"{text}{mend}.", is_fault=True)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + ", ..." * (len(names) > _MOST_NAMED)
