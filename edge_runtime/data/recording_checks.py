"""Check recordings against their layout, by what their numbers, files and labels show.

Slow turns show a gyroscope of other axes or in another unit, and a wrong rate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge_runtime.data.layout_recordings import LayoutRecordings
from edge_runtime.data.names import natural
from edge_runtime.data.recording import Recording
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.gyroscope_axes import correlation, expected_change, has_other_axes, slow_turns
from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted

_SAME_RATE = 0.1
_MOST_NAMED = 8  # labels or files
# Limits lie midway between right and wrong units, axes and rates of 68 people of three data sets.
_GRAVITY_G = (0.9, 1.1)
_LEAST_TURNING_S, _ENOUGH_TURNING_S, _LEAST_FAST_S = 5.0, 20.0, 2.0
_SURE, _AGAINST = 0.5, -0.3  # correlation
_USUAL = (0.7, 1.3)  # times that gravity turns as fast as the gyroscope says


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
    for recording in facts.recordings:
        by_placement.setdefault(recording.mounting.placement, []).append(recording)
    of_devices: list[Finding] = []
    for placement, recordings in by_placement.items():
        before = f"{placement or 'no placement'}: " if len(by_placement) > 1 else ""
        of_devices += [replace(x, text=before + x.text, placement=placement) for x in _sensors(recordings)]
    of_all = (finding for check in (_rate, _gaps, _files, _people, _labels) for finding in check(facts))
    return [*of_devices, *of_all]


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
    """The findings about sensors at the same placement."""
    yield (gravity := _gravity(recordings))
    if not any(recording.has_gyroscope for recording in recordings):
        yield Finding("rotation", "There is no rotation: use a model that needs only acceleration.")
    elif not gravity.is_fault:
        yield _hand(recordings)


def _gravity(recordings: Sequence[Recording]) -> Finding:
    from scipy.ndimage import uniform_filter1d

    smooth = [uniform_filter1d(recording.samples[:, :3], RATE_HZ, axis=0, mode="nearest") for recording in recordings]
    size = float(np.median(np.linalg.norm(np.concatenate(smooth), axis=1)))
    is_fault = not _GRAVITY_G[0] <= size <= _GRAVITY_G[1]
    mend = "should be 1: see the unit, scale and offset of acceleration, and whether its columns include gravity"
    text = f"Gravity has a size of {size:.3g} g, and {mend if is_fault else 'the unit of acceleration fits'}."
    return Finding("gravity", text, is_fault, {"gravity_g": size})


def _hand(recordings: Sequence[Recording]) -> Finding:
    """How gravity turns with the gyroscope in slow turns: their correlation, and how many times as fast."""
    turns = np.concatenate([slow_turns(recording.samples) for recording in recordings if recording.has_gyroscope])
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
        mend = "turn the sign of rotation round, or see that columns of both sensors are x, y and z of the same axes"
    elif together < _SURE and is_long:
        mend = "see that columns of both sensors are x, y and z of the same axes, and the unit of time, or rate"
    elif together >= _SURE and is_long and not least < times < _USUAL[1]:
        mend = "see unit (rad/s or deg/s) and scale of rotation, and the unit of time, or rate"
    else:
        fits = "hand and unit fit" if times > _USUAL[0] else "the hand fits; nothing turns fast enough for the unit"
        mend, fault = fits if together >= _SURE else "so short a time shows little", False
    seen = f"gravity turns with the gyroscope by a correlation of {together:+.2f}, {times:.2g} times as fast"
    numbers = {"correlation": together, "times": times, "turning_s": seconds}
    return Finding("rotation", f"In slow turns {seen}: {mend}.", fault, numbers)


def _rate(facts: LayoutRecordings) -> Iterator[Finding]:
    low, middle, high = (float(x(facts.rates_hz)) for x in (np.min, np.median, np.max))
    span = f"{middle:.4g}" if high - low <= _SAME_RATE * middle else f"{low:.4g} to {high:.4g}, half below {middle:.4g}"
    change = "" if span == f"{RATE_HZ}" else f", which become {RATE_HZ}"
    numbers = {"least_hz": low, "median_hz": middle, "greatest_hz": high}
    yield Finding("rate", f"Files have {span} samples a second{change}.", numbers=numbers)
    if middle < (1 - _SAME_RATE) * RATE_HZ:
        text = f"Movements faster than {middle / 2:.3g} Hz are missing, unlike in data at {RATE_HZ} Hz: "
        yield Finding("rate", f"{text}a network can recognise the data set by its rate.", is_fault=True)


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
        files = f"{counted(len(facts.bunched), 'file')}, for example {facts.bunched[0]}"
        text = f"In {files}, samples come in bunches: if these are times of delivery write steady = true under [time]."
        yield Finding("bunches", text, True, {"files": len(facts.bunched)})


def _files(facts: LayoutRecordings) -> Iterator[Finding]:
    for names, why in (
        (facts.without_samples, "there are no samples in it"),
        (facts.without_rotation, "there are no samples of the other sensor beside it"),
    ):
        if names:
            text = f"{counted(len(names), 'file')} left out, for example {names[0]}: {why}."
            yield Finding("left out", text, numbers={"files": len(names)})


def _people(facts: LayoutRecordings) -> Iterator[Finding]:
    """People who seem to be files, so that the same person would be in training and test."""
    labels: dict[str, set[str]] = {}
    for recording in facts.recordings:
        labels.setdefault(str(recording.subject), set()).update(recording.found_labels)
    names = sorted(labels, key=natural)
    if len(names) > 2 and max(map(len, labels.values())) == 1 < len(set.union(*labels.values())):
        text = (
            f"Each of {len(names):,} people has only one label, for example {quoted(names[0], 50)}: see the column of "
        )
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
