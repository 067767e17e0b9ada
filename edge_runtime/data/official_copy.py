"""Read an official copy of UCI HAR, the folder 'UCI HAR Dataset' or its zip, and compare it.

Only the windows are read ('Inertial Signals', labels and subjects), not the 561 features. Everything is checked:
shapes, counts, ranges, finite numbers, and digests of labels and subjects.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import WINDOW, Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import Signal
from edge_runtime.system.outside_files import read_bytes
from edge_runtime.system.zip_archive import MAX_MEMBER, Archive, is_zip

FOLDER = "UCI HAR Dataset"
N_WINDOWS = {"train": 7352, "test": 2947}
N_SUBJECTS = 30
# SHA-256 of labels (0 to 5) and subjects (1 to 30), as uint8 in the order of the rows.
DIGESTS = {
    "train": (
        "222085d9d70948d9e252eb43a101307273edc61588c822a004cdcea259285ac9",
        "2c395e93c9183f14405c7fbca8167fa4cff788d038a352d3d5e426ed1aa58459",
    ),
    "test": (
        "c6c5639491f71f640401d34ac4a15a109a8023b085f463afef7f2e9f6cefe907",
        "f6aca869c2a54b67d93c6bdb2e12b7e3bceaab643d231a52b0ade48423f05dfb",
    ),
}
_MARK = "train/y_train.txt"

# The official files hold seven significant digits: one unit in the last of them is at most 1e-6 of the value, and
# float32 adds up to 1.2e-7.
ROUNDING = 1.2e-6

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SignalDifference:
    """One signal over all windows.

    The largest difference in its unit, how many values differ, and how many by more than one unit in the seventh digit.
    """

    signal: Signal
    largest: float
    n_different: int
    n_beyond_rounding: int


@dataclass(frozen=True)
class CopyComparison:
    """Differences between two copies of the same data set."""

    labels_equal: bool
    subjects_equal: bool
    n_values: int
    signals: tuple[SignalDifference, ...]

    @property
    def agrees(self) -> bool:
        """Tell whether labels and subjects are equal, and signals as equal as seven digits can tell."""
        return self.labels_equal and self.subjects_equal and not any(x.n_beyond_rounding for x in self.signals)


@dataclass(frozen=True)
class _Copy:
    """A folder or zip of the text files: `place` comes before their names in errors, `read` takes them."""

    place: str
    read: Callable[[str], bytes]


def is_official_folder(path: Path) -> bool:
    """Tell whether the folder `path` is, or holds, (what is left of) the official folder or its zip."""
    return _root(path) is not None or (path / f"{FOLDER}.zip").is_file()


def is_official_zip(path: Path) -> bool:
    """Tell whether the zip at `path` holds (the beginning of) the official folder, or its zip."""
    with Archive(path, str(path)) as archive:
        return bool(_marks(archive)) or any(x.endswith(f"{FOLDER}.zip") for x in archive.names)


def load(path: Path, proved: bool = True) -> Dataset:
    """Read the official windows at `path`, a folder or a zip (in a zip), and prove labels and subjects by digests.

    Unless `proved`, labels and subjects are in range alone. Numbers are those of the text, rounded to float32. Raises
    `InputError` naming the file and the line.
    """
    with _open(path) as copy:
        rows = {part: _read_rows(copy, part) for part in N_WINDOWS}
        if proved:
            _prove(path, rows)
        mountings = uci_har.mountings()
        worn = {part: uci_har.mounting_of_rows(part) for part in N_WINDOWS}
        train, test = (Split(_read_signals(copy, part), *rows[part], worn[part]) for part in N_WINDOWS)
    return Dataset(uci_har.NAME, uci_har.LABELS, SIGNALS, WINDOW, train, test, FILTERS, mountings=mountings)


def compare(official: Dataset, rebuilt: Dataset) -> CopyComparison:
    """Compare two data sets of the same shapes, training and test part together."""
    parts = ((official.train, rebuilt.train), (official.test, rebuilt.test))
    differences = []
    for column, signal in enumerate(rebuilt.signals):
        a, b = (np.concatenate([pair[side].X[..., column] for pair in parts]).astype(np.float64) for side in (0, 1))
        distance = np.abs(a - b)
        beyond = distance > ROUNDING * np.maximum(np.abs(a), np.abs(b))
        differences.append(
            SignalDifference(signal, float(distance.max()), int((distance > 0).sum()), int(beyond.sum()))
        )
    return CopyComparison(
        labels_equal=all(np.array_equal(a.y, b.y) for a, b in parts),
        subjects_equal=all(np.array_equal(a.subject, b.subject) for a, b in parts),
        n_values=sum(a.X[..., 0].size for a, _ in parts),
        signals=tuple(differences),
    )


def _prove(path: Path, rows: dict[str, tuple[Bytes, Bytes]]) -> None:
    for part, arrays in rows.items():
        for what, array, expected in zip(("labels", "subjects"), arrays, DIGESTS[part], strict=True):
            if hashlib.sha256(array.tobytes()).hexdigest() != expected:
                raise InputError(
                    f"the {what} of the {part} part in {path} are not the official ones, or in another order; "
                    "download it again, or see 'har-edge data check'"
                )


@contextmanager
def _open(path: Path) -> Iterator[_Copy]:
    if path.is_dir():
        root = _root(path)
        if root is not None:
            yield _Copy(f"{root}/", partial(_read_file, root))
            return
        zipped = path / f"{FOLDER}.zip"
        if not zipped.exists():
            raise InputError(f"the folder {path} has no recordings of the official '{FOLDER}'; give one that has")
        path = zipped
    if not path.exists() or not is_zip(path):
        raise InputError(f"{path} is not the official '{FOLDER}', as a folder or a zip; give one of them")
    with Archive(path, str(path)) as outer:
        nested = [x for x in outer.names if x.endswith(f"{FOLDER}.zip") and not x.startswith("__MACOSX")]
        with outer.inner(nested[0]) if nested and not _marks(outer) else nullcontext(outer) as archive:
            if not _marks(archive):
                raise InputError(
                    f"{archive.place} is not the official '{FOLDER}' (it has no {_MARK}); download or copy it again"
                )
            prefix = _marks(archive)[0].removesuffix(_MARK)
            yield _Copy(f"{archive.place}/{prefix}", lambda name: archive.read(prefix + name))


def _root(path: Path) -> Path | None:
    for folder in (path, path / FOLDER):
        if any(
            (folder / part / "Inertial Signals").is_dir() or (folder / f"{part}/y_{part}.txt").is_file()
            for part in N_WINDOWS
        ):
            return folder
    return None


def _marks(archive: Archive) -> list[str]:
    """Members of the archive that are the first file of an official copy."""
    return [x for x in archive.names if x == _MARK or x.endswith(f"/{_MARK}")]


def _read_file(root: Path, name: str) -> bytes:
    path = root / name
    try:
        return read_bytes(path, f"a file of the official '{FOLDER}'", MAX_MEMBER)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; the official '{FOLDER}' has it: download or copy it again") from None


def _read_rows(copy: _Copy, part: str) -> tuple[Bytes, Bytes]:
    """Classes from 0 and subjects from 1, one for each window."""
    y = _integers(copy, f"{part}/y_{part}.txt", N_WINDOWS[part], len(uci_har.LABELS))
    subject = _integers(copy, f"{part}/subject_{part}.txt", N_WINDOWS[part], N_SUBJECTS)
    return y - np.uint8(1), subject


def _read_signals(copy: _Copy, part: str) -> npt.NDArray[np.float32]:
    X = np.empty((N_WINDOWS[part], WINDOW.samples, len(SIGNALS)), np.float32)
    for column, signal in enumerate(SIGNALS):
        name = f"{part}/Inertial Signals/{signal.name}_{part}.txt"
        X[:, :, column] = _numbers(copy, name, N_WINDOWS[part], WINDOW.samples)
    return X


def _integers(copy: _Copy, name: str, n_lines: int, largest: int) -> Bytes:
    """One whole number from 1 to `largest` a line."""
    values = _numbers(copy, name, n_lines, 1)[:, 0]
    wrong = np.flatnonzero((values < 1) | (values > largest) | (values != np.floor(values)))
    if len(wrong):
        raise InputError(
            f"{copy.place}{name}, line {wrong[0] + 1}: {values[wrong[0]]:g} is not a whole number from 1 to {largest}"
        )
    return values.astype(np.uint8)


def _numbers(copy: _Copy, name: str, n_lines: int, n_columns: int) -> npt.NDArray[np.float32]:
    """`[n_lines, n_columns]` finite numbers, read as float64 and rounded to float32."""
    lines = copy.read(name).splitlines()
    place = f"{copy.place}{name}"
    if len(lines) != n_lines:
        raise InputError(f"{place} has {len(lines)} lines instead of {n_lines}; download or copy it again")
    values = np.empty((n_lines, n_columns))
    for number, line in enumerate(lines):
        fields = line.split()
        if len(fields) != n_columns:
            raise InputError(f"{place}, line {number + 1}: {len(fields)} numbers instead of {n_columns}")
        try:
            values[number] = list(map(float, fields))
        except ValueError as error:
            raise InputError(f"{place}, line {number + 1}: {error}") from None
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is found next
        rounded = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rounded).all(axis=1))
    if len(bad):
        raise InputError(f"{place}, line {bad[0] + 1}: a number is not finite; download or copy it again")
    return rounded
