"""Attack what is written: outputs that are devices, pipes, links, folders or unwritable, never those of the machine."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.attack.ground import Ground
from tools.attack.harness import Case, Ending

CHARACTER_DEVICE = stat.S_IFCHR | 0o666
NULL, FULL = os.makedev(1, 3), os.makedev(1, 7)
PRECIOUS = "precious"


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group. The devices are nodes of its own folder: needs root."""
    folder = ground.place("outputs")
    result, data = ground.result, ("--data", ground.data)
    short = ("--runs", 2, "--rounds", 1, "--no-control", *data)
    commands: dict[str, tuple[tuple[object, ...], str]] = {
        "html": (("report", result, "--html"), ".html"),
        "csv": (("report", result, "--csv"), ".csv"),
        "markdown": (("report", result, "--markdown"), ".md"),
        "compare": (("compare", result, result, "--json"), ".json"),
        "export": (("data", "export", *data, "-o"), ".npz"),
        "plot": (("data", "plot", "--window", 0, *data, "-o"), ".png"),
        "evaluate": (("evaluate", "edge-small", *data, "--json"), ".json"),
        "plots": (("evaluate", "edge-small", "--live", *data, "--plots"), ""),
        "log": (("stream", "edge-small", "--replay", 0, "--speed", 0, "--quiet", *data, "--log"), ".csv"),
        "bench": (("bench", "edge-small", *short, "--json"), ".json"),
        "bench-html": (("bench", "edge-small", *short, "--json", folder / "b.json", "--html"), ".html"),
        "personalise": (("personalise", "edge-small", "--data", ground.person, "-o"), ".tflite"),
    }
    for command, (line, suffix) in commands.items():
        place = folder / command
        place.mkdir()
        for kind, output in _outputs(place, suffix).items():
            checks = Kept(kind, output)
            yield Case(f"{command} to {kind}", (*line, output), keeps=checks.files, check=checks.fault)


@dataclass(frozen=True)
class Kept:
    """What must still be true of an output, whether the command succeeds or not."""

    kind: str
    output: Path | str

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that a failing command leaves as they are."""
        if not isinstance(self.output, Path) or self.kind == "new-folder":
            return ()
        target = (self.output.parent / f"target{self.output.suffix}",) if self.kind == "link" else ()
        return (self.output, *target)

    def fault(self, ending: Ending) -> str | None:
        """State what became of a device, a pipe or a link."""
        if not isinstance(self.output, Path):
            return None
        if self.kind in ("null", "full") and not stat.S_ISCHR(self.output.stat().st_mode):
            return "the device was replaced"
        if self.kind == "fifo" and not stat.S_ISFIFO(self.output.stat().st_mode):
            return "the pipe was replaced"
        if self.kind == "link" and not self.output.is_symlink():
            return "the link was replaced"
        # A live stream goes on without its log, and says so.
        if self.kind == "full" and ending.code == 0 and self.output.parent.name != "log":
            return "a full device was written, and the command succeeded"
        return None


def _drain(pipe: Path) -> None:
    """Read all that is written into a pipe, until the attack ends."""
    while stat.S_ISFIFO(pipe.stat().st_mode):
        with pipe.open("rb") as file:
            while file.read(1 << 16):
                pass


def _outputs(place: Path, suffix: str) -> dict[str, Path | str]:
    """Things to write to, by kind."""
    paths = {
        kind: place / f"{kind}{suffix}" for kind in ("null", "full", "fifo", "loop", "link", "folder", "read-only")
    }
    os.mknod(paths["null"], CHARACTER_DEVICE, NULL)
    os.mknod(paths["full"], CHARACTER_DEVICE, FULL)
    os.mkfifo(paths["fifo"])
    threading.Thread(target=_drain, args=(paths["fifo"],), daemon=True).start()
    paths["loop"].symlink_to(paths["loop"].name)
    (place / f"target{suffix}").write_text(PRECIOUS)
    paths["link"].symlink_to(f"target{suffix}")
    paths["folder"].mkdir()
    paths["read-only"] = Path(f"/proc/self/x{suffix}")
    (place / "file").write_text("x")
    return paths | {
        "under-a-file": place / "file" / f"x{suffix}",
        "long-name": place / ("x" * 300 + suffix),
        "longish-name": place / ("y" * 240 + suffix),
        "new-folder": place / "new" / "a" / "b" / f"x{suffix}",
        "empty": "",
        "nowhere": Path(f"/proc/nowhere/x{suffix}"),
    }
