"""Declare the options that every command that trains shares: network, data and recipe."""

from collections.abc import Callable
from typing import get_args

import click

from edge_runtime.commands import options
from edge_runtime.signals.types import Frame
from train.fit.networks import NETWORKS


def names(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """As a callback: split names at commas, and return each name once and in order; None for None."""
    return None if text is None else tuple(sorted({x.strip() for x in text.split(",") if x.strip()}))


def network(default: str, what: str) -> Callable[[options.F], options.F]:
    """Declare the option `--network`."""
    own = "or your own function as PACKAGE.MODULE:FUNCTION."
    return click.option("--network", metavar="NAME", default=default, help=f"{what}, {own}")


recipe_options = options.together(
    options.data(options.DATA_SET),
    click.option(
        "--epochs",
        type=click.IntRange(1, 10_000),
        metavar="N",
        help="Passes over the data in each fit.  [default: the recipe's]",
    ),
    click.option(
        "--learning-rate",
        type=options.FiniteRange(0, 1, min_open=True),
        metavar="RATE",
        help="Learning rate at the start; it falls to 0.  [default: the recipe's]",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 100_000),
        metavar="N",
        help="Windows in a step of the optimiser.  [default: the recipe's]",
    ),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", default=0, help="Random seed."),
    click.option(
        "--window",
        metavar="SECONDS",
        type=options.FiniteRange(0.32, 60, units=options.SECONDS),
        help="Length of the windows that recordings are cut into.  [default: 2.56]",
    ),
    click.option(
        "--hop",
        metavar="SECONDS",
        type=options.FiniteRange(0.02, 60, units=options.SECONDS),
        help="From the start of one window to the next.  [default: half a window]",
    ),
    click.option(
        "--sensors",
        type=click.Choice(["all", "accelerometer"]),
        default="all",
        help="accelerometer leaves out the gyroscope's signals, which cost a phone power.",
    ),
    click.option(
        "--frame",
        type=click.Choice(get_args(Frame)),
        default="device",
        help="Axes of the windows: the device's, or the walking person's, for devices worn in any way.",
    ),
    click.option(
        "--test-subjects",
        metavar="A,B,C",
        callback=names,
        help="People to keep for the test; 'none' for crossval.  [default: the data's own; every third of your people]",
    ),
)
"""Declare the options that are fields of `TrainingInput`, but `--network`."""
training_options = options.together(network("edge", f"Network to train: {', '.join(NETWORKS)}"), recipe_options)
"""Declare the options that are fields of `TrainingInput`."""
