"""Attack every output with a disk that is full, on small file systems of its own: needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.attack import whole_files
from tools.attack.ground import Ground
from tools.attack.harness import Case, Fault, Finding, Place, host_case

SIZE = "4m"
FILLER = "filler"


@dataclass(frozen=True)
class DiskCase:
    """A command with a disk mounted at `disk` that has `left` bytes after `prepare` has written there."""

    case: Case
    disk: Path
    left: int = 0
    prepare: Callable[[Path], object] = field(default=lambda disk: None)

    @property
    def name(self) -> str:
        """The name of the command, and what is left."""
        return self.case.name

    def run(self, place: Place) -> Finding:
        """Mount the disk, fill it, run the command, and look for files that it lost or left half-written."""
        self.disk.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", self.disk], check=True)
        try:
            self.prepare(self.disk)
            free = os.statvfs(self.disk)
            (self.disk / FILLER).write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - self.left)))
            found = self.case.run(place)
            cut = [x for x in whole_files.faults(self.disk) if FILLER not in x]
        finally:
            subprocess.run(["umount", self.disk], check=True)
        return replace(found, faults=(*found.faults, *(Fault("lost", x) for x in cut)))


def cases(ground: Ground) -> Iterator[DiskCase]:
    """All cases of this group."""
    folder = ground.place("full_disk")
    data, result = ("--data", ground.data), ground.result
    short = ("--runs", 2, "--rounds", 1, "--no-control", *data)
    number = iter(range(1000))

    def disk() -> Path:
        return folder / f"disk{next(number)}"

    for left in (0, 8192):
        for name, line, outputs in (
            ("report", ("report", result), {"--html": "a.html", "--csv": "a.csv", "--markdown": "a.md"}),
            ("compare", ("compare", result, result), {"--json": "c.json"}),
            ("plot", ("data", "plot", "--window", 0, *data), {"-o": "a.png"}),
            ("personalise", ("personalise", "edge-small", "--data", ground.person), {"-o": "m.tflite"}),
            ("evaluate", ("evaluate", "edge-small", *data), {"--json": "e.json"}),
            ("log", ("stream", "edge-small", "--replay", 0, "--speed", 0, "--quiet", *data), {"--log": "l.log"}),
            ("bench", ("bench", "edge-small", *short), {"--json": "b.json"}),
        ):
            place = disk()
            options = [x for option, file in outputs.items() for x in (option, place / file)]
            case = Case(f"{name}, {left} bytes left", (*line, *options))
            yield DiskCase(case, place, left)
            if name in ("personalise", "evaluate", "bench"):
                place = disk()
                options = [x for option, file in outputs.items() for x in (option, place / file)]
                kept = tuple(place / file for file in outputs.values())
                case = Case(f"{name} over an old file, {left} bytes left", (*line, *options), keeps=kept)
                yield DiskCase(case, place, left, lambda disk: _copy(ground, disk))
        place = disk()
        yield DiskCase(
            Case(f"export, {left} bytes left", ("data", "export", "-o", place / "a.npz", *data)), place, left
        )
        place = disk()
        line = ("card", place / "m.tflite", "--from", ground.card)
        case = Case(f"card, {left} bytes left", line, keeps=(place / "m.tflite",))
        yield DiskCase(case, place, left, lambda disk: shutil.copy(ground.model, disk / "m.tflite"))
    for left in (0, 60_000, 200_000):
        place = disk()
        line = ("convert", place / "run", "--quantize", "--max-drop", 100, *data)
        kept = tuple(place / "run" / x for x in ("model_int8.tflite", "model_float32.tflite", "card.json"))
        case = host_case(f"convert, {left} bytes left", line, keeps=kept)
        yield DiskCase(case, place, left, lambda disk: shutil.copytree(ground.run, disk / "run"))
        for command, options in (("train", ()), ("crossval", ("--folds", 2))):
            place = disk()
            line = (command, "--network", "edge-small", "--epochs", 1, "--out", place / "t", *options, *data)
            yield DiskCase(host_case(f"{command}, {left} bytes left", line), place, left)
    for variable in ("TMPDIR", "HAR_EDGE_CACHE"):
        for name, line in {
            "bench": ("bench", "edge-small", *short, "--json", folder / f"{variable}.json"),
            "info": ("info", ground.model),
            "card": ("card", ground.model),
            "evaluate": ("evaluate", "edge-small", *data),
            "stream": ("stream", ground.model, "--replay", 0, "--speed", 0, *data),
            "data": ("data",),
        }.items():
            place = disk()
            yield DiskCase(Case(f"{name}, {variable} full", line, environment={variable: str(place)}), place)


def _copy(ground: Ground, disk: Path) -> None:
    """Write what the outputs replace: a whole file of each kind."""
    shutil.copy(ground.model, disk / "m.tflite")
    for name in ("b.json", "e.json"):
        shutil.copy(ground.result, disk / name)
