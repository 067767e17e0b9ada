"""Search a family for the most accurate network that fits; workers on several machines may share the trials.

Optuna suggests the numbers of a network, which is scored by cross-validation over the training subjects. The study
maximises accuracy and minimises flash. A worker that dies loses only its trial, since its heartbeat ends.
"""

import shutil
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, Literal

import keras
import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import CheckFailedError, DeviceError, InputError
from edge_runtime.model.model_card import load, read_model
from edge_runtime.model.model_paths import REFERENCE_MODELS, reference_model
from edge_runtime.model.scheme_names import INT8
from edge_runtime.reports.figures import plot_front
from edge_runtime.runs import Run
from edge_runtime.system.child_processes import run_command
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.progress import OnNotice, OnProgress
from edge_runtime.system.quantities import counted, kilobytes, percent
from edge_runtime.system.terminal import plain_table
from train.cross_validation import choose_folds
from train.fit.fit_job import Epoch, FitJob, plan_fit
from train.fit.named_networks import build, check
from train.fit.networks import name_of
from train.fit.recipe import Recipe
from train.run import fit_processes, training
from train.search.network_size import NetworkSize, estimate, measure_firmware
from train.training_data import TrainingInput, check_signals

_FOLDS = 4
_HEARTBEAT_S, _DEAD_S, _TABLES_S = 10, 60, 3
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_AT_RANDOM = 32  # trials, before Optuna's estimator suggests; most are too large for a small budget
_TOO_LARGE = 100  # trials without a network that fits
_MARGIN = 0.01  # of accuracy, at two or more points of the fits


