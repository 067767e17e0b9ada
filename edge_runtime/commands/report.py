"""`har-edge report`: show a result of `har-edge bench` again, in any form."""

from pathlib import Path

import click

from edge_runtime.reports import outputs


@click.command(name="report")
@click.argument("result", metavar="BENCH.json", type=click.Path(path_type=Path))
@outputs.option("csv", "Write a row per result.")
@outputs.option("markdown", "Write a table to paste into an issue.")
@outputs.option("html", "Write one self-contained page.")
def command(result: Path, csv_path: Path | None, markdown_path: Path | None, html_path: Path | None) -> None:
    """Show a result that 'har-edge bench' wrote: on the terminal or, with options, in files.

    It may be from another machine or an older version.
    """
    from edge_runtime import results_file
    from edge_runtime.reports import terminal
    from edge_runtime.terminal import Console

    paths = {"csv": csv_path, "markdown": markdown_path, "html": html_path}
    outputs.check(paths, inputs=[result])
    report = results_file.read(result)
    if not any(paths.values()):
        terminal.show(report, Console())
    for path in outputs.write(report, paths):
        click.echo(path)
