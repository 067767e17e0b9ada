"""Define `har-edge page`."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from edge_runtime.commands import options as shared


@click.command(
    name="page",
    epilog=shared.examples("page", "page edge runs/mine", "page --usb --port 9000", "page -o site"),
)
@click.argument("models", metavar="[MODEL|RUN ...]", nargs=-1, type=shared.RUN_OR_FILE)
@shared.out("FOLDER", "Write a folder for any https host of static files, and serve nothing.")
@click.option("--usb", is_flag=True, help="Serve only the Android phone that adb has.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, metavar="PORT", help="Port to serve it at.")
def command(models: Sequence[Path], out: Path | None, usb: bool, port: int) -> None:
    """Serve phones in this network a page that recognises activities, until Ctrl-C.

    A MODEL, or the model of a RUN, must be int8 or mixed. The default is edge-anywhere and edge.
    """
    from convert.page.page_folder import write_benchmark, write_page
    from convert.page.page_server import over_https, over_usb
    from convert.tensorflow_setup import require_extra
    from edge_runtime.errors import HarEdgeError
    from edge_runtime.live.worn_axes import looks_up
    from edge_runtime.model.model_card import read_model
    from edge_runtime.system.files import scratch_folder
    from edge_runtime.system.terminal import Console, progress

    shared.exclusive("--out", "--usb")
    is_open = not out and not usb
    if is_open:
        require_extra("har-edge page", ("trustme", "segno"), "page")
    with ExitStack() as opened:
        folder = out or opened.enter_context(scratch_folder())
        serving = over_usb if usb else over_https
        server = None if out else opened.enter_context(serving(folder, port))
        with progress() as on_progress:
            paths = write_page(models or (Path("edge-anywhere"), Path("edge")), folder, on_progress)
        for name, path in paths.items():
            if looks_up(read_model(path)[1]) is False:
                mend = "train with --frame walking, or on recordings with x up"
                click.echo(f"{name} was not trained with x up, which the page expects: {mend}.", err=True)
        if server:
            if is_open and Console().is_terminal:
                import segno

                segno.make(server.url).terminal(compact=True)
            click.echo(f"Open {server.url} on the phone. Ctrl-C ends.")
            if is_open:
                click.echo(
                    "Continue past its warning of this machine's own certificate. The firewall must let the port in."
                )
                click.echo("Anyone on this network who has the address can open it.")
            opened.enter_context(suppress(KeyboardInterrupt))
            answering = opened.enter_context(server.answering())
        for name, model in paths.items():  # seconds after phones are answered, since only the benchmark needs them
            try:
                write_benchmark(model, name, folder)
            except HarEdgeError as error:
                click.echo(f"No benchmark of {name}: {error}", err=True)
        if server:
            answering.join()
        else:
            click.echo(folder / "index.html")
