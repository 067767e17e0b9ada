"""Check that commands work without what only Linux has, which `as_macos/sitecustomize.py` takes away."""

import json

import pytest
from programs import AS_MACOS, har_edge, processes, start_har_edge, succeeded, wait_until
from written_windows import of_people, write_windows

MACOS = {"PYTHONPATH": AS_MACOS}


@pytest.mark.long
def test_a_measurement_is_unpinned_and_measures_memory(tmp_path):
    arguments = ("--rounds", 2, "--no-control", "--runtime", "litert", "--json", "result.json")
    succeeded(har_edge("bench", "edge-small", *arguments, cwd=tmp_path, env=MACOS))
    for result in json.loads((tmp_path / "result.json").read_text())["results"]:
        assert result["pinned_cpu"] is None
        assert result["accuracy"] > 0.9
        assert result["peak_memory_bytes"] > result["baseline_memory_bytes"] > 0


@pytest.mark.long
def test_a_killed_training_ends_its_fits(tmp_path):
    data, folder = write_windows(tmp_path / "own.npz", of_people()), tmp_path / "run"
    with start_har_edge(
        "train", "--data", data, "--epochs", 10_000, "--out", folder, cwd=tmp_path, env=MACOS
    ) as process:
        wait_until(lambda: [*folder.glob("checkpoint/*.npz")])
        process.kill()
    wait_until(lambda: not processes("train.run.fit_processes", folder))
