"""A run that was really trained and converted, briefly, through the command; made once for all tests."""

import json
import subprocess
import sys
from pathlib import Path

import programs
import pytest

from edge_runtime.data import dataset, loading
from edge_runtime.model import model_card
from edge_runtime.runs import Run

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 4  # enough for about 94 % on the test subjects


def har_edge(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, without a terminal."""
    return programs.run(sys.executable, ROOT / "har_edge.py", *arguments, cwd=cwd, env=env)


def assert_one_sentence(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The command failed with `code` and one sentence that holds `words`; no traceback, no escape codes."""
    assert result.returncode == code, result.stdout + result.stderr
    error = result.stderr.strip().splitlines()[-1]
    assert error.startswith("Error: "), result.stderr
    assert all(word in error for word in words), error
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


@pytest.fixture(scope="session")
def uci_har() -> dataset.Dataset:
    return loading.load_data(None)


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory) -> Run:
    """`har-edge train`, shortened."""
    folder = tmp_path_factory.mktemp("trained")
    result = har_edge("train", "--epochs", EPOCHS, "--out", "runs/short", cwd=folder)
    assert result.returncode == 0, result.stderr
    return Run(folder / "runs" / "short")


@pytest.fixture(scope="session")
def conversion(trained_run) -> subprocess.CompletedProcess[str]:
    """`har-edge convert` of that run in every form, as it ended."""
    folder = trained_run.folder.parent.parent
    result = har_edge("convert", "--quantize-as", "all", "--diagnose", cwd=folder, env={"COLUMNS": "80"})
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="session")
def converted_run(trained_run, conversion) -> Run:
    """That run, with a model of every form."""
    del conversion
    return trained_run


@pytest.fixture(scope="session")
def trained_network(trained_run):
    import keras

    return keras.models.load_model(trained_run.model)


@pytest.fixture(scope="session")
def normalised_windows(trained_run, uci_har):
    """Real windows of people the network was not trained on, as the network takes them."""
    return model_card.load(trained_run.card).normalisation.apply(uci_har.test.X[::10])


def run_card(run: Run) -> dict:
    return json.loads(run.card.read_text())
