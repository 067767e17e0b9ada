"""Check families of networks, their estimated sizes, and the trials of a search."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from programs import ROOT, assert_one_sentence, finish, start_har_edge, succeeded
from training_fixtures import har_edge_within
from written_windows import of_people, write_windows

from convert import tensorflow_setup
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.runs import Run
from edge_runtime.system.progress import ignore_progress
from train.fit.named_networks import build
from train.fit.networks import name_of
from train.run import fit_processes
from train.search import search
from train.search.network_size import estimate
from train.search.search import Search, open_search, size_of
from train.training_data import TrainingInput

FAMILY = "own_networks:family"
SMALLEST = {"convolutions": 1, "filters_1": 8, "overlap_1": 1.0, "cell": "gru", "units": 8, "dropout": 0.0}
TWO = SMALLEST | {"convolutions": 2, "filters_2": 8, "overlap_2": 1.25, "cell": "lstm", "dropout": 0.3}


@pytest.fixture
def windows(tmp_path) -> Path:
    people = np.repeat([*(f"s{i}" for i in range(1, 9)), "test"], 20)
    return write_windows(tmp_path / "own.npz", of_people(180), subject=people, split=[0] * 160 + [1] * 20)


@pytest.fixture
def trials(windows, tmp_path, monkeypatch) -> Search:
    """A study on windows without test subjects, whose fits are scripted: twice as many units, half the errors."""
    options = TrainingInput(network=FAMILY, data=(str(windows),), epochs=4)
    data = options.load_data()
    data = replace(data, test=data.test.select(np.zeros(20, bool)))
    search = open_search(options, data, {}, f"sqlite:///{tmp_path}/study.db")

    def run_jobs(jobs, data, on_epoch, on_done) -> None:
        for job in jobs:
            units = int(job.recipe.network.partition("units=")[2].partition(",")[0])
            for epoch in (1, 2):
                on_epoch(job, fit_processes.Epoch(epoch, 0.0, 0.0, 0.0, 1 - 1 / units))

    monkeypatch.setattr(fit_processes, "run_jobs", run_jobs)
    return search


def run_with(trials: Search, *units: int) -> list[str]:
    """Run trials with these `units`, and return their states."""
    for n in units:
        trials.study.enqueue_trial({"units": n, "of": "relu"})
        trials.study.optimize(trials.score, n_trials=1)
    return [trial.state.name for trial in trials.study.trials]


@pytest.mark.parametrize("numbers", [SMALLEST, TWO])
def test_the_name_of_a_network_of_a_family_builds_it_again(numbers):
    network = build("strided", (128, 9), 6, optuna.trial.FixedTrial(numbers))
    assert build(name_of("strided", numbers), (128, 9), 6).get_config() == network.get_config()


@pytest.mark.parametrize("changes", [{"units": "x"}, {"cell": "rnn"}, {"convolutions": 2}])
def test_a_wrong_number_in_a_name_is_refused(changes):
    with pytest.raises(InputError, match="strided@"):
        build(name_of("strided", SMALLEST | changes), (128, 9), 6)
    with pytest.raises(InputError, match="strides"):
        build("strides@units=8", (128, 9), 6)


def test_the_estimated_size_of_edge_is_close_to_its_measured_firmware(uci_har):
    (result,) = json.loads((ROOT / "docs/results/cortex_m4.json").read_text())["results"]
    size = estimate(build("edge", (128, 9), 6), uci_har)
    assert size.flash == pytest.approx(result["size_bytes"], rel=0.02)
    assert size.ram == pytest.approx(result["ram_bytes"], rel=0.03)
    assert size.instructions == pytest.approx(result["instructions"]["per_inference"], rel=0.03)


def test_a_network_over_the_budget_is_not_trained_and_the_front_is_what_fits(trials):
    tight = replace(
        trials, budget={"flash": estimate(build(f"{FAMILY}@units=8,of=relu", (64, 2), 2), trials.data).flash}
    )
    assert run_with(tight, 4, 8, 40) == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert ["points" in trial.user_attrs for trial in tight.study.trials] == [True, True, False]
    best, *_ = tight.front
    assert best.user_attrs["network"] == f"{FAMILY}@units=8,of=relu"
    assert best.values == pytest.approx([1 - 1 / 8, size_of(best).flash])


def test_a_budget_that_no_network_fits_ends_the_search(trials, monkeypatch):
    monkeypatch.setattr(search, "_TOO_LARGE", 3)
    with pytest.raises(CheckFailedError, match="none of 3 networks fits"):
        replace(trials, budget={"flash": 24}).run(1, 60, ignore_progress)


def test_a_network_that_is_suggested_again_is_not_trained_again(trials, monkeypatch):
    assert run_with(trials, 8) == ["COMPLETE"]
    monkeypatch.setattr(fit_processes, "run_jobs", None)
    assert run_with(trials, 8) == ["COMPLETE", "PRUNED"]
    assert len(trials.front) == 1


def test_a_network_worse_than_a_smaller_one_is_stopped_early(trials, monkeypatch):
    assert run_with(trials, 8) == ["COMPLETE"]
    scripted = fit_processes.run_jobs

    def worse(jobs, data, on_epoch, on_done) -> None:
        scripted(jobs, data, lambda job, epoch: on_epoch(job, replace(epoch, held_out_accuracy=0.8)), on_done)

    monkeypatch.setattr(fit_processes, "run_jobs", worse)
    assert run_with(trials, 16)[-1] == "PRUNED"
    assert len(trials.study.trials[-1].user_attrs["points"]) == 2


def test_a_worker_with_other_data_or_another_recipe_is_refused(trials, tmp_path):
    url, few = f"sqlite:///{tmp_path}/study.db", trials.data.train.select(trials.data.train.y >= 0)
    few.X[0] += 1
    with pytest.raises(InputError, match="recipe"):
        open_search(replace(trials.options, epochs=3), trials.data, {}, url)
    with pytest.raises(InputError, match="data"):
        open_search(trials.options, replace(trials.data, train=few), {}, url)


@pytest.mark.long
def test_the_front_is_a_table_and_a_picture_and_a_stopped_search_goes_on(windows, tmp_path, monkeypatch):
    monkeypatch.setattr(
        search, "measure_firmware", lambda *_: estimate(build(FAMILY + "@units=8,of=relu", (64, 2), 2), data)
    )
    monkeypatch.setattr(tensorflow_setup, "import_tensorflow", lambda *_, **__: None)  # its threads are fixed by now
    data = TrainingInput(data=(str(windows),)).load_data()
    options = ("search", "--network", FAMILY, "--data", windows, "--flash", "20kB", "--epochs", 6, "--batch-size", 8)
    options += ("--out", "found")
    first = succeeded(har_edge_within(*options, "--trials", 1, cwd=tmp_path))
    assert_one_sentence(har_edge_within(*options, "--trials", 2, cwd=tmp_path), 2, "found")
    assert_one_sentence(har_edge_within(*options, "--seed", 1, "--resume", cwd=tmp_path), 2, "seed")
    result = succeeded(har_edge_within(*options, "--trials", 3, "--resume", cwd=tmp_path))
    assert "1 trial" in first.stderr
    assert "3 trials" in result.stderr
    assert "measured" in result.stdout
    folder = Path(result.stdout.split("Run of the best: ")[1].split(". ")[0])
    card = json.loads(Run(tmp_path / folder).card.read_text())
    assert card["network"]["name"].startswith(f"{FAMILY}@units=")
    assert (tmp_path / "found/front.png").stat().st_size > 5000


@pytest.mark.long
def test_a_killed_search_goes_on_and_ends_with_a_run_that_fits_and_a_measured_firmware(tmp_path):
    options = ("search", "--epochs", 1, "--flash", "20kB", "-o", "found", "--trials")
    killed = start_har_edge(*options, 50, cwd=tmp_path)
    while not killed.stderr.readline().startswith("  2"):
        pass
    killed.kill()
    killed.communicate()
    result = succeeded(finish(start_har_edge(*options, 3, "--resume", cwd=tmp_path), 600))
    errors = result.stdout.split("error of the estimate")[1].splitlines()[0].replace("%", "").split()
    assert max(abs(float(error)) for error in errors) < 3
    run = Path(result.stdout.split("Run of the best: ")[1].split(". ")[0])
    assert {"card.json", "model.keras", "model_int8.tflite"} <= {path.name for path in (tmp_path / run).iterdir()}
