"""Turn the files of a data set, as a layout describes them, into recordings at 50 Hz.

Samples are brought to 50 Hz as a live stream is, by linear interpolation between timestamps, with a low-pass where they
come clearly faster (`edge_runtime.signals.resampling`). Where samples are missing for more than 0.25 s, or times go
back, a new recording begins. Where a sensor has rows or files of its own, rotation is interpolated linearly at the
times of acceleration.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data import csv_table, units
from edge_runtime.data.cell_grid import NoSamplesError
from edge_runtime.data.csv_table import NoRecordingError, Table
from edge_runtime.data.dataset import Mounting, Recording
from edge_runtime.data.file_tree import FileTree, open_tree, unpacked
from edge_runtime.data.label_names import LabelNames, is_named
from edge_runtime.data.layout import TEXTS, Layout
from edge_runtime.data.path_pattern import SENSOR
from edge_runtime.data.recording_labels import RecordingLabels, said_of_labels
from edge_runtime.data.sensor_pairing import PairedSamples, paired
from edge_runtime.data.steady_times import evened
from edge_runtime.data.subject_groups import natural
from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ
from edge_runtime.signals.resampling import MAX_GAP_S, resampled
from edge_runtime.system.printable import has_control, printable, quoted

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FoundRecordings:
    """The recordings of a data set, and facts of their files that these do not show.

    `rates_hz` are those of the files; `rows_left_out` counts malformed rows and those of the time of the row before,
    `gaps` and `set_back` the recordings that began behind a gap or where times went back, `rows_sorted` the rows that
    stood behind a later one, where times went back by up to `back_s`. `without_rotation` names recordings that were
    left out, `without_samples` files. `absent_labels` are those of the layout that no file has, `unnamed_labels` those
    of files for which "*" stands, `without_labels` names recordings of which the files of labels say nothing. `units`
    are those that the layout writes, by sensor, `clock_s` is the greatest step of clocks that are coarser than samples.
    """

    recordings: tuple[Recording, ...]
    rates_hz: tuple[float, ...]
    rows_left_out: int = 0
    gaps: int = 0
    set_back: int = 0
    without_rotation: tuple[str, ...] = ()
    without_samples: tuple[str, ...] = ()
    absent_labels: tuple[str, ...] = ()
    unnamed_labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    clock_s: float = 0.0
    rows_sorted: int = 0
    back_s: float = 0.0


@dataclass(frozen=True)
class _FilePart:
    """A part of a file without a gap: what is `said` of it in `TEXTS`, and `labels` of all rows, or of each."""

    file: str
    said: Mapping[str, str]
    samples: PairedSamples
    labels: Sequence[str]


def read(path: Path, layout: Layout) -> FoundRecordings:
    """The recordings at `path`, a folder, a zip or a file; files in zips inside where no file outside fits the layout.

    Raises `InputError` as `csv_table.read` does, for a file that is no whole recording, when no file fits the layout,
    when some files have rotation and others none, and for labels that the layout does not name.
    """
    stretches: list[_FilePart] = []
    rates: list[float] = []
    alone: list[str] = []
    empty: dict[str, NoSamplesError] = {}
    unlabelled: list[str] = []
    n_left_out = n_gaps = n_back = n_sorted = 0
    clock = back = 0.0
    with open_tree(path) as opened:
        if opened.above:
            _check_single(opened, layout)
        tree = opened if _fits(opened, layout) else unpacked(opened)
        of_labels = {x: match for x in tree.names if (match := said_of_labels(tree, layout, x)) is not None}
        groups = _groups(tree, layout, of_labels)
        named = [(of_path, next(iter(files.values()))) for of_path, files in groups]
        labels_of = RecordingLabels.read(tree, layout, of_labels, named)
        for of_path, files in groups:
            said = _said(of_path, layout)
            if len(files) < _n_files(layout):
                alone += files.values()
                continue
            found_in = [x for sensor, name in files.items() for x in _tables(tree, layout, sensor, name, empty)]
            for tables in _by_device(found_in):
                n_left_out += sum(x.left_out for x in tables)
                n_sorted += sum(x.n_sorted for x in tables)
                back = max(back, *(x.back_s for x in tables))
                table = next((x for x in tables if x.acceleration), None)
                samples = None
                if table and table.acceleration and table.acceleration.seconds.any():
                    _check_steps(table, table.acceleration.seconds)  # before times of another unit are compared
                if table and (not layout.rotation or any(x.rotation for x in tables)):
                    samples = paired(tables, layout)
                if table is None or samples is None or len(samples.rows) < 2:
                    alone.append(" ".join([next(iter(files.values())), *tables[0].said.values()]))
                    continue
                rates.append(_rate_hz(table, samples.seconds))
                clock = max(clock, *(x.clock_s for x in (table.acceleration, table.rotation) if x))
                n_left_out += samples.n_repeated
                steps = np.diff(samples.seconds)
                n_gaps, n_back = n_gaps + int((steps > MAX_GAP_S).sum()), n_back + int((steps < 0).sum())
                labels = None
                if labels_of:
                    labels = labels_of.labels(of_path, table, samples)
                    unlabelled += [] if any(labels) else [next(iter(files.values()))]
                stretches += _stretches(samples, table, {**said, **table.said}, layout, labels)
    if not stretches and empty and not alone:
        raise next(iter(empty.values()))
    if not stretches and not alone:
        raise InputError(
            f"{path}: no two rows that follow each other are of the same person, device and trial: give [time] in the "
            "layout, by which those of each are put together"
        )
    is_by_sensor = layout.acceleration is None or SENSOR in layout.files.names or layout.sensor_column is not None
    if not stretches and is_by_sensor:
        raise InputError(
            f"{path}: {alone[0]} has no samples of the other sensor at the same times, nor has any other recording: "
            "see sensor and [time] in the layout, or leave out [rotation]"
        )
    if not stretches:
        raise InputError(
            f"{path}: {alone[0]} has no rows of different times, nor has any other recording: see column under [time] "
            "in the layout, or write rate = 50 (samples a second) in place of [time]"
        )
    _check_rotation(path, stretches)
    _check_texts(stretches)
    labels_found = LabelNames.of({x for stretch in stretches for x in stretch.labels}, layout, path)
    name = layout.name or (path.resolve().stem if path.is_file() else path.resolve().name)
    found = tuple(_recording(x, labels_found, layout, name, tree.place) for x in stretches)
    facts = (tuple(alone), tuple(empty), labels_found.absent, labels_found.unnamed, tuple(dict.fromkeys(unlabelled)))
    sensors = {"acceleration": layout.acceleration, "rotation": layout.rotation}
    units_written = {name: x.unit for name, x in sensors.items() if x}
    return FoundRecordings(
        found, tuple(rates), n_left_out, n_gaps, n_back, *facts, units_written, clock, n_sorted, back
    )


def _tables(
    tree: FileTree, layout: Layout, sensor: str, name: str, empty: dict[str, NoSamplesError]
) -> Sequence[Table]:
    """The tables of a file; none of one that joins `empty`, being no recording or, as bad rows, without samples."""
    try:
        return csv_table.read(tree.content(name), tree.path_of(name), layout, sensor)
    except NoSamplesError as error:
        if not (layout.leaves_out_bad_rows or isinstance(error, NoRecordingError)):
            raise
        empty[name] = error
        return ()


def _by_device(tables: Iterable[Table]) -> list[list[Table]]:
    """The tables of the same device, person and trial."""
    found: dict[tuple[tuple[str, str], ...], list[Table]] = {}
    for x in tables:
        found.setdefault(tuple(x.said.items()), []).append(x)
    return list(found.values())


def fits(path: Path, layout: Layout) -> bool:
    """Tell whether a file at `path`, a folder or a zip, or itself, is one that the `layout` describes.

    Its path has to have a label and a sensor of the layout, where it has any.
    """
    sensors = {x.sensor for x in (layout.acceleration, layout.rotation) if x}
    with open_tree(path) as tree:
        matches = [tree.match(layout.files, x) for x in tree.names if said_of_labels(tree, layout, x) is None]
    return any(
        (SENSOR not in said or said[SENSOR] in sensors) and ("label" not in said or is_named(said["label"], layout))
        for said in matches
        if said is not None
    )


def _fits(tree: FileTree, layout: Layout) -> bool:
    """Tell whether a path is that of a recording, and not of its labels."""
    return any(tree.match(layout.files, x) is not None and said_of_labels(tree, layout, x) is None for x in tree.names)


def _check_single(tree: FileTree, layout: Layout) -> None:
    """Raise `InputError` unless the single file of `tree` is a recording by itself."""
    path = tree.path_of(tree.names[0])
    if tree.match(layout.files, tree.names[0]) is None:
        raise InputError(
            f"{path} and the folders that it is in do not fit {quoted(layout.files.text, 200)}, which 'files' of "
            f"{layout.source} says: give its folder, or correct 'files'"
        )
    if _n_files(layout) > 1 or layout.label_file:
        raise InputError(
            f"{path} is no whole recording, of which {layout.source} describes several files: give its folder"
        )


def _n_files(layout: Layout) -> int:
    """The number of files of a recording."""
    return 2 if SENSOR in layout.files.names and layout.rotation else 1


def _groups(tree: FileTree, layout: Layout, of_labels: Collection[str]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """For each recording, in natural order: what its path says, and its files by sensor; those `of_labels` are none."""
    by_path = SENSOR in layout.files.names
    wanted = {x.sensor for x in (layout.acceleration, layout.rotation) if x} if by_path else {""}
    found: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for name in sorted(tree.names, key=natural):
        said = tree.match(layout.files, name)
        sensor = "" if said is None else said.pop(SENSOR, "")
        if said is None or sensor not in wanted or name in of_labels:
            continue
        key = (*said.items(), *([] if by_path else [("", name)]))
        files = found.setdefault(key, {})
        if sensor in files:
            raise InputError(
                f"{tree.place}: {files[sensor]} and {name} are both {quoted(sensor)} of the same recording by the "
                f"pattern {quoted(layout.files.text)} of {layout.source}: put what differs into it, as {{trial}}"
            )
        files[sensor] = name
    if not found and any(tree.match(layout.files, x) is not None for x in of_labels):
        raise InputError(
            f"{tree.place}: all paths like {quoted(layout.files.text, 200)} are like files under [label_file] of "
            f"{layout.source} too, and taken for labels: write what the paths of labels alone have into those"
        )
    if not found:
        there = ", ".join(quoted(x, 100) for x in sorted(tree.names, key=natural)[:2])
        raise InputError(
            f"{tree.place} has no files like {quoted(layout.files.text, 200)}, which 'files' of {layout.source} says; "
            f"there are {there or 'none'}{_other_sensors(tree, layout, wanted)}"
        )
    if missing := sorted(wanted.difference(*found.values())):
        raise InputError(
            f"{tree.place}: no path has the sensor {quoted(missing[0], 30)} of {layout.source}"
            f"{_other_sensors(tree, layout, wanted)}"
        )
    return [(dict(key), files) for key, files in found.items()]


def _other_sensors(tree: FileTree, layout: Layout, wanted: Collection[str]) -> str:
    """What {sensor} stands for in paths that fit but for it, in words."""
    matches = (tree.match(layout.files, x) for x in tree.names)
    there = sorted({x[SENSOR] for x in matches if x and SENSOR in x})
    if not there:
        return ""
    return f"; {{{SENSOR}}} is {' or '.join(there[:8])} there, and {' or '.join(sorted(wanted))} in the layout"


def _said(of_path: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The texts that are the same for all rows of a file. Raises `InputError` when nobody is named."""
    said = {name: layout.fixed.get(name) or of_path.get(name, "") for name in TEXTS}
    if not said["subject"] and "subject" not in layout.text_columns:
        raise InputError(
            f"{layout.source} does not say whose recordings these are: put {{subject}} into files, or write "
            'subject = { column = "subject" }'
        )
    return said


