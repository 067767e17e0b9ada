"""Guard what makes the numbers true: choices see no subjects they are judged on, tests have two sides."""

import importlib
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convert import conversion_inputs
from convert.conversion_job import ConversionJob
from convert.options import Options
from convert.quantise.calibration import draw_windows
from edge_runtime.bench import aggregation
from edge_runtime.data import loading
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.model import model_card
from edge_runtime.runs import Run
from edge_runtime.system import child_processes
from train.cross_validation import choose_folds, plan_folds, summarise
from train.fit.fit_job import FitJob, FitOutcome
from train.fit.recipe import Recipe
from train.run import fit_processes
from train.run.experiment import Experiment
from train.training_data import hold_out

RECIPE = Recipe(network=f"{__name__}:flat", epochs=1, batch_size=32)


def flat(shape: tuple[int, int], n_classes: int):
    """The quickest network to fit."""
    import keras

    flatten, dense = keras.layers.Flatten(name="flatten"), keras.layers.Dense(n_classes, name="dense")
    return keras.Sequential([keras.Input(shape), flatten, dense])


def noise(split: Split, subjects=None) -> Split:
    """The windows of `subjects`, or of all, replaced by noise, and their labels by chance."""
    generator = np.random.default_rng(0)
    rows = np.isin(split.subject, subjects) if subjects is not None else np.ones(len(split), bool)
    X, y = split.X.copy(), split.y.copy()
    X[rows] = generator.normal(0, 5, X[rows].shape)
    y[rows] = generator.permutation(y[rows])
    return Split(X, y, split.subject)


def thinned(uci_har: Dataset) -> Dataset:
    """Every 30th window of everybody."""
    parts = {x: getattr(uci_har, x) for x in ("train", "test")}
    return replace(uci_har, **{x: split.select(np.arange(len(split)) % 30 == 0) for x, split in parts.items()})


class FitHere:
    """Stands for the process of a fit: does its work at once in this one, in which TensorFlow was imported once."""

    def __init__(self, name: str, advice: str, module: str, *arguments: str, pass_fds: object = ()) -> None:
        importlib.import_module(module).main(*arguments)
        self._end, other = os.pipe()
        os.close(other)

    def __enter__(self) -> "FitHere":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._end)

    def fileno(self) -> int:
        return self._end

    def read(self) -> None:
        """Nothing was said, and it has ended."""

    def finish(self) -> None:
        """It went well."""


def fit(jobs: list[FitJob], data: Dataset) -> list[FitOutcome]:
    fit_processes.run_jobs(jobs, data, lambda job, step: None)
    return [FitOutcome.load(job) for job in jobs]


def experiment(data: Dataset, folder: Path) -> Experiment:
    return Experiment(RECIPE, 0, data, Run(folder), hold_out(data.train.subject))


def fold_jobs(data: Dataset, folds, folder: Path) -> list[FitJob]:
    return plan_folds(folds, data, RECIPE, 0, folder)


def fit_all(folder: Path) -> None:
    """Do all fits of this module, each with and without other windows of those whom it must not know."""
    fit_processes.Child = FitHere
    child_processes.run_as_child = lambda task: task(lambda **fields: None)
    data = thinned(loading.load_data(None))
    other_tests = replace(data, test=noise(data.test))
    other_held_out = replace(data, train=noise(data.train, hold_out(data.train.subject)))
    for name, each in {"plain": data, "other tests": other_tests}.items():
        made = experiment(each, folder / name)
        fit(list(made.jobs.values()), each)
        made.finish()
    fit([experiment(other_held_out, folder / "other held out").jobs["selection"]], other_held_out)
    folds = choose_folds(data.train, data.labels, 2)
    for name, each in {"plain": data, "other tests": other_tests}.items():
        fit(fold_jobs(each, folds, folder / f"folds {name}"), each)
    other_fold = replace(data, train=noise(data.train, folds[0]))
    fit(fold_jobs(other_fold, folds, folder / "folds other fold")[:1], other_fold)


@pytest.fixture(scope="module")
def data(uci_har) -> Dataset:
    return thinned(uci_har)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """The folder of all fits, which were done in one process of their own."""
    folder = tmp_path_factory.mktemp("guarded")
    process = multiprocessing.get_context("spawn").Process(target=fit_all, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 0
    return folder


def test_only_the_test_scores_know_the_test_subjects(fitted):
    """Weights, normalisation, novelty statistics, temperature and the scores of the selection stay the same."""
    card, other = (model_card.load(Run(fitted / x).card) for x in ("plain", "other tests"))
    assert other.scores["test"] != card.scores["test"]
    seen = {
        "training": card.training | {"data": other.training["data"]},
        "scores": card.scores | {"test": other.scores["test"]},
    }
    assert other == replace(card, **seen)
    assert other.live.novelty is not None
    assert Run(fitted / "other tests").history.read_text() == Run(fitted / "plain").history.read_text()


def test_the_selection_fit_knows_no_held_out_subject(fitted, data):
    assert hold_out(data.train.subject)
    found, other = (
        FitOutcome.load(experiment(data, fitted / x).jobs["selection"]) for x in ("plain", "other held out")
    )
    assert (other.weights_sha256, other.normalisation) == (found.weights_sha256, found.normalisation)


def test_calibration_sees_no_test_subject_and_for_the_selection_no_held_out_one(fitted, data):
    """The same windows give the same ranges."""
    job = ConversionJob(fitted / "plain", fitted / "plain", Options(("int8",), calibration=60))
    changed = replace(data, train=noise(data.train, hold_out(data.train.subject)), test=noise(data.test))
    calibrated = {
        (name, network.name): network.calibration.X[draw_windows(network.calibration, 60, network.seed)]
        for name, each in (("tests", replace(data, test=changed.test)), ("all", changed), ("none", data))
        for network in conversion_inputs.of_run(job, each)
    }
    assert np.array_equal(calibrated["tests", "model"], calibrated["none", "model"])
    assert np.array_equal(calibrated["all", "selection"], calibrated["none", "selection"])


def test_no_fold_knows_the_test_subjects(fitted, data):
    folds = choose_folds(data.train, data.labels, 2)
    found, other = (summarise(fold_jobs(data, folds, fitted / f"folds {x}"), data) for x in ("plain", "other tests"))
    assert found == other
    assert len({x.weights_sha256 for x in found.folds}) == 2


def test_the_fit_of_a_fold_has_not_seen_its_subjects(fitted, data):
    folds = choose_folds(data.train, data.labels, 2)
    found, other = (FitOutcome.load(fold_jobs(data, folds, fitted / f"folds {x}")[0]) for x in ("plain", "other fold"))
    assert found.weights_sha256 == other.weights_sha256
    assert found.normalisation == other.normalisation


@pytest.mark.parametrize(("factor", "passed"), [(0.8, False), (1.0, True), (1.25, False)])
def test_a_control_outside_on_either_side_fails(factor, passed):
    times = 1 + 0.01 * np.random.default_rng(0).random((5, 100))
    first, again = (
        SimpleNamespace(samples=SimpleNamespace(latency=tuple(map(tuple, x.tolist())))) for x in (times, factor * times)
    )
    found = aggregation.control(first, again)
    assert found.p50_ratio == pytest.approx(factor)
    assert found.passed is passed
