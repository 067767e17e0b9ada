"""Attack what talks to a device: an agent behind HAR_EDGE_SSH that answers as none does."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.attack import hostile_device
from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import Case

# An error of the device has exit code 3; 0 is what `look` and `clean` may make of an odd but readable answer.
CODES = (0, 3)


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    folder = ground.place("device")
    program = shlex.join([sys.executable, hostile_device.__file__])
    short = ("--runs", 2, "--rounds", 1, "--no-control", "--data", ground.data)
    for mode, tasks in {**hostile_device.modes(), "hello-endless": ("run",)}.items():
        environment = {"HAR_EDGE_SSH": program, "ATTACK_MODE": mode}
        lines: dict[str, tuple[object, ...]] = {
            "run": ("bench", "edge-small", "--on", "ssh://h", *short, "--json", folder / "result.json"),
            "look": ("devices", "ssh://h"),
            "clean": ("devices", "clean", "ssh://h"),
        }
        for task in tasks:
            line = lines.get(task, lines["run"])
            yield Case(f"{mode}: {task}", line, environment=environment, codes=CODES)
    for name, script in SCRIPTS.items():
        path = _program(folder / name, script)
        yield Case(f"ssh {name}", ("devices", "ssh://h"), environment={"HAR_EDGE_SSH": str(path)}, codes=CODES)
        line = ("bench", "edge-small", *short, "--on", f"python:{path}")
        # What is no Python at all is a wrong --on.
        yield Case(f"python {name}", line, codes=(*CODES, 2))
    for name, listed in ADB_LISTS.items():
        path = _program(folder / f"adb-{name}", f"printf '{listed}'")
        for line in (("devices", "adb:"), ("bench", "edge-small", *short, "--on", "adb:")):
            environment = {"HAR_EDGE_ADB": str(path)}
            yield Case(f"adb {name}: {line[0]}", line, environment=environment, codes=(0, 2, 3))


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


SHOWN = ESCAPE.replace("\x1b", "\\033").replace("\x07", "\\007")

# In place of ssh, and of a Python.
SCRIPTS = {
    "evil-stderr": f"printf '{SHOWN} evil\\n' >&2\nexit 1",
    "evil-stdout": f"printf '{SHOWN} evil\\n'\nsleep 2",
    "evil-255": f"printf '{SHOWN} evil\\n' >&2\nexit 255",
    "long-stderr": "head -c 3000000 /dev/zero | tr '\\0' 'x' >&2\nexit 1",
    "ends-at-once": "exit 0",
    "killed": "kill -9 $$",
    "segfault": "kill -11 $$",
    "closes-stdout": "exec >&-\nsleep 2",
}
ADB_LISTS = {
    "escape": f"List of devices attached\\n{SHOWN}x\\tdevice\\n{SHOWN}y\\tdevice\\n",
    "one-escape": f"List of devices attached\\n{SHOWN}x\\tdevice\\n",
    "empty": "",
    "odd": "\\377\\376\\n\\t\\t\\n",
    "unauthorised": "List of devices attached\\nx\\tunauthorized\\n",
    "many": "List of devices attached\\n" + "".join(f"d{i}\\tdevice\\n" for i in range(500)),
}
