"""Turn a folder of a user's own CSV files into recordings at 50 Hz and windows.

Each file is one continuous recording of one subject (`edge_runtime.data.csv_table` reads it)::

    timestamp[ms],ax[m/s^2],ay[m/s^2],az[m/s^2],gx[deg/s],gy[deg/s],gz[deg/s],label,subject

Samples are brought to 50 Hz as a live stream is, by linear interpolation between timestamps, with a low-pass where they
come clearly faster (`edge_runtime.signals.resampling`). Then they are treated as UCI HAR was: the same front end,
windows of 128 samples every 64, each wholly inside one label's segment. Rows with an empty label feed the filters and
give no windows. Where samples are missing for more than 0.25 s, a new recording begins. Without rotation, which all
files lack then, there are no signals of the gyroscope.

The last third of the subjects, in natural order of their names (s2 before s10), is the test part.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data import csv_table, uci_har
from edge_runtime.data.csv_table import Table
from edge_runtime.data.dataset import MAX_LABELS, WINDOW, Dataset, Recording, Split, cut, segments
from edge_runtime.data.subject_groups import MIN_SUBJECTS, last_third, natural
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ, SIGNALS
from edge_runtime.signals.resampling import MAX_GAP_S, resampled
from edge_runtime.system.quantities import counted

_WINDOW_S = f"{WINDOW.samples / RATE_HZ:g} s"


def files_in(folder: Path) -> list[Path]:
    """The CSV files in `folder`, in natural order."""
    found = (x for x in folder.glob("*") if x.suffix.lower() == ".csv" and x.is_file())
    return sorted(found, key=lambda x: natural(x.name))


def recordings(folder: Path) -> tuple[Recording, ...]:
    """The recordings in `folder` at 50 Hz, split where samples are missing.

    Raises `InputError` as `csv_table.read` does, and when some files have rotation and others none.
    """
    tables = [csv_table.read(path) for path in files_in(folder)]
    if not tables:
        raise InputError(f"{folder} has no CSV files; one for each recording is expected there")
    first = tables[0]
    for x in tables:
        if x.samples.shape != (len(x.samples), first.samples.shape[1]):
            less, more = sorted((x, first), key=lambda x: x.samples.shape[1])
            raise InputError(
                f"{less.path} has no columns of rotation, and {more.path} has: give them in all files or in none"
            )
    names = _label_names({x for table in tables for x in table.labels if x}, folder)
    return tuple(recording for table in tables for recording in _resample(table, names))


def load(folder: Path) -> Dataset:
    """The windows of the recordings in `folder`; errors as of `recordings` and `windows`."""
    return windows(folder, recordings(folder))


def windows(folder: Path, found: Sequence[Recording]) -> Dataset:
    """Windows of the recordings that were `found` in `folder`, with the classes that its labels name.

    Classes are in alphabetical order, or in that of UCI HAR when all of them are its names. Raises `InputError` for
    fewer than three subjects, and classes without a window to learn from.
    """
    subjects = _subjects(found)
    if len(subjects) < MIN_SUBJECTS:
        raise InputError(
            f"{folder} has recordings of {counted(len(subjects), 'subject')}; "
            f"at least {MIN_SUBJECTS} are needed, since a third of them are reserved for the test"
        )
    testing = test_subjects(found)
    training = subjects[: -len(testing)]
    train, test = (_windows([x for x in found if x.subject in chosen]) for chosen in (training, testing))
    labels = found[0].label_names
    for number, count in enumerate(np.bincount(train.y, minlength=len(labels))):
        if not count:
            raise InputError(
                f"{folder}: no training subject ({', '.join(training)}) has {_WINDOW_S} of '{labels[number]}' "
                "in one piece; record more of it, or leave that label empty"
            )
    if not len(test):
        raise InputError(
            f"{folder}: no test subject ({', '.join(map(str, testing))}) has {_WINDOW_S} of one label in one piece; "
            "record more"
        )
    return Dataset(folder.resolve().name, labels, found[0].signals, WINDOW, train, test, FILTERS)


def test_subjects(found: Sequence[Recording]) -> list[int | str]:
    """The last third of the people in `found`; all of them where they are fewer than a training needs."""
    return last_third(_subjects(found))


def as_test(folder: Path, chosen: Sequence[Recording]) -> Dataset:
    """Windows of `chosen` recordings in `folder`, all of them in the test part.

    Raises `InputError` when none is long enough.
    """
    test = _windows(chosen)
    if not len(test):
        people = ", ".join(_subjects(chosen))
        raise InputError(f"{folder}: nobody of {people} has {_WINDOW_S} of one label in one piece; record more")
    nobody = Split(test.X[:0], test.y[:0], test.subject[:0])
    return Dataset(folder.resolve().name, chosen[0].label_names, chosen[0].signals, WINDOW, nobody, test, FILTERS)


def _subjects(found: Sequence[Recording]) -> list[str]:
    return sorted({str(x.subject) for x in found}, key=natural)


def _label_names(found: set[str], folder: Path) -> tuple[str, ...]:
    if not 2 <= len(found) <= MAX_LABELS:
        raise InputError(f"the CSV files in {folder} have {len(found)} different labels; 2 to {MAX_LABELS} are needed")
    return tuple(x for x in uci_har.LABELS if x in found) if found <= set(uci_har.LABELS) else tuple(sorted(found))


def _resample(table: Table, names: tuple[str, ...]) -> Iterator[Recording]:
    """The table at 50 Hz, in one recording for each stretch without a gap; a label is that of the nearest row."""
    number = {name: i for i, name in enumerate(names)}
    labels = np.array([number.get(x, -1) for x in table.labels], np.int8)
    n_channels = table.samples.shape[1]
    stretches = np.split(np.arange(len(labels)), np.flatnonzero(np.diff(table.seconds) > MAX_GAP_S) + 1)
    for rows in stretches:
        seconds = table.seconds[rows] - table.seconds[rows[0]]
        samples = resampled(seconds, table.samples[rows], RATE_HZ)
        samples = np.pad(samples, ((0, 0), (0, N_CHANNELS - n_channels)))
        nearest = np.searchsorted((seconds[1:] + seconds[:-1]) / 2, np.arange(len(samples)) / RATE_HZ)
        has_gyroscope = n_channels == N_CHANNELS
        yield Recording(table.subject, samples, labels[rows][nearest], names, has_gyroscope=has_gyroscope)


def _windows(chosen: Sequence[Recording]) -> Split:
    """The windows that lie wholly inside one label's segment."""
    columns = [i for i, x in enumerate(SIGNALS) if x in chosen[0].signals]
    X: list[npt.NDArray[np.floating]] = [np.empty((0, WINDOW.samples, len(columns)))]
    y: list[int] = []
    subject: list[str] = []
    for recording in chosen:
        starts = [
            start
            for first, end, label in segments(recording.labels)
            if label >= 0
            for start in range(first, end + 1 - WINDOW.samples, WINDOW.hop)
        ]
        X.append(cut(frontend.signals(recording.samples)[:, columns], starts))
        y += recording.labels[starts].tolist()
        subject += [str(recording.subject)] * len(starts)
    return Split(np.concatenate(X).astype(np.float32), np.array(y, np.uint8), np.array(subject, np.str_))