def _stretches(
    samples: PairedSamples, table: Table, said: dict[str, str], layout: Layout, labels: Sequence[str] | None
) -> Iterator[_FilePart]:
    """Cut the samples of a file where some are missing, times go back, or another person begins.

    `labels` are those of the samples, where a file of labels has them.
    """
    texts = {name: [x[i] for i in samples.rows.tolist()] for name, x in table.texts.items()}
    labels = texts.pop("label", labels)
    steps = np.diff(samples.seconds)
    is_cut = (steps > MAX_GAP_S) | (steps < 0)
    for column in texts.values():
        is_cut |= np.fromiter((a != b for a, b in pairwise(column)), np.bool_, len(steps))
    for rows in np.split(np.arange(len(samples.seconds)), np.flatnonzero(is_cut) + 1):
        if len(rows) > 1:
            own = {name: column[rows[0]] for name, column in texts.items()}
            part = samples.part(rows)
            if layout.time and layout.time.steady:
                part = replace(part, seconds=evened(part.seconds))
            yield _FilePart(
                table.place, said | own, part, [said["label"]] if labels is None else labels[rows[0] : rows[-1] + 1]
            )


def _rate_hz(table: Table, seconds: Array) -> float:
    """The rate of a file. Raises `InputError` for one that motion is not recorded at."""
    _check_steps(table, seconds)
    steps = np.diff(seconds)
    return float(1 / steps[(steps >= 0) & (steps <= MAX_GAP_S)].mean())


