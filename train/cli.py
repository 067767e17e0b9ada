"""Train a network: the command `har-edge train`."""

from pathlib import Path
from typing import Any

import click

from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.errors import InputError
from train.fit.networks import short_name
from train.training_options import LAST_SEED, names, training_options


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
@click.option("--resume", is_flag=True, help="Go on with a stopped training: the one in --out, or the newest in runs.")
@click.option(
    "--held-out",
    metavar="A,B,C",
    callback=names,
    help="Training subjects that the first fit does not see.  [default: every fourth, from the second on]",
)
@options.picture_format
def command(out: Path | None, resume: bool, **settings: Any) -> None:
    """Train a Keras LSTM: first with a few subjects held out, then on all training subjects.

    Leaves a run folder with the networks, the card, the history and pictures. The fits run side by side, one on each
    CPU. A training that was stopped, however abruptly, goes on with --resume and ends with the same weights.
    """
    from convert.tensorflow_setup import require_extra

    require_extra("har-edge train", ("tensorflow", "sklearn", "matplotlib"))
    # Only now: it loads scipy, scikit-learn and matplotlib.
    from edge_runtime.data.data_sources import data_texts
    from train.run import training
    from train.training_report import show_run, show_seeds

    wanted = training.TrainingSettings(**settings | {"data": data_texts(settings["data"])})
    if wanted.seed + (wanted.seeds or 1) - 1 > LAST_SEED:
        raise InputError(f"--seed {wanted.seed} with --seeds {wanted.seeds} goes beyond the last seed, {LAST_SEED}")
    folder = out or (_newest_stopped() if resume else runs.new_folder(short_name(wanted.network)))
    runs.check_idle(folder)
    if resume:
        source_of = click.get_current_context().get_parameter_source
        given = [x for x in settings if source_of(x) is click.core.ParameterSource.COMMANDLINE]
        cards = training.resume(wanted, given, folder)
    else:
        cards = training.begin(wanted, folder)
    if (folder / runs.SEEDS).exists():
        show_seeds(cards, folder)
    else:
        show_run(cards[0], folder)


def _newest_stopped() -> Path:
    """The folder in `runs` of the training that was begun last of those that do not run."""
    begun = [x for x in runs.RUNS.glob("*") if not x.is_symlink() and runs.settings_path(x).exists()]
    stopped = [x for x in begun if not runs.is_under_way(x)]
    if not stopped:
        raise InputError("no training in runs was stopped: name a folder with --out, or start a new one")
    return max(stopped, key=lambda folder: runs.settings_path(folder).stat().st_mtime)
