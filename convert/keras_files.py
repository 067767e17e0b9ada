"""`.keras` files, which come from anywhere: checked, loaded in safe mode, refused with a sentence when unusable."""

import zipfile
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError

_ADVICE = "train it again, or give another file"


def check_file(path: Path) -> None:
    """Raise `InputError` when `path` is missing, cut short, damaged or no Keras file; needs no TensorFlow."""
    if not path.is_file():
        raise InputError(f"{path} does not exist; a trained network is expected there: run 'har-edge train'")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no Keras file or was cut short ({error}): {_ADVICE}") from error
    if damaged:
        raise InputError(f"{path} is damaged (in {damaged}): {_ADVICE}")
    if "config.json" not in names:
        raise InputError(f"{path} is a zip archive, but no Keras file (it has no config.json): {_ADVICE}")


def load_network(path: Path) -> Any:
    """The Keras network in `path`.

    Raises `InputError` when the file cannot be used, or holds code (Lambda layers): code is never run.
    """
    import keras

    check_file(path)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be loaded as a Keras network ({reason}): {_ADVICE}") from error
