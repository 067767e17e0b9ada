"""Cross-validate a network: the command `har-edge crossval`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from convert.tensorflow_setup import require_extra
from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.data.data_sources import Sources
from edge_runtime.data.dataset import Dataset
from edge_runtime.data.subject_groups import noun_of
from edge_runtime.errors import InputError
from edge_runtime.signals.types import Frame
from edge_runtime.system.files import check_folder, scratch_folder
from edge_runtime.system.quantities import counted
from train.choices import check_network, split_names, training_options, window_of
from train.fit.fit_job import FitJob
from train.fit.networks import short_name
from train.fit.recipe import choose_recipe
from train.training_data import check_signals, load_data, say_if_nobody_is_named

BY_NAME = ("subjects", "datasets")


class Folds(click.IntRange):
    """A number of folds, or one of `BY_NAME`: a fold for each subject or for each data set."""

    def __init__(self) -> None:
        super().__init__(2)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of the option."""
        if value in BY_NAME:
            return value
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is neither a number of at least 2 nor 'subjects' nor 'datasets'.", param, ctx)


@click.command(
    name="crossval",
    epilog=options.examples(
        "crossval --network edge-small",
        "crossval --sensors accelerometer --folds 7 -o runs/accelerometer",
        "crossval --data uci-har --data motionsense=FOLDER --folds datasets",
        "crossval --cluster tcp://192.168.1.5:8786",
    ),
)
@training_options
@click.option(
    "--folds",
    "kind",
    type=Folds(),
    default="4",
    show_default=True,
    metavar="N|subjects|datasets",
    help="Groups of training subjects, each scored by a network trained on all others; subjects: each one by itself; "
    "datasets: everyone in a data set.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Address of a dask scheduler, whose workers do the fits.  [default: this machine]",
)
@options.picture_format
@options.out("FOLDER", "The folder to make.  [default: runs/crossval-NETWORK-DATE-TIME]")
def command(
    network: str,
    data: Sources | None,
    window: float | None,
    hop: float | None,
    sensors: str,
    classes: str,
    frame: Frame,
    test_subjects: str | None,
    seed: int,
    epochs: int | None,
    kind: int | str,
    cluster: str | None,
    pictures: str,
    out: Path | None,
) -> None:
    """Cross-validate a network over groups of the training subjects, or over data sets.

    For each group (fold) a network is trained on all other training subjects and scored on the group. Prints accuracy
    and macro-F1 on each group and each subject, and writes them as JSON, CSV and pictures. The test subjects take no
    part (of --folds datasets: those of UCI HAR, or of --test-subjects): compare networks and sensors here. The fits run
    side by side, one on each CPU, or on the workers of a cluster.
    """
    require_extra("har-edge crossval", ("tensorflow", "sklearn", "matplotlib"))
    from train import cross_validation, left_out_data

    if cluster is not None:
        from train.run.dask_cluster import check_address

        check_address(cluster)
    recipe = choose_recipe(network, epochs, frame)
    check_network(recipe, "har-edge crossval")
    folder = out or runs.new_folder(f"crossval-{short_name(network)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder: choose another --out")
    check_folder(folder)
    loaded = load_data(data, sensors, classes, frame, split_names(test_subjects), window_of(window, hop))
    data_sets: dict[str, list[Any]] = {}
    if kind == "datasets":
        loaded = left_out_data.with_everyone(loaded, split_names(test_subjects))
        data_sets = left_out_data.choose_data_sets(loaded)
        folds = list(data_sets.values())
    else:
        folds = cross_validation.choose_folds(loaded.train, loaded.labels, None if kind == "subjects" else int(kind))
    check_signals(loaded, loaded.train)
    say_if_nobody_is_named(loaded)
    check_network(recipe, "har-edge crossval", loaded)
    people = [x for fold in folds for x in fold]
    title = (
        f"{short_name(network)}, {counted(len(folds), 'fold')} of {counted(len(people), f'training {noun_of(people)}')}"
    )
    with scratch_folder() as scratch:
        jobs = cross_validation.plan_folds(folds, loaded, recipe, seed, scratch)
        click.echo(f"Cross-validating {title}: fits of {counted(recipe.epochs, 'epoch')} -> {folder}", err=True)
        _fit(jobs, loaded, cluster, network)
        if data_sets:
            left_out = left_out_data.summarise(dict(zip(data_sets, jobs, strict=True)), loaded)
        else:
            result = cross_validation.summarise(jobs, loaded)
    asked = {
        "network": network,
        "recipe": dataclasses.asdict(recipe),
        "data": {"name": loaded.name, "fingerprint": loaded.fingerprint},
        "signals": [x.name for x in loaded.signals],
        "labels": loaded.labels,
        "frame": loaded.frame,
        "seed": seed,
    }
    if data_sets:
        left_out_data.write(left_out, asked, title, loaded.labels, folder, pictures)
        left_out_data.show(left_out, folder)
    else:
        cross_validation.write(result, asked, title, loaded.labels, folder, pictures)
        cross_validation.show(result, title, folder)


def _fit(jobs: Sequence[FitJob], data: Dataset, cluster: str | None, network: str) -> None:
    """Do the fits of all folds, here or on a cluster."""
    if cluster is None:
        from train.run.fit_processes import run_jobs
        from train.training_progress import TrainingProgress

        with TrainingProgress(jobs) as steps:
            run_jobs(jobs, data, steps.on_step)
        return
    from edge_runtime.system.terminal import progress
    from train.run.dask_cluster import connect, run_on_workers

    with connect(cluster, network) as client:
        click.echo(f"{cluster} has {counted(len(client.scheduler_info()['workers']), 'worker')}.", err=True)
        with progress() as on_progress:
            done: list[FitJob] = []

            def finish(job: FitJob) -> None:
                done.append(job)
                on_progress(len(done) / len(jobs), f"the {job.title} is done")

            on_progress(0.0, "the fits of all folds")
            run_on_workers(jobs, data, client, finish)
