"""Guard the numbers: choices see no subjects that judge them, and tests have two sides."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convert.conversion_input import load_networks
from convert.conversion_job import ConversionJob
from convert.quantise.calibration import draw_windows
from edge_runtime.bench import aggregation
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.names import default_held_out
from edge_runtime.data.recording import Mounting
from edge_runtime.model import model_card
from edge_runtime.runs import Run
from edge_runtime.system.progress import ignore_progress
from train import cross_validation
from train.fit.fit_job import FitJob, FitOutcome
from train.fit.recipe import Recipe
from train.run.experiment import Experiment
from train.run.fit_processes import do_job
from train.training_data import TrainingInput

RECIPE = Recipe(network=f"{__name__}:flat", epochs=1, batch_size=32)


def flat(shape: tuple[int, int], n_classes: int):
    """Make the quickest network to fit."""
    import keras

    flatten, dense = keras.layers.Flatten(name="flatten"), keras.layers.Dense(n_classes, name="dense")
    return keras.Sequential([keras.Input(shape), flatten, dense])


def noise(split: Split, subjects=None) -> Split:
    """Replace the windows of `subjects`, or of everybody, by noise, and permute their labels."""
    generator = np.random.default_rng(0)
    rows = np.isin(split.subject, subjects) if subjects is not None else np.ones(len(split), bool)
    X, y = split.X.copy(), split.y.copy()
    X[rows] = generator.normal(0, 5, X[rows].shape)
    y[rows] = generator.permutation(y[rows])
    return Split(X, y, split.subject)


@pytest.fixture(scope="module")
def data(uci_har) -> Dataset:
    """Return every 30th window of everybody."""

    def thinned(split: Split) -> Split:
        return split.select(np.arange(len(split)) % 30 == 0)

    return replace(uci_har, train=thinned(uci_har.train), test=thinned(uci_har.test))


@pytest.fixture(scope="module")
def other_tests(data) -> Dataset:
    return replace(data, test=noise(data.test))


def fit(jobs: list[FitJob], data: Dataset) -> list[FitOutcome]:
    for job in jobs:
        job.folder.mkdir(parents=True, exist_ok=True)
        do_job(job, data.train, data.test.X, lambda step: None)
    return [FitOutcome.load(job) for job in jobs]


def trained(data: Dataset, folder: Path) -> Experiment:
    experiment = Experiment(RECIPE, 0, data, Run(folder), default_held_out(data.train.subject.tolist()))
    fit(list(experiment.jobs.values()), data)
    experiment.finish()
    return experiment


@pytest.fixture(scope="module")
def experiment(data, tmp_path_factory) -> Experiment:
    return trained(data, tmp_path_factory.mktemp("guarded"))


def test_only_the_test_scores_know_the_test_subjects(experiment, other_tests, tmp_path):
    """Weights, normalisation, novelty statistics, temperature and the scores of the selection stay the same."""
    card = model_card.load(experiment.run.card)
    other = model_card.load(trained(other_tests, tmp_path / "run").run.card)
    assert other.scores["test"] != card.scores["test"]
    seen = {
        "training": card.training | {"data": other.training["data"]},
        "scores": card.scores | {"test": other.scores["test"]},
    }
    assert other == replace(card, **seen)
    assert other.live.novelty is not None
    assert (tmp_path / "run/history.csv").read_text() == experiment.run.history.read_text()


def test_the_selection_fit_knows_no_held_out_subject(experiment, data, tmp_path):
    subjects = default_held_out(data.train.subject.tolist())
    assert subjects
    changed = replace(data, train=noise(data.train, subjects))
    other = fit([Experiment(RECIPE, 0, changed, Run(tmp_path / "run"), subjects).jobs["selection"]], changed)[0]
    expected = FitOutcome.load(experiment.jobs["selection"])
    assert (other.weights_sha256, other.normalisation) == (expected.weights_sha256, expected.normalisation)


def test_the_selection_fit_does_not_learn_of_classes_that_only_held_out_people_have(data, tmp_path):
    """Only held-out people lie with the device at the wrist."""
    subjects = default_held_out(data.train.subject.tolist())
    train = replace(data.train, mounting=(data.train.subject % 2).astype(np.int32))
    train = train.select(np.isin(train.subject, subjects) | (train.mounting == 0) | (train.y < 5))
    worn = replace(data, train=train, mountings=(Mounting(placement="waist"), Mounting(placement="wrist")))
    jobs = Experiment(replace(RECIPE, own_labels=True), 0, worn, Run(tmp_path), subjects).jobs
    assert jobs["selection"].placement_labels == ((0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4))
    assert jobs["final"].placement_labels == ()  # every placement has all labels


def test_calibration_sees_no_test_subject_and_for_the_selection_no_held_out_one(experiment, data):
    """The same windows have the same ranges."""
    job = ConversionJob(experiment.run.folder, ("int8",), calibration=60)
    changed = replace(
        data, train=noise(data.train, default_held_out(data.train.subject.tolist())), test=noise(data.test)
    )
    calibrated = {
        (name, network.name): network.calibration.X[draw_windows(network.calibration, 60, network.seed)]
        for name, each in (("tests", replace(data, test=changed.test)), ("all", changed), ("none", data))
        for network in load_networks(job, each)
    }
    assert np.array_equal(calibrated["tests", "model"], calibrated["none", "model"])
    assert np.array_equal(calibrated["all", "selection"], calibrated["none", "selection"])


@dataclass(frozen=True)
class WindowsInput(TrainingInput):
    """Cross-validates `windows`."""

    windows: Dataset | None = None
    recipe = RECIPE

    def load_data(self, on_notice=None):
        return self.windows

    def check_fit(self, data, on_notice=None):
        """Refuse nothing."""


def cross_validate(data: Dataset, folder: Path) -> dict:
    """Cross-validate over two folds in this process; return the written JSON."""
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_validation, "do_fits", lambda jobs, each, on_progress: fit(jobs, each))
        options = WindowsInput(network=RECIPE.network, windows=data)
        cross_validation.run(options, 2, folder, "png", lambda text: None, ignore_progress)
    written = json.loads((folder / "crossval.json").read_text()) | {"data": None}
    assert len({fold["weights_sha256"] for fold in written["folds"]}) == 2
    return written


@pytest.fixture(scope="module")
def validated(data, tmp_path_factory) -> dict:
    return cross_validate(data, tmp_path_factory.mktemp("folds"))


def test_no_fold_knows_the_test_subjects(other_tests, validated, tmp_path):
    assert cross_validate(other_tests, tmp_path) == validated


def test_the_fit_of_a_fold_does_not_see_its_subjects(data, validated, tmp_path):
    first, *_ = cross_validation.choose_folds(data.train, data.labels, 2)
    other = cross_validate(replace(data, train=noise(data.train, first)), tmp_path)
    assert other["folds"][0]["weights_sha256"] == validated["folds"][0]["weights_sha256"]


@pytest.mark.parametrize(("factor", "passed"), [(0.8, False), (1.0, True), (1.25, False)])
def test_a_control_that_is_too_fast_or_too_slow_fails(factor, passed):
    times = 1 + 0.01 * np.random.default_rng(0).random((5, 16, 8))

    def result(rounds: np.ndarray) -> SimpleNamespace:
        return SimpleNamespace(rounds=[SimpleNamespace(latency_ns=turns) for turns in rounds])

    control = aggregation.control_of(result(times), result(factor * times))
    assert control.p50_ratio == pytest.approx(factor)
    assert control.passed is passed
