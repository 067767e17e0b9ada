"""`make networks` measures what there is to measure: no accident becomes a result, and none has to be begun anew."""

import itertools
import json
import subprocess
import sys

import pytest

from edge_runtime.runs import Run, settings_path
from tools import measure_networks

# Stands for `har-edge`: ends with the exit code EXIT_CODE, and leaves what a training leaves.
COMMAND = """
import json, os, sys
from pathlib import Path
Path(os.environ["ASKED"]).write_text(json.dumps(sys.argv[1:]))
code = int(os.environ["EXIT_CODE"])
if "--out" in sys.argv:
    settings = Path(os.environ["SETTINGS"])
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("{}")
    sum(x * x for x in range(500_000))
    if code == 0:
        settings.unlink()
        (Path(sys.argv[sys.argv.index("--out") + 1]) / "card.json").write_text("{}")
print("Converting it\\nError: the layer is unknown", file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    run = Run(tmp_path / "runs" / "seed-3")
    monkeypatch.setattr(measure_networks, "COMMAND", [sys.executable, "-c", COMMAND])
    monkeypatch.setenv("SETTINGS", str(settings_path(run.folder)))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked.json"))
    return run


def test_a_refusal_and_a_failed_gate_are_results_and_an_accident_is_none(run, monkeypatch):
    for code in (1, 2):
        monkeypatch.setenv("EXIT_CODE", str(code))
        assert measure_networks.convert(run, with_rivals=True) == "the layer is unknown"
    for code in (3, 70, 130):
        monkeypatch.setenv("EXIT_CODE", str(code))
        with pytest.raises(subprocess.CalledProcessError):
            measure_networks.convert(run, with_rivals=True)


def test_a_training_that_was_stopped_goes_on_and_all_its_time_is_counted(run, monkeypatch, tmp_path):
    took, asked = run.folder.with_suffix(".seconds"), tmp_path / "asked.json"
    seconds_so_far = itertools.count(10, 1.5)
    monkeypatch.setattr(measure_networks, "children_cpu_seconds", lambda: next(seconds_so_far))
    monkeypatch.setenv("EXIT_CODE", "130")
    with pytest.raises(subprocess.CalledProcessError):
        measure_networks.train(run, 3, ("--network", "edge"))
    assert json.loads(asked.read_text()) == ["train", "--network", "edge", "--seed", "3", "--out", str(run.folder)]
    assert float(took.read_text()) == 1.5
    monkeypatch.setenv("EXIT_CODE", "0")
    seconds = measure_networks.train(run, 3, ("--network", "edge"))
    assert json.loads(asked.read_text()) == ["train", "--resume", "--out", str(run.folder)]
    assert seconds == float(took.read_text()) == 3.0
    asked.unlink()
    assert measure_networks.train(run, 3, ("--network", "edge")) == seconds
    assert not asked.exists()
