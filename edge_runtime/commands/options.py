"""Declare the options that commands share, rules between options, kinds of paths, and parts of the help."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from edge_runtime.data.data_sources import sources
from edge_runtime.errors import InputError
from edge_runtime.model.alike_labels import PLACEMENTS, plain_placement
from edge_runtime.model.interpreters import RUNTIMES
from edge_runtime.model.model_card import Card
from edge_runtime.signals.units import ACCELERATION_UNITS, NOT_NEEDED, ROTATION_UNITS, Units
from edge_runtime.system.printable import quoted

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("png", "svg", "pdf")
"""Of pictures."""
PATH = click.Path(path_type=Path)
RUN_OR_FILE = click.Path(path_type=Path, readable=False)


SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
"""Units of time on the command line, such as `10s`."""


class FiniteRange(click.FloatRange):
    """A finite number within limits, with or without one of the `units`: click accepts `nan`."""

    name = "number"

    def __init__(self, *limits: Any, units: Mapping[str, float] | None = None, **settings: Any) -> None:
        super().__init__(*limits, **settings)
        self._units = units or {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert `value`, in the smallest unit."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(\D+)", str(value))
        if match and match[2] in self._units:
            value = float(match[1]) * self._units[match[2]]
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


_MODEL_IS = (
    "MODEL is a .tflite file with its card, or a reference model that comes with har-edge: 'edge', 'edge-small', "
    "'edge-tiny' or 'edge-anywhere'. RUN is a folder that 'har-edge convert' has filled"
)


def model(metavar: str = "[MODEL|RUN]", required: bool = False, several: bool = False) -> Callable[[F], F]:
    """Declare the argument `model`, or `models` if `several`; its help becomes the command's second paragraph."""
    of_run = "." if several else ", whose int8 model is used."
    default = "" if required else " The default is the latest run or, if you have no run, 'edge'."

    def declare(command: F) -> F:
        first, *rest = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        command.__doc__ = "\n\n".join([first, f"{_MODEL_IS}{of_run}{default}", *rest])
        name, n = ("models", -1) if several else ("model", 1)
        return click.argument(name, metavar=metavar, required=required, type=RUN_OR_FILE, nargs=n)(command)

    return declare


def is_given(option: str) -> bool:
    """Tell whether `option`, such as `--out`, is on the command line."""
    context = click.get_current_context()
    (name,) = (each.name for each in context.command.params if option in (*each.opts, *each.secondary_opts))
    return context.get_parameter_source(str(name)) is click.core.ParameterSource.COMMANDLINE


def refuse_options(why: str, *options: str) -> None:
    """Raise `InputError` if one of the `options` is on the command line; `why` follows its name."""
    for option in filter(is_given, options):
        raise InputError(f"{option} {why}: leave it out")


def exclusive(*options: str) -> None:
    """Raise `InputError` if several of the `options` are on the command line."""
    present = [*filter(is_given, options)]
    if len(present) > 1:
        raise InputError(f"{' and '.join(present)} exclude each other: leave out all but one")


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines to type after the program's name."""
    return "\n".join(["\b", "Examples:", *(f"  har-edge {line}" for line in lines)])


def data(help_text: str, required: bool = False) -> Callable[[F], F]:
    """Declare the option `--data`: data sets that are read together; None without it."""
    return click.option(
        "--data",
        metavar="[LAYOUT=]PATH",
        type=click.Path(readable=False),
        multiple=True,
        required=required,
        callback=lambda _, __, texts: sources(texts) if texts else None,
        help=help_text,
    )


_DATA_SET = (
    "A file, folder or zip of recordings, as har-edge, a phone app or LAYOUT writes them (docs/data.md); an .npz file "
    "of windows; or uci-har. Repeat it to read several together."
)
DATA_SET = f"{_DATA_SET}  [default: the embedded UCI HAR data]"
OF_RUN = "[default: the run's training data, else the embedded UCI HAR data]"
DATA_OF_RUN = f"{_DATA_SET}  {OF_RUN}"


def out(metavar: str, help_text: str, **settings: Any) -> Callable[[F], F]:
    """Declare the option `-o/--out`: the FILE or FOLDER to write."""
    kind = click.Path(path_type=Path, file_okay=metavar != "FOLDER")
    return click.option("-o", "--out", metavar=metavar, type=kind, help=help_text, **settings)


picture_format = click.option(
    "--format", "pictures", type=click.Choice(FORMATS), default=FORMATS[0], help="For pictures."
)
runtime = click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", help="Interpreter to use.")


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Give a command several `options`, in their order, by one decorator."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


_sample_options = together(
    click.option(
        "--axes",
        metavar="X,Y,Z",
        help="Axes of the sensor that are x (up while standing), y and z.  [default: x,y,z, or found by walking]",
    ),
    click.option(
        "--placement",
        metavar="PLACE",
        help="Where the device is worn, such as waist or 'trouser pocket'; for models of the walking frame.",
    ),
    click.option(
        "--units", type=click.Choice([*ACCELERATION_UNITS]), help="Unit of acceleration, whatever the source says."
    ),
    click.option(
        "--gyro-units", type=click.Choice([*ROTATION_UNITS]), help="Unit of rotation, whatever the source says."
    ),
    click.option(
        "--rate",
        type=FiniteRange(min=1, max=1000),
        metavar="HZ",
        help="Rate of samples without times.  [default: the model's]",
    ),
)


@dataclass(frozen=True)
class SampleOptions:
    """The options that describe the samples of a source."""

    axes: str | None
    placement: str | None
    units: str | None
    gyro_units: str | None
    rate: float | None

    def stated_units(self, card: Card) -> Units:
        """Return the units in the options, as far as a model with `card` needs them."""
        acceleration = ACCELERATION_UNITS[self.units] if self.units else None
        if not any(signal.is_rotation for signal in card.signals):
            return Units(None, acceleration, NOT_NEEDED)
        return Units(None, acceleration, ROTATION_UNITS[self.gyro_units] if self.gyro_units else None)

    def stated_placement(self, card: Card) -> str:
        """Return the placement of `--placement`, "" without it. Raises `InputError` if `card` does not know it."""
        if not self.placement:
            return ""
        places = (*PLACEMENTS, *(place for group in card.alike for place in group.placements)) if card.alike else ()
        names = {plain_placement(place): place for place in places}
        if plain_placement(self.placement) not in names:
            takes = f"it takes {', '.join(names.values())}" if names else "leave it out"
            text = quoted(self.placement, 30)
            raise InputError(f"--placement {text} is unknown to the model {quoted(card.name)}: {takes}")
        return names[plain_placement(self.placement)]


def sample_options(command: F) -> F:
    """Give a command the options of `SampleOptions`, as its argument `sample`."""

    @wraps(command)
    def with_sample(**values: Any) -> Any:
        sample = SampleOptions(**{option.name: values.pop(option.name) for option in fields(SampleOptions)})
        return command(sample=sample, **values)

    return _sample_options(cast(F, with_sample))
