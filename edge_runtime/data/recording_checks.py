"""Check recordings against their layout, by what their numbers, files and labels show.

Each finding is a sentence, with the line of the layout that mends it, for each placement where there are several.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click
import numpy as np

from edge_runtime.data.dataset import Recording
from edge_runtime.data.recordings import FoundRecordings
from edge_runtime.data.sensor_checks import Finding, sensor_findings
from edge_runtime.data.subject_groups import natural
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted

_SAME_RATE = 0.1
_MOST_NAMED = 8  # placements, labels or files
_FAR_BACK_S = 3.0  # further than samples that wait to be written: a clock that began anew


def findings(found: FoundRecordings) -> list[Finding]:
    """All that the recordings that were `found` show of their layout."""
    by_placement: dict[str, list[Recording]] = {}
    for x in found.recordings:
        by_placement.setdefault(x.mounting.placement, []).append(x)
    of_devices = [
        replace(
            x,
            text=f"{placement or 'no placement'}: {x.text}" if len(by_placement) > 1 else x.text,
            placement=placement,
        )
        for placement, recordings in by_placement.items()
        for x in sensor_findings(recordings)
    ]
    of_all = (_rate, _gaps, _files, _people, _labels)
    return [*_worn(found.recordings), *of_devices, *(finding for check in of_all for finding in check(found))]


def say_misfits(described: Sequence[tuple[str, FoundRecordings]]) -> None:
    """Say on stderr what does not fit in data sets, by their names, and which of their files were left out."""
    for name, found in described:
        for finding in findings(found):
            if finding.is_fault:
                click.echo(f"{name} does not fit. {finding.text}", err=True)
        for finding in _files(found):
            click.echo(f"{name}: {finding.text}", err=True)


def _worn(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Where devices were worn, and whether anything is known of these placements."""
    devices: dict[str, set[str]] = {}
    for x in recordings:
        devices.setdefault(x.mounting.placement, set()).add(x.mounting.device)
    makes = set().union(*devices.values()) - {""}
    if not any(devices) and not makes:
        return
    text = f"Worn at: {_listed(x or 'a place that is not told' for x in devices)}"
    text += f"; devices: {_listed(sorted(makes, key=natural))}." if makes else "."
    yield Finding("worn", text, numbers={"placements": len([*filter(None, devices)]), "devices": len(makes)})


def _rate(found: FoundRecordings) -> Iterator[Finding]:
    low, middle, high = (float(x(found.rates_hz)) for x in (np.min, np.median, np.max))
    span = f"{middle:.4g}" if high - low <= _SAME_RATE * middle else f"{low:.4g} to {high:.4g}, half below {middle:.4g}"
    change = "" if span == f"{RATE_HZ}" else f", which become {RATE_HZ}"
    numbers = {"least_hz": low, "median_hz": middle, "greatest_hz": high}
    yield Finding("rate", f"Files have {span} samples a second{change}.", numbers=numbers)
    if n := found.clock_s:
        text = f"The clock moves on every {n:g} s alone: the samples of each time are spread evenly over that."
        yield Finding("rate", text, numbers={"clock_s": n})
    if middle < (1 - _SAME_RATE) * RATE_HZ:
        yield Finding(
            "rate",
            f"Movements faster than {middle / 2:.3g} Hz are missing from these, and not from data at {RATE_HZ} Hz: "
            "a network can tell the two apart.",
            is_fault=True,
        )


def _gaps(found: FoundRecordings) -> Iterator[Finding]:
    """Rows that are not in the recordings, and what cuts these."""
    if n := found.gaps:
        text = f"{counted(n, 'gap')} of more than {MAX_GAP_S:g} s: a new recording begins after each."
        yield Finding("gaps", text, numbers={"gaps": n})
    if n := found.set_back:
        text = f"Times go back {counted(n, 'time')}: a new recording begins there."
        yield Finding("gaps", text, numbers={"set_back": n})
    if n := found.rows_sorted:
        text = f"{counted(n, 'row')} sorted, which stood behind a later one; times went back by up to "
        is_far = found.back_s >= _FAR_BACK_S
        mend = ': see disorder = "new recording" under [time]' if is_far else ""
        numbers = {"rows_sorted": n, "back_s": found.back_s}
        yield Finding("gaps", f"{text}{found.back_s:.3g} s{mend}.", is_far, numbers)
    if n := found.rows_left_out:
        text = f"{counted(n, 'row')} left out, with fields missing, no numbers or the time of the row before."
        yield Finding("left out", text, numbers={"rows": n})


def _files(found: FoundRecordings) -> Iterator[Finding]:
    """Files that are left out."""
    for names, why in (
        (found.without_samples, "there are no samples in it"),
        (found.without_rotation, "there are no samples of the other sensor beside it"),
    ):
        if names:
            text = f"{counted(len(names), 'file')} left out, {names[0]} first: {why}."
            yield Finding("left out", text, numbers={"files": len(names)})


def _people(found: FoundRecordings) -> Iterator[Finding]:
    """Names of people that seem to be those of files, of which people are in training and test."""
    labels: dict[str, set[str]] = {}
    for x in found.recordings:
        labels.setdefault(str(x.subject), set()).update(x.found_labels)
    names = sorted(labels, key=natural)
    if len(names) > 2 and max(map(len, labels.values())) == 1 < len(set.union(*labels.values())):
        yield Finding(
            "people",
            f"Each of {len(names):,} people has one label alone, {quoted(names[0], 50)} first: see the column of "
            "people or, in a layout, what {subject} stands for in files.",
            is_fault=True,
        )


def _labels(found: FoundRecordings) -> Iterator[Finding]:
    """Labels that are absent."""
    if found.absent_labels:
        rest = f'; "*" stands for {_listed(map(quoted, found.unnamed_labels))}' if found.unnamed_labels else ""
        absent = _listed(map(quoted, found.absent_labels))
        text = f"No file has {counted(len(found.absent_labels), 'label')} of the layout: {absent}{rest}."
        yield Finding("labels", text)
    if found.without_labels:
        yield Finding(
            "labels",
            f"{counted(len(found.without_labels), 'recording')} without any label, {_listed(found.without_labels)}: "
            "see that files of labels name them as their paths do, and the unit of start and end under [label_file].",
            is_fault=True,
        )


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    """The first few names."""
    every = list(names)
    return ", ".join(every[:_MOST_NAMED]) + ", ..." * (len(every) > _MOST_NAMED)
