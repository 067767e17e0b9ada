"""Check `.keras` files, load them in safe mode, and take off the softmax that a network ends in."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.host.keras_layers import has_softmax, is_network, is_softmax, last_call
from edge_runtime.system.outside_files import integer, open_file
from edge_runtime.system.zip_archive import Archive, is_zip

_ADVICE = "train it again, or give another file"


def check_file(path: Path) -> dict[str, int]:
    """The size in bytes of each member of the Keras file at `path`; needs no TensorFlow.

    Raises `InputError` when it is missing, cut short, damaged or no Keras file.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; a trained network is expected there: run 'har-edge train'")
    with open_file(path, "a trained network") as file:
        is_hdf5 = file.read(4) == b"\x89HDF"
    if is_hdf5:
        raise InputError(f"{path} is in Keras's older HDF5 format: load it with Keras and save it again as .keras")
    if not is_zip(path):
        raise InputError(f"{path} is no Keras file: {_ADVICE}")
    with Archive(path, str(path)) as archive:
        sizes = {name: len(archive.read(name)) for name in archive.names}  # finds damage, and what unpacks without end
        if "config.json" not in sizes:
            raise InputError(f"{path} is a zip archive, but no Keras file (it has no config.json): {_ADVICE}")
    return sizes


def load_network(path: Path) -> Any:
    """Load the Keras network in `path`.

    Raises `InputError` when the file cannot be used, or holds code (Lambda layers): code is never run.
    """
    import keras

    sizes = check_file(path)
    try:
        _check_weights(path, sum(sizes.values()))
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, ImportError, RecursionError) as error:
        raise InputError(f"{path} cannot be loaded as a Keras network ({_reason(error)}): {_ADVICE}") from error


def _check_weights(path: Path, n_bytes: int) -> None:
    """Raise `InputError` for a network whose weights are larger than its file of `n_bytes`, before Keras makes them."""
    import keras

    with Archive(path, str(path)) as archive:
        # Not `parse_json`: Keras writes infinities too.
        description = json.loads(archive.read("config.json"), object_hook=_uncompiled, parse_int=integer)

    def count() -> int:
        with keras.StatelessScope(initialize_variables=False):  # variables have shapes there, and no values
            network = keras.saving.deserialize_keras_object(description, safe_mode=True)
        return sum(math.prod(x.shape) for x in getattr(network, "weights", ()))

    # Keras notes variables without values, by thread, and makes them later: of a thread that has ended it makes none.
    with ThreadPoolExecutor(1) as thread:
        needed = thread.submit(count).result()
    if needed > n_bytes:
        raise InputError(f"{path} describes a network of {needed:,} weights, more than the file can hold: {_ADVICE}")


def _uncompiled(part: dict[str, Any]) -> dict[str, Any]:
    """A part of a network's description without an optimiser, which holds variables with values."""
    return {key: x for key, x in part.items() if key != "compile_config"}


def _reason(error: BaseException) -> str:
    """The first sentence of the first error, which Keras wraps in an error of each layer around it."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]


def as_logits(model: Any) -> Any:
    """Return `model` without the softmax that it ends in, if any: an int8 output can hold the logits before it.

    The softmax may be in a network within the network, or before layers that do nothing. Raises `InputError` for a
    network that is no graph of layers.
    """
    if not is_network(model):
        raise InputError(
            f"the network '{model.name}' is no graph of layers: build it with keras.Sequential or the functional API"
        )
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
    return model
