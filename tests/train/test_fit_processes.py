"""Check that stopped fits leave no process running, and resume."""

import os
import signal
from pathlib import Path

import joblib
import pytest
from programs import assert_one_sentence, finish, har_edge, processes, start_har_edge, succeeded, wait_until
from training_fixtures import EPOCHS, run_card
from written_windows import of_people, write_windows

from edge_runtime.runs import Run


def fits_in(folder: Path) -> list[int]:
    """List the processes that are at work on fits in `folder`."""
    return processes("train.run.fit_processes", folder)


@pytest.fixture
def training(tmp_path):
    """A long training of few windows, whose fits have begun."""
    data = write_windows(tmp_path / "own.npz", of_people())
    arguments = ("train", "--data", data, "--epochs", 10_000, "--out", tmp_path / "runs/stopped")
    with start_har_edge(*arguments, cwd=tmp_path) as process:
        wait_until(lambda: fits_in(tmp_path / "runs/stopped/checkpoint"))
        yield process
        process.kill()


@pytest.mark.long
def test_a_killed_training_resumes_to_the_same_weights(trained_run, tmp_path):
    """The training is killed in the middle of an epoch, and resumed at once: its fits end, and nothing is lost."""
    run = Run(tmp_path / "runs" / "killed")
    with start_har_edge("train", "--epochs", EPOCHS, "--out", run.folder, cwd=tmp_path) as process:
        checkpoints = [run.folder / "checkpoint" / f"{x}.npz" for x in ("selection", "final")[: joblib.cpu_count()]]
        wait_until(lambda: process.poll() is not None or all(path.exists() for path in checkpoints))
        assert process.poll() is None
        process.kill()
    assert not run.card.exists()
    assert not (tmp_path / "runs" / "latest").exists()
    assert_one_sentence(har_edge("train", "--out", run.folder, cwd=tmp_path), 2, "runs/killed", "--resume")
    succeeded(har_edge("train", "--resume", cwd=tmp_path))
    assert run_card(run)["training"]["weights_sha256"] == run_card(trained_run)["training"]["weights_sha256"]
    assert run.history.read_text() == trained_run.history.read_text()


def test_ctrl_c_ends_all_fits_and_no_second_process_trains_in_the_same_folder(training, har_edge_here, tmp_path):
    assert_one_sentence(har_edge_here("train", "--resume", "--out", "runs/stopped", cwd=tmp_path), 2, "runs/stopped")
    training.send_signal(signal.SIGINT)
    done = finish(training)
    assert done.returncode == 130
    assert f"har-edge train --resume --out {tmp_path}/runs/stopped" in done.stderr
    assert "Traceback" not in done.stderr
    wait_until(lambda: not fits_in(tmp_path / "runs/stopped/checkpoint"))  # one that has just started ends by itself


def test_a_killed_fit_ends_the_training_which_can_go_on(training, tmp_path):
    folder = tmp_path / "runs/stopped/checkpoint"
    os.kill(fits_in(folder)[0], signal.SIGKILL)
    done = finish(training)
    assert_one_sentence(done, 3, "fit", "memory", "--resume")
    assert f"har-edge train --resume --out {tmp_path}/runs/stopped" in done.stderr
    assert not fits_in(folder)
