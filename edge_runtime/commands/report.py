"""Show results of `har-edge bench` again, in any form: `har-edge report`."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_runtime import runs
from edge_runtime.bench import results
from edge_runtime.commands import options
from edge_runtime.reports import outputs
from edge_runtime.reports.report_content import gather, named
from edge_runtime.reports.report_forms import show_report
from edge_runtime.system.terminal import Console


@click.command(name="report", epilog=options.examples("report", "report pi4.json pi5.json --html boards.html"))
@click.argument("paths", metavar="[BENCH.json|RUN ...]", type=options.RUN_OR_FILE, nargs=-1)
@outputs.option("html", "Write one self-contained page; - is standard output, for each form.")
@outputs.option("markdown", "Write a table to paste into an issue.")
@outputs.option("csv", "Write a row per result.")
def command(paths: Sequence[Path], csv_path: Path | None, markdown_path: Path | None, html_path: Path | None) -> None:
    """Show results that 'har-edge bench' wrote: on the terminal or, with options, in files.

    Several results are shown side by side. RUN stands for its newest result. The default is the newest result of the
    latest run or, if you have no run, of this folder.
    """
    paths = [result for path in paths or (None,) for result in runs.last_results(path, 1, outputs.say)]
    written = {"csv": csv_path, "markdown": markdown_path, "html": html_path}
    outputs.check_written(written, inputs=paths)
    reports = named({str(path): results.read_report(path) for path in paths})
    if not any(written.values()):
        show_report(gather(reports), Console())
    for path in outputs.write_report(reports, written):
        click.echo(path)
