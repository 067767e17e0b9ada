"""Give every command that trains the same options, and choose the data and the network by them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.commands import options
from edge_runtime.data import loading
from edge_runtime.data.coarse_labels import coarse_classes
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import InputError
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
        type=options.OneOf(NETWORKS),
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


def load_data(path: Path | None, sensors: str, classes: str, test_subjects: Sequence[str] | None = None) -> Dataset:
    """The data at `path` with the chosen signals, classes and test subjects; errors as of `loading.load_data`."""
    data = loading.load_data(path)
    if test_subjects is not None:
        people = [*data.train.subject.tolist(), *data.test.subject.tolist()]
        data = data.with_test(named("--test-subjects", test_subjects, people, f"the subjects of '{data.name}'"))
    if classes == "coarse":
        data = data.coarse()
    if sensors == "accelerometer":
        data = data.select([x.name for x in data.signals if not x.is_rotation])
    return data


def names(text: str | None) -> tuple[str, ...] | None:
    """The names in `text`, between commas, each once and in order; None for None."""
    return None if text is None else tuple(sorted({x.strip() for x in text.split(",") if x.strip()}))


def named(option: str, wanted: Sequence[str], people: Iterable[int | str], who: str) -> list[int | str]:
    """Those of `people`, who are `who`, whom `option` names. Raises `InputError` for others, and for none."""
    known = {str(x): x for x in people}
    unknown = [x for x in wanted if x not in known]
    if unknown or not wanted:
        fault = f"{', '.join(unknown)}, not among" if unknown else "nobody of"
        raise InputError(f"{option} names {fault} {who}: {', '.join(sorted(known, key=lambda x: (len(x), x)))}")
    return [known[x] for x in wanted]


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
