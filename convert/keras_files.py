"""Check Keras files, load them in safe mode, and take off the softmax that a network ends in."""

import json
import math
import zipfile
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from convert.hdf5_networks import MAGIC, Hdf5Network
from convert.keras_layers import (
    form_fault,
    has_sigmoid,
    has_softmax,
    is_network,
    is_sigmoid,
    is_softmax,
    last_call,
)
from edge_runtime.errors import InputError
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.outside_files import integer, open_file
from edge_runtime.system.zip_archive import Archive, is_zip

SUFFIXES = (".keras", ".h5", ".hdf5")
"""The names of files that hold a network end so."""

_ADVICE = "train it again, or give another file"
_HOMES = ("layers", "models", "initializers", "regularizers", "constraints")  # of what a description names
_SAVE_WHOLE = "build the network in Python, call its load_weights, and save it whole, as a .keras file"


def check_file(path: Path) -> None:
    """Check that a network of Keras may be in the file at `path`; needs no TensorFlow.

    Raises `InputError` when it is missing, cut short, damaged or no Keras file; of other files that people have beside
    one, it says what they are.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; a trained network is expected there: run 'har-edge train'")
    if is_saved_model(path):
        raise InputError(
            f"{path} is a SavedModel, a graph without Keras's layers: load the network where it was trained, with "
            "Keras 2 by tf_keras.models.load_model, and save it as a .keras file"
        )
    with open_file(path, "a trained network") as file:
        start = file.read(64)
    if start.startswith(MAGIC):
        return
    if start[4:8] == b"TFL3":
        raise InputError(
            f"{path} is a TFLite model already: give the Keras network that it was made of, or run 'har-edge bench' or "
            "'har-edge info' with it"
        )
    if start.lstrip().startswith(b"{"):
        raise InputError(f"{path} describes a network without its weights, as to_json does: {_SAVE_WHOLE}")
    if not is_zip(path):
        raise InputError(f"{path} is no Keras file: {_ADVICE}")
    with Archive(path, str(path)) as archive:
        for name in archive.names:
            archive.read(name)  # finds damage, and what unpacks without end
        if "config.json" not in archive.names:
            raise InputError(f"{path} is a zip archive, but no Keras file (it has no config.json): {_ADVICE}")


def is_saved_model(path: Path) -> bool:
    """Tell whether a folder is a network in TensorFlow's own format."""
    return path.is_dir() and (path / "saved_model.pb").exists()


def load_network(path: Path) -> Any:
    """Load the Keras network in `path`, a `.keras` or HDF5 file of Keras 2 or 3.

    Raises `InputError` when the file cannot be used, or holds code (Lambda layers): code is never run.
    """
    check_file(path)
    with open_file(path, "a trained network") as file:
        is_hdf5 = file.read(4) == MAGIC
    try:
        with scratch_folder() as scratch:
            return (_load_hdf5 if is_hdf5 else _load_zip)(path, scratch)
    except (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, ImportError, RecursionError) as error:
        raise InputError(f"{path} cannot be loaded as a Keras network ({_reason(error)}): {_ADVICE}") from error


def _load_hdf5(path: Path, scratch: Path) -> Any:
    import keras

    file = Hdf5Network(path)
    description = _parsed(file.description)
    _check_weights(path, description, len(file.content))
    network = keras.saving.deserialize_keras_object(description, safe_mode=True)
    copy = scratch / "network.h5"
    copy.write_bytes(file.content)
    network.load_weights(copy)
    return network


def _load_zip(path: Path, scratch: Path) -> Any:
    import keras

    with Archive(path, str(path)) as archive:
        parts = {name: archive.read(name) for name in archive.names}
    description = _parsed(parts["config.json"])
    _check_weights(path, description, sum(map(len, parts.values())))
    copy = scratch / "network.keras"
    with zipfile.ZipFile(copy, "w") as made:
        for name, content in (parts | {"config.json": json.dumps(description).encode()}).items():
            made.writestr(name, content)
    return keras.models.load_model(copy, compile=False, safe_mode=True)