@dataclass(frozen=True)
class Search:
    """The trials of one study of the family `options.network`, scored on each of the `folds` of the data.

    `budget` has the most of fields of `NetworkSize`.
    """

    options: TrainingInput
    data: Dataset
    folds: Sequence[Sequence[Any]]
    budget: Mapping[str, float]
    study: optuna.Study

    @property
    def front(self) -> list[FrozenTrial]:
        """The trials on the front that fit the budget, one of each network, the most accurate first."""
        networks = {x.user_attrs["network"]: x for x in self.study.best_trials if size_of(x).fits(self.budget)}
        return sorted(networks.values(), key=lambda x: -x.values[0])

    def run(self, trials: float, seconds: float, on_progress: OnProgress) -> None:
        """Begin trials for `seconds`, or until the workers have trained this many networks.

        Raises `CheckFailedError` if many suggestions are all too large.
        """
        begun, share = time.monotonic(), 0.0
        while share < 1:
            ended = self.study.get_trials(False, _ENDED)
            done = sum("points" in trial.user_attrs for trial in ended)
            if not done and len(ended) >= _TOO_LARGE:
                smallest = min(map(size_of, ended), key=lambda size: size.flash)
                raise CheckFailedError(f"none of {len(ended)} networks fits; the smallest takes {smallest}: allow more")
            share = max(done / trials, (time.monotonic() - begun) / seconds)
            best = (f"best {percent(x.values[0])} in {kilobytes(size_of(x).flash)}" for x in self.front)
            on_progress(min(1.0, share), f"{counted(done, 'trial')}: {next(best, 'no network yet')}")
            if share < 1:
                self.study.optimize(self.score, n_trials=1)

    def score(self, trial: optuna.Trial) -> tuple[float, float]:
        """Train the suggested network if it fits, and return accuracy and flash."""
        data, family = self.data, self.options.network
        shape = (data.window.samples, len(data.signals)), len(data.labels)
        size, name = estimate(build(family, *shape, trial), data), name_of(family, trial.params)
        if refused := check(name, *shape):
            raise InputError(f"har-edge convert does not take {', '.join(refused)} of --network {family}")
        keras.backend.clear_session()
        trial.set_user_attr("network", name)
        trial.set_user_attr("size", asdict(size))
        for field, most in self.budget.items():
            trial.set_constraint(field, getattr(size, field) - most)
        if not size.fits(self.budget):
            raise optuna.TrialPruned
        for before in self.study.get_trials(False, _ENDED):
            if before.user_attrs["network"] == name and "points" in before.user_attrs:
                trial.set_user_attr("points", before.user_attrs["points"])
                raise optuna.TrialPruned  # a second score would draw more suggestions here
        recipe, points = replace(_trial_recipe(self.options), network=name), dict[str, float]()

        def on_epoch(job: FitJob, epoch: Epoch) -> None:
            if epoch.epoch in (max(1, recipe.epochs // 2), recipe.epochs):
                points[f"{job.stream}-{epoch.epoch}"] = epoch.held_out_accuracy
                if self._is_beaten(points, size.flash):
                    raise optuna.TrialPruned

        try:
            with scratch_folder() as folder:
                jobs = [
                    plan_fit(f"fold-{i}", f"fit of fold {i + 1}", data, recipe, self.options.seed, i, folder, fold)
                    for i, fold in enumerate(self.folds)
                ]
                fit_processes.run_jobs(jobs, data, on_epoch, lambda: None)
        except CheckFailedError as error:  # it diverged
            raise optuna.TrialPruned from error
        finally:
            trial.set_user_attr("points", points)
        return mean(points[f"{i}-{recipe.epochs}"] for i in range(len(self.folds))), size.flash

    def _is_beaten(self, points: Mapping[str, float], flash: int) -> bool:
        """Tell whether a network that is not larger was better at these points of its fits."""
        finished = self.study.get_trials(False, (TrialState.COMPLETE,))
        theirs = [trial.user_attrs["points"] for trial in finished if trial.values[1] <= flash]
        leads = (sum(other[point] - accuracy for point, accuracy in points.items()) for other in theirs)
        return len(points) > 1 and any(lead > _MARGIN * len(points) for lead in leads)


def _trial_recipe(options: TrainingInput) -> Recipe:
    """Return the recipe of a trial's fits: half the epochs suffice to compare networks."""
    return replace(options.recipe, epochs=max(1, options.recipe.epochs // 2))


def size_of(trial: FrozenTrial) -> NetworkSize:
    """Return the estimated size of a trial's network."""
    return NetworkSize(**trial.user_attrs["size"])


def open_search(options: TrainingInput, data: Dataset, budget: Mapping[str, float], url: str) -> Search:
    """Open the search in the database at `url`, or begin it. Raises `InputError` if it began with other options."""
    folds = choose_folds(data.train, data.labels, _FOLDS)
    check_signals(data, data.train)
    settings = {"network": options.network, "recipe": asdict(_trial_recipe(options)), "seed": options.seed}
    settings |= {"budget": dict(budget), "data": data.fingerprint, "folds": [list(map(str, fold)) for fold in folds]}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    open_storage = partial(
        optuna.storages.RDBStorage, url, {"pool_pre_ping": True}, heartbeat_interval=_HEARTBEAT_S, grace_period=_DEAD_S
    )
    try:
        storage = open_storage()
    except sqlalchemy.exc.DBAPIError:  # another worker, begun at the same time, makes the tables
        time.sleep(_TABLES_S)
        storage = open_storage()
    study = optuna.create_study(
        study_name="har-edge",
        storage=storage,
        # Without `multivariate` it suggests the smallest network again and again.
        sampler=optuna.samplers.TPESampler(n_startup_trials=_AT_RANDOM, multivariate=True, constant_liar=True),
        directions=["maximize", "minimize"],
        load_if_exists=True,
    )
    if not study.user_attrs:
        study.set_user_attr("settings", settings)
    begun = study.user_attrs["settings"]
    if others := [key for key, value in settings.items() if begun[key] != value]:
        raise InputError(f"this search began with another {others[0]}: give the same options and data, or begin anew")
    return Search(options, data, folds, budget, study)


def finish(
    search: Search, folder: Path, pictures: Literal["png", "svg", "pdf"], on_notice: OnNotice, on_progress: OnProgress
) -> tuple[Run, Table]:
    """Return the run of the most accurate network whose firmware fits, and the front, which is also drawn.

    Raises `CheckFailedError` if none fits.
    """
    front, data, exact = search.front, search.data, None
    for best in front:
        run = Run(folder / f"trial-{best.number}", pictures)
        settings = training.TrainingSettings(
            **vars(search.options) | {"network": best.user_attrs["network"]}, pictures=pictures
        )
        if not run.tflite(INT8).exists():
            shutil.rmtree(run.folder, ignore_errors=True)  # of a search that was stopped
            training.begin(settings, run.folder, on_notice, on_progress)
            on_progress(0.0, f"converting {run.folder.name}")
            if fault := run_command(["convert", str(run.folder), "--quantize-as", INT8]):
                on_notice(f"trial {best.number}: {fault}")
                continue
        try:
            exact = measure_firmware(run.tflite(INT8), data, on_progress)
        except DeviceError as error:
            on_notice(f"Sizes are estimates: {error}")
        if exact is None or exact.fits(search.budget):
            break
        on_notice(f"The firmware of trial {best.number} is too large: {exact}.")
    else:
        raise CheckFailedError("no network fits: allow more, or search longer with --resume")
    cards = {run.folder.name: load(run.card)}
    sizes = {run.folder.name: exact or size_of(best)}
    for name in REFERENCE_MODELS if exact else ():
        card = read_model(reference_model(name, INT8))[1]
        if card.training["data"]["fingerprint"] == data.fingerprint:
            cards[name], sizes[name] = card, measure_firmware(reference_model(name, INT8), data, on_progress)
    accuracies = {name: card.scores["held_out"]["accuracy"] for name, card in cards.items()}
    series = {
        "front, cross-validated": {f"trial {x.number}": (size_of(x).flash, x.values[0]) for x in front},
        "fully trained, held-out people": {name: (sizes[name].flash, x) for name, x in accuracies.items()},
    }
    plot_front(series, search.budget.get("flash"), folder / f"front.{pictures}")
    table = plain_table(["cross-validated, sizes estimated"], ["accuracy", "flash", "RAM", "instructions"])
    for trial in reversed(front):
        table.add_row(f"trial {trial.number}", percent(trial.values[0]), *_cells(size_of(trial)))
    table.add_row()
    table.add_row(f"on held-out people, {'measured' if exact else 'sizes estimated'}")
    for name, accuracy in accuracies.items():
        style = "bold" if name == run.folder.name else ""
        table.add_row(name, percent(accuracy), *_cells(sizes[name]), style=style)
        if exact and name == run.folder.name:
            pairs = zip(astuple(size_of(best)), astuple(exact), strict=True)
            table.add_row("  error of the estimate", "", *(f"{100 * (a / b - 1):+.1f} %" for a, b in pairs))
    return run, table


def _cells(size: NetworkSize) -> list[str]:
    return [kilobytes(size.flash), kilobytes(size.ram), f"{size.instructions:,}"]
