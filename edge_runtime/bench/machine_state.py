"""Read the state of the machine from its files and commands: a function for each fact, None if it is missing.

`root` is `/`, or a folder with the same layout. Like the worker, this needs only Python.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from edge_runtime.system.dataclass_json import Quantity

ROOT = Path("/")
COMMAND_SECONDS = 2.0  # a slower command is stopped and counts as missing

# The bits of `vcgencmd get_throttled` for the present; the bits since boot are 16 places higher.
_THROTTLED_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
# Drivers' names for the sensors of a CPU or its chip: coretemp (Intel), k10temp and zenpower (AMD), cpu-thermal and
# bcm2711_thermal (Raspberry Pi), soc-thermal (other boards).
_CPU_SENSOR = re.compile(r"cpu|soc|x86_pkg|coretemp|k10temp|zenpower|bcm2\d+_thermal", re.IGNORECASE)


@dataclass(frozen=True)
class CpuClock:
    """The clock of one CPU as the kernel reports it."""

    current: Annotated[int | None, Quantity("kHz", at_least=0), "now"]
    minimum: Annotated[int | None, Quantity("kHz", at_least=0), "lowest clock that the kernel may choose"]
    maximum: Annotated[int | None, Quantity("kHz", at_least=0), "highest clock that the kernel may choose"]


@dataclass(frozen=True)
class Throttled:
    """Conditions under which a Raspberry Pi's firmware slows the machine down, by name."""

    now: Annotated[tuple[str, ...], "at this time"]
    since_boot: Annotated[tuple[str, ...], "at any time since boot"]


@dataclass(frozen=True)
class State:
    """The state of a machine at a time; null is not known."""

    time: Annotated[float, Quantity("s"), "Unix time"]
    load_average: Annotated[float | None, Quantity(at_least=0), "processes that wanted a CPU in the last minute"]
    governor: Annotated[str | None, "clock governor of the CPU used, or of all CPUs, joined by ` + `"]
    clock_khz: Annotated[
        CpuClock | None, "from the kernel, which does not see when a Raspberry Pi's firmware slows down"
    ]
    firmware_clock_khz: Annotated[
        int | None, Quantity("kHz", at_least=0), "from a Raspberry Pi's firmware, including throttling"
    ]
    temperatures_c: Annotated[Mapping[str, Annotated[float, Quantity("°C")]] | None, "°C by type of CPU sensor"]
    throttled: Annotated[Throttled | None, "why a Raspberry Pi's firmware slows down"]
    power_source: Annotated[Literal["mains", "battery"] | None, "`mains` or `battery`"]
    cpu_times_s: Annotated[
        Mapping[str, tuple[Annotated[float, Quantity("s")], Annotated[float, Quantity("s")]]] | None,
        "seconds since boot by CPU: busy, idle",
    ]


def state(cpu: int | None = None, root: Path = ROOT) -> State:
    """Read the state of the machine now; `cpu` is the CPU that the process is pinned to, if any."""
    return State(
        time=time.time(),
        load_average=load_average(root),
        governor=governor(cpu, root),
        clock_khz=clock_khz(cpu or 0, root),
        firmware_clock_khz=firmware_clock_khz(root),
        temperatures_c=temperatures_c(root),
        throttled=throttled(root),
        power_source=power_source(root),
        cpu_times_s=cpu_times_s(root),
    )


def busy_share(before: State, after: State, own_seconds: float = 0.0) -> float | None:
    """Return how many CPUs other programs kept busy between two states, without `own_seconds` of the measurement.

    None if the system does not provide it, or for less than a tenth of a second, since the system's unit is 10 ms.
    """
    busy = elapsed = 0.0
    for cpu, (busy_after, idle_after) in (after.cpu_times_s or {}).items():
        if cpu in (before.cpu_times_s or {}):
            busy_before, idle_before = (before.cpu_times_s or {})[cpu]
            busy += busy_after - busy_before
            elapsed = max(elapsed, busy_after - busy_before + idle_after - idle_before)
    if elapsed < 0.1:
        return None
    return max(0.0, (busy - own_seconds) / elapsed)


def load_average(root: Path = ROOT) -> float | None:
    """Return how many processes wanted a CPU, on average over the last minute."""
    if sys.platform == "darwin":
        return round(os.getloadavg()[0], 2)
    text = read(root / "proc/loadavg")
    return float(text.split()[0]) if text else None


