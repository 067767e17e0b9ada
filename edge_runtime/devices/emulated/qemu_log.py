"""Count the instructions between marks, which are system calls that fail, in QEMU's log of executed blocks."""

import gc
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge_runtime.model.c_model import CModel
from edge_runtime.model.interpreters import Model, open_model

_LOG = "exec,nochain,in_asm,strace"  # QEMU_LOG; `nochain` logs blocks that follow each other one by one
_NO_FILE = 1_000_000_007  # more files than a process may open
_STARTS = 20  # on a busy machine the order in which threads ask for memory differs


def instructions_between_marks(log: Iterable[str]) -> list[int]:
    """Count the instructions executed between each mark in `log` and the next."""
    sizes: dict[int, int] = {}  # address of a block -> its instructions, by its last translation
    block: int | None = None  # that is being listed
    executed = last = 0
    marks = []
    for line in log:
        if line.startswith("Trace "):
            last = sizes[int(line.split("/", 2)[1], 16)]  # Trace 0: 0x7f0c40 [flags/address/flags/flags] name
            executed += last
        elif line.startswith("0x"):
            if block is None:
                block = int(line.partition(":")[0], 16)
                sizes[block] = 0
            sizes[block] += 1
        elif line.startswith("IN:"):
            block = None
        elif line.startswith("Stopped execution"):  # at the start of the block before
            executed -= last
        elif f"close({_NO_FILE})" in line:
            marks.append(executed)
    return [after - before for before, after in pairwise(marks)]


def run_between_marks(model: str, values: str, log: str, starts: str = "0") -> None:
    """Run one inference of the file `model` on the board, and then two, between marks.

    It first finds the addresses of the runtime's code, then restarts itself with QEMU's `log` of this code.
    """
    library, content = Path(model).with_suffix(".so"), Path(model).read_bytes()
    opened: Model
    if library.exists():  # the model as C
        opened, mapped = CModel(library, content, "", model), str(library)
    else:
        opened = open_model(content, "auto", threads=1)
        mapped = str(Path(opened.runtime.module.__file__).parent)
    code = _code_of(mapped)
    if os.environ.get("QEMU_DFILTER") != code:
        if int(starts) == _STARTS:
            sys.exit(f"the code in {mapped} is at another address in each of {_STARTS} starts")
        settings = {"QEMU_LOG": _LOG, "QEMU_LOG_FILENAME": log, "QEMU_DFILTER": code}
        again = [*sys.orig_argv[: -len(sys.argv) + 1], model, values, log, str(int(starts) + 1)]
        os.execve(sys.executable, again, os.environ | settings)
    tensor = np.load(values, allow_pickle=False)
    opened.run(tensor)  # the first inference allocates memory for all others
    gc.disable()
    _mark()
    for inferences in (1, 2):
        for _ in range(inferences):
            opened.run(tensor)
        _mark()
    os._exit(0)  # the log would include the end of the runtime, which takes longer than all the rest


def _mark() -> None:
    with suppress(OSError):
        os.close(_NO_FILE)


def _code_of(mapped: str) -> str:
    """Return the addresses of the code of a library, or of all in a folder, as QEMU_DFILTER takes them."""
    ranges = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, permissions, *_, path = line.split(maxsplit=5)
        if "x" in permissions and path.startswith(mapped):
            first, end = (int(x, 16) for x in addresses.split("-"))
            ranges.append(f"{first:#x}..{end - 1:#x}")
    return ",".join(ranges)
