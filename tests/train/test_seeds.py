"""Check `train --seeds N`: a run for each seed, and a summary of all."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from programs import succeeded
from training_fixtures import TINY, har_edge_within, run_card
from written_windows import of_people, write_windows

from edge_runtime import runs
from edge_runtime.data.loading import load_data
from edge_runtime.runs import Run, settings_path
from edge_runtime.system.dataclass_json import to_text
from edge_runtime.system.files import write_text
from train.run.training import TrainingSettings


@pytest.fixture(scope="module")
def seeds_folder(tmp_path_factory):
    """A training of two seeds that stopped after the first, and was resumed."""
    home = tmp_path_factory.mktemp("seeds")
    data = write_windows(home / "own.npz", of_people())
    options = ("--data", data, "--epochs", 1, "--network", TINY, "--learning-rate", 0.01, "--batch-size", 16)
    succeeded(har_edge_within("train", *options, "--out", "first", cwd=home))
    folder = home / "runs" / "two"
    values = {"data": (str(data),), "epochs": 1, "network": TINY, "seeds": 2, "learning_rate": 0.01, "batch_size": 16}
    settings = TrainingSettings(**values, fingerprint=load_data(data).fingerprint)
    write_text(settings_path(folder), to_text(settings))
    shutil.copytree(home / "first", folder / "seed-0")
    before = {x.name: x.read_bytes() for x in (folder / "seed-0").iterdir()}
    result = succeeded(har_edge_within("train", "--resume", "--network", TINY, cwd=home))
    assert before == {x.name: x.read_bytes() for x in (folder / "seed-0").iterdir()}, "a finished seed was touched"
    return folder, result


def test_every_seed_leaves_a_run_folder_and_the_first_stands_for_all(seeds_folder, monkeypatch):
    folder, _ = seeds_folder
    first, second = (run_card(Run(folder / f"seed-{seed}")) for seed in (0, 1))
    assert (first["training"]["seed"], second["training"]["seed"]) == (0, 1)
    assert first["training"]["recipe"] | {"learning_rate": 0.01, "batch_size": 16} == second["training"]["recipe"]
    assert first["training"]["weights_sha256"] != second["training"]["weights_sha256"]
    monkeypatch.chdir(folder.parent.parent)
    assert Path("runs/latest").resolve() == folder
    notices: list[str] = []
    assert runs.find_run(None, notices.append).folder == Path("runs/two/seed-0")
    assert "runs/two/seed-0" in notices[0]
    assert runs.find_run(Path("runs/two/seed-1")).folder == Path("runs/two/seed-1")


def test_the_spread_is_computed_from_the_cards(seeds_folder):
    folder, result = seeds_folder
    content = json.loads((folder / "seeds.json").read_text())
    cards = [run_card(Run(folder / x)) for x in content["runs"]]
    for part in ("held_out", "test"):
        spread = content["scores"][part]
        values = [card["scores"][part]["accuracy"] for card in cards]
        assert spread["accuracy"]["per_seed"] == values
        assert spread["accuracy"]["sd"] == pytest.approx(abs(values[0] - values[1]) / np.sqrt(2))
        assert (spread["accuracy"]["min"], spread["accuracy"]["max"]) == (min(values), max(values))
        assert f"{50 * sum(values):.2f} ± {100 * spread['accuracy']['sd']:.2f} %" in result.stdout
        for subject, score in spread["per_subject"].items():
            assert score["mean"] == pytest.approx(
                np.mean([card["scores"][part]["per_subject"][subject] for card in cards])
            )