def _check_steps(table: Table, seconds: Array) -> None:
    """Raise `InputError` where samples are further apart, or closer together, than those of motion."""
    steps = np.diff(seconds)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if not units.is_step(step):
        unit = units.time_unit(step / table.time_factor)
        mend = f': in a layout write unit = "{unit}" under [time]' if unit else ""
        device = f" ({' '.join(table.said.values())})" if table.said else ""
        raise InputError(
            f"{table.place}{device}: samples are {step:.3g} s apart, instead of {units.STEP_S[0]:g} to "
            f"{units.STEP_S[1]:g} s; check the unit of the timestamp{mend}"
        )


def _check_rotation(path: Path, stretches: Sequence[_FilePart]) -> None:
    first = stretches[0]
    for x in stretches:
        if x.samples.values.shape[1] != first.samples.values.shape[1]:
            less, more = sorted((x, first), key=lambda x: x.samples.values.shape[1])
            raise InputError(
                f"{less.file} has no columns of rotation, and {more.file} has: give them in all files or in none"
            )


def _check_texts(stretches: Sequence[_FilePart]) -> None:
    """Raise `InputError` for a control character in what is said of a recording, wherever it comes from."""
    for x in stretches:
        for name, text in (*x.said.items(), *(("label", label) for label in set(x.labels))):
            if has_control(text):
                raise InputError(
                    f"{printable(x.file, 200)}: the {name} {quoted(text, 30)} has a line break or control character: "
                    "leave it out"
                )


