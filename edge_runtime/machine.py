"""What machine this is and what it was doing: one short function per fact, None where the machine does not tell."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

_CPUINFO = Path("/proc/cpuinfo")
_DEVICE_TREE = Path("/sys/firmware/devicetree/base/model")
_GOVERNOR = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"
_OS_RELEASE = Path("/etc/os-release")
_STATUS = Path("/proc/self/status")

# Arm's part numbers as /proc/cpuinfo gives them, for CPUs that have no "model name" line there.
_ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
}


def describe(cpu: int | None = None) -> dict[str, Any]:
    """Every fact about this machine; `cpu` is the one that the work is pinned to, if it is."""
    return {
        "machine": platform.machine(),
        "board": board(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "os": operating_system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "governor": governor(cpu or 0),
        "load_average": load_average(),
        "emulated": emulated(),
    }


def board() -> str | None:
    """The board's own name (`Raspberry Pi 5 Model B Rev 1.0`); x86 machines have none."""
    text = _read(_DEVICE_TREE)
    return text.rstrip("\0").strip() or None if text else None


def cpu_model() -> str | None:
    """The name of the CPU; of several kinds in one machine, all."""
    text = _read(_CPUINFO) or ""
    names = re.findall(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    if not names:
        names = [_ARM_PARTS.get(part, part) for part in re.findall(r"^CPU part\s*:\s*(\S+)", text, re.MULTILINE)]
    return " + ".join(dict.fromkeys(names)) or platform.processor() or None


def operating_system() -> str | None:
    """The name and version of the distribution."""
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', _read(_OS_RELEASE) or "", re.MULTILINE)
    return found[1] if found else None


def governor(cpu: int) -> str | None:
    """How the kernel chooses the clock of `cpu`."""
    return (_read(Path(_GOVERNOR.format(cpu))) or "").strip() or None


def load_average() -> float | None:
    """How many processes wanted a CPU, on average over the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def emulated() -> bool:
    """Whether the CPU is QEMU's emulation of an Arm one, whose times mean nothing.

    Its `/proc/cpuinfo` has a `model name` line, which 64-bit kernels print for no real Arm core, and BogoMIPS of 100.
    """
    text = _read(_CPUINFO) or ""
    signs = (r"^model name\s*:", r"^BogoMIPS\s*:\s*100\.00$")
    return platform.machine() == "aarch64" and all(re.search(sign, text, re.MULTILINE) for sign in signs)


def peak_memory() -> int | None:
    """The most memory this process has held so far, in bytes."""
    # VmHWM starts anew with a program; the maximum that getrusage gives on Linux includes the parent's before it.
    found = re.search(r"^VmHWM:\s+(\d+) kB", _read(_STATUS) or "", re.MULTILINE)
    if found:
        return int(found[1]) * 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, on macOS
    return None


def pin_to_one_cpu() -> int | None:
    """Keep this process on one CPU, the last it may use; None where the system does not allow that."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    # The first CPUs serve most interrupts, and where cores differ the fast ones come last.
    cpu = max(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError:
        return None
    return cpu


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
