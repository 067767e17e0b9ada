"""Give every command that trains the same options, and choose the data and the network by them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.commands import options
from edge_runtime.data import loading
from edge_runtime.data.coarse_labels import coarse_classes
from edge_runtime.data.dataset import Dataset
from edge_runtime.host.tensorflow_setup import import_tensorflow
from train.fit.networks import NETWORKS, find_builder
from train.fit.own_networks import check, is_own
from train.fit.recipe import Recipe

SENSORS = ("all", "accelerometer")
CLASSES = ("six", "coarse")
LAST_SEED = 2**32 - 1

_OPTIONS = (
    click.option(
        "--network",
        metavar="NAME",
        default="edge",
        show_default=True,
        help=f"Which to train: {', '.join(NETWORKS)}, or your own function as PACKAGE.MODULE:FUNCTION.",
    ),
    options.data(options.DATA_SET),
    click.option(
        "--sensors",
        type=click.Choice(SENSORS),
        default="all",
        show_default=True,
        help="accelerometer leaves out the signals of the gyroscope, which costs a phone power.",
    ),
    click.option(
        "--classes",
        type=click.Choice(CLASSES),
        default="six",
        show_default=True,
        help="coarse tells four apart: walking; stairs; sitting or standing; laying. six are those of the data.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, LAST_SEED),
        metavar="N",
        default=0,
        show_default=True,
        help="Of every random number.",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(1, 10_000),
        metavar="N",
        help="Passes over the data in each fit.  [default: the recipe's]",
    ),
)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def training_options(command: _Command) -> _Command:
    """Give a click `command` the options that say what to train on what."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_data(path: Path | None, sensors: str, classes: str) -> Dataset:
    """The data at `path` with the signals and classes that were chosen; errors as of `loading.load_data`."""
    data = loading.load_data(path)
    if classes == "coarse":
        data = data.coarse()
    if sensors == "accelerometer":
        data = data.select([x.name for x in data.signals if not x.is_rotation])
    return data


def check_network(recipe: Recipe, what: str, data: Dataset | None = None) -> None:
    """Raise `InputError` unless the network of `recipe` exists and fits `data`; print which layers cannot be converted.

    `what` is the command. Without `data` only its existence is checked.
    """
    if is_own(recipe.network):
        import_tensorflow(what, threads=1)
    find_builder(recipe.network)
    if data is None:
        return
    if recipe.coarse_epochs:
        coarse_classes(data.labels)
    if is_own(recipe.network):
        refused = check(recipe.network, (data.window.samples, len(data.signals)), len(data.labels))
        if refused:
            click.echo(
                f"har-edge convert will not take this network because of {', '.join(refused)} (docs/convert.md); it is "
                "trained all the same.",
                err=True,
            )
