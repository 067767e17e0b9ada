"""Find and build the network of a name: one of ours, or a user's own, which is checked."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.keras_layers import ends_in_softmax, holds_code, is_convertible, is_network, layers_of
from edge_runtime.errors import InputError
from edge_runtime.system.files import scratch_folder
from train.fit.networks import NETWORKS, Builder

if TYPE_CHECKING:
    import keras

# Other people's code may raise any of these when it is run; a script ends with `sys.exit`.
_ANYTHING = (Exception, SystemExit)


def is_own(name: str) -> bool:
    """Tell whether `name` is a function of the user's own, `package.module:function`."""
    return ":" in name


def find_builder(name: str) -> Builder:
    """The function that builds the network called `name`, or `package.module:function`, imported now.

    Modules in the working folder are found before those that are installed. Raises `InputError` when there is none.
    """
    if not is_own(name):
        if name not in NETWORKS:
            raise InputError(f"there is no network '{name}': choose one of {', '.join(NETWORKS)}, or MODULE:FUNCTION")
        return NETWORKS[name]
    path, _, function = name.partition(":")
    try:
        with _working_folder_first():
            module = importlib.import_module(path)
    except _ANYTHING as error:
        raise InputError(f"--network {name}: '{path}' cannot be imported from here: {_reason(error)}") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise InputError(f"--network {name}: {getattr(module, '__file__', path)} has no function '{function}'")
    builder: Builder = found
    return builder


def build(name: str, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build the network called `name`, or by the function `package.module:function`.

    Raises `InputError` when there is none, or when what a user's function returns is not a network of windows
    `input_shape` that answers with `n_classes` logits.
    """
    builder = find_builder(name)
    if not is_own(name):
        return builder(input_shape, n_classes)
    try:
        network = builder(input_shape, n_classes)
    except _ANYTHING as error:
        raise InputError(
            f"--network {name} failed to build a network of {input_shape} and {n_classes}: {_reason(error)}"
        ) from error
    if wrong := _fault(network, input_shape, n_classes):
        raise InputError(f"--network {name} {wrong}")
    return network


def check(name: str, input_shape: tuple[int, int], n_classes: int) -> list[str]:
    """Build the network before it is trained; its layers that cannot be converted, in words.

    Raises `InputError` as `build` does, and for a network that could not be loaded from its file again.
    """
    import keras

    network = build(name, input_shape, n_classes)
    layers = [network, *layers_of(network)]
    own = [_named(x) for x in layers if holds_code(x)]
    if own:
        raise InputError(
            f"--network {name} holds code of its own in {own[0]}, and code is never loaded from a file: use Keras's "
            "own layers and functions"
        )
    with scratch_folder() as folder:
        try:
            network.save(folder / "network.keras")
            keras.models.load_model(folder / "network.keras", compile=False, safe_mode=True)
        except Exception as error:
            raise InputError(
                f"--network {name} builds a network that cannot be loaded from its file again: {_reason(error)}"
            ) from error
    return [_named(x) for x in layers if not (is_network(x) or is_convertible(x))]


def _named(layer: Any) -> str:
    return f"'{layer.name}' ({type(layer).__name__})"


@contextmanager
def _working_folder_first() -> Iterator[None]:
    """Look for modules in the working folder before all others; afterwards, for those that are imported late, last."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have changed the path as well
            sys.path.remove(here)
        if here not in sys.path:
            sys.path.append(here)


def _fault(network: object, input_shape: tuple[int, int], n_classes: int) -> str:
    """Describe what is wrong with a user's network; empty when nothing is."""
    import keras

    # A Sequential without an input has none either until it is called.
    is_graph = isinstance(network, keras.Model) and (network.built or not isinstance(network, keras.Sequential))
    if not is_graph or getattr(network, "inputs", None) is None:
        return (
            f"returns a {type(network).__name__} that is no graph of layers: build it with keras.Input(input_shape), "
            "as keras.Sequential or by the functional API"
        )
    assert isinstance(network, keras.Model)
    if network.input_shape != (None, *input_shape):
        return f"takes an input of {network.input_shape}: windows are {(None, *input_shape)}"
    if network.output_shape != (None, n_classes):
        return f"answers with {network.output_shape}: a logit for each class is (None, {n_classes})"
    if ends_in_softmax(network):
        return "ends in a softmax: it has to answer with logits, so leave that out"
    return ""


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
