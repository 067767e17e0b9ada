"""Turn the files of a data set, as a layout describes them, into recordings at 50 Hz.

A new recording begins where samples are missing for more than 0.25 s, times go back or another person begins. Where a
sensor has rows or files of its own, rotation is interpolated linearly at the times of acceleration.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import MAX_LABELS, Mounting, Recording
from edge_runtime.data.file_tree import FileTree, limited, open_tree, unpacked
from edge_runtime.data.label_files import LabelsOf, read_labels
from edge_runtime.data.layout import OTHERS, TEXTS, Layout, find_layout
from edge_runtime.data.names import labels_in_order, natural
from edge_runtime.data.sample_files import Table, read_tables
from edge_runtime.errors import InputError
from edge_runtime.signals import units
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ
from edge_runtime.signals.resampling import MAX_GAP_S, resampled
from edge_runtime.system.printable import has_control, quoted

_BUNCHED = 1 / 3  # of the samples come within that part of the time between two: several are delivered together
_MOST_TEXTS, _LONGEST_TEXT = 1000, 200  # labels in the files, and characters of one

Array = npt.NDArray[np.float64]

EXPORTS = {"Metadata.csv": "sensor-logger", "meta/device.csv": "phyphox"}
"""The layouts of phone apps, by a file that their exports have, beside one of a sensor."""
_OF_SENSORS = {"Accelerometer.csv", "TotalAcceleration.csv", "Gyroscope.csv"}


@dataclass
class LayoutRecordings:
    """The recordings of a data set, and facts of their files.

    `gaps` and `set_back` count recordings that began behind a gap, or where times went back. `bunched` names files with
    times of delivery, `without_labels` those that the files of labels do not. `absent_labels` are of the layout only.
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
    absent_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class _FilePart:
    """Samples `values` `[n, 3 or 6]` without a gap, and their `layout.TEXTS`."""

    file: str
    texts: Mapping[str, str]
    seconds: Array
    values: Array
    labels: Sequence[str]


def read_recordings(path: Path, layout: Layout) -> LayoutRecordings:
    """The recordings at `path`, a folder, a zip or a file, and where no file fits the layout, in zips inside.

    Raises `InputError` for a file that the layout does not fit, and for labels that it does not name.
    """
    facts = LayoutRecordings()
    parts: list[_FilePart] = []
    with open_tree(path) as opened:
        fits_layout = any(_path_texts(opened, layout, name) is not None for name in opened.names)
        tree = opened if fits_layout else unpacked(opened)
        tree = limited(tree, path) if path.is_file() else tree
        labels = read_labels(tree, layout, layout.label_file) if layout.label_file else None
        for path_texts, files in _groups(tree, layout):
            if len(files) < (2 if "sensor" in layout.pattern.names else 1):
                facts.without_rotation += files.values()
                continue
            by_device: dict[tuple[str, ...], list[Table]] = {}
            for sensor, name in files.items():
                tables, n_left_out = read_tables(tree.read(name), str(tree.place / name), layout, sensor)
                facts.rows_left_out += n_left_out
                facts.without_samples += [] if tables else [name]
                for table in tables:
                    by_device.setdefault(tuple(table.shared.values()), []).append(table)
            for of_device in by_device.values():
                parts += _parts(of_device, path_texts, layout, labels, facts, next(iter(files.values())))
        if not parts:
            first = next(iter((*facts.without_rotation, *facts.without_samples)), "none")
            raise InputError(f"{path}: {first} has no samples of all sensors in a row: see columns, sensor and [time]")
        if len({part.values.shape[1] for part in parts}) > 1:
            raise InputError(f"{path}: some files have rotation, and some have none: give it in all files or in none")
        facts.recordings = _named(parts, layout, path, tree.place, facts)
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


