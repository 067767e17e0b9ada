"""Check recordings against their layout, by what their numbers, files and labels show."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from edge_runtime.data.dataset import Dataset
from edge_runtime.data.layout_recordings import LayoutRecordings
from edge_runtime.data.names import UCI_HAR, natural, plain_name
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.data.sensor_checks import Finding, listed, sensor_findings, turn_with_arms
from edge_runtime.model.model_card import WALKING
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.gyroscope_axes import CALM_G
from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.signals.types import Array, Frame
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted

_SAME_RATE = 0.1
# A label needs this many seconds to be judged. Walking moves more than this. It is within 45 degrees of standing, and
# beyond 30 of lying.
_LEAST_S, _LEAST_WALK_G, _UPRIGHT = 10, 0.05, (0.7, 0.87)
_NO_LABEL = ("null", "none", "nan", "na", "n/a")


def findings(facts: LayoutRecordings) -> list[Finding]:
    """All findings on the recordings."""
    by_placement: dict[str, list[Recording]] = {}
    for recording in facts.recordings:
        by_placement.setdefault(recording.mounting.placement, []).append(recording)
    of_devices: list[Finding] = []
    for placement, recordings in by_placement.items():
        before = f"{placement or 'no placement'}: " if len(by_placement) > 1 else ""
        of_device = [*sensor_findings(recordings, facts.names_columns)]
        if not any(x.about == "gravity" and x.is_fault for x in of_device):
            of_device += _unlike_labels(recordings)
        of_devices += [replace(x, text=before + x.text, placement=placement) for x in of_device]
    of_all = (finding for check in (_rate, _gaps, _files, _people, _labels) for finding in check(facts))
    return [*_worn(facts.recordings), *of_devices, *of_all]


def unlike_parts(data: Dataset) -> Iterator[Finding]:
    """The labels and placements that only the training or the test windows have, and names of people in both."""
    parts = {name: x for name, x in (("training", data.train), ("test", data.test)) if len(x)}
    worn = {name: np.unique(part.mounting) for name, part in parts.items() if part.mounting is not None}
    for about, of_parts in (
        ("label", {name: {data.labels[i] for i in np.unique(part.y)} for name, part in parts.items()}),
        ("placement", {name: {data.mountings[i].placement for i in rows} - {""} for name, rows in worn.items()}),
    ):
        for name, names_of_part in of_parts.items():
            if absent := sorted(set().union(*of_parts.values()) - names_of_part):
                text = f"The {name} part has no windows with the {about}{'s' * (len(absent) > 1)} {listed(absent)}"
                yield Finding("test group", f"{text}: --test-subjects chooses other people.")
    people = [{*map(plain_name, part.subject.tolist())} - {""} for part in (data.train, data.test)]
    if both := sorted(set.intersection(*people)):
        text = f"{listed(both)} in one data set trains and in another tests, perhaps the same person"
        yield Finding("test group", f"{text}: --test-subjects chooses other people.")


def misfits(
    described: Sequence[tuple[str, LayoutRecordings]], is_training: bool = False, frame: Frame = "walking"
) -> Iterator[Finding]:
    """Find faults of data sets, and files that were left out; each text begins with the name of its data set.

    A low rate matters only for training on several: a network can recognise a data set by its rate. With the frame
    of the device, x must point up, as page, app and streams assume.
    """
    rate_matters = is_training and len(described) > 1
    for name, facts in described:
        for finding in findings(facts):
            if finding.is_fault and (rate_matters or finding.about != "rate"):
                yield replace(finding, text=f"{name} does not fit. {finding.text}")
            elif frame == "device" and (
                finding.numbers.get("others") or finding.numbers.get("up", "x") not in ("", "x")
            ):
                yield replace(finding, text=f"{name}: {finding.text} Page, app and streams assume that x does.")
        yield from (replace(finding, text=f"{name}: {finding.text}", is_fault=False) for finding in _files(facts))


def _worn(recordings: Sequence[Recording]) -> Iterator[Finding]:
    placements = list(dict.fromkeys(recording.mounting.placement for recording in recordings))
    makes = {recording.mounting.device for recording in recordings} - {""}
    if any(placements) or makes:
        text = f"Worn at: {listed([x or 'an unknown place' for x in placements])}"
        text += f"; devices: {listed(sorted(makes, key=natural))}." if makes else "."
        yield Finding("worn", text, numbers={"placements": len([*filter(None, placements)]), "devices": len(makes)})


def _rate(facts: LayoutRecordings) -> Iterator[Finding]:
    low, middle, high = (float(x(facts.rates_hz)) for x in (np.min, np.median, np.max))
    others = [rate for rate in facts.rates_hz if abs(rate - middle) > _SAME_RATE * middle]
    span = f"{middle:.4g} samples a second"
    span += (
        f", and {len(others)} of {len(facts.rates_hz)} have {min(others):.4g} to {max(others):.4g}" if others else ""
    )
    change = "" if span.startswith(f"{RATE_HZ} ") and not others else f". All become {RATE_HZ}"
    numbers = {"least_hz": low, "median_hz": middle, "greatest_hz": high}
    yield Finding("rate", f"Files have {span}{change}.", numbers=numbers)
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
        text = f"In {files}, samples come in bunches: for times of delivery, a layout has steady = true under [time]."
        yield Finding("bunches", text, True, {"files": len(facts.bunched)})


def _files(facts: LayoutRecordings) -> Iterator[Finding]:
    for names, why in (
        (facts.without_samples, "there are no samples in it"),
        (facts.without_rotation, "there are no samples of the other sensor beside it"),
    ):
        if names:
            text = f"{counted(len(names), 'file')} left out, for example {names[0]}: {why}."
            yield Finding("left out", text, numbers={"files": len(names)})
    if n := len(facts.unreadable):
        text = f"{counted(n, 'file')} left out, which cannot be read, for example {facts.unreadable[0]}."
        yield Finding("left out", text, numbers={"files": n})


def _people(facts: LayoutRecordings) -> Iterator[Finding]:
    """People who seem to be files or other people: one person would be in training and test."""
    labels: dict[str, set[str]] = {}
    copies: dict[bytes, list[str]] = {}
    for i, recording in enumerate(facts.recordings):
        labels.setdefault(str(recording.subject), set()).update(recording.found_labels)
        place = recording.file or f"recording {i} of subject {recording.subject}"
        copies.setdefault(hashlib.sha256(recording.samples.tobytes()).digest(), []).append(place)
    for places in copies.values():
        if len(places) > 1:
            once = len({*places}) == 1
            where = "twice, see its columns" if once else "keep one copy"
            text = f"The same samples stand in {listed([quoted(x, 80) for x in dict.fromkeys(places)])}: {where}."
            yield Finding("people", text, is_fault=True)
    yield from _alike("people", labels)
    names = sorted(labels, key=natural)
    if len(names) > 2 and max(map(len, labels.values())) == 1 < len(set.union(*labels.values())):
        text = (
            f"Each of {len(names):,} people has only one label, for example {quoted(names[0], 50)}: see the column of "
        )
        yield Finding("people", f"{text}people or, in a layout, what {{subject}} stands for in files.", is_fault=True)


def _labels(facts: LayoutRecordings) -> Iterator[Finding]:
    yield from _alike("labels", {x.label_names[i] for x in facts.recordings for i in np.unique(x.labels) if i >= 0})
    if missing := [x for x in facts.recordings[0].classes if x.casefold() in _NO_LABEL]:
        text = (
            f"The label {quoted(missing[0])} is a class to learn: leave its cells empty, or map it to '' in a layout."
        )
        yield Finding("labels", text, is_fault=True)
    if facts.absent_labels:
        absent = listed([*map(quoted, facts.absent_labels)])
        yield Finding("labels", f"No file has {counted(len(facts.absent_labels), 'label')} of the layout: {absent}.")
    if facts.without_labels:
        text = f"{counted(len(facts.without_labels), 'recording')} without any label, {listed(facts.without_labels)}: "
        mend = "see that files of labels name them as their paths do, and the unit of start and end under [label_file]"
        yield Finding("labels", f"{text}{mend}.", is_fault=True)


def _unlike_labels(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Labels that movement or posture contradicts, as where numbers of labels are shifted."""
    movement: dict[str, list[float]] = {}
    seconds_of: dict[tuple[Mounting, str], list[Array]] = {}
    for recording in recordings:
        for label in {*recording.found_labels} & {*UCI_HAR}:
            samples = recording.samples[recording.labels == recording.label_names.index(label), :3]
            seconds = samples[: len(samples) // RATE_HZ * RATE_HZ].reshape(-1, RATE_HZ, 3)
            movement.setdefault(label, []).extend(np.sqrt(seconds.var(axis=1).sum(axis=1)))
            seconds_of.setdefault((recording.mounting, label), []).extend(seconds.mean(axis=1))
    for label, sizes in movement.items():
        is_walk = label.startswith(WALKING)
        if len(sizes) >= _LEAST_S and (np.median(sizes) < _LEAST_WALK_G if is_walk else np.median(sizes) > CALM_G):
            text = f"During {label} the device {'hardly moves' if is_walk else 'moves'}: check the names of labels."
            yield Finding("labels", text, is_fault=True)
    if turn_with_arms(recordings):
        return
    gravity = {key: np.mean(seconds, axis=0) for key, seconds in seconds_of.items() if len(seconds) >= _LEAST_S}
    for label, is_upright in (("STANDING", True), ("LAYING", False)):
        mountings = [worn for worn, other in gravity if other == label and (worn, WALKING) in gravity]
        pairs = [np.stack([gravity[worn, label], gravity[worn, WALKING]]) for worn in mountings]
        cosines = [np.prod(pair, axis=0).sum() / np.linalg.norm(pair, axis=1).prod() for pair in pairs]
        if cosines and (np.median(cosines) < _UPRIGHT[0] if is_upright else np.median(cosines) > _UPRIGHT[1]):
            words = "another way than" if is_upright else "the same way as"
            text = f"During {label} the device points {words} during {WALKING}: check the names of labels."
            yield Finding("labels", text, is_fault=True)


def _alike(about: str, names: Iterable[str]) -> Iterator[Finding]:
    """Names that differ only in case or blanks."""
    spellings: dict[str, list[str]] = {}
    for name in sorted(names):
        spellings.setdefault("".join(name.casefold().split()), []).append(name)
    for alike in spellings.values():
        if len(alike) > 1:
            text = f"The {about} {listed([quoted(x, 50) for x in alike])} differ only in case or blanks"
            yield Finding(about, f"{text}: write them alike.", is_fault=True)
