"""`har-edge train`."""

from pathlib import Path
from typing import Any

import click

from edge_runtime import dataset, runs
from edge_runtime.card import Card
from edge_runtime.errors import InputError
from edge_runtime.host import import_tensorflow, require_train_extra
from edge_runtime.runs import Run


@click.command(name="train")
@click.option("--network", default="edge", show_default=True, help="Which network to train.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Official UCI HAR folder or zip, or a folder of CSV recordings.  [default: the embedded UCI HAR data]",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of every random number.")
@click.option(
    "--epochs", type=click.IntRange(1, 10_000), help="Passes over the data in each of the two fits.  [default: 60]"
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The run folder to make.  [default: runs/NETWORK-DATE-TIME]"
)
@click.option("--resume", is_flag=True, help="Go on with a stopped training: the one in --out, or the newest in runs.")
def command(network: str, data: Path | None, seed: int, epochs: int | None, out: Path | None, resume: bool) -> None:
    """Train a Keras LSTM: first with a few subjects held out, then on all training subjects.

    Leaves a run folder with the networks, the card, the history and pictures. A training that was stopped, however
    abruptly, goes on with --resume and ends with the same weights.
    """
    if resume:
        given = [x for x in ("network", "data", "seed", "epochs") if _was_given(x)]
        if given:
            raise InputError(f"--{given[0]} cannot be changed on --resume: leave it out, or start a new run")
    require_train_extra("har-edge train", ("tensorflow", "sklearn", "matplotlib"))
    import_tensorflow("har-edge train")
    from train.experiment import Settings, settings_path
    from train.networks import NETWORKS
    from train.recipe import Recipe

    if resume:
        run = Run(out) if out else _newest_stopped()
        settings = Settings.load(settings_path(run))
        loaded = dataset.load(Path(settings.data) if settings.data else None)
        if loaded.fingerprint != settings.fingerprint:
            raise InputError(
                f"the data at {settings.data} changed since the training in {run.folder} began: start a new run"
            )
    else:
        if network not in NETWORKS:
            raise InputError(f"there is no network '{network}': choose one of {', '.join(NETWORKS)}")
        loaded = dataset.load(data)
        run = Run(out or runs.new_folder(network))
        _check_free(run)
        recipe = Recipe(network=network) if epochs is None else Recipe(network=network, epochs=epochs)
        settings = Settings(recipe, seed, str(data.resolve()) if data else None, loaded.fingerprint)
        settings.save(settings_path(run))
    try:
        card = _train(run, settings, loaded)
    except KeyboardInterrupt:
        click.echo(f"Stopped. Go on with: har-edge train --resume --out {run.folder}", err=True)
        raise
    _report(card, run)


def _train(run: Run, settings: Any, loaded: dataset.Dataset) -> Card:
    from train.experiment import count_steps, run_experiment
    from train.progress import TrainingProgress

    click.echo(
        f"Training {settings.recipe.network} on {loaded.name}, seed {settings.seed}: "
        f"2 fits of {settings.recipe.epochs} epochs -> {run.folder}",
        err=True,
    )
    with TrainingProgress(settings.recipe.epochs, count_steps(settings, loaded)) as progress:
        return run_experiment(settings, loaded, run, progress.on_step)


def _report(card: Card, run: Run) -> None:
    from rich.table import Table

    from edge_runtime.terminal import Console

    console = Console(markup=False)  # labels are other people's text
    held_out, test = card.scores["held_out"], card.scores["test"]
    table = Table(title=f"{card.name}: {card.network['parameters']:,} parameters", title_justify="left")
    table.add_column("")
    table.add_column(f"held out ({len(held_out['per_subject'])} subjects)", justify="right")
    table.add_column(f"test ({len(test['per_subject'])} subjects)", justify="right")
    for name, key in (("accuracy", "accuracy"), ("macro F1", "macro_f1")):
        table.add_row(name, *(f"{100 * x[key]:.2f} %" for x in (held_out, test)))
    for name in ("precision", "recall", "f1"):
        table.add_row(
            f"weighted {name if name != 'f1' else 'F1'}",
            *(f"{100 * x['weighted'][name]:.2f} %" for x in (held_out, test)),
        )
    table.add_section()
    for label in card.labels:
        table.add_row(f"F1 {label}", *(f"{100 * x['per_class'][label]['f1']:.2f} %" for x in (held_out, test)))
    table.add_section()
    for name, choose in (("worst subject", min), ("best subject", max)):
        table.add_row(name, *(_extreme(x["per_subject"], choose) for x in (held_out, test)))
    console.print(table)
    console.print(f"Scores, history and pictures: {run.folder}", soft_wrap=True)


def _extreme(per_subject: dict[str, float], choose: Any) -> str:
    subject = choose(per_subject, key=per_subject.__getitem__)
    return f"{100 * per_subject[subject]:.2f} % (subject {subject})"


def _was_given(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.COMMANDLINE


def _check_free(run: Run) -> None:
    """Refuse to train into a folder that already holds something."""
    from train.experiment import checkpoint_folder, settings_path

    if settings_path(run).exists():
        raise InputError(
            f"{run.folder} holds a stopped training: go on with --resume --out {run.folder}, or choose another --out"
        )
    # A training that was killed while it wrote its first file has left nothing but this folder.
    stub = [checkpoint_folder(run)]
    if run.folder.exists() and (not run.folder.is_dir() or list(run.folder.iterdir()) not in ([], stub)):
        raise InputError(f"{run.folder} exists and is not an empty folder: choose another --out")


def _newest_stopped() -> Run:
    from train.experiment import settings_path

    stopped = [Run(x) for x in runs.RUNS.glob("*") if not x.is_symlink() and settings_path(Run(x)).exists()]
    if not stopped:
        raise InputError(
            "there is no stopped training in runs to resume: name its folder with --out, or start a new one"
        )
    return max(stopped, key=lambda run: settings_path(run).stat().st_mtime)