def governor(cpu: int | None, root: Path = ROOT) -> str | None:
    """Return the governor of `cpu`, or of all CPUs."""
    folders = sorted((root / "sys/devices/system/cpu").glob("cpu*" if cpu is None else f"cpu{cpu}"))
    names = (read(folder / "cpufreq/scaling_governor") for folder in folders)
    return " + ".join(dict.fromkeys(name for name in names if name)) or None


def clock_khz(cpu: int, root: Path = ROOT) -> CpuClock | None:
    """Return the clock of `cpu` as the kernel reports it."""
    folder = root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
    clock = CpuClock(*(number(folder / f"scaling_{name}_freq") for name in ("cur", "min", "max")))
    return None if clock == CpuClock(None, None, None) else clock


def firmware_clock_khz(root: Path = ROOT) -> int | None:
    """Return the clock of a Raspberry Pi's Arm cores as its firmware measures it."""
    match = re.search(r"frequency\(\d+\)=(\d+)", ask("vcgencmd", "measure_clock", "arm", root=root) or "")
    return int(match[1]) // 1000 if match else None


def temperatures_c(root: Path = ROOT) -> dict[str, float] | None:
    """Return the highest temperature at each kind of CPU sensor."""
    hottest: dict[str, float] = {}
    for kind, millidegrees in _sensors(root):
        if _CPU_SENSOR.search(kind) and millidegrees is not None:
            hottest[kind] = max(hottest.get(kind, -273.15), millidegrees / 1000)
    return hottest or None


def throttled(root: Path = ROOT) -> Throttled | None:
    """Return the conditions of voltage, heat and clock that a Raspberry Pi's firmware reports."""
    match = re.search(r"throttled=(0x[0-9a-f]+)", ask("vcgencmd", "get_throttled", root=root) or "", re.IGNORECASE)
    if not match:
        return None
    bits = int(match[1], 16)
    now, since_boot = (
        tuple(name for place, name in enumerate(_THROTTLED_BITS) if bits >> shift + place & 1) for shift in (0, 16)
    )
    return Throttled(now, since_boot)


def power_source(root: Path = ROOT) -> Literal["mains", "battery"] | None:
    """Return `mains` or `battery`; None without a known battery or charger."""
    if any(read(folder / "status") == "Discharging" for folder in batteries(root)):
        return "battery"
    charged = any((read(folder / "status") or "Unknown") != "Unknown" for folder in batteries(root))
    plugged = any(number(path) == 1 for path in (root / "sys/class/power_supply").glob("*/online"))
    return "mains" if charged or plugged else None


def batteries(root: Path = ROOT) -> list[Path]:
    """Return the folders of the machine's own batteries; a mouse has a battery too."""
    folders = sorted((root / "sys/class/power_supply").glob("*"))
    return [folder for folder in folders if read(folder / "type") == "Battery" and read(folder / "scope") != "Device"]


def cpu_times_s(root: Path = ROOT) -> dict[str, tuple[float, float]] | None:
    """Return the busy and the idle seconds since boot by CPU (proc(5), /proc/stat)."""
    times = {}
    for cpu, rest in re.findall(r"^(cpu\d+) ([\d ]+)$", read(root / "proc/stat") or "", re.MULTILINE):
        # user, nice, system, idle, iowait, irq, softirq, steal; the first two already include the guests.
        ticks = [int(count) for count in rest.split()[:8]]
        idle = sum(ticks[3:5])
        per_second = os.sysconf("SC_CLK_TCK")
        times[cpu] = ((sum(ticks) - idle) / per_second, idle / per_second)
    return times or None


def _sensors(root: Path) -> Iterator[tuple[str, int | None]]:
    """Yield the kind of each sensor and its thousandths of a degree; AMD's are in hwmon."""
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        yield read(zone / "type") or "", number(zone / "temp")
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        for path in sorted(chip.glob("temp*_input")):
            yield read(chip / "name") or "", number(path)


def read(path: Path) -> str | None:
    """Return the text at `path` without the space around it; None if it cannot be read."""
    try:
        # Texts in the device tree end with NUL.
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n") or None
    except OSError:
        return None


def number(path: Path) -> int | None:
    """Return the whole number in the file at `path`, or None."""
    try:
        return int(read(path) or "")
    except ValueError:
        return None


def ask(command: str, *arguments: str, root: Path = ROOT) -> str | None:
    """Return the output of `command`; None when it is not installed, fails or is slow."""
    folders = (str(root / folder.lstrip(os.sep)) for folder in os.get_exec_path())
    program = shutil.which(command, path=os.pathsep.join(folders))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=True,
            env=os.environ | {"LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace").strip() or None
