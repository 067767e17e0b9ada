"""Declare what commands share under one name each: options, kinds of paths, examples below the help."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.model.interpreters import RUNTIMES

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


class FiniteRange(click.FloatRange):
    """A number within limits. `nan` is beyond none, and still no number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert `value` to a finite number within the limits."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


def model(metavar: str = "[MODEL|RUN]", required: bool = False) -> Callable[[F], F]:
    """The argument that names a model: a file, a run folder or a reference network."""
    return click.argument("model", metavar=metavar, required=required, type=PATH)


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they are, each after the program's name."""
    return "\n".join(["\b", "Examples:", *(f"  har-edge {line}" for line in lines)])


def data(help_text: str, **settings: Any) -> Callable[[F], F]:
    """The option `--data PATH`: a data set, or recordings, that are read."""
    return click.option("--data", metavar="PATH", type=PATH, help=help_text, **settings)


DATA_SET = "Official UCI HAR folder or zip, or a folder of CSV recordings.  [default: the embedded UCI HAR data]"


def out(metavar: str, help_text: str, **settings: Any) -> Callable[[F], F]:
    """The option `-o/--out`: the FILE or FOLDER that the command is called to write."""
    kind = click.Path(path_type=Path, file_okay=metavar != "FOLDER")
    return click.option("-o", "--out", metavar=metavar, type=kind, help=help_text, **settings)


def runtime(command: F) -> F:
    """Give `command` the option `--runtime`."""
    return click.option(
        "--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True, help="Which interpreter."
    )(command)