def _parts(
    tables: Sequence[Table],
    of_path: Mapping[str, str],
    layout: Layout,
    labels_of: LabelsOf | None,
    facts: LayoutRecordings,
    file: str,
) -> Iterator[_FilePart]:
    table = next((table for table in tables if "acceleration" in table.series), None)
    shown = " ".join([file, *tables[0].shared.values()])
    if table is not None:
        _check_steps(table.place, table.series["acceleration"].seconds)  # before times are compared
    samples = None if table is None else with_rotation(table, tables, layout)
    if samples is not None:
        is_possible = np.isfinite(samples[2]).all(axis=1)
        facts.rows_left_out += int((~is_possible).sum())
        samples = samples[0][is_possible], samples[1][is_possible], samples[2][is_possible]
    if table is None or samples is None or len(samples[0]) < 2:
        facts.without_rotation.append(shown)
        return
    rows, seconds, values = samples
    is_steady = layout.time is not None and layout.time.steady
    if not is_steady:
        moves_on = np.append(True, np.diff(seconds) != 0)
        facts.rows_left_out += int((~moves_on).sum())
        rows, seconds, values = rows[moves_on], seconds[moves_on], values[moves_on]
    steps = np.diff(seconds)
    _check_steps(table.place, seconds)
    within = steps[(steps >= 0) & (steps <= MAX_GAP_S)]
    facts.rates_hz.append(float(1 / within.mean()))
    if not is_steady and (within < _BUNCHED * within.mean()).mean() > _BUNCHED:
        facts.bunched.append(shown)
    facts.gaps, facts.set_back = facts.gaps + int((steps > MAX_GAP_S).sum()), facts.set_back + int((steps < 0).sum())
    shared = {name: of_path.get(name) or layout.fixed.get(name, "") for name in TEXTS} | table.shared
    texts = {x: column[rows] for x, column in table.texts.items()}
    if not shared["subject"] and "subject" not in texts:
        raise InputError(f"{layout.source} names no subject: put {{subject}} into files, or write subject = ...")
    labels: list[str] = texts.pop("label", np.full(len(rows), shared["label"], np.object_)).tolist()
    if labels_of is not None:
        base = table.series["acceleration"]
        recording_labels = labels_of(of_path)
        times = base.begin * base.factor + base.seconds[rows]
        labels = [""] * len(rows)
        if recording_labels:
            labels = recording_labels.of_rows(table.place, table.numbers[rows], table.n_rows, times)
        facts.without_labels += [] if any(labels) or file in facts.without_labels else [file]
    is_cut = (steps > MAX_GAP_S) | (steps < 0)
    for column in texts.values():
        is_cut |= column[1:] != column[:-1]
    for part in np.split(np.arange(len(rows)), np.flatnonzero(is_cut) + 1):
        if len(part) > 1:
            at = seconds[part]
            if is_steady:  # a straight line through the times of delivery
                step, first = np.polyfit(np.arange(len(part)), at, 1)
                at = np.asarray(first + max(step, 1e-6) * np.arange(len(part)))
            here = shared | {x: column[part[0]] for x, column in texts.items()}
            if isinstance(name := layout.placements.get(here["placement"]), str):
                here["placement"] = name
            yield _FilePart(table.place, here, at, values[part], labels[part[0] : part[-1] + 1])


def _check_steps(place: str, seconds: Array) -> None:
    steps = np.diff(seconds)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if not units.is_step(step):
        raise InputError(f"{place}: samples are {step:.3g} s apart: see unit, steady and rate under [time]")


