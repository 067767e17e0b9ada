"""Make the folder in which everything is attacked: small data, a model and a run, all of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from edge_runtime.data import uci_har
from edge_runtime.model import model_card
from tools import COMMAND, ROOT
from tools.attack.harness import own_environment

ESCAPE = "\x1b]0;PLANTED\x07"
"""Sets a terminal's title, if it gets there."""
PLANT = "PLANTED"
"""The name of every file that an attack tries to make."""

HEADER = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]"
SUBJECTS = ("anna", "bert", "carl")


class Ground:
    """A folder for all groups; each takes a folder in it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def place(self, group: str) -> Path:
        """A new folder for the files of `group`."""
        folder = self.folder / group
        folder.mkdir()
        return folder

    def random(self, group: str) -> Random:
        """The random numbers of `group`, the same whichever groups run."""
        return Random(f"{self.seed} {group}")

    @cached_property
    def model(self) -> Path:
        """A small int8 model with its card, from outside as far as the command knows."""
        path = self.folder / "model.tflite"
        shutil.copy(ROOT / "edge_runtime/models/edge-small_int8.tflite", path)
        return path

    @cached_property
    def card(self) -> Path:
        """The card of `model`, as a file."""
        path = self.folder / "card.json"
        model_card.save(model_card.read_model(self.model)[1], path)
        return path

    @cached_property
    def data(self) -> Path:
        """Recordings of three people, short ones."""
        folder = self.folder / "data"
        folder.mkdir()
        for number, subject in enumerate(SUBJECTS):
            write_recording(folder / f"{subject}.csv", subject, number, range(6), 400)
        return folder

    @cached_property
    def person(self) -> Path:
        """Recordings of one person, whose model can be adapted."""
        folder = self.folder / "person"
        folder.mkdir()
        write_recording(folder / "anna.csv", "anna", 1, (3, 4, 5), 700)
        return folder

    @cached_property
    def results(self) -> dict[str, Any]:
        """A result of bench."""
        content: dict[str, Any] = json.loads((ROOT / "tests/bench/bench.json").read_text())
        return content

    @cached_property
    def result(self) -> Path:
        """The file of a result of bench."""
        path = self.folder / "result.json"
        path.write_text(json.dumps(self.results))
        return path

    @cached_property
    def run(self) -> Path:
        """A run folder: trained for one epoch on `data`, converted."""
        folder = self.folder / "run"
        data = ("--data", self.data)
        self.har_edge("train", "--network", "edge-small", "--epochs", 1, "--out", folder, *data)
        self.har_edge("convert", folder, "--quantize", "--max-drop", 100, *data)
        return folder

    def har_edge(self, *arguments: object) -> None:
        """Run a command that has to succeed."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=own_environment(self.folder / "scratch"),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def planted(self) -> list[Path]:
        """The files that an attack has made, and temporary ones that a command has left behind."""
        found = [path for folder in self.folder.parents[:3] for path in folder.glob(f"*{PLANT}*")]
        for folder, folders, files in os.walk(self.folder):
            if "scratch" in folders:
                folders.remove("scratch")
            found += [Path(folder, x) for x in files if x == PLANT or x.startswith(".")]
        return found


def write_recording(path: Path, subject: str, number: int, labels: Iterable[int], n: int) -> None:
    """Write `n` samples of each of some activities of UCI HAR, at 50 Hz, of one of its training subjects."""
    recording = uci_har.recordings()[2 * number]
    lines = [f"{HEADER},label,subject"]
    for label in labels:
        rows = (recording.labels == label).nonzero()[0][:n]
        for values in recording.samples[rows]:
            seconds = (len(lines) - 1) / 50
            lines.append(
                f"{seconds:.2f},{','.join(f'{x:.5f}' for x in values)},{recording.label_names[label]},{subject}"
            )
    path.write_text("\n".join(lines) + "\n")
