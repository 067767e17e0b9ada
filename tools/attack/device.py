"""Attack what talks to a device: an agent behind HAR_EDGE_SSH that answers as none does."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_runtime.data import uci_har
from tools.attack import hostile_device, package_index
from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import Case

FAILS = (3,)  # an error of the device


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    folder = ground.place("device")
    index = package_index.write(folder / "index")
    short = ("--runs", 2, "--rounds", 1, "--no-control")
    bench = ("bench", "edge-small", "--on", "ssh://h", *short, "--json", folder / "result.json")
    lines: dict[str, tuple[object, ...]] = {"look": ("devices", "ssh://h"), "clean": ("devices", "clean", "ssh://h")}

    def case(name: str, script: dict[str, Any], line: tuple[object, ...], *codes: int) -> Case:
        agent = hostile_device.program(folder / f"{hashlib.sha256(name.encode()).hexdigest()}.json", script)
        return Case(name, line, environment=index | {"HAR_EDGE_SSH": shlex.join(agent)}, codes=codes)

    # What is refused, and what is not, so that the others are refused for what is odd in them.
    good = hostile_device.good(uci_har.N_WINDOWS["test"], len(uci_har.LABELS))
    yield case("good answer", good, bench, 0)
    yield case("good look", hostile_device.GOOD_LOOK, lines["look"], 0)
    yield case("good clean", {}, lines["clean"], 0)
    for name, script in hostile_device.MEASURED.items():
        yield case(name, script, (*bench, "--data", ground.data), *FAILS)
    for name, script in hostile_device.ASKED.items():
        task = "clean" if "clean" in script else "look"
        yield case(name, script, lines[task], *FAILS)
    short = (*short, "--data", ground.data)
    for name, script in SCRIPTS.items():
        path = _program(folder / name, script)
        yield Case(f"ssh {name}", ("devices", "ssh://h"), environment={"HAR_EDGE_SSH": str(path)}, codes=FAILS)
        line = ("bench", "edge-small", *short, "--on", f"python:{path}")
        # What is no Python at all is a wrong --on.
        yield Case(f"python {name}", line, codes=(*FAILS, 2))
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
