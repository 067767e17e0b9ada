"""Train a network: the command `har-edge train`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.data import dataset
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.host.tensorflow_setup import require_train_extra
from edge_runtime.runs import checkpoint_folder, settings_path
from edge_runtime.system.quantities import counted
from train.choices import LAST_SEED, check_network, load_data, training_options
from train.fit.networks import short_name
from train.fit.recipe import choose_recipe

if TYPE_CHECKING:
    from train.run.training import TrainingSettings


@click.command(
    name="train",
    epilog=options.examples("train", "train --network edge-small --seeds 5", "train --data my_recordings -o runs/mine"),
)
@training_options
@click.option(
    "--seeds",
    type=click.IntRange(2, 1000),
    metavar="N",
    help="Train N times, with the seeds from --seed on, each into a run folder of its own, and show the spread.",
)
@options.out("FOLDER", "The run folder to make.  [default: runs/NETWORK-DATE-TIME]")
@click.option("--resume", is_flag=True, help="Go on with a stopped training: the one in --out, or the newest in runs.")
def command(
    network: str,
    data: Path | None,
    sensors: str,
    classes: str,
    seed: int,
    epochs: int | None,
    seeds: int | None,
    out: Path | None,
    resume: bool,
) -> None:
    """Train a Keras LSTM: first with a few subjects held out, then on all training subjects.

    Leaves a run folder with the networks, the card, the history and pictures. The fits run side by side, one on each
    CPU. A training that was stopped, however abruptly, goes on with --resume and ends with the same weights.
    """
    if resume:
        fixed = ("network", "data", "sensors", "classes", "seed", "seeds", "epochs")
        source_of = click.get_current_context().get_parameter_source
        if given := [x for x in fixed if source_of(x) is click.core.ParameterSource.COMMANDLINE]:
            raise InputError(f"--{given[0]} cannot be changed on --resume: leave it out, or start a new run")
    require_train_extra("har-edge train", ("tensorflow", "sklearn", "matplotlib"))
    # Only now: these load scipy, scikit-learn and matplotlib.
    from train.run.experiment import check_data
    from train.run.training import TrainingSettings, folder_lock

    if resume:
        folder = out or _newest_stopped()
        settings = TrainingSettings.load(settings_path(folder))
        loaded = load_data(Path(settings.data) if settings.data else None, settings.sensors, settings.classes)
        if loaded.fingerprint != settings.fingerprint:
            raise InputError(
                f"the data at {settings.data} changed since the training in {folder} began: start a new run"
            )
        with folder_lock(folder):
            # Read again: it may have ended since.
            _train(TrainingSettings.load(settings_path(folder)), loaded, folder)
    else:
        recipe = choose_recipe(network, epochs)
        if seeds and seed + seeds - 1 > LAST_SEED:
            raise InputError(f"--seed {seed} with --seeds {seeds} goes beyond the last seed, {LAST_SEED}: start lower")
        check_network(recipe, "har-edge train")
        loaded = load_data(data, sensors, classes)
        folder = out or runs.new_folder(short_name(network))
        _check_free(folder)
        check_data(loaded)
        check_network(recipe, "har-edge train", loaded)
        path = str(data.resolve()) if data else None
        settings = TrainingSettings(recipe, seed, path, loaded.fingerprint, seeds, sensors, classes)
        with folder_lock(folder):
            _check_free(folder)  # another training may have begun since
            settings.save(settings_path(folder))
            _train(settings, loaded, folder)


def _train(settings: "TrainingSettings", loaded: dataset.Dataset, folder: Path) -> None:
    from train.run.fit_processes import cpus
    from train.run.training import Training
    from train.training_progress import TrainingProgress
    from train.training_report import show_run, show_seeds

    training = Training(settings, loaded, folder)
    jobs = training.jobs()
    recipe = settings.recipe
    last = "" if settings.seeds is None else f" to {settings.seed + settings.seeds - 1}"
    click.echo(
        f"Training {recipe.network} on {loaded.name}, seed{'s' if last else ''} {settings.seed}{last}: "
        f"{counted(len(jobs), 'fit')} of {counted(recipe.epochs, 'epoch')}, "
        f"{min(cpus(), len(jobs))} at a time -> {folder}",
        err=True,
    )
    try:
        with TrainingProgress(jobs) as progress:
            cards = training.run(progress.on_step)
    except (KeyboardInterrupt, DeviceError, InputError):
        click.echo(f"Stopped. Go on with: har-edge train --resume --out {folder}", err=True)
        raise
    if settings.seeds is None:
        show_run(cards[0], folder)
    else:
        show_seeds(cards, folder)


def _check_free(folder: Path) -> None:
    """Refuse to train into a folder that already holds something."""
    if settings_path(folder).exists():
        raise InputError(
            f"{folder} holds a stopped training: go on with --resume --out {folder}, or choose another --out"
        )
    # A training that was killed while it wrote its first file has left nothing but this folder.
    stub = [checkpoint_folder(folder)]
    if folder.exists() and (not folder.is_dir() or list(folder.iterdir()) not in ([], stub)):
        raise InputError(f"{folder} exists and is not an empty folder: choose another --out")


def _newest_stopped() -> Path:
    stopped = [x for x in runs.RUNS.glob("*") if not x.is_symlink() and settings_path(x).exists()]
    if not stopped:
        raise InputError(
            "there is no stopped training in runs to resume: name its folder with --out, or start a new one"
        )
    return max(stopped, key=lambda folder: settings_path(folder).stat().st_mtime)
