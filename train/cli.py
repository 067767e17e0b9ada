"""Train a network: the command `har-edge train`."""

import shlex
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.data.data_sources import Sources, data_texts
from edge_runtime.errors import InputError
from edge_runtime.system.terminal import Console, progress
from train.fit.networks import short_name
from train.training_options import names, training_options


@click.command(
    name="train",
    epilog=options.examples("train", "train --network edge-small --seeds 5", "train --data my_recordings -o runs/mine"),
)
@options.out("FOLDER", "The run folder to make.  [default: runs/NETWORK-DATE-TIME]")
@training_options
@click.option(
    "--seeds",
    type=click.IntRange(2, 1000),
    metavar="N",
    help="Train N times, with the seeds from --seed on, each into a run folder of its own, and show the spread.",
)
@click.option("--resume", is_flag=True, help="Go on with a stopped training: in --out, or the newest in runs.")
@click.option(
    "--held-out",
    metavar="A,B,C",
    callback=names,
    help="Training subjects that the first fit does not see.  [default: every fourth, from the second on]",
)
@options.picture_format
def command(
    out: Path | None,
    data: Sources | None,
    seeds: int | None,
    resume: bool,
    held_out: tuple[str, ...] | None,
    pictures: Literal["png", "svg", "pdf"],
    **values: Any,
) -> None:
    """Train a Keras LSTM: first with a few subjects held out, then on all training subjects.

    Leaves a run folder with the networks, the card, the history and pictures. The fits run side by side, one on each
    CPU. A training that was stopped, however abruptly, goes on with --resume and ends with the same weights.
    """
    from convert.tensorflow_setup import require_extra

    require_extra("har-edge train", ("tensorflow", "sklearn", "matplotlib"))
    # Only now: it loads scipy, scikit-learn and matplotlib.
    from edge_runtime.reports.sentences import exchanged_labels
    from train.run import training
    from train.training_report import run_table, seeds_table

    settings = training.TrainingSettings(
        data=data_texts(data), seeds=seeds, held_out=held_out, pictures=pictures, **values
    )
    folder = out or (_newest_stopped() if resume else runs.new_folder(short_name(settings.network)))
    runs.check_idle(folder)
    on_notice = partial(click.echo, err=True)
    with progress() as on_progress:
        if resume:
            source = click.get_current_context().get_parameter_source
            named = [x.name for x in fields(settings) if source(x.name) is click.core.ParameterSource.COMMANDLINE]
            cards = training.resume(settings, named, folder, on_notice, on_progress)
        else:
            cards = training.begin(settings, folder, on_notice, on_progress)
    console = Console()
    console.print(seeds_table(cards) if (folder / runs.SEEDS).exists() else run_table(cards[0]))
    for sentence in (text for scores in cards[0].scores.values() for text in exchanged_labels(scores["exchanged"])):
        click.echo(sentence)
    console.print(f"Scores, history and pictures: {folder}", soft_wrap=True)
    console.print(f"Next: har-edge convert {shlex.quote(str(folder))} --quantize", soft_wrap=True)


def _newest_stopped() -> Path:
    """Return the folder in `runs` of the stopped training that began last."""
    begun = [x for x in runs.RUNS.glob("*") if not x.is_symlink() and runs.settings_path(x).exists()]
    stopped = [folder for folder in begun if not runs.is_under_way(folder)]
    if not stopped:
        raise InputError("no training in runs was stopped: name a folder with --out, or start a new training")
    return max(stopped, key=lambda folder: runs.settings_path(folder).stat().st_mtime)
