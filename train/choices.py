"""Give every command that trains the same options, and check the network that they name."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from convert.tensorflow_setup import import_tensorflow
from edge_runtime.commands import options
from edge_runtime.data.dataset import WINDOW, Dataset
from edge_runtime.data.labels import coarse_classes
from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.types import Frame, Window
from train.fit.networks import NETWORKS, find_builder
from train.fit.own_networks import check, is_own
from train.fit.recipe import Recipe

SENSORS = ("all", "accelerometer")
CLASSES = ("six", "coarse")
FRAMES: tuple[Frame, ...] = get_args(Frame)
LAST_SEED = 2**32 - 1


class Seconds(options.FiniteRange):
    """A number of seconds, with or without an `s` behind it."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert `value`, such as `2.56s`, to a number within the limits."""
        return super().convert(value.removesuffix("s") if isinstance(value, str) else value, param, ctx)


_OPTIONS = (
    click.option(
        "--network",
        metavar="NAME",
        type=options.Completed(lambda _: NETWORKS, str),
        default="edge",
        show_default=True,
        help=f"Which to train: {', '.join(NETWORKS)}, or your own function as PACKAGE.MODULE:FUNCTION.",
    ),
    options.data(options.DATA_SET),
    click.option(
        "--window",
        metavar="SECONDS",
        type=Seconds(0.32, 60),
        help="Length of the windows that recordings are cut into.  [default: 2.56s]",
    ),
    click.option(
        "--hop",
        metavar="SECONDS",
        type=Seconds(0.02, 60),
        help="From the start of one window to the next.  [default: half a window]",
    ),
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
        "--frame",
        type=click.Choice(FRAMES),
        default="device",
        show_default=True,
        help="The axes of windows: device, as it was worn; walking, found from walking: worn any way.",
    ),
    click.option(
        "--test-subjects",
        metavar="A,B,C",
        help="Who is kept from training for the test.  [default: those of the data; of yours the last third]",
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


def split_names(text: str | None) -> tuple[str, ...] | None:
    """The names in `text`, between commas, each once and in order; None for None."""
    return None if text is None else tuple(sorted({x.strip() for x in text.split(",") if x.strip()}))


def window_of(length: float | None, hop: float | None) -> Window | None:
    """The window of these seconds, at the rate of the signals; None where neither is given, or both are the standard.

    Raises `InputError` for a hop that is longer than the window.
    """
    if length is None and hop is None:
        return None
    samples = WINDOW.samples if length is None else round(length * RATE_HZ)
    step = samples // 2 if hop is None else max(1, round(hop * RATE_HZ))
    if step > samples:
        raise InputError(f"--hop {hop:g}s is longer than a window of {samples / RATE_HZ:g}s: samples would be left out")
    window = Window(float(RATE_HZ), samples, step)
    return None if window == WINDOW else window


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
