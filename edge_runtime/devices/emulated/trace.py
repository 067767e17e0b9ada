"""QEMU's log of what it executes, read as it is written: how many instructions there were between marks.

QEMU translates a program block by block, a block being instructions that are executed one after the other. The log
(`LOG`) lists the instructions of each block when it is translated, and names the block each time it is executed; so the
instructions that were executed are known without logging each. A mark is a system call that fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

LOG = "exec,nochain,in_asm,strace"
"""What QEMU_LOG must be. `nochain`: blocks that follow each other are logged one by one, too."""

_NO_FILE = 1_000_000_007  # more than a process may open


def mark() -> None:
    """In the emulated program: leave a mark."""
    with suppress(OSError):
        os.close(_NO_FILE)


def instructions_between_marks(log: Iterable[str]) -> list[int]:
    """The instructions executed between each mark in `log` and the next."""
    sizes: dict[int, int] = {}  # address of a block -> its instructions; a later translation is the valid one
    block: int | None = None  # the one that is being listed
    executed = last = 0
    marks = []
    for line in log:
        if line.startswith("Trace "):
            last = sizes[_address(line)]
            executed += last
        elif line.startswith("0x"):
            if block is None:
                block = int(line.partition(":")[0], 16)
                sizes[block] = 0
            sizes[block] += 1
        elif line.startswith("IN:"):
            block = None
        elif line.startswith("Stopped execution"):  # of the block before, at its start: something was to be done first
            executed -= last
        elif f"close({_NO_FILE})" in line:
            marks.append(executed)
    return [after - before for before, after in pairwise(marks)]


def _address(line: str) -> int:
    """That of the block in `Trace 0: 0x7f0c40 [flags/address/flags/flags] name`."""
    return int(line.split("/", 2)[1], 16)