def _recording(stretch: _FilePart, labels: LabelNames, layout: Layout, source: str, place: Path) -> Recording:
    """The stretch, of a file at `place`, at 50 Hz; a label is that of the nearest row."""
    seconds = stretch.samples.seconds - stretch.samples.seconds[0]
    samples = resampled(seconds, stretch.samples.values, RATE_HZ)
    numbers = np.array([labels.number[x] for x in stretch.labels], np.int8)
    if len(numbers) == 1:
        numbers = np.repeat(numbers, len(samples))
    else:
        numbers = numbers[np.searchsorted((seconds[1:] + seconds[:-1]) / 2, np.arange(len(samples)) / RATE_HZ)]
    said = stretch.said
    own = (
        stretch.file if layout.each_file_is_a_mounting else " ".join(filter(None, (said["subject"], said["placement"])))
    )
    return Recording(
        said["subject"],
        np.pad(samples, ((0, 0), (0, N_CHANNELS - samples.shape[1]))),
        numbers,
        labels.names,
        has_gyroscope=samples.shape[1] == N_CHANNELS,
        mounting=Mounting(own, source, said["placement"], said["device"]),
        n_classes=labels.n_classes,
        begins_midway=True,
        trial=said["trial"],
        file=Path(stretch.file).relative_to(place).as_posix(),
    )
