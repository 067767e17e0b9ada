"""Find and build a user's own network, `package.module:function`, and check that it can be trained and saved."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from convert.keras_layers import ends_in_softmax, holds_code, is_convertible, is_network, layers_of
from edge_runtime.errors import InputError
from edge_runtime.system import child_processes
from edge_runtime.system.files import scratch_folder

if TYPE_CHECKING:
    import keras

Builder: TypeAlias = Callable[[tuple[int, int], int], "keras.Model"]
"""Takes (samples, n_signals) of a window and the number of classes."""

# Other people's code may raise any of these when it is run; a script ends with `sys.exit`.
_ANYTHING = (Exception, SystemExit)


def main(name: str) -> None:
    """As a child: find the function `name`, as the process of a fit would."""
    child_processes.run_as_child(lambda tell: find(name))


def is_own(name: str) -> bool:
    """Tell whether `name` is a function of the user's own, `package.module:function`."""
    return ":" in name


def find(name: str) -> Builder:
    """The function `package.module:function`, imported now. Raises `InputError` when there is none.

    Modules in the working folder are found before those that are installed.
    """
    path, _, function = name.partition(":")
    module = _import(name, path)
    where = f"{path} ({getattr(module, '__file__', None) or 'a folder without __init__.py'})"
    if not hasattr(module, function):
        raise InputError(f"--network {name}: {where} has no function '{function}'")
    found = getattr(module, function)
    if not callable(found):
        raise InputError(f"--network {name}: '{function}' of {where} is no function but a {type(found).__name__}")
    builder: Builder = found
    return builder


def build(name: str, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """The network that the function `name` builds.

    Raises `InputError` when it returns no network of windows `input_shape` that answers with `n_classes` logits.
    """
    builder = find(name)
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
    network = build(name, input_shape, n_classes)
    layers = [network, *layers_of(network)]
    for layer in layers:
        if holds_code(layer):
            raise InputError(
                f"--network {name} holds code of its own in {_named(layer)}, and code is never loaded from a file: use "
                "Keras's own layers and functions"
            )
    if wrong := _loading_fault(network):
        raise InputError(f"--network {name} builds a network that cannot be loaded from its file again: {wrong}")
    return [_named(x) for x in layers if not (is_network(x) or is_convertible(x))]


def _named(layer: Any) -> str:
    return f"'{layer.name}' ({type(layer).__name__})"


def _loading_fault(network: keras.Model) -> str:
    import keras

    with scratch_folder() as folder:
        path = folder / "network.keras"
        try:
            network.save(path)
            keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # noqa: BLE001 - whatever the layers do
            return _reason(error)
    return ""


def _import(name: str, path: str) -> ModuleType:
    with _working_folder_first():
        try:
            return importlib.import_module(path)
        except _ANYTHING as error:
            raise InputError(
                f"--network {name}: {path or 'a module without name'} cannot be imported from here: {_reason(error)}"
            ) from error


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

    if not isinstance(network, keras.Model):
        return f"returns a {type(network).__name__}: a keras.Model is needed"
    if isinstance(network, keras.Sequential) and not network.built:
        return "returns a network without an input: begin it with keras.Input(input_shape)"
    if getattr(network, "inputs", None) is None:
        return "returns a network that is no graph of layers: build it with keras.Sequential or the functional API"
    samples, n_signals = input_shape
    if network.input_shape != (None, samples, n_signals):
        return f"takes an input of {network.input_shape}: windows are (None, {samples}, {n_signals})"
    if network.output_shape != (None, n_classes):
        return f"answers with {network.output_shape}: a logit for each class is (None, {n_classes})"
    if ends_in_softmax(network):
        return "ends in a softmax: it has to answer with logits, so leave that out"
    return ""


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
