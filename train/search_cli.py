"""Search for the best network that fits: the command `har-edge search`."""

import math
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.data.data_sources import Sources, data_texts
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.terminal import Console, progress
from train.fit.networks import FAMILIES, short_name
from train.training_options import network, recipe_options

_BYTES = options.FiniteRange(0, min_open=True, units={"B": 1, "kB": 1e3, "MB": 1e6})
_NUMBER = options.FiniteRange(0, min_open=True, units={"k": 1e3, "M": 1e6})
_SECONDS = options.FiniteRange(0, min_open=True, units=options.SECONDS)


@click.command(
    name="search",
    epilog=options.examples(
        "search --flash 24kB --time 40m",
        "search --flash 24kB --instructions 0.3M --trials 100 -o runs/small",
        "search --storage postgresql://user:password@host/search --trials 500",
    ),
)
@options.out("FOLDER", "The folder to make.  [default: runs/search-FAMILY-DATE-TIME]")
@click.option("--flash", type=_BYTES, metavar="BYTES", help="Most flash of the firmware with live recognition.")
@click.option("--ram", type=_BYTES, metavar="BYTES", help="Most RAM of the firmware.")
@click.option("--instructions", type=_NUMBER, metavar="N", help="Most instructions of an inference on a Cortex-M4.")
@click.option(
    "--time", type=_SECONDS, metavar="SECONDS", help="Begin no trial after this time.  [default: 1h, without --trials]"
)
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Begin no trial after this many of all workers.")
@click.option("--resume", is_flag=True, help="Go on with the search in --out, with the same options.")
@click.option(
    "--storage", metavar="URL", help="Database, for workers on several machines.  [default: a file in the folder]"
)
@network("strided", f"Family to search: {', '.join(FAMILIES)}")
@recipe_options
@options.picture_format
def command(
    out: Path | None,
    data: Sources | None,
    flash: float | None,
    ram: float | None,
    instructions: float | None,
    time: float | None,
    trials: int | None,
    resume: bool,
    storage: str | None,
    pictures: Literal["png", "svg", "pdf"],
    **values: Any,
) -> None:
    """Search a family of networks for the most accurate that fits a microcontroller.

    Each network is scored by cross-validation over the training subjects; the test subjects take no part. Bad networks
    are stopped early. The best that fits becomes a run folder, and is measured as firmware. Workers on other machines
    run the same command with the same --storage.
    """
    from convert.tensorflow_setup import import_tensorflow, require_extra

    require_extra("har-edge search", ("tensorflow", "sklearn", "matplotlib"))
    require_extra("har-edge search", ("optuna", "psycopg"), "search")
    import_tensorflow("har-edge search", threads=1)
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    from train.fit.named_networks import find_family
    from train.run.fit_processes import locked
    from train.run.training import check_free
    from train.search import search
    from train.training_data import TrainingInput

    sizes = {"flash": flash, "ram": ram, "instructions": instructions}
    budget = {name: most for name, most in sizes.items() if most is not None}
    settings = TrainingInput(data=data_texts(data), **values)
    find_family(settings.network)
    folder = out or runs.new_folder(f"search-{short_name(settings.network)}")
    study = folder / "study.db"
    if not resume:
        check_free(folder)
    elif not (storage or study.exists()):
        raise InputError(f"{folder} has no search to resume: name its folder with --out")
    on_notice = partial(click.echo, err=True)
    with locked(runs.lock_path(folder)), progress() as on_progress:
        try:
            database = storage or f"sqlite:///{study.resolve()}"
            family = search.open_search(settings, settings.load_data(on_notice), budget, database)
            on_notice(f"Searching {settings.network} -> {folder}")
            limit = math.inf if trials else 3600.0
            family.run(trials or math.inf, time or limit, on_progress)
            run, table = search.finish(family, folder, pictures, on_notice, on_progress)
        except KeyboardInterrupt:
            on_notice(f"Stopped. Go on with the same options and --resume --out {folder}")
            raise
        except (StorageInternalError, SQLAlchemyError) as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise DeviceError(f"the storage of the search cannot be used: {reason}") from error
    Console().print(table)
    click.echo(f"Run of the best: {run.folder}. Front: {folder}")
