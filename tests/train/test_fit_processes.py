"""Check fits in processes of their own: however they are stopped, none stays running, and they resume."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT, assert_one_sentence, finish, har_edge, processes, start_har_edge, succeeded, wait_until
from training_fixtures import EPOCHS, run_card

from edge_runtime import runs
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.runs import Run, settings_path
from train import training_progress
from train.fit.fit_job import FitOutcome, Step
from train.fit.recipe import Recipe
from train.run.experiment import Experiment
from train.run.fit_processes import cpus, locked, run_jobs
from train.run.training import TrainingSettings
from train.training_progress import TrainingProgress

HELD_OUT = (3, 8, 16, 22, 27)


@pytest.fixture(scope="module")
def small(uci_har) -> Dataset:
    parts = {x: getattr(uci_har, x) for x in ("train", "test")}
    return replace(uci_har, **{x: split.select(np.arange(len(split)) % 50 == 0) for x, split in parts.items()})


def experiment(small: Dataset, folder: Path) -> Experiment:
    return Experiment(Recipe(epochs=1, batch_size=16), 3, small, Run(folder), HELD_OUT)


def fits_in(folder: Path) -> list[int]:
    """The processes that are at work on fits whose files lie in `folder`."""
    return processes("train.run.fit_processes", folder)


@pytest.mark.long
def test_a_killed_training_resumes_to_the_same_weights(trained_run, tmp_path):
    """SIGKILL in mid-epoch of all fits at work, and --resume at once: they end by themselves, and nothing is lost."""
    run = Run(tmp_path / "runs" / "killed")
    with start_har_edge("train", "--epochs", EPOCHS, "--out", run.folder, cwd=tmp_path) as process:
        checkpoints = [run.folder / "checkpoint" / f"{x}.npz" for x in ("selection", "final")[: cpus()]]
        wait_until(lambda: process.poll() is not None or all(x.exists() for x in checkpoints))
        assert process.poll() is None
        process.kill()
    assert not run.card.exists()
    assert not (tmp_path / "runs" / "latest").exists()
    assert_one_sentence(har_edge("train", "--out", run.folder, cwd=tmp_path), 2, "runs/killed", "--resume")
    succeeded(har_edge("train", "--resume", cwd=tmp_path))
    assert run_card(run)["training"]["weights_sha256"] == run_card(trained_run)["training"]["weights_sha256"]
    assert run.history.read_text() == trained_run.history.read_text()


def test_the_fits_end_soon_after_their_command_was_killed(tmp_path):
    with start_har_edge("train", "--out", tmp_path / "run", cwd=tmp_path) as process:
        wait_until(lambda: fits_in(tmp_path))
        process.kill()
    wait_until(lambda: not fits_in(tmp_path))


def test_ctrl_c_says_how_to_go_on_and_no_second_process_trains_in_the_same_folder(tmp_path):
    with start_har_edge("train", "--out", "runs/stopped", cwd=tmp_path) as process:
        folder = Path("runs/stopped/checkpoint")
        wait_until(lambda: fits_in(folder))
        assert_one_sentence(har_edge("train", "--resume", cwd=tmp_path), 2, "a training into runs/stopped is under way")
        process.send_signal(signal.SIGINT)
        done = finish(process)
    assert done.returncode == 130
    assert "har-edge train --resume --out runs/stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert not fits_in(folder)


def test_a_fit_that_was_killed_is_an_error_that_says_how_to_go_on(tmp_path):
    with start_har_edge("train", "--out", tmp_path / "run", cwd=tmp_path) as process:
        wait_until(lambda: fits_in(tmp_path))
        os.kill(fits_in(tmp_path)[0], signal.SIGKILL)
        done = finish(process)
    assert_one_sentence(done, 3, "fit", "was killed", "memory", "--resume")
    assert f"har-edge train --resume --out {tmp_path / 'run'}" in done.stderr
    assert not fits_in(tmp_path)


def test_a_fit_that_diverges_stops_the_others(small, tmp_path):
    X = np.where(np.arange(9) == 2, np.float32("nan"), small.train.X)
    broken = replace(small, train=Split(X, small.train.y, small.train.subject))
    with pytest.raises(CheckFailedError, match=r"fit diverged in epoch 1 \(its loss is nan\)") as caught:
        run_jobs(list(experiment(broken, tmp_path).jobs.values()), broken, lambda job, step: None)
    assert "Traceback" in caught.value.__notes__[0], "--debug shows where"
    assert not fits_in(tmp_path)


@pytest.mark.parametrize("damage", ["", "{", '{"history": 3}'])
def test_a_damaged_outcome_is_named(small, tmp_path, damage):
    job = experiment(small, tmp_path).jobs["final"]
    job.outcome.parent.mkdir()
    job.outcome.write_text(damage)
    with pytest.raises(InputError, match=r"final\.json cannot be used"):
        FitOutcome.load(job)


def test_a_lock_is_waited_for_and_ends_with_its_process(tmp_path):
    path = tmp_path / "checkpoint" / "lock"
    code = (
        "import sys; from pathlib import Path; from train.run.fit_processes import locked\n"
        f"with locked(Path({str(path)!r})): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        with pytest.raises(InputError, match=f"a training into {tmp_path} is under way"), locked(path):
            pass
        process.kill()
        with locked(path, seconds=10):
            pass


def test_an_unfinished_training_is_no_run_yet(small, tmp_path):
    TrainingSettings().save(settings_path(tmp_path))
    with pytest.raises(InputError, match=f"--resume --out {tmp_path}"):
        runs.find(tmp_path)


def test_without_a_terminal_progress_is_a_line_every_ten_epochs(small, tmp_path, capsys):
    jobs = list(Experiment(Recipe(epochs=20), 0, small, Run(tmp_path), HELD_OUT, " of seed 0").jobs.values())
    with TrainingProgress(jobs) as progress:
        for epoch in range(20):
            for job in jobs:
                progress.on_step(job, Step(epoch, 0, 1, 0.5, 0.9))
    lines = capsys.readouterr().err.splitlines()
    assert [x.partition(" (")[0] for x in lines] == [
        f"fit {i} of 2, epoch {epoch} of 20" for epoch in (10, 20) for i in (1, 2)
    ]
    assert "loss 0.500, accuracy 90.0 %, about 0 s left" in lines[-1]


def test_without_a_terminal_long_epochs_say_that_they_go_on(small, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(training_progress, "PULSE_S", -1.0)  # it has always passed
    (job, _) = Experiment(Recipe(epochs=20), 0, small, Run(tmp_path), HELD_OUT).jobs.values()
    with TrainingProgress([job]) as progress:
        for step in range(3):
            progress.on_step(job, Step(0, step, 100, 0.5, 0.9))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert ["left" in x for x in lines] == [False, True, True], "one step says nothing about the pace"
