"""Turn the files of a data set, as a layout describes them, into recordings at 50 Hz or another rate.

A new recording begins where samples are missing for more than 0.25 s, times go back or another person begins. Where a
sensor has rows or files of its own, rotation is interpolated linearly at the times of acceleration.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import MAX_LABELS
from edge_runtime.data.file_tree import FileTree, open_tree, unpacked
from edge_runtime.data.label_files import LabelsOf, read_labels
from edge_runtime.data.layout import OTHERS, TEXTS, Layout, find_layout
from edge_runtime.data.names import labels_in_order, natural, without_fraction
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.data.sample_files import Series, read_series
from edge_runtime.data.text_rows import Texts
from edge_runtime.errors import InputError
from edge_runtime.signals import units
from edge_runtime.signals.axes import Axes
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ
from edge_runtime.signals.resampling import MAX_GAP_S, resampled
from edge_runtime.signals.types import Array
from edge_runtime.system.printable import has_control, quoted

_BUNCHED = 1 / 3  # of the samples come within that part of the time between two: several are delivered together

EXPORTS = {"Metadata.csv": "sensor-logger", "meta/device.csv": "phyphox"}
"""The layouts of phone apps, by a file that their exports have, beside one of a sensor."""
_OF_SENSORS = {"Accelerometer.csv", "TotalAcceleration.csv", "Gyroscope.csv"}


@dataclass
class LayoutRecordings:
    """The recordings of a data set, and facts of their files.

    `gaps` and `set_back` count recordings that began behind a gap, or where times went back. `bunched` names files with
    times of delivery, `without_labels` those that the files of labels do not. `unreadable` says why each file was left
    out that could not be read. `absent_labels` are of the layout only. `names_columns` means that the header does,
    instead of the layout.
    """

    recordings: tuple[Recording, ...] = ()
    rows_left_out: int = 0
    rates_hz: list[float] = field(default_factory=list)
    gaps: int = 0
    set_back: int = 0
    bunched: list[str] = field(default_factory=list)
    without_rotation: list[str] = field(default_factory=list)
    without_samples: list[str] = field(default_factory=list)
    without_labels: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    absent_labels: tuple[str, ...] = ()
    names_columns: bool = False


def read_recordings(path: Path, layout: Layout, rate_hz: float = RATE_HZ) -> LayoutRecordings:
    """The recordings at `path`, a folder, a zip or a file, and where no file fits the layout, in zips inside.

    They are brought to `rate_hz`. Raises `InputError` for a file that the layout does not fit, unless `bad_rows` leaves
    it out, and for labels that it does not name.
    """
    facts = LayoutRecordings(names_columns=layout.acceleration is None)
    parts: list[tuple[Recording, Texts]] = []
    with open_tree(path) as opened:
        fits_layout = any(_path_texts(opened, layout, name) is not None for name in opened.names)
        tree = opened if fits_layout else unpacked(opened)
        labels = read_labels(tree, layout, layout.label_file) if layout.label_file else None
        layout = replace(layout, name=layout.name or (path.resolve().stem if path.is_file() else path.resolve().name))
        for path_texts, files in _groups(tree, layout):
            if len(files) < (2 if "sensor" in layout.pattern.names else 1):
                facts.without_rotation += files.values()
                continue
            by_device: dict[tuple[str, ...], list[Series]] = {}
            content = {sensor: tree.read(name) for sensor, name in files.items()}
            try:
                for sensor, name in files.items():
                    every, n_left_out = read_series(content[sensor], str(tree.place / name), layout, sensor)
                    facts.rows_left_out += n_left_out
                    facts.without_samples += [] if every else [name]
                    for series in every:
                        by_device.setdefault(tuple(series.shared.values()), []).append(series)
                for of_device in by_device.values():
                    parts += _cut(of_device, path_texts, layout, labels, facts, tree.place, rate_hz)
            except InputError as error:
                facts.unreadable.append(str(error))
                if layout.bad_rows == "refuse":
                    raise
        if not parts:
            if facts.unreadable:
                raise InputError(facts.unreadable[0])
            first = next(iter((*facts.without_rotation, *facts.without_samples)), "none")
            raise InputError(f"{path}: {first} has no samples of all sensors in a row: see its columns and times")
        if len({recording.has_gyroscope for recording, _ in parts}) > 1:
            raise InputError(f"{path}: some files have rotation, and some have none: give it in all files or in none")
        facts.recordings = _labelled(parts, layout, path, facts)
    return facts


def fits(path: Path, layout: Layout) -> bool:
    """Tell whether a file at `path`, a folder or a zip, or itself, is one that the `layout` describes."""
    with open_tree(path) as tree:
        return any(_path_texts(tree, layout, name) is not None for name in tree.names)


def exported_by(path: Path) -> str:
    """The layout of the phone app whose export is at `path`, a folder or a zip; "" for anything else.

    Raises `InputError` for an export without one of the sensors.
    """
    if path.is_dir():
        names = {x.relative_to(path).as_posix() for x in (*path.glob("*.csv"), *path.glob("meta/*.csv"))}
    elif path.suffix.lower() == ".zip":
        with open_tree(path) as tree:
            names = {name.removeprefix(tree.around) for name in tree.names}
    else:
        return ""
    layout_name = next((layout for file, layout in EXPORTS.items() if file in names and names & _OF_SENSORS), "")
    files = [f"{sensor.sensor}.csv" for sensor in find_layout(layout_name).sensors.values()] if layout_name else []
    if absent := [file for file in files if file not in names]:
        raise InputError(f"{path} lacks {' and '.join(absent)}: record acceleration with gravity and the gyroscope")
    return layout_name


def _path_texts(tree: FileTree, layout: Layout, name: str) -> dict[str, str] | None:
    """The texts in the path of a recording; None for another file, such as one of labels."""
    of_labels = layout.label_file and layout.label_file.pattern_of_files.match(*tree.full_path(name)) is not None
    return None if of_labels else layout.pattern.match(*tree.full_path(name))


def _groups(tree: FileTree, layout: Layout) -> list[tuple[dict[str, str], dict[str, str]]]:
    """For each recording, in natural order: the texts in its path, and its files by sensor."""
    by_path = "sensor" in layout.pattern.names
    sensor_names = {sensor.sensor for sensor in layout.sensors.values()} if by_path else {""}
    groups: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for name in sorted(tree.names, key=natural):
        texts = _path_texts(tree, layout, name)
        sensor = "" if texts is None else texts.pop("sensor", "")
        if texts is None or sensor not in sensor_names:
            continue
        files = groups.setdefault((*texts.items(), *([] if by_path else [("", name)])), {})
        if sensor in files:
            raise InputError(f"{tree.place}: {files[sensor]} and {name} are one recording: see {{trial}} in files")
        files[sensor] = name
    if not groups:
        there = ", ".join(quoted(name, 100) for name in sorted(tree.names, key=natural)[:2]) or "none"
        wanted_files = f"{quoted(layout.pattern.text, 200)}, which 'files' of {layout.source} says"
        raise InputError(f"{tree.place} has no files like {wanted_files}; there are {there}")
    return [(dict(key), files) for key, files in groups.items()]


def _cut(
    every: Sequence[Series],
    of_path: Mapping[str, str],
    layout: Layout,
    labels_of: LabelsOf | None,
    facts: LayoutRecordings,
    place: Path,
    rate_hz: float,
) -> Iterator[tuple[Recording, Texts]]:
    """The recordings of one device, without gaps or labels, of files at `place`; the texts `[n]` of their labels."""
    file = Path(every[0].place).relative_to(place).as_posix()
    shown = " ".join([file, *every[0].shared.values()])
    series = next((series for series in every if "acceleration" in series.sensors), None)
    rows = np.empty(0, np.intp)
    if series is not None:
        _check_steps(series.place, series.seconds)  # before times are compared
        rows, values = _with_rotation(series, every, layout)
        is_possible = np.isfinite(values).all(axis=1)
        facts.rows_left_out += int((~is_possible).sum())
        rows, values = rows[is_possible], Axes(layout.axes)(values[is_possible])
    if series is None or len(rows) < 2:
        facts.without_rotation.append(shown)
        return
    seconds = series.seconds[rows]
    is_steady = layout.time is not None and layout.time.steady
    if not is_steady:
        moves_on = np.append(True, np.diff(seconds) != 0)
        facts.rows_left_out += int((~moves_on).sum())
        rows, seconds, values = rows[moves_on], seconds[moves_on], values[moves_on]
    steps = np.diff(seconds)
    _check_steps(series.place, seconds)
    within = steps[(steps >= 0) & (steps <= MAX_GAP_S)]
    facts.rates_hz.append(float(1 / within.mean()))
    if not is_steady and (within < _BUNCHED * within.mean()).mean() > _BUNCHED:
        facts.bunched.append(shown)
    facts.gaps, facts.set_back = facts.gaps + int((steps > MAX_GAP_S).sum()), facts.set_back + int((steps < 0).sum())
    shared = {name: of_path.get(name) or layout.fixed.get(name, "") for name in TEXTS} | series.shared
    texts = {name: column[rows] for name, column in series.texts.items()}
    if not shared["subject"] and "subject" not in texts:
        raise InputError(f"{layout.source} names no subject: put {{subject}} into files, or write subject = ...")
    labels = texts.pop("label", np.full(len(rows), shared["label"], np.object_))
    if labels_of is not None:
        recording_labels = labels_of(of_path)
        times = series.begin * series.factor + seconds
        labels = np.full(len(rows), "", np.object_)
        if recording_labels:
            labels = recording_labels.of_rows(series.place, series.numbers[rows], series.n_rows, times)
        facts.without_labels += [] if any(labels) or file in facts.without_labels else [file]
    is_cut = (steps > MAX_GAP_S) | (steps < 0)
    for column in texts.values():
        is_cut |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(is_cut) + 1).tolist(), len(rows)]
    for first, end in pairwise(edges):
        if end - first < 2:
            continue
        here = shared | {name: column[first] for name, column in texts.items()}
        if isinstance(name := layout.placements.get(without_fraction(here["placement"])), str):
            here["placement"] = name
        at = seconds[first:end]
        if is_steady:  # a straight line through the times of delivery
            step, start = np.polyfit(np.arange(len(at)), at, 1)
            at = np.asarray(start + max(step, 1e-6) * np.arange(len(at)))
        samples = resampled(at := at - at[0], values[first:end], rate_hz)
        nearest = np.searchsorted((at[1:] + at[:-1]) / 2, np.arange(len(samples)) / rate_hz)
        worn = " ".join(filter(None, (here["subject"], here["placement"])))
        recording = Recording(
            here["subject"],
            np.pad(samples, ((0, 0), (0, N_CHANNELS - samples.shape[1]))),
            np.full(len(samples), -1, np.int8),
            (),
            rate_hz=float(rate_hz),
            has_gyroscope=samples.shape[1] == N_CHANNELS,
            mounting=Mounting(
                series.place if layout.mounting == "each file" else worn, layout.name, here["placement"], here["device"]
            ),
            begins_midway=True,
            trial=here["trial"],
            file=Path(series.place).relative_to(place).as_posix(),
        )
        yield recording, labels[first:end][nearest]


def _check_steps(place: str, seconds: Array) -> None:
    steps = np.diff(seconds)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if not units.is_step(step):
        raise InputError(f"{place}: samples are {step:.3g} s apart: see timestamps or, in a layout, rate and [time]")


def _with_rotation(base: Series, every: Sequence[Series], layout: Layout) -> tuple[npt.NDArray[np.intp], Array]:
    """Rows `[n]` of acceleration in `base`, and their values `[n, 6]`, or `[n, 3]` without a gyroscope.

    Rotation in another series is interpolated at the times of acceleration. Rows outside of its times, or in its
    pauses, are left out: all rows, where the layout has rotation, and the series lack it.
    """
    turns = next((series for series in every if series.sensors == ("rotation",)), None)
    if turns is None:
        n = 0 if layout.rotation and len(base.sensors) == 1 else len(base.seconds)
        return np.arange(n), base.values[:n]
    turn_seconds, places = np.unique(turns.seconds + (turns.begin - base.begin) * base.factor, return_index=True)
    after = np.clip(np.searchsorted(turn_seconds, base.seconds), 1, len(turn_seconds) - 1)
    is_near = (turn_seconds[after] - turn_seconds[after - 1] <= MAX_GAP_S) | (turn_seconds[after] == base.seconds)
    is_inside = (base.seconds >= turn_seconds[0]) & (base.seconds <= turn_seconds[-1])
    rows = np.flatnonzero(is_near & is_inside)
    turned = np.stack([np.interp(base.seconds[rows], turn_seconds, axis) for axis in turns.values[places].T], axis=1)
    return rows, np.concatenate([base.values[rows], turned], axis=1)


def _labelled(
    parts: Sequence[tuple[Recording, Texts]], layout: Layout, path: Path, facts: LayoutRecordings
) -> tuple[Recording, ...]:
    """The recordings with their labels. Raises `InputError` for a label without a name, and for too many."""
    texts = set().union(*(labels for _, labels in parts))
    names_of_parts = (name for x, _ in parts for name in (x.subject, x.trial, x.mounting.placement, x.mounting.device))
    control = next((name for name in (*texts, *map(str, names_of_parts)) if has_control(name)), None)
    if control is not None:
        raise InputError(f"{path}: {quoted(control, 30)} has a line break or control character: leave it out")
    name_of_key = {**layout.labels, **layout.other_labels}
    keys = {text: layout.key_of_label(text) for text in texts if text}
    if unknown := sorted((text for text, key in keys.items() if key is None), key=natural):
        raise InputError(
            f"{path}: {layout.source} does not name the label {quoted(unknown[0], 30)}: name it under [labels] or, if "
            f'it is not a class to learn, under [other_labels]; "{OTHERS}" = "" leaves out all others'
        )
    names = {text: name_of_key.get(str(key), text).strip() for text, key in keys.items()}
    classes = labels_in_order(name for text, name in names.items() if name and keys[text] not in layout.other_labels)
    every = (*classes, *labels_in_order(name for name in names.values() if name and name not in classes))
    if len(every) > MAX_LABELS:
        raise InputError(f"{path} has {len(every)} different labels; {MAX_LABELS} are the most")
    number = {"": -1} | {text: every.index(name) if name else -1 for text, name in names.items()}
    facts.absent_labels = tuple(key for key in name_of_key if key not in (*keys.values(), OTHERS))
    return tuple(
        replace(
            recording,
            labels=np.array([number[label] for label in labels], np.int8),
            label_names=every,
            n_classes=len(classes),
        )
        for recording, labels in parts
    )
