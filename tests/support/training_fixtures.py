"""Train and convert a short run with the command, once for all tests."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from programs import MODELS, Finished, har_edge, in_shell, succeeded

from edge_runtime import cli
from edge_runtime.data import dataset, loading
from edge_runtime.model.model_file import ModelFile, open_model_file
from edge_runtime.runs import Run

EPOCHS = 2  # enough for about 91 % on the test subjects


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return a function that finds a folder by its name, which one process fills for all others."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}-done"
        with (shared / f"{name}-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def uci_har() -> dataset.Dataset:
    return loading.load_data(None)


@pytest.fixture(scope="session")
def few(uci_har) -> dataset.Dataset:
    """Return the data with every 20th test window."""
    test = uci_har.test
    return replace(uci_har, test=dataset.Split(test.X[::20], test.y[::20], test.subject[::20]))


@pytest.fixture(scope="session")
def models() -> list[ModelFile]:
    """Open the reference models."""
    return list(map(open_model_file, MODELS.values()))


@pytest.fixture(scope="session")
def trained_run(made_once) -> Run:
    """Train briefly, without a reader of the output, where a killed training left an unfinished file."""

    def train(home: Path) -> None:
        checkpoint = home / "runs" / "short" / "checkpoint"
        checkpoint.mkdir(parents=True)
        (checkpoint / ".settings-x.json").write_text("{")
        succeeded(in_shell(f"train --epochs {EPOCHS} --out runs/short | true", home))

    return Run(made_once("trained", train) / "runs" / "short")


@pytest.fixture(scope="session")
def converted_run(trained_run, made_once) -> Run:
    """Convert a copy of the run in every form."""

    def convert(home: Path) -> None:
        shutil.copytree(trained_run.folder, home / "run")
        succeeded(har_edge("convert", "run", "--quantize-as", "all", "--calibration", 120, cwd=home))

    return Run(made_once("converted", convert) / "run")


@pytest.fixture(scope="session")
def trained_network(trained_run):
    import keras

    return keras.models.load_model(trained_run.model)


def tiny(input_shape: tuple[int, int], n_classes: int):
    """Make a network with dropout, untrained state and a layer to share, whose fit starts within a second."""
    import keras
    from keras import layers

    network = [
        layers.GlobalAveragePooling1D(name="pooled"),
        layers.BatchNormalization(name="state"),
        layers.Dense(8, name="shared"),
        layers.Dropout(0.3, name="dropout"),
        layers.Dense(n_classes, name="logits"),
    ]
    return keras.Sequential([keras.Input(input_shape), *network])


TINY = f"{__name__}:tiny"


def har_edge_within(*arguments: object, cwd: Path) -> Finished:
    """Run the command with all fits in this process, which is much faster than a process for each fit."""
    import har_edge as front_door
    from train import training_data
    from train.run import fit_processes

    def run_jobs(jobs, dataset, on_epoch, on_done) -> None:
        for job in jobs:
            fit_processes.do_job(job, dataset.train, dataset.test.X, lambda epoch, job=job: on_epoch(job, epoch))
            on_done()

    output, error = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(cwd), redirect_stdout(output), redirect_stderr(error):
        patch.setattr(fit_processes, "run_jobs", run_jobs)
        patch.setattr(
            training_data, "import_tensorflow", lambda *_, **__: None
        )  # this process may use TensorFlow already
        code = cli.run(cli.make_command(front_door.commands()), [*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), error.getvalue())


def ruin_in_int8(path: Path) -> None:
    """Enlarge one logit of the network at `path` until the others vanish in the shared scale of int8."""
    import keras

    network = keras.models.load_model(path)
    dense = network.get_layer("logits")
    dense.set_weights([weights * [1e3, 1, 1, 1, 1, 1] for weights in dense.get_weights()])
    network.save(path)


def run_card(run: Run) -> dict:
    return json.loads(run.card.read_text())
