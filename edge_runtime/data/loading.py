"""Load a data set or its recordings: the embedded ones, an official copy, or a folder of CSV files."""

from pathlib import Path

from edge_runtime.data import csv_recordings, official_copy, uci_har, windows_file
from edge_runtime.data.dataset import Dataset, Recording
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.system import zip_archive

_EXPECTED = (
    "give the folder or zip of the official 'UCI HAR Dataset', a folder of CSV recordings with the columns timestamp, "
    "ax, ay, az, gx, gy, gz, label, subject, or an .npz file of windows with the arrays X and y"
)


def load_data(path: str | Path | None = None) -> Dataset:
    """The data set at `path`, recognised by content; None is the embedded UCI HAR data.

    `path` may be the official 'UCI HAR Dataset' as a folder or zip (the zip inside a zip too), a folder of CSV
    recordings (see `edge_runtime.data.csv_recordings`), or an `.npz` file of windows of any signals (see
    `edge_runtime.data.windows_file`). Raises `InputError` when it is none of them, or damaged.
    """
    if path is None:
        return uci_har.load()
    path = Path(path)
    if is_windows_file(path):
        return windows_file.load(path)
    return csv_recordings.load(path) if _is_csv_folder(path) else official_copy.load(path)


def load_recordings(path: str | Path | None = None) -> tuple[Recording, ...]:
    """The continuous recordings at `path`: a folder of CSV recordings; None is the embedded ones.

    Raises `InputError` for an official copy of UCI HAR and for a file of windows, and as `load_data` does.
    """
    if path is None:
        return uci_har.recordings()
    path = Path(path)
    if _is_csv_folder(path):
        return csv_recordings.recordings(path)
    if is_windows_file(path):
        raise InputError(f"{path} holds windows only, and this takes recordings: give a folder of CSV files")
    raise InputError(
        f"{path} is an official copy of UCI HAR, which holds windows only; the embedded data has recordings"
    )


def check_unchanged(data: Dataset, path: Path, card: Card) -> None:
    """Raise `InputError` unless, by its `card`, a model was trained on the `data` at `path` as it is now."""
    record = card.training.get("data")
    remembered = record.get("fingerprint") if isinstance(record, dict) else None
    if remembered != data.as_for(card).fingerprint:
        raise InputError(
            f"by its card, '{card.name}' was not trained on the data at {path} as it is now: give --data {path} to "
            "take it all the same"
        )


def has_recordings(path: Path | None) -> bool:
    """Tell whether `load_recordings` takes `path`: official copies and `.npz` files hold windows only."""
    return path is None or _is_csv_folder(path)


def is_windows_file(path: Path) -> bool:
    """Tell whether `path` is a file of windows, by its ending."""
    return path.suffix.lower() == ".npz" and path.is_file()


def _is_csv_folder(path: Path) -> bool:
    """Tell whether `path` holds CSV recordings; if not, it holds windows. Raises `InputError` for anything else."""
    if is_windows_file(path):
        return False
    if not path.exists():
        raise InputError(f"{path} does not exist; {_EXPECTED}")
    if path.is_dir():
        if official_copy.is_official_folder(path):
            return False
        if csv_recordings.files_in(path):
            return True
        raise InputError(f"{path} holds no data that har-edge knows; {_EXPECTED}")
    if zip_archive.is_zip(path):
        return False
    if path.suffix.lower() == ".npy":
        raise InputError(f"{path} holds one array: save X and y together, by numpy.savez('windows.npz', X=X, y=y)")
    raise InputError(f"{path} is neither a folder nor a zip; {_EXPECTED}")
