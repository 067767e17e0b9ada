"""Where the forms of a report are written: the options that `har-edge bench` and `har-edge report` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from edge_runtime.errors import InputError
from edge_runtime.system.files import write_text

if TYPE_CHECKING:
    from edge_runtime.bench.results import Report
    from edge_runtime.reports.side_by_side import Side

F = TypeVar("F", bound=Callable[..., object])

FORMS = ("json", "csv", "markdown", "html")
"""In the order in which they are written: the page for people is the last one named."""


def option(form: str, help_text: str) -> Callable[[F], F]:
    """The option `--<form> FILE`, which arrives as `<form>_path`."""
    return click.option(f"--{form}", f"{form}_path", metavar="FILE", type=click.Path(path_type=Path), help=help_text)


def check(paths: Mapping[str, Path | None], inputs: Iterable[Path] = (), own: Iterable[Path] = ()) -> None:
    """Raise `InputError` when a report would overwrite a folder, another form of itself or one of the `inputs`.

    `own` are files that are written as well, for each of several devices, wherever `paths` lead.
    """
    taken = {path.resolve(): f"{path}, which is read" for path in inputs}
    for file in own:
        if file.is_dir():
            raise InputError(f"{file} is a folder, where the report of a device is written: give it another name")
        if file.resolve() in taken:
            raise InputError(f"two devices would write {file}: measure on one after the other, with --json")
        taken[file.resolve()] = f"{file}, the report of one device"
    for form, path in paths.items():
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a file name with --{form}")
        place = path.resolve()
        if place in taken:
            raise InputError(f"--{form} would overwrite {taken[place]}: give it another file name")
        taken[place] = f"the --{form} file" if form != "json" else f"the JSON file {path}"


def write(report: Report, paths: Mapping[str, Path | None]) -> list[Path]:
    """Write each form that has a path, every file whole or not at all; the paths, HTML last."""
    written = []
    for form in FORMS:
        path = paths.get(form)
        if path is not None:
            write_text(path, render(report, form))
            written.append(path)
    return written


def write_side_by_side(sides: Sequence[Side], paths: Mapping[str, Path | None]) -> list[Path]:
    """Write the common forms of several devices' reports that have a path: all but JSON, of which each has its own."""
    from edge_runtime.reports import csv_table, html, side_by_side

    renderers: dict[str, Callable[[], str]] = {
        "csv": lambda: csv_table.render(*(x.report for x in sides if x.report)),
        "markdown": lambda: side_by_side.to_markdown(sides),
        "html": lambda: html.render_devices(sides),
    }
    written = []
    for form, render_form in renderers.items():
        path = paths.get(form)
        if path is not None:
            write_text(path, render_form())
            written.append(path)
    return written


def render(report: Report, form: str) -> str:
    """The text of one of the `FORMS`."""
    if form == "json":
        return report.to_json()
    if form == "csv":
        from edge_runtime.reports import csv_table

        return csv_table.render(report)
    if form == "markdown":
        from edge_runtime.reports import markdown

        return markdown.render(report)
    from edge_runtime.reports import html

    return html.render(report)
