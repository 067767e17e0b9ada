"""What the machine tells of itself, and None where it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime import machine

# What /proc/cpuinfo holds on a Raspberry Pi 5 and under QEMU's emulation of one, shortened.
PI = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd0b\n\n" * 4
EMULATED = "processor\t: 0\nmodel name\t: ARMv8 Processor rev 0 (v8l)\nBogoMIPS\t: 100.00\nCPU part\t: 0xd0b\n"


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "_CPUINFO", path)
    return path


def test_every_fact_is_there_on_this_machine():
    facts = machine.describe()
    assert set(facts) >= {"machine", "board", "cpu", "cores", "kernel", "os", "python", "numpy", "governor"}
    assert facts["cores"] == os.cpu_count()
    assert facts["python"] == sys.version.split()[0]
    assert facts["emulated"] is False


def test_absent_sources_are_none(tmp_path, monkeypatch, cpuinfo):
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    for name in ("_DEVICE_TREE", "_OS_RELEASE"):
        monkeypatch.setattr(machine, name, tmp_path / "none")
    monkeypatch.setattr(machine, "_GOVERNOR", str(tmp_path / "none{}"))
    assert machine.board() is machine.cpu_model() is machine.operating_system() is machine.governor(0) is None
    assert not machine.emulated()


def test_a_raspberry_pi_is_named(tmp_path, monkeypatch, cpuinfo):
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(machine, "_DEVICE_TREE", tmp_path / "model")
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    cpuinfo.write_text(PI)
    assert machine.board() == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine.cpu_model() == "Cortex-A76"
    assert not machine.emulated()


def test_several_kinds_of_cores_are_all_named(cpuinfo):
    cpuinfo.write_text("CPU part\t: 0xd05\nCPU part\t: 0xd05\nCPU part\t: 0xd0b\nCPU part\t: 0xfff\n")
    assert machine.cpu_model() == "Cortex-A55 + Cortex-A76 + 0xfff"


def test_emulation_is_recognised(monkeypatch, cpuinfo):
    cpuinfo.write_text(EMULATED)
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    assert machine.emulated()
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
    assert not machine.emulated()


def test_the_governor_is_that_of_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_GOVERNOR", str(tmp_path / "cpu{}"))
    (tmp_path / "cpu3").write_text("powersave\n")
    assert machine.governor(3) == "powersave"
    assert machine.governor(0) is None


def in_a_process(code: str) -> str:
    """In a process of its own: a high-water mark and an affinity stay."""
    root = Path(machine.__file__).parents[1]
    code = f"import os, sys; sys.path.insert(0, {str(root)!r})\nfrom edge_runtime import machine\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_peak_memory_is_a_high_water_mark_in_bytes():
    code = """
before = machine.peak_memory()
block = bytearray(50_000_000)
del block
print(before, machine.peak_memory())
"""
    before, after = map(int, in_a_process(code).split())
    assert before > 5_000_000
    assert 45_000_000 < after - before < 60_000_000


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_pinning_leaves_one_cpu():
    cpu, allowed = in_a_process("print(machine.pin_to_one_cpu(), *os.sched_getaffinity(0))").split()
    assert int(cpu) == int(allowed) == max(os.sched_getaffinity(0))
