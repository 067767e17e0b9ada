"""Check Keras files, `.keras` and HDF5 of Keras 2 and 3, and load them in safe mode."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.outside_files import integer, open_file
from edge_runtime.system.zip_archive import Archive, is_zip

ONNX = ".onnx"
SUFFIXES = (".keras", ".h5", ".hdf5", ONNX)
"""The endings of the names of files with a network."""

_MAGIC = b"\x89HDF"
_ADVICE = "save the whole network with Keras, as a .keras file"
_HOMES = ("layers", "models", "initializers", "regularizers", "constraints")  # modules of Keras
_BROKEN = (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, ImportError, RuntimeError)


def check_file(path: Path) -> None:
    """Raise `InputError` if the Keras file at `path` is missing, cut short or damaged; needs no TensorFlow.

    An ONNX file only has to exist.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: name a network's file, or train one with 'har-edge train'")
    if path.suffix == ONNX or _is_hdf5(path):
        return
    if not is_zip(path):
        raise InputError(f"{path} is not a Keras file: {_ADVICE}")
    with Archive(path, str(path)) as archive:
        for name in archive.names:
            archive.read(name)  # finds damage, and parts that unpack without end
        if "config.json" not in archive.names:
            raise InputError(f"{path} is a zip archive, but not a Keras file (it has no config.json): {_ADVICE}")


def _is_hdf5(path: Path) -> bool:
    with open_file(path, "a trained network") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def load_network(path: Path) -> Any:
    """Load a Keras or ONNX network. Raises `InputError` if it cannot be used, or contains code (Lambda layers)."""
    check_file(path)
    if path.suffix == ONNX:
        from convert.onnx_reader.reader import read

        return read(path)
    try:
        with scratch_folder() as scratch:
            return (_load_hdf5 if _is_hdf5(path) else _load_zip)(path, scratch)
    except _BROKEN as error:
        raise InputError(f"{path} cannot be loaded as a Keras network ({_reason(error)}): {_ADVICE}") from error


def _load_hdf5(path: Path, scratch: Path) -> Any:
    import h5py
    import keras

    copy = shutil.copy(path, scratch / "network.h5")
    with h5py.File(copy) as file:
        description = file.attrs.get("model_config")
    if description is None:
        raise InputError(f"{path} contains weights without their network: {_ADVICE}")
    network = keras.saving.deserialize_keras_object(_parsed(description), safe_mode=True)
    network.load_weights(copy)
    return network


def _load_zip(path: Path, scratch: Path) -> Any:
    import keras

    with Archive(path, str(path)) as archive:
        parts = {name: archive.read(name) for name in archive.names}
    description = _parsed(parts["config.json"])
    copy = scratch / "network.keras"
    with zipfile.ZipFile(copy, "w") as target:
        for name, content in (parts | {"config.json": json.dumps(description).encode()}).items():
            target.writestr(name, content)
    return keras.models.load_model(copy, compile=False, safe_mode=True)


def _parsed(description: str | bytes) -> Any:
    # Not `parse_json`: Keras writes infinities too.
    return json.loads(description, object_hook=_of_keras_3, parse_int=integer)


def _of_keras_3(part: dict[str, Any]) -> Any:
    """Return a part of a description as Keras 3 writes it, without optimiser, batch size and state between windows.

    Keras 3 refuses a true `time_major`.
    """
    import keras

    part |= {key: [None, *x[1:]] for key, x in part.items() if key.startswith("batch_") and isinstance(x, list)}
    part |= {"stateful": False} if "stateful" in part else {}
    part = {key: x for key, x in part.items() if key != "compile_config" and (key, x) != ("time_major", False)}
    name = part.get("class_name")
    if not isinstance(name, str) or "config" not in part:
        axis = part.get("axis")
        return part | {"axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else part
    if name == "Policy":
        return part["config"]["name"]
    if str(part.get("module", "tf_keras")).startswith("tf_keras"):
        homes = (home for home in _HOMES if hasattr(getattr(keras, home, None), name))
        home = "keras.src.models.functional" if name == "Functional" else f"keras.{next(homes, 'layers')}"
        return part | {"module": home, "registered_name": None}
    return part


def _reason(error: BaseException) -> str:
    """Return the first sentence of the first error, which Keras wraps in another error for each layer around it."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
