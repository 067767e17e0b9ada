"""Read an official copy of UCI HAR, the folder 'UCI HAR Dataset' or its zip.

Only the windows are read ('Inertial Signals', labels and subjects), not the 561 features. Shapes and finite numbers are
checked, labels and subjects by their digests.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import WINDOW, Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.system.outside_files import read_bytes
from edge_runtime.system.zip_archive import MAX_MEMBER, Archive

FOLDER = "UCI HAR Dataset"
N_WINDOWS = {"train": 7352, "test": 2947}
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


@dataclass(frozen=True)
class _Copy:
    """A folder or zip of the text files: `place` comes before their names in errors, `read` takes them."""

    place: str
    read: Callable[[str], bytes]


def is_official(path: Path) -> bool:
    """Tell whether the folder or zip at `path` is, or holds, the official folder, what is left of it, or its zip."""
    if path.is_dir():
        return _root(path) is not None or (path / f"{FOLDER}.zip").is_file()
    with Archive(path, str(path)) as archive:
        return bool(_marks(archive)) or any(x.endswith(f"{FOLDER}.zip") for x in archive.names)


def load_official(path: Path) -> Dataset:
    """Read the official windows at `path`, a folder or a zip (in a zip), and prove labels and subjects by digests.

    Numbers are those of the text, rounded to float32. Raises `InputError` naming the file and the row.
    """
    with _open(path) as copy:
        train, test = (_read_part(copy, part) for part in N_WINDOWS)
    mountings = uci_har.mountings()
    return Dataset(uci_har.NAME, uci_har.LABELS, SIGNALS, WINDOW, train, test, FILTERS, mountings=mountings)


def _read_part(copy: _Copy, part: str) -> Split:
    y = _numbers(copy, f"{part}/y_{part}.txt", part, 1)[:, 0] - 1
    subject = _numbers(copy, f"{part}/subject_{part}.txt", part, 1)[:, 0]
    for what, values, expected in zip(("labels", "subjects"), (y, subject), DIGESTS[part], strict=True):
        if hashlib.sha256(values.astype(np.uint8).tobytes()).hexdigest() != expected:
            raise InputError(
                f"the {what} of the {part} part in {copy.place} are not the official ones, or in another order; "
                "download it again"
            )
    X = np.empty((N_WINDOWS[part], WINDOW.samples, len(SIGNALS)), np.float32)
    for column, signal in enumerate(SIGNALS):
        X[:, :, column] = _numbers(copy, f"{part}/Inertial Signals/{signal.name}_{part}.txt", part, WINDOW.samples)
    return Split(X, y.astype(np.uint8), subject.astype(np.uint8), uci_har.mounting_of_rows(part))


def _numbers(copy: _Copy, name: str, part: str, n_columns: int) -> npt.NDArray[np.float32]:
    """The finite numbers of a file `[n_windows, n_columns]`, read as float64 and rounded to float32."""
    place, lines = f"{copy.place}{name}", copy.read(name).decode("latin-1").splitlines()
    if len(lines) != N_WINDOWS[part]:
        raise InputError(f"{place} has {len(lines)} lines instead of {N_WINDOWS[part]}; download or copy it again")
    try:
        values = np.loadtxt(lines, comments=None, ndmin=2)
    except ValueError as error:
        raise InputError(f"{place}: {error}; rows count from 0") from error
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is found next
        rounded = values.astype(np.float32)
    if values.shape != (N_WINDOWS[part], n_columns) or not np.isfinite(rounded).all():
        raise InputError(
            f"{place}: {N_WINDOWS[part]} rows of {n_columns} finite numbers are expected, and it has {values.shape}; "
            "download or copy it again"
        )
    return rounded


@contextmanager
def _open(path: Path) -> Iterator[_Copy]:
    if path.is_dir():
        root = _root(path)
        if root is not None:
            yield _Copy(f"{root}/", lambda name: _read_file(root / name))
            return
        path /= f"{FOLDER}.zip"
    with Archive(path, str(path)) as outer:
        nested = [x for x in outer.names if x.endswith(f"{FOLDER}.zip") and not x.startswith("__MACOSX")]
        with outer.inner(nested[0]) if nested and not _marks(outer) else nullcontext(outer) as archive:
            prefix = next(iter(_marks(archive)), _MARK).removesuffix(_MARK)
            yield _Copy(f"{archive.place}/{prefix}", lambda name: archive.read(prefix + name))


def _root(path: Path) -> Path | None:
    """The folder at `path`, or in it, that has files of an official copy."""
    for folder in (path, path / FOLDER):
        if any((folder / x / "Inertial Signals").is_dir() or (folder / x / f"y_{x}.txt").is_file() for x in N_WINDOWS):
            return folder
    return None


def _marks(archive: Archive) -> list[str]:
    """Members of the archive that are the first file of an official copy."""
    return [x for x in archive.names if x == _MARK or x.endswith(f"/{_MARK}")]


def _read_file(path: Path) -> bytes:
    try:
        return read_bytes(path, f"a file of the official '{FOLDER}'", MAX_MEMBER)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; the official '{FOLDER}' has it: download or copy it again") from None
