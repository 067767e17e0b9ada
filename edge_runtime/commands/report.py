"""Show results of `har-edge bench` again, in any form: `har-edge report`."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_runtime.commands import options
from edge_runtime.reports import outputs


@click.command(
    name="report",
    epilog=options.examples("report bench-local.json", "report pi4.json pi5.json --html boards.html --markdown -"),
)
@click.argument("paths", metavar="BENCH.json ...", type=options.PATH, nargs=-1, required=True)
@outputs.option("csv", "Write a row per result; - is standard output, for each form.")
@outputs.option("markdown", "Write a table to paste into an issue.")
@outputs.option("html", "Write one self-contained page.")
def command(paths: Sequence[Path], csv_path: Path | None, markdown_path: Path | None, html_path: Path | None) -> None:
    """Show a result that 'har-edge bench' wrote: on the terminal or, with options, in files.

    It may be from another machine or an older version. Several are shown side by side.
    """
    from edge_runtime.bench import results
    from edge_runtime.reports import terminal_table
    from edge_runtime.reports.report_content import DeviceReport, gather
    from edge_runtime.system.terminal import Console

    written = {"csv": csv_path, "markdown": markdown_path, "html": html_path}
    outputs.check(written, inputs=paths)
    devices = [DeviceReport(report.device.name, report) for report in map(results.read, paths)]
    if not any(written.values()):
        terminal_table.show(gather(devices), Console())
    for path in outputs.write(devices, written):
        click.echo(path)
