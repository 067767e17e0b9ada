"""`make networks` measures what there is to measure: no accident becomes a result, and none has to be begun anew."""

import json
import subprocess
import sys

import pytest

from edge_runtime.runs import Run, settings_path
from tools import measure_networks

COMMAND = """
import json, sys
from pathlib import Path
here = Path(__file__).parent
(here / "asked.json").write_text(json.dumps(sys.argv[1:]))
plan = json.loads((here / "plan.json").read_text())
out = Path(sys.argv[sys.argv.index("--out") + 1]) if "--out" in sys.argv else None
if out:
    settings = out / plan["settings"]
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("{}")
    sum(x * x for x in range(2_000_000))
if out and plan["code"] == 0:
    settings.unlink()
    (out / "card.json").write_text("{}")
print("Converting it\\nError: the layer is unknown", file=sys.stderr)
sys.exit(plan["code"])
"""


class Command:
    """Stands for `har-edge`: ends as it is told to, and leaves what a training leaves."""

    def __init__(self, folder, run: Run) -> None:
        self.folder = folder
        self.settings = str(settings_path(run.folder).relative_to(run.folder))
        (folder / "har_edge.py").write_text(COMMAND)

    def will_end_with(self, code: int) -> None:
        (self.folder / "plan.json").write_text(json.dumps({"code": code, "settings": self.settings}))
        (self.folder / "asked.json").unlink(missing_ok=True)

    @property
    def asked(self) -> list[str] | None:
        path = self.folder / "asked.json"
        return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path / "runs" / "seed-3")


@pytest.fixture
def command(tmp_path, run, monkeypatch) -> Command:
    monkeypatch.setattr(measure_networks, "COMMAND", [sys.executable, str(tmp_path / "har_edge.py")])
    return Command(tmp_path, run)


@pytest.mark.parametrize("code", [1, 2])
def test_a_network_that_is_refused_or_fails_the_gate_is_a_result(command, run, code):
    command.will_end_with(code)
    assert measure_networks.convert(run) == "the layer is unknown"


@pytest.mark.parametrize("code", [3, 70, 130])
def test_a_conversion_that_met_with_an_accident_is_none(command, run, code):
    command.will_end_with(code)
    with pytest.raises(subprocess.CalledProcessError):
        measure_networks.convert(run)


def test_a_training_that_was_stopped_goes_on_and_all_its_time_is_counted(command, run):
    took = run.folder.with_suffix(".seconds")
    command.will_end_with(130)
    with pytest.raises(subprocess.CalledProcessError):
        measure_networks.train(run, 3, ("--network", "edge"))
    assert command.asked == ["train", "--network", "edge", "--seed", "3", "--out", str(run.folder)]
    first = float(took.read_text())
    command.will_end_with(0)
    seconds = measure_networks.train(run, 3, ("--network", "edge"))
    assert command.asked == ["train", "--resume", "--out", str(run.folder)]
    assert seconds == float(took.read_text()) > first > 0
    command.will_end_with(0)
    assert measure_networks.train(run, 3, ("--network", "edge")) == seconds
    assert command.asked is None
