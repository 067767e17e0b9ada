"""The facts about a machine, and None where it does not tell."""

import os
import sys

import machine_trees as trees
import pytest
from programs import python

from edge_runtime.bench import machine

# What /proc/cpuinfo holds under QEMU's emulation of a Raspberry Pi, shortened.
EMULATED = "processor\t: 0\nmodel name\t: ARMv8 Processor rev 0 (v8l)\nBogoMIPS\t: 100.00\nCPU part\t: 0xd0b\n"


def test_absent_sources_are_none_and_this_machine_has_the_others(tmp_path, monkeypatch):
    assert machine.read_facts().emulated is False
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    facts = machine.read_facts(0, tmp_path)
    for name in ("board", "cpu", "features", "caches", "max_clock_khz", "virtual", "os", "governor", "load_average"):
        assert getattr(facts, name) is None
    assert (facts.cores, facts.python, facts.emulated) == (os.cpu_count(), sys.version.split()[0], False)


def test_a_raspberry_pi_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    facts = machine.read_facts(3, trees.pi5_hot(tmp_path))
    assert (facts.board, facts.cpu) == ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76")
    assert (facts.governor, facts.max_clock_khz) == ("ondemand", 2400000)
    assert facts.virtual is facts.emulated is False


def test_instructions_are_those_that_every_core_has_and_all_kinds_of_cores_are_named(tmp_path):
    assert machine.features(trees.pi5_hot(tmp_path / "5")) == ("asimd", "asimdhp", "asimddp")
    assert machine.features(trees.x86_vm(tmp_path / "vm")) == ("avx2", "fma", "avx512f", "avx512_vnni")
    trees.lay(tmp_path, {"proc/cpuinfo": "Features\t: asimd i8mm asimddp\n\nFeatures\t: asimd asimddp\n"})
    assert machine.features(tmp_path) == ("asimd", "asimddp")
    parts = "CPU part\t: 0xd05\nCPU part\t: 0xd05\nCPU part\t: 0xd0b\nCPU part\t: 0xfff\n"
    assert machine.cpu_model(trees.lay(tmp_path, {"proc/cpuinfo": parts})) == "Cortex-A55 + Cortex-A76 + 0xfff"


def test_caches_are_those_of_the_cpu(tmp_path):
    for i, (level, kind, size) in enumerate([(1, "Data", "64K"), (1, "Instruction", "64K"), (2, "Unified", "512K")]):
        folder = f"sys/devices/system/cpu/cpu2/cache/index{i}"
        trees.lay(tmp_path, {f"{folder}/level": f"{level}\n", f"{folder}/type": kind, f"{folder}/size": f"{size}\n"})
    assert machine.caches(2, tmp_path) == {"L1d": "64K", "L1i": "64K", "L2": "512K"}
    assert machine.caches(0, tmp_path) is None


def test_a_virtual_machine_is_recognised(tmp_path):
    assert machine.virtual(trees.x86_vm(tmp_path / "x86"))
    assert machine.virtual(trees.laptop_on_battery(tmp_path / "laptop")) is False
    arm = trees.pi4(tmp_path / "arm")
    assert machine.virtual(arm) is False
    assert machine.virtual(trees.lay(arm, {"sys/class/dmi/id/sys_vendor": "QEMU\n"}))


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "is_emulated"),
    [
        ("aarch64", EMULATED, True),
        ("aarch64", trees.PI_CORE.format(0, trees.A76, "0xd0b"), False),
        ("x86_64", EMULATED, False),
        ("armv7l", EMULATED.replace("v8l", "armv7l"), True),
        ("armv7l", EMULATED.replace("v8l", "v7l"), False),
        ("aarch64", EMULATED.replace("100.00", "38.40"), False),
    ],
)
def test_emulation_is_recognised(tmp_path, monkeypatch, architecture, cpuinfo, is_emulated):
    monkeypatch.setattr(machine.platform, "machine", lambda: architecture)
    assert machine.emulated(trees.lay(tmp_path, {"proc/cpuinfo": cpuinfo})) == is_emulated


def test_peak_memory_is_a_high_water_mark_in_bytes():
    """In a process of its own: the mark stays."""
    code = "print(peak_memory()); block = bytearray(50_000_000); del block; print(peak_memory())"
    before, after = map(int, python(f"from edge_runtime.bench.machine import peak_memory; {code}").split())
    assert before > 5_000_000
    assert 45_000_000 < after - before < 60_000_000