def _parsed(description: bytes) -> Any:
    """The description of a network as Keras 3 writes it."""
    # Not `parse_json`: Keras writes infinities too.
    return json.loads(description, object_hook=_of_keras_3, parse_int=integer)


def _of_keras_3(part: dict[str, Any]) -> Any:
    """A part of a description, without what Keras 2 had besides; without an optimiser, which has variables with values.

    `time_major` is false but for networks whose input begins with the steps, which Keras 3 then refuses.
    """
    import keras

    part = {key: x for key, x in part.items() if key != "compile_config" and (key, x) != ("time_major", False)}
    name = part.get("class_name")
    if not isinstance(name, str) or "config" not in part:
        axis = part.get("axis")
        return part | {"axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else part
    if name == "Policy":
        return part["config"]["name"]
    if str(part.get("module", "tf_keras")).startswith("tf_keras"):
        homes = (x for x in _HOMES if hasattr(getattr(keras, x, None), name))
        home = "keras.src.models.functional" if name == "Functional" else f"keras.{next(homes, 'layers')}"
        return part | {"module": home, "registered_name": None}
    return part


def _check_weights(path: Path, description: Any, n_bytes: int) -> None:
    """Raise `InputError` for a network whose weights are larger than its file of `n_bytes`, before Keras makes them."""
    import keras

    def count() -> int:
        with keras.StatelessScope(initialize_variables=False):  # variables have shapes there, and no values
            network = keras.saving.deserialize_keras_object(deepcopy(description), safe_mode=True)  # it takes it apart
        return sum(math.prod(x.shape) for x in getattr(network, "weights", ()))

    # Keras notes variables without values, by thread, and makes them later: of a thread that has ended it makes none.
    with ThreadPoolExecutor(1) as thread:
        needed = thread.submit(count).result()
    if needed > n_bytes:
        raise InputError(f"{path} describes a network of {needed:,} weights, more than the file can hold: {_ADVICE}")


def _reason(error: BaseException) -> str:
    """The first sentence of the first error, which Keras wraps in an error of each layer around it."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]


def as_logits(model: Any) -> Any:
    """Return `model` without the softmax that it ends in, if any: an int8 output can hold the logits before it.

    The softmax may be in a network within the network, or before layers that do nothing. A sigmoid that tells one class
    from another becomes two logits, whose softmax it is. Raises `InputError` for a network that does not answer a
    window with its classes, or answers each of several with a sigmoid.
    """
    if fault := form_fault(model):
        raise InputError(f"the network '{model.name}' {fault}")
    return _without_softmax(model)


def _without_softmax(model: Any) -> Any:
    import keras

    last, inputs = last_call(model)
    if is_network(last):
        inner = _without_softmax(last)
        return model if inner is last else keras.Model(model.inputs, inner(inputs[0]), name=model.name)
    if is_softmax(last):
        return keras.Model(model.inputs, inputs[0], name=model.name)
    if has_softmax(last):
        last.activation = keras.activations.linear
    if is_sigmoid(last) or has_sigmoid(last):
        return _as_two_logits(model, last, inputs[0])
    return model


def _as_two_logits(model: Any, last: Any, taken: Any) -> Any:
    """The network that ends in the sigmoid of one number z as one of two logits, -z/2 and z/2.

    `last` is the layer of the sigmoid and takes the tensor `taken`; the sigmoid is its activation, or all of it.
    """
    import keras

    n_classes = model.output_shape[-1]
    if n_classes != 1:
        raise InputError(
            f"the network '{model.name}' ends in a sigmoid for each of {n_classes} classes, as if several could be "
            "true at once, and har-edge answers one: give its last layer, whose weights stay, the activation softmax"
        )
    if has_sigmoid(last):
        last.activation, taken = keras.activations.linear, model.outputs[0]
    halves = keras.layers.Dense(2, use_bias=False, name="two_logits")
    answer = halves(taken)
    halves.set_weights([np.array([[-0.5, 0.5]], np.float32)])
    return keras.Model(model.inputs, answer, name=model.name)
