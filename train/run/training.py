"""Run a training of one or more seeds; a stopped training can go on."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import joblib

from edge_runtime.data.dataset import Dataset
from edge_runtime.data.names import default_held_out
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import SEEDS, Run, checkpoint_folder, find_runs, lock_path, make_latest, settings_path
from edge_runtime.system.dataclass_json import from_json, to_text
from edge_runtime.system.files import check_folder, write_text
from edge_runtime.system.outside_files import parse_json, read_text
from edge_runtime.system.progress import OnNotice, OnProgress, ignore_progress
from edge_runtime.system.quantities import counted
from train.fit.named_networks import is_own
from train.run.experiment import Experiment
from train.run.fit_processes import do_fits, locked
from train.training_data import TrainingInput, check_data, subjects_named
from train.training_report import write_seeds


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(TrainingInput):
    """The settings that decide the outcome of a training, stored beside the checkpoints.

    `seeds` is the number of seeds from `seed` on, None for one run.
    """

    seeds: int | None = None
    held_out: tuple[str, ...] | None = None
    pictures: Literal["png", "svg", "pdf"] = "png"
    fingerprint: str = ""

    def held_out_of(self, dataset: Dataset) -> list[int | str]:
        """Return the training subjects that the first fit does not see. Raises `InputError` for unknown subjects."""
        if self.held_out is None:
            return default_held_out(dataset.train.subject.tolist())
        return subjects_named("--held-out", self.held_out, dataset.train.subject.tolist())


def begin(
    settings: TrainingSettings,
    folder: Path,
    on_notice: OnNotice = lambda notice: None,
    on_progress: OnProgress = ignore_progress,
) -> list[Card]:
    """Train into the new `folder`, and return a card for each seed."""
    settings.check_network()
    check_free(folder)
    dataset = settings.load_data(on_notice)
    check_data(dataset, settings.held_out_of(dataset))
    settings.check_fit(dataset, on_notice)
    settings = replace(settings, fingerprint=dataset.fingerprint)
    with locked(lock_path(folder)):
        write_text(settings_path(folder), to_text(settings))
        return _run(settings, dataset, folder, on_notice, on_progress)


def resume(
    options: TrainingSettings, named: Sequence[str], folder: Path, on_notice: OnNotice, on_progress: OnProgress
) -> list[Card]:
    """Go on with the training in `folder`, if it has not ended, and return a card for each seed.

    Raises `InputError` if an option on the command line, in `named`, differs from the beginning. The format of pictures
    may differ.
    """
    path = settings_path(folder)
    if not path.exists():
        if not any(x.exists() for x in (Run(folder).card, folder / SEEDS)):
            raise InputError(f"{folder} has no stopped training to resume")
        on_notice(f"The training in {folder} has ended: these are its scores.")
        return [load(run.card) for run in find_runs(folder)]
    with locked(lock_path(folder)):
        try:
            content = parse_json(read_text(path, "the settings of a training"))
            settings = from_json(TrainingSettings, content, known_keys_only=True)
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error}); remove {path.parent} and train again") from error
        for name in named:
            before = getattr(settings, name)
            if name != "pictures" and getattr(options, name) != before:
                raise InputError(
                    f"--{name.replace('_', '-')} cannot be changed on --resume, since the training in {folder} began "
                    f"with {before}: leave it out, or start a new run"
                )
        if is_own(settings.network) and "network" not in named:  # a folder may come from anywhere
            raise InputError(
                f"the training in {folder} runs the code {settings.network}: give --network {settings.network} again"
            )
        dataset = settings.load_data(on_notice)
        if dataset.fingerprint != settings.fingerprint:
            places = " and ".join(settings.data or ("uci-har",))
            raise InputError(f"the data at {places} changed since the training in {folder} began: start a new run")
        pictures = options.pictures if "pictures" in named else settings.pictures
        return _run(replace(settings, pictures=pictures), dataset, folder, on_notice, on_progress)


def _run(
    settings: TrainingSettings, dataset: Dataset, folder: Path, on_notice: OnNotice, on_progress: OnProgress
) -> list[Card]:
    """Train, write the run folders and the summary of several seeds, and return the cards.

    The caller holds the folder's lock. Raises as `do_fits`.
    """
    experiments = _experiments(settings, dataset, folder)

    def finish_trained() -> None:
        for experiment in experiments:
            if not experiment.is_finished and all(job.is_done for job in experiment.jobs.values()):
                experiment.finish()
            if experiment.is_finished and settings.seeds is not None:
                shutil.rmtree(checkpoint_folder(experiment.run.folder), ignore_errors=True)

    finish_trained()
    jobs = [job for x in experiments if not x.is_finished for job in x.jobs.values() if not job.is_done]
    last = "" if settings.seeds is None else f" to {settings.seed + settings.seeds - 1}"
    work = f"{counted(len(jobs), 'fit')} of {counted(settings.recipe.epochs, 'epoch')}"
    on_notice(
        f"Training {settings.network} on {dataset.name}, seed{'s' if last else ''} {settings.seed}{last}: "
        f"{work}, {min(joblib.cpu_count(), len(jobs))} at a time -> {folder}"
    )
    try:
        do_fits(jobs, dataset, on_progress, finish_trained)
    except (KeyboardInterrupt, DeviceError, InputError):
        again = f" --network {settings.network}" if is_own(settings.network) else ""
        on_notice(f"Stopped. Go on with: har-edge train --resume --out {folder}{again}")
        raise
    cards = [load(experiment.run.card) for experiment in experiments]
    if settings.seeds is not None:
        write_seeds(folder, cards)
    make_latest(Run(folder))
    # A training without settings has ended, whatever other files are still there.
    settings_path(folder).unlink(missing_ok=True)
    shutil.rmtree(checkpoint_folder(folder))
    return cards


def _experiments(settings: TrainingSettings, dataset: Dataset, folder: Path) -> list[Experiment]:
    """Return an experiment in `folder` itself or, with `seeds`, an experiment for each seed in a folder there."""
    held_out = settings.held_out_of(dataset)
    first = Experiment(
        settings.recipe, settings.seed, dataset, Run(folder, settings.pictures), held_out, data=settings.data
    )
    if settings.seeds is None:
        return [first]
    return [
        replace(first, seed=seed, run=Run(folder / f"seed-{seed}", settings.pictures), title=f" of seed {seed}")
        for seed in range(settings.seed, settings.seed + settings.seeds)
    ]


def check_free(folder: Path) -> None:
    """Raise `InputError` for a folder that is not empty, or cannot be written into."""
    if settings_path(folder).exists():
        raise InputError(f"{folder} holds a stopped training: go on with --resume --out {folder}, or choose another")
    # A training that was killed while it wrote its first file leaves this folder.
    stub = [checkpoint_folder(folder)]
    if folder.exists() and (not folder.is_dir() or list(folder.iterdir()) not in ([], stub)):
        raise InputError(f"{folder} exists and is not an empty folder: choose another --out")
    check_folder(folder)
