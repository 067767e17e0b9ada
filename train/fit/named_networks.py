"""Find and build a network by its name: ours, one of a family, or a user's, which is checked."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.keras_layers import ends_in_softmax, holds_code, is_convertible, is_network, layers_of
from edge_runtime.errors import InputError
from train.fit.networks import FAMILIES, NETWORKS, Builder, Chosen, Family

if TYPE_CHECKING:
    import keras

_ANYTHING = (Exception, SystemExit)  # a user's code may raise any error, and a script ends with `sys.exit`


def is_own(name: str) -> bool:
    """Tell whether `name` is a user's function, `package.module:function`."""
    return ":" in name


def find_builder(name: str) -> Builder:
    """Return the function that builds the network called `name`: ours, `package.module:function`, or of a family.

    Raises `InputError` for an unknown name.
    """
    family, at, _ = name.partition("@")
    return partial(find_family(family), Chosen(name)) if at else _find(name, NETWORKS)


def find_family(name: str) -> Family:
    """Return the family called `name`, or `package.module:function`. Raises `InputError` for an unknown name."""
    return _find(name, FAMILIES)


def _find(name: str, ours: Mapping[str, Any]) -> Any:
    """Return the function `name`; modules in the working folder come before installed modules."""
    if not is_own(name):
        if name not in ours:
            raise InputError(f"there is no network '{name}': choose one of {', '.join(ours)}, or MODULE:FUNCTION")
        return ours[name]
    path, _, function = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(path)
    except _ANYTHING as error:
        raise InputError(f"--network {name}: '{path}' cannot be imported from here: {_reason(error)}") from error
    finally:  # a later import finds ours first
        sys.path.remove(here)
        sys.path.append(here)
    builder = getattr(module, function, None)
    if builder is None or not callable(builder):
        raise InputError(f"--network {name}: {getattr(module, '__file__', path)} has no function '{function}'")
    return builder


def build(name: str, input_shape: tuple[int, int], n_classes: int, trial: Any = None) -> keras.Model:
    """Build the network called `name`, or the network of the family `name` with the numbers of a `trial`.

    Raises `InputError` for an unknown name, and unless the network takes windows of `input_shape` and answers with
    `n_classes` logits.
    """
    builder = partial(find_family(name), trial) if trial else find_builder(name)
    if name in NETWORKS:
        return builder(input_shape, n_classes)
    try:
        network = builder(input_shape, n_classes)
    except _ANYTHING as error:
        raise InputError(f"--network {name} failed for {input_shape} and {n_classes}: {_reason(error)}") from error
    expected = (None, *input_shape), (None, n_classes)
    try:
        shapes = network.input_shape, network.output_shape
    except AttributeError as error:  # not a network, or without an input
        advice = "build it with keras.Input(input_shape) and the functional API"
        raise InputError(f"--network {name} does not return a graph of layers: {advice}") from error
    if shapes != expected:
        differs = f"windows are {expected[0]}, logits {expected[1]}"
        raise InputError(f"--network {name} takes {shapes[0]} and answers with {shapes[1]}: {differs}")
    if ends_in_softmax(network):
        raise InputError(f"--network {name} ends in a softmax: leave it out, since the answers have to be logits")
    return network


def check(name: str, input_shape: tuple[int, int], n_classes: int) -> list[str]:
    """List the layers of the network that cannot be converted, before it is trained.

    Raises `InputError` as `build` does, and for layers with code, which safe loading refuses.
    """
    network = build(name, input_shape, n_classes)
    layers = [network, *layers_of(network)]
    with_code = [_named(layer) for layer in layers if holds_code(layer)]
    if with_code:
        raise InputError(
            f"--network {name} has code in {with_code[0]}, and code is never loaded from a file: use Keras's layers "
            "and functions"
        )
    return [_named(layer) for layer in layers if not (is_network(layer) or is_convertible(layer))]


def _named(layer: Any) -> str:
    return f"'{layer.name}' ({type(layer).__name__})"


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
