"""Rebuild the published windows of UCI HAR from the embedded recordings, or read them from an official copy.

The windows were published in 2013 (UCI HAR), the raw recordings in 2016 (HAPT). `edge_runtime.signals.frontend` turns
these into those; the table `data/windows.txt` has the windows in their order. DATA_NOTICE.md names their papers.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data import embedded_recordings
from edge_runtime.data.dataset import WINDOW, Dataset, Split, cut
from edge_runtime.data.embedded_recordings import MOUNTINGS
from edge_runtime.data.file_tree import FileTree, open_tree, unpacked
from edge_runtime.data.names import UCI_HAR
from edge_runtime.data.recording import Recording
from edge_runtime.data.text_rows import text_lines
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.filters import FILTERS

WINDOWS_FILE = Path(__file__).parent / "windows.txt"

_SIGNIFICANT_DIGITS = 7  # what the official text files hold
_POWERS_OF_TEN = np.cumprod([1.0] + [10.0] * 22)  # all that float64 holds exactly

NAME = embedded_recordings.NAME
LABELS = UCI_HAR

OFFICIAL_FOLDER = "UCI HAR Dataset"
N_WINDOWS = {"train": 7352, "test": 2947}

Runs = tuple[tuple[int, int, int], ...]
"""(class, first sample, number of windows) of each run of windows in one recording."""


@cache
def load() -> Dataset:
    """The official windows: 7352 of 21 training subjects, 2947 of 9 test subjects, arrays read-only, cached."""
    recordings = embedded_recordings.load()
    parts = {part: _windows(recordings, table) for part, table in read_table().items()}
    train, test = parts["train"], parts["test"]
    return Dataset(NAME, LABELS, frontend.SIGNALS, WINDOW, train, test, FILTERS, mountings=MOUNTINGS)


def _windows(recordings: Sequence[Recording], table: dict[int, Runs]) -> Split:
    X, y, subject, mounting = [], [], [], []
    for number, runs in table.items():
        recording = recordings[number]
        starts = np.concatenate([first + WINDOW.hop * np.arange(count) for _, first, count in runs])
        X.append(_as_published(cut(frontend.signals(recording.samples), starts)))
        y.append(np.repeat(np.array([label for label, _, _ in runs], np.uint8), [count for _, _, count in runs]))
        subject.append(np.full(len(starts), recording.subject, np.uint8))
        mounting.append(np.full(len(starts), number, np.int32))
    split = Split(np.concatenate(X), np.concatenate(y), np.concatenate(subject), np.concatenate(mounting))
    for array in vars(split).values():
        array.flags.writeable = False  # `load` hands the same arrays to everyone
    return split


def _as_published(windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Round to the digits of the official text files, then to float32."""
    # Powers come from a table, since vectorised ones may be off by the last bit. Numbers next to 0 have 22 decimals.
    last_digit = len(_POWERS_OF_TEN) - 1
    magnitudes = np.maximum(np.abs(windows), 10.0 ** (_SIGNIFICANT_DIGITS - 1 - last_digit))
    decimals = _SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(magnitudes)).astype(np.intp)
    scale = _POWERS_OF_TEN[np.clip(decimals, 0, last_digit)]
    return (np.round(windows * scale) / scale).astype(np.float32)


def read_table() -> dict[str, dict[int, Runs]]:
    """The runs of windows of each recording, for each part, in the official order of rows."""
    parts: dict[str, dict[int, Runs]] = {}
    for line in WINDOWS_FILE.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            part = parts.setdefault(line.removeprefix("#").strip(), {})
            continue
        recording, runs = line.split(":")
        numbers = (map(int, run.split(",")) for run in runs.split())
        part[int(recording)] = tuple((activity - 1, first, count) for activity, first, count in numbers)
    return parts


def is_official(path: Path) -> bool:
    """Tell whether the folder or zip at `path` is or holds the official folder, or its zip."""
    with open_tree(path) as tree:
        return _top(tree) is not None or any(name.endswith(f"{OFFICIAL_FOLDER}.zip") for name in tree.names)


def load_official(path: Path) -> Dataset:
    """The official windows at `path`. Raises `InputError` for a missing file, or one of another size."""
    with open_tree(path) as opened:
        tree = unpacked(opened) if _top(opened) is None else opened
        train, test = (_read_part(tree, part) for part in N_WINDOWS)
    return Dataset(NAME, LABELS, frontend.SIGNALS, WINDOW, train, test, FILTERS, mountings=MOUNTINGS)


def _top(tree: FileTree) -> str | None:
    """The folder of an official copy in `tree`, with a `/` behind it; None without any file of a copy."""
    ends = [f"/{part}/{x}_{part}.txt" for part in N_WINDOWS for x in ("y", "Inertial Signals/body_acc_x")]
    return next((name.removesuffix(end[1:]) for name in tree.names for end in ends if f"/{name}".endswith(end)), None)


def _read_part(tree: FileTree, part: str) -> Split:
    y = _numbers(tree, f"y_{part}.txt", part, 1)[:, 0] - 1
    subject = _numbers(tree, f"subject_{part}.txt", part, 1)[:, 0]
    X = np.empty((N_WINDOWS[part], WINDOW.samples, len(frontend.SIGNALS)), np.float32)
    for column, signal in enumerate(frontend.SIGNALS):
        X[:, :, column] = _numbers(tree, f"Inertial Signals/{signal.name}_{part}.txt", part, WINDOW.samples)
    counts = {number: sum(count for _, _, count in runs) for number, runs in read_table()[part].items()}
    mounting = np.repeat(np.array([*counts], np.int32), [*counts.values()])
    return Split(X, y.astype(np.uint8), subject.astype(np.uint8), mounting)


def _numbers(tree: FileTree, name: str, part: str, n_columns: int) -> npt.NDArray[np.float32]:
    """The finite numbers of a file `[n_windows, n_columns]`, read as float64 and rounded to float32."""
    name = f"{_top(tree) or ''}{part}/{name}"
    place = str(tree.place / name)
    if name not in tree.names:
        raise InputError(f"{place} is missing; the official '{OFFICIAL_FOLDER}' has it: download or copy it again")
    expected = f"{N_WINDOWS[part]} rows of {n_columns} finite numbers are expected; download or copy it again"
    try:
        values = np.loadtxt(text_lines(tree.read(name), place, "latin-1"), comments=None, ndmin=2)
    except ValueError as error:
        raise InputError(f"{place}: {error}; {expected}") from error
    if values.shape != (N_WINDOWS[part], n_columns) or not (np.abs(values) < 1e30).all():
        raise InputError(f"{place} has {values.shape}: {expected}")
    return values.astype(np.float32)
