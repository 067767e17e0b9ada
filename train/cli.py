"""Train a network: the command `har-edge train`."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convert.tensorflow_setup import require_extra
from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.data import dataset
from edge_runtime.data.data_sources import Sources, data_texts
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.runs import checkpoint_folder, settings_path
from edge_runtime.system.files import check_folder
from edge_runtime.system.quantities import counted
from train.choices import LAST_SEED, check_network, split_names, training_options, window_of
from train.fit.networks import short_name
from train.fit.recipe import choose_recipe

if TYPE_CHECKING:
    from edge_runtime.model.model_card import Card
    from edge_runtime.signals.types import Frame
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
@options.picture_format
@options.out("FOLDER", "The run folder to make.  [default: runs/NETWORK-DATE-TIME]")
@click.option(
    "--held-out",
    metavar="A,B,C",
    help="Training subjects whom the first fit does not see.  [default: every fourth, from the second on]",
)
@click.option("--resume", is_flag=True, help="Go on with a stopped training: the one in --out, or the newest in runs.")
def command(
    network: str,
    data: Sources | None,
    window: float | None,
    hop: float | None,
    sensors: str,
    classes: str,
    frame: "Frame",
    test_subjects: str | None,
    seed: int,
    epochs: int | None,
    seeds: int | None,
    held_out: str | None,
    pictures: str,
    out: Path | None,
    resume: bool,
) -> None:
    """Train a Keras LSTM: first with a few subjects held out, then on all training subjects.

    Leaves a run folder with the networks, the card, the history and pictures. The fits run side by side, one on each
    CPU. A training that was stopped, however abruptly, goes on with --resume and ends with the same weights.
    """
    require_extra("har-edge train", ("tensorflow", "sklearn", "matplotlib"))
    # Only now: it loads scipy, scikit-learn and matplotlib.
    from train.run.training import TrainingSettings

    recipe, named = choose_recipe(network, epochs, frame), data_texts(data)
    people = split_names(test_subjects), split_names(held_out)
    wanted = TrainingSettings(
        recipe, seed, named, "", seeds, sensors, classes, frame, *people, pictures, window_of(window, hop)
    )
    folder = out or (_newest_stopped() if resume else runs.new_folder(short_name(network)))
    runs.check_idle(folder)
    if not resume:
        _begin(wanted, folder)
        return
    source_of = click.get_current_context().get_parameter_source
    values = wanted.options()
    given = {x: values[x] for x in values if source_of(x) is click.core.ParameterSource.COMMANDLINE}
    chosen = source_of("pictures") is click.core.ParameterSource.COMMANDLINE
    _resume(folder, given, pictures if chosen else None)


def _begin(wanted: "TrainingSettings", folder: Path) -> None:
    """Train as `wanted` into the new `folder`."""
    from train.run.training import folder_lock
    from train.training_data import check_data, say_if_nobody_is_named

    last = wanted.seed + (wanted.seeds or 1) - 1
    if last > LAST_SEED:
        raise InputError(
            f"--seed {wanted.seed} with --seeds {wanted.seeds} goes beyond the last seed, {LAST_SEED}: start lower"
        )
    check_network(wanted.recipe, "har-edge train")
    _check_free(folder)
    check_folder(folder)
    loaded = wanted.load_data()
    check_data(loaded, wanted.held_out_of(loaded))
    check_network(wanted.recipe, "har-edge train", loaded)
    say_if_nobody_is_named(loaded)
    settings = dataclasses.replace(wanted, fingerprint=loaded.fingerprint)
    with folder_lock(folder):
        _check_free(folder)  # another training may have begun since
        settings.save(settings_path(folder))
        _train(settings, loaded, folder)


def _resume(folder: Path, given: Mapping[str, object], pictures: str | None) -> None:
    """Go on with the training in `folder`, if the options that are `given` are its own; or say that it has ended.

    `pictures` is another format than it began with, if one is wanted.
    """
    from train.run.training import TrainingSettings, folder_lock, load_finished

    if not settings_path(folder).exists() and (found := load_finished(folder)):
        settings, cards = found
        _check_same(given, settings, folder)
        if pictures:
            raise InputError(f"--format {pictures}: the training in {folder} has ended with its pictures; leave it out")
        click.echo(f"The training in {folder} has ended, and nothing is left to do: these are its scores.", err=True)
        _show(cards, settings, folder)
        return
    settings = TrainingSettings.load(settings_path(folder))
    _check_same(given, settings, folder)
    loaded = settings.load_data()
    if loaded.fingerprint != settings.fingerprint:
        raise InputError(
            f"the data at {' and '.join(settings.data or ('uci-har',))} changed since the training in {folder} began: "
            "start a new run"
        )
    with folder_lock(folder):
        # Read again: it may have ended since.
        settings = TrainingSettings.load(settings_path(folder))
        _train(dataclasses.replace(settings, pictures=pictures or settings.pictures), loaded, folder)


def _check_same(given: Mapping[str, object], settings: "TrainingSettings", folder: Path) -> None:
    """Raise `InputError` when an option that is `given` has another value in the `settings` of `folder`."""
    recorded = settings.options()
    for name, value in given.items():
        if value != recorded[name]:
            option = f"--{name.replace('_', '-')}"
            here, there = (", ".join(x) if isinstance(x, tuple) else x for x in (value, recorded[name]))
            began = f"began without {option}" if there is None else f"began with {option} {there}"
            raise InputError(
                f"{option} {here} cannot be changed on --resume, since the training in {folder} {began}: leave it out, "
                "or start a new run"
            )


def _train(settings: "TrainingSettings", loaded: dataset.Dataset, folder: Path) -> None:
    from train.run.fit_processes import cpus
    from train.run.training import Training
    from train.training_progress import TrainingProgress

    training = Training(settings, loaded, folder)
    jobs = training.jobs()
    recipe = settings.recipe
    last = "" if settings.seeds is None else f" to {settings.seed + settings.seeds - 1}"
    click.echo(
        f"Training {recipe.network} on {loaded.name}, seed{'s' if last else ''} {settings.seed}{last}: "
        f"{_work(len(jobs), recipe.epochs, cpus())} -> {folder}",
        err=True,
    )
    try:
        with TrainingProgress(jobs) as progress:
            cards = training.run(progress.on_step)
    except (KeyboardInterrupt, DeviceError, InputError):
        click.echo(f"Stopped. Go on with: har-edge train --resume --out {folder}", err=True)
        raise
    _show(cards, settings, folder)


def _work(fits: int, epochs: int, at_a_time: int) -> str:
    """What is left to do; a training may have been stopped after its last fit."""
    if not fits:
        return "all fits are done"
    return f"{counted(fits, 'fit')} of {counted(epochs, 'epoch')}, {min(at_a_time, fits)} at a time"


def _show(cards: "Sequence[Card]", settings: "TrainingSettings", folder: Path) -> None:
    from train.training_report import show_run, show_seeds

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
    """The folder in `runs` of the newest training that was stopped; else of one under way, or of the latest."""
    begun = [x for x in runs.RUNS.glob("*") if not x.is_symlink() and settings_path(x).exists()]
    stopped = [x for x in begun if not runs.is_under_way(x)] or begun
    if not stopped and runs.LATEST.exists():
        return runs.LATEST
    if not stopped:
        raise InputError(
            "there is no stopped training in runs to resume: name its folder with --out, or start a new one"
        )
    return max(stopped, key=lambda folder: settings_path(folder).stat().st_mtime)
