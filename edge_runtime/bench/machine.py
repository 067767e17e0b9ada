"""Describe the machine: a function for each fact, which returns None where the machine does not provide it.

`root` is `/`, or a folder with the same layout.
"""

import os
import platform
import re
import resource
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

from edge_runtime.bench.machine_state import ROOT, ask, governor, load_average, number, read
from edge_runtime.system.dataclass_json import Quantity

# Instruction sets that decide how fast an int8 product is, in Linux's names: Arm's, then x86's.
_FEATURES = ("asimd", "asimdhp", "asimddp", "i8mm", "sve", "sve2", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni")

# Names of a machine's maker that hypervisors report.
_HYPERVISORS = re.compile(r"QEMU|KVM|VMware|VirtualBox|innotek|Xen|Bochs|Parallels|Virtual Machine", re.IGNORECASE)


@dataclass(frozen=True)
class Machine:
    """A machine; null is not known."""

    machine: Annotated[str, "architecture"]
    board: Annotated[str | None, "name of the board; null on x86"]
    cpu: Annotated[str | None, "name of each kind of CPU"]
    cores: Annotated[int | None, Quantity(at_least=0), "number of CPUs"]
    features: Annotated[tuple[str, ...] | None, "int8 instruction sets of every core, such as `avx512_vnni`"]
    max_clock_khz: Annotated[int | None, Quantity("kHz", at_least=0), "the CPU's maximum clock"]
    virtual: Annotated[bool | None, "whether it is a virtual machine"]
    emulated: Annotated[bool, "whether the CPU is emulated, so that times mean nothing"]
    kernel: Annotated[str | None, "name and version of the kernel"]
    os: Annotated[str | None, "name and version of the operating system"]
    libc: Annotated[str | None, "name and version of the C library"]
    python: Annotated[str | None, "version of Python; null on a phone"]
    numpy: Annotated[str | None, "version of NumPy"]
    governor: Annotated[str | None, "the kernel's clock governor, such as `performance`"]
    load_average: Annotated[float | None, Quantity(at_least=0), "load average of the last minute"]


def read_facts(cpu: int | None = None, root: Path = ROOT) -> Machine:
    """Read all facts about this machine; `cpu` is the CPU that the process is pinned to, if any."""
    return Machine(
        machine=platform.machine(),
        board=read(root / "sys/firmware/devicetree/base/model"),
        cpu=cpu_model(root),
        cores=os.cpu_count(),
        features=features(root),
        max_clock_khz=number(root / f"sys/devices/system/cpu/cpu{cpu or 0}/cpufreq/cpuinfo_max_freq"),
        virtual=virtual(root),
        emulated=emulated(root),
        kernel=f"{platform.system()} {platform.release()}",
        os=operating_system(root),
        libc=" ".join(platform.libc_ver()).strip() or None,
        python=platform.python_version(),
        numpy=_version("numpy"),
        governor=governor(cpu, root),
        load_average=load_average(root),
    )


def cpu_model(root: Path = ROOT) -> str | None:
    """Return the name of the CPU, or all names if the machine has several kinds."""
    # Linux does not name most Arm CPUs: lscpu has a table of their part numbers.
    named = re.compile(r"^\s*model name\s*:\s*(.+)$", re.MULTILINE | re.IGNORECASE)
    names = named.findall(_cpuinfo(root)) or named.findall(ask("lscpu", root=root) or "")
    of_macos = ask("sysctl", "-n", "machdep.cpu.brand_string", root=root)
    return " + ".join(dict.fromkeys(names)) or of_macos or platform.processor() or None


def features(root: Path = ROOT) -> tuple[str, ...] | None:
    """Return the instruction sets that matter to int8 inference and that every core has."""
    per_core = re.findall(r"^(?:Features|flags)\s*:\s*(.+)$", _cpuinfo(root), re.MULTILINE)
    if not per_core:
        return None
    common = set.intersection(*(set(line.split()) for line in per_core))
    return tuple(name for name in _FEATURES if name in common)


def virtual(root: Path = ROOT) -> bool | None:
    """Tell whether this is a virtual machine, whose clock, neighbours and sensors are hidden."""
    text = _cpuinfo(root)
    if not text:
        return None
    x86 = re.search(r"^flags\s*:.*\bhypervisor\b", text, re.MULTILINE)
    names = (read(root / "sys/class/dmi/id" / name) or "" for name in ("sys_vendor", "product_name"))
    return bool(x86 or any(map(_HYPERVISORS.search, names)))


def emulated(root: Path = ROOT) -> bool:
    """Tell whether the CPU is QEMU's emulation of an Arm one, by its `model name` and its BogoMIPS of 100.

    A 64-bit kernel prints no `model name` for a real Arm core, and a 32-bit one ends it with `(v7l)`.
    """
    names = {"aarch64": r"^model name\s*:", "armv7l": r"^model name\s*:.*\(armv7l\)$"}
    name, text = names.get(platform.machine()), _cpuinfo(root)
    return bool(
        name and re.search(name, text, re.MULTILINE) and re.search(r"^BogoMIPS\s*:\s*100\.00$", text, re.MULTILINE)
    )


def operating_system(root: Path = ROOT) -> str | None:
    """Return the name and version of the distribution."""
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', read(root / "etc/os-release") or "", re.MULTILINE)
    return match[1] if match else f"macOS {platform.mac_ver()[0]}" if sys.platform == "darwin" else None


def peak_memory() -> int | None:
    """Return the peak memory of this process so far, in bytes."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # VmHWM starts anew with a program; Linux's maximum of getrusage includes the parent's.
    match = re.search(r"^VmHWM:\s+(\d+) kB", read(ROOT / "proc/self/status") or "", re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def pin_to_one_cpu() -> int | None:
    """Keep this process on the last CPU that it may use, and return it; None if the system cannot or does not."""
    if not hasattr(os, "sched_setaffinity"):  # on macOS
        return None
    # The first CPUs serve most interrupts, and the fast cores come last.
    cpu = max(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError:
        return None
    return cpu


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpuinfo(root: Path) -> str:
    return read(root / "proc/cpuinfo") or ""
