"""Write results into files or to standard output: the options `--json`, `--csv`, `--markdown` and `--html`."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_runtime.errors import InputError
from edge_runtime.system.files import write_text

if TYPE_CHECKING:
    from edge_runtime.reports.report_content import DeviceReport

F = TypeVar("F", bound=Callable[..., object])

STDOUT = Path("-")
"""Given as a FILE, it stands for standard output."""

_STREAM = "har-edge: standard output"


def option(form: str, help_text: str) -> Callable[[F], F]:
    """The option `--<form> FILE`, which arrives as `<form>_path`; `STDOUT` among its values is standard output."""
    return click.option(
        f"--{form}",
        f"{form}_path",
        metavar="FILE",
        type=click.Path(path_type=Path, allow_dash=True),
        callback=keep_stdout,
        help=help_text,
    )


def keep_stdout(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Keep standard output for the result, if `path` says so: what is for people goes to stderr.

    The callback of an option that `write_result` writes.
    """
    if path == STDOUT and _STREAM not in context.meta and not context.resilient_parsing:
        context.meta[_STREAM] = sys.stdout
        context.with_resource(redirect_stdout(sys.stderr))
    return path


def write_result(path: Path, content: str) -> None:
    """Write `content` to `path`, whole or not at all, or to standard output, if that is what `path` means."""
    if path == STDOUT:
        click.echo(content, file=click.get_current_context().meta[_STREAM], nl=False)
    else:
        write_text(path, content)


def write_json(path: Path | None, content: Mapping[str, Any]) -> None:
    """Write `content` to the file of `--json`, if one was given; null for NaN and infinity, which JSON has not."""
    if path is not None:
        write_result(path, json.dumps(_finite(content), indent=1, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _finite(x) for key, x in value.items()}
        case list() | tuple():
            return [_finite(x) for x in value]
        case float():
            return value if math.isfinite(value) else None
    return value


def check(paths: Mapping[str, Path | None], inputs: Iterable[Path] = (), own: Iterable[Path] = ()) -> None:
    """Raise `InputError` when a report would overwrite a folder, another form of itself or one of the `inputs`.

    `own` are files that are written as well, for each of several devices, wherever `paths` lead.
    """
    taken = {realpath(path): f"{path}, which is read" for path in inputs}  # unlike `resolve`, of a loop too
    for file in own:
        if file.is_dir():
            raise InputError(f"{file} is a folder, where the report of a device is written: give it another name")
        if realpath(file) in taken:
            raise InputError(f"two devices would write {file}: measure on one after the other, with --json")
        taken[realpath(file)] = f"{file}, the report of one device"
    for form, path in paths.items():
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a file name with --{form}")
        place = realpath(path)
        if path.exists() and not path.is_file():
            continue  # a pipe, a device: nothing there is overwritten
        if place in taken:
            raise InputError(f"--{form} would overwrite {taken[place]}: give it another file name")
        taken[place] = f"the --{form} file" if form != "json" else f"the JSON file {path}"


def write(devices: Sequence[DeviceReport], paths: Mapping[str, Path | None]) -> list[Path]:
    """Write each form that has a path, every file whole or not at all; the paths of the files, HTML last.

    Several devices are side by side in each form but JSON, of which each has its own.
    """
    from edge_runtime.reports import html, text_forms
    from edge_runtime.reports.report_content import gather

    reports = [x.report for x in devices if x.report]
    forms: dict[str, Callable[[], str]] = {
        "json": lambda: reports[0].to_json(),
        "csv": lambda: text_forms.to_csv(reports),
        "markdown": lambda: text_forms.to_markdown(gather(devices)),
        "html": lambda: html.render(devices),
    }
    written = []
    for form, render in forms.items():
        path = paths.get(form)
        if path is not None:
            write_result(path, render())
            written += [path] if path != STDOUT else []
    return written