def with_rotation(
    table: Table, tables: Sequence[Table], layout: Layout
) -> tuple[npt.NDArray[np.intp], Array, Array] | None:
    """Rows `[n]` of acceleration in `table`, their seconds `[n]` and values `[n, 6]`, `[n, 3]` without a gyroscope.

    Rotation, which may be in another of the `tables`, is interpolated at the times of acceleration. Rows outside of its
    times, or in its pauses, are left out. None where the layout has rotation, and the tables lack it.
    """
    base = table.series["acceleration"]
    turns = next((table.series["rotation"] for table in tables if "rotation" in table.series), None)
    if turns is None:
        return None if layout.rotation else (np.arange(len(base.seconds)), base.seconds, base.values)
    if len(tables) == 1 and table.paired:
        return np.arange(len(base.seconds)), base.seconds, np.concatenate([base.values, turns.values], axis=1)
    turn_seconds, places = np.unique(turns.seconds + (turns.begin - base.begin) * base.factor, return_index=True)
    if len(places) < 2:
        return None
    values = turns.values[places]
    after = np.clip(np.searchsorted(turn_seconds, base.seconds), 1, len(turn_seconds) - 1)
    is_near = (turn_seconds[after] - turn_seconds[after - 1] <= MAX_GAP_S) | (turn_seconds[after] == base.seconds)
    is_inside = (base.seconds >= turn_seconds[0]) & (base.seconds <= turn_seconds[-1])
    rows = np.flatnonzero(is_near & is_inside)
    turned = np.stack([np.interp(base.seconds[rows], turn_seconds, x) for x in values.T], axis=1)
    return rows, base.seconds[rows], np.concatenate([base.values[rows], turned], axis=1)


def _named(
    parts: Sequence[_FilePart], layout: Layout, path: Path, place: Path, facts: LayoutRecordings
) -> tuple[Recording, ...]:
    """The recordings at 50 Hz, with the layout's names of labels. Raises `InputError` for a label without a name."""
    texts = {label for part in parts for label in part.labels}
    if len(texts) > _MOST_TEXTS or max(map(len, texts)) > _LONGEST_TEXT:
        raise InputError(f"{path} has labels of over {_LONGEST_TEXT} characters, or over {_MOST_TEXTS:,}: see label")
    control = next((x for x in (*texts, *(y for part in parts for y in part.texts.values())) if has_control(x)), None)
    if control is not None:
        raise InputError(f"{path}: {quoted(control, 30)} has a line break or control character: leave it out")
    name_of_key = {**layout.labels, **layout.other_labels}
    keys = {text: layout.key_of_label(text) for text in texts if text}
    if unknown := sorted((x for x, key in keys.items() if key is None), key=natural):
        raise InputError(
            f"{path}: {layout.source} does not name the label {quoted(unknown[0], 30)}: name it under [labels] or, if "
            f'it is not a class to learn, under [other_labels]; "{OTHERS}" = "" leaves out all others'
        )
    names = {x: name_of_key.get(str(key), x).strip() for x, key in keys.items()}
    classes = labels_in_order(y for x, y in names.items() if y and keys[x] not in layout.other_labels)
    every = (*classes, *labels_in_order(name for name in names.values() if name and name not in classes))
    if len(every) > MAX_LABELS:
        raise InputError(f"{path} has {len(every)} different labels; {MAX_LABELS} are the most")
    number = {"": -1} | {x: every.index(y) if y else -1 for x, y in names.items()}
    facts.absent_labels = tuple(x for x in name_of_key if x not in (*keys.values(), OTHERS))
    source = layout.name or (path.resolve().stem if path.is_file() else path.resolve().name)
    recordings = []
    for x in parts:
        seconds = x.seconds - x.seconds[0]
        samples = resampled(seconds, x.values, RATE_HZ)
        nearest = np.searchsorted((seconds[1:] + seconds[:-1]) / 2, np.arange(len(samples)) / RATE_HZ)
        person_and_placement = " ".join(filter(None, (x.texts["subject"], x.texts["placement"])))
        worn = x.file if layout.mounting == "each file" else person_and_placement
        recordings.append(
            Recording(
                x.texts["subject"],
                np.pad(samples, ((0, 0), (0, N_CHANNELS - samples.shape[1]))),
                np.array([number[label] for label in x.labels], np.int8)[nearest],
                every,
                has_gyroscope=samples.shape[1] == N_CHANNELS,
                mounting=Mounting(worn, source, x.texts["placement"], x.texts["device"]),
                n_classes=len(classes),
                begins_midway=True,
                trial=x.texts["trial"],
                file=Path(x.file).relative_to(place).as_posix(),
            )
        )
    return tuple(recordings)
