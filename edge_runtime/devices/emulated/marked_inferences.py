"""On the emulated board: one model, and inferences between marks in QEMU's log, N and then 2 N.

The log of a whole Python would be far too long. So this program starts twice: first it looks where the runtime's code
lies, then it starts itself again with QEMU's log of that code alone, at the same addresses.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import numpy as np

from edge_runtime.devices.emulated.trace import LOG, mark
from edge_runtime.model.interpreters import Runtime, load_runtime, open_model

_STARTS = 20  # on a busy machine the order in which threads ask for memory differs


def main(model: str, values: str, runtime: str, n: str, log: str, starts: str = "0") -> None:
    """Run the model in the file `model` with the input tensor in the file `values`; QEMU logs into the file `log`."""
    loaded = load_runtime(runtime)
    code = _code_of(loaded)
    if os.environ.get("QEMU_DFILTER") != code:
        if int(starts) == _STARTS:
            sys.exit(f"the code of {loaded.name} lies elsewhere each time")
        settings = {"QEMU_LOG": LOG, "QEMU_LOG_FILENAME": log, "QEMU_DFILTER": code}
        again = [*sys.orig_argv[: -len(sys.argv) + 1], model, values, runtime, n, log, str(int(starts) + 1)]
        os.execve(sys.executable, again, os.environ | settings)
    opened = open_model(Path(model).read_bytes(), loaded.name, threads=1)
    tensor = np.load(values, allow_pickle=False)
    opened.run(tensor)  # what is made only once is made now
    gc.disable()
    mark()
    for inferences in (int(n), 2 * int(n)):
        for _ in range(inferences):
            opened.run(tensor)
        mark()
    # No farewell: the runtime's would be logged too, and takes longer than all the rest.
    os._exit(0)


def _code_of(runtime: Runtime) -> str:
    """Where the runtime's libraries are in memory, those parts that can be executed, as QEMU_DFILTER takes it."""
    folder = str(Path(runtime.module.__file__).parent)
    ranges = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, permissions, *_, path = line.split(maxsplit=5)
        if "x" in permissions and path.startswith(folder):
            first, end = (int(x, 16) for x in addresses.split("-"))
            ranges.append(f"{first:#x}..{end - 1:#x}")
    return ",".join(ranges)
