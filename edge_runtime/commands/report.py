"""`har-edge report`: show results of `har-edge bench` again, in any form."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_runtime.reports import outputs


@click.command(name="report")
@click.argument("paths", metavar="BENCH.json ...", type=click.Path(path_type=Path), nargs=-1, required=True)
@outputs.option("csv", "Write a row per result.")
@outputs.option("markdown", "Write a table to paste into an issue.")
@outputs.option("html", "Write one self-contained page.")
def command(paths: Sequence[Path], csv_path: Path | None, markdown_path: Path | None, html_path: Path | None) -> None:
    """Show a result that 'har-edge bench' wrote: on the terminal or, with options, in files.

    It may be from another machine or an older version. Several are shown side by side.
    """
    from edge_runtime.bench import results_json
    from edge_runtime.reports import side_by_side, terminal_table
    from edge_runtime.system.terminal import Console

    written = {"csv": csv_path, "markdown": markdown_path, "html": html_path}
    outputs.check(written, inputs=paths)
    reports = [results_json.read(path) for path in paths]
    sides = [side_by_side.Side(str(x.device.get("name", path)), x) for x, path in zip(reports, paths, strict=True)]
    if not any(written.values()):
        if len(reports) == 1:
            terminal_table.show(reports[0], Console())
        else:
            side_by_side.show(sides, Console())
    files = outputs.write(reports[0], written) if len(reports) == 1 else outputs.write_side_by_side(sides, written)
    for path in files:
        click.echo(path)
