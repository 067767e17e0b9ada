"""Write folders that stand for machines: /proc, /sys and commands of a Raspberry Pi, a laptop and a virtual machine."""

from collections.abc import Mapping
from pathlib import Path

PI_CORE = "processor\t: {}\nBogoMIPS\t: 108.00\nFeatures\t: {}\nCPU implementer\t: 0x41\n\n"
A76 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
STAT = "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 {} 0 0 {} 0 0 0 0 0 0\ncpu1 {} 0 0 {} 0 0 0 0 0 0\nintr 1 2 3\nctxt 4\n"


def lay(root: Path, files: Mapping[str, str]) -> Path:
    """Write `files`, text by path, under `root`, and return `root`; as in /sys, readers always find a whole text."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}-new")
        new.write_text(text)
        new.replace(path)
    return root


def vcgencmd(root: Path, answers: Mapping[str, str], name: str = "vcgencmd") -> None:
    """Write a program that prints the one of `answers` for its first argument, or fails."""
    lay(root, {f"answers/{name}{question}": f"{answer}\n" for question, answer in answers.items()})
    program = root / "usr/bin" / name
    if not program.exists():  # a running program cannot be written
        lay(root, {f"usr/bin/{name}": f'#!/bin/sh\nexec cat "{root}/answers/{name}$1" 2>/dev/null\n'})
        program.chmod(0o755)


def cpufreq(cpu: int, governor: str, current: int, least: int, most: int) -> dict[str, str]:
    folder = f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
    return {
        f"{folder}/scaling_governor": f"{governor}\n",
        f"{folder}/scaling_cur_freq": f"{current}\n",
        f"{folder}/scaling_min_freq": f"{least}\n",
        f"{folder}/scaling_max_freq": f"{most}\n",
        f"{folder}/cpuinfo_max_freq": f"{most}\n",
    }


def sensor(zone: int, kind: str, millidegrees: int) -> dict[str, str]:
    folder = f"sys/class/thermal/thermal_zone{zone}"
    return {f"{folder}/type": f"{kind}\n", f"{folder}/temp": f"{millidegrees}\n"}


def supply(name: str, **facts: object) -> dict[str, str]:
    return {f"sys/class/power_supply/{name}/{key}": f"{value}\n" for key, value in facts.items()}


def pi5_hot(root: Path) -> Path:
    """Write a Raspberry Pi 5 that is throttled for heat now and had too low a voltage before."""
    lay(root, {"proc/loadavg": "0.08 0.03 0.01 1/180 2345\n"})
    lay(root, {"sys/firmware/devicetree/base/model": "Raspberry Pi 5 Model B Rev 1.0\0"})
    lay(root, {"proc/cpuinfo": "".join(PI_CORE.format(i, A76) for i in range(4))})
    vcgencmd(root, {"": "Architecture: aarch64\n  Model name:  Cortex-A76"}, "lscpu")
    for cpu in range(4):
        lay(root, cpufreq(cpu, "ondemand", 2400000, 1500000, 2400000))
    lay(root, sensor(0, "cpu-thermal", 86500))
    vcgencmd(root, {"get_throttled": "throttled=0x7000c", "measure_clock": "frequency(0)=1500019456"})
    return root


def laptop_on_battery(root: Path) -> Path:
    """Write an unplugged Intel laptop with a mouse that has a battery."""
    lay(root, {"proc/cpuinfo": "model name\t: Intel(R) Core(TM) i7-1265U\nflags\t\t: fpu sse2 fma avx2 avx_vnni\n"})
    lay(root, cpufreq(0, "powersave", 800000, 400000, 4800000) | cpufreq(1, "performance", 900000, 400000, 4800000))
    lay(root, sensor(0, "INT3400 Thermal", 20000) | sensor(1, "acpitz", 27800) | sensor(2, "x86_pkg_temp", 61000))
    lay(root, {"sys/class/hwmon/hwmon0/name": "coretemp\n"})
    lay(root, {f"sys/class/hwmon/hwmon0/temp{i}_input": f"{58000 + 1000 * i}\n" for i in (1, 2)})
    lay(root, supply("AC", type="Mains", online=0))
    lay(root, supply("BAT0", type="Battery", status="Discharging", current_now=-500000, voltage_now=12000000))
    lay(root, supply("hidpp_0", type="Battery", scope="Device", status="Discharging"))
    return root


def x86_vm(root: Path) -> Path:
    """Write a virtual machine without sensors, clock and governor."""
    flags = "fpu sse2 fma avx2 avx512f avx512_vnni hypervisor"
    lay(root, {"proc/cpuinfo": f"model name\t: AMD EPYC\nflags\t\t: {flags}\n\nmodel name\t: AMD EPYC\n"})
    return root
