"""Declare the options `--json`, `--csv`, `--markdown` and `--html`, and write results to files or standard output."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_runtime.errors import InputError
from edge_runtime.system.files import check_target, write_text
from edge_runtime.system.printable import shown
from edge_runtime.system.terminal import Console

if TYPE_CHECKING:
    from edge_runtime.bench.results import Report

F = TypeVar("F", bound=Callable[..., object])

STDOUT = Path("-")
"""This FILE stands for standard output."""

_STREAM = "har-edge: standard output"


def option(form: str, help_text: str) -> Callable[[F], F]:
    """Declare the option `--<form> FILE`, which arrives as `<form>_path`."""
    return click.option(
        f"--{form}",
        f"{form}_path",
        metavar="FILE",
        type=click.Path(path_type=Path, allow_dash=True),
        callback=keep_stdout,
        help=help_text,
    )


def keep_stdout(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Keep standard output for the result, and send other text to stderr, if `path` is `STDOUT`; a callback."""
    if path == STDOUT and _STREAM not in context.meta and not context.resilient_parsing:
        context.meta[_STREAM] = sys.stdout
        context.with_resource(redirect_stdout(sys.stderr))
    return path


def write_result(path: Path, content: str) -> None:
    """Write `content` to the file `path`, whole or not at all, or to standard output; no terminal would obey it."""
    if path == STDOUT:
        click.echo(content, file=click.get_current_context().meta[_STREAM], nl=False)
    else:
        write_text(path, shown(content))


def say(*notices: str) -> None:
    """Print each of the `notices` to stderr, wrapped between words on a terminal."""
    console = Console(stderr=True)
    for notice in notices:
        console.print(notice, soft_wrap=not console.is_terminal)


def write_json(path: Path | None, content: Mapping[str, Any]) -> None:
    """Write `content` to the file of `--json`, if one was given; NaN and infinity become null."""
    if path is not None:
        finite = json.loads(json.dumps(content), parse_constant=lambda _: None)
        write_result(path, json.dumps(finite, indent=1) + "\n")


def check_written(paths: Mapping[str, Path | None], inputs: Iterable[Path] = ()) -> None:
    """Raise `InputError` when one of `paths`, by form, is not a regular file, is one of `inputs`, or appears twice."""
    uses = {realpath(path): "an input" for path in inputs}
    for form, path in paths.items():
        if path is None:
            continue
        if path != STDOUT:
            check_target(path)
        if place := uses.get(realpath(path)):
            raise InputError(f"--{form} {path} would overwrite {place}: choose another file name")
        uses[realpath(path)] = f"--{form}"


def write_report(reports: Mapping[str, "Report"], paths: Mapping[str, Path | None]) -> list[Path]:
    """Write each form that has a path; return the paths of the files.

    Several reports are side by side in each form except JSON, which contains only the first.
    """
    from edge_runtime.reports.report_content import gather
    from edge_runtime.reports.report_forms import to_csv, to_html, to_markdown

    first, *_ = reports.values()
    forms: dict[str, Callable[[], str]] = {
        "json": lambda: first.to_json(),
        "csv": lambda: to_csv([*reports.values()]),
        "markdown": lambda: to_markdown(gather(reports)),
        "html": lambda: to_html(reports),
    }
    for form, render in forms.items():
        if path := paths.get(form):
            write_result(path, render())
    return [path for form in forms if (path := paths.get(form)) and path != STDOUT]
