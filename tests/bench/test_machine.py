"""The facts about a machine and its state, read from folders with the layout of machines: None if a fact is missing."""

import dataclasses
import os
import sys
import time

import machine_trees as trees
import pytest

from edge_runtime.bench import machine, machine_state
from edge_runtime.bench.machine_state import CpuClock, Throttled, busy_share, state

# What /proc/cpuinfo holds under QEMU's emulation of a Raspberry Pi, shortened.
EMULATED = "processor\t: 0\nmodel name\t: ARMv8 Processor rev 0 (v8l)\nBogoMIPS\t: 100.00\nCPU part\t: 0xd0b\n"
TICKS = os.sysconf("SC_CLK_TCK")


def test_facts_that_a_machine_lacks_are_none(tmp_path, monkeypatch):
    assert machine.read_facts().emulated is False
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    facts = machine.read_facts(0, tmp_path)
    for name in ("board", "cpu", "features", "max_clock_khz", "virtual", "os", "governor", "load_average"):
        assert getattr(facts, name) is None
    assert (facts.cores, facts.python, facts.emulated) == (os.cpu_count(), sys.version.split()[0], False)
    before = time.time()
    facts = dataclasses.asdict(state(0, tmp_path))
    assert before <= facts.pop("time") <= time.time()
    assert set(facts.values()) == {None}
    trees.vcgencmd(tmp_path, {"measure_clock": "VCHI initialization failed"})
    assert machine_state.firmware_clock_khz(tmp_path) is machine_state.throttled(tmp_path) is None


def test_a_hot_raspberry_pi_reports_its_state_now_and_since_boot(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    root = trees.pi5_hot(tmp_path)
    facts, now = machine.read_facts(3, root), state(3, root)
    assert (facts.board, facts.cpu) == ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76")
    assert (facts.governor, facts.max_clock_khz, facts.virtual, facts.emulated) == ("ondemand", 2400000, False, False)
    assert now.governor == "ondemand"
    assert (now.load_average, now.temperatures_c, now.power_source) == (0.08, {"cpu-thermal": 86.5}, None)
    since_boot = ("under-voltage", "frequency capped", "throttled")
    assert now.throttled == Throttled(("throttled", "soft temperature limit"), since_boot)
    # The kernel does not know what the firmware did to the clock.
    assert (now.clock_khz, now.firmware_clock_khz) == (CpuClock(2400000, 1500000, 2400000), 1500019)


def test_instruction_sets_are_common_to_all_cores_and_all_kinds_of_cores_are_named(tmp_path):
    assert machine.features(trees.pi5_hot(tmp_path / "5")) == ("asimd", "asimdhp", "asimddp")
    assert machine.features(trees.x86_vm(tmp_path / "vm")) == ("avx2", "fma", "avx512f", "avx512_vnni")
    trees.lay(tmp_path, {"proc/cpuinfo": "Features\t: asimd i8mm asimddp\n\nFeatures\t: asimd asimddp\n"})
    assert machine.features(tmp_path) == ("asimd", "asimddp")
    trees.vcgencmd(tmp_path, {"": "Model name: Cortex-A55\n  Model name: Cortex-A76"}, "lscpu")
    assert machine.cpu_model(tmp_path) == "Cortex-A55 + Cortex-A76"


def test_a_virtual_machine_is_recognised(tmp_path):
    assert machine.virtual(trees.x86_vm(tmp_path / "x86"))
    assert machine.virtual(trees.laptop_on_battery(tmp_path / "laptop")) is False
    arm = trees.pi5_hot(tmp_path / "arm")
    assert machine.virtual(trees.lay(arm, {"sys/class/dmi/id/sys_vendor": "QEMU\n"}))


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "is_emulated"),
    [
        ("aarch64", EMULATED, True),
        ("x86_64", EMULATED, False),
        ("armv7l", EMULATED.replace("v8l", "armv7l"), True),
        ("armv7l", EMULATED.replace("v8l", "v7l"), False),
        ("aarch64", EMULATED.replace("100.00", "38.40"), False),
    ],
)
def test_emulation_is_recognised(tmp_path, monkeypatch, architecture, cpuinfo, is_emulated):
    monkeypatch.setattr(machine.platform, "machine", lambda: architecture)
    assert machine.emulated(trees.lay(tmp_path, {"proc/cpuinfo": cpuinfo})) == is_emulated


def test_a_laptop_on_battery(tmp_path):
    now = state(0, trees.laptop_on_battery(tmp_path))
    assert (now.power_source, now.governor) == ("battery", "powersave")
    # Neither the skin nor the board: the CPU, and of its cores the hottest.
    assert now.temperatures_c == {"x86_pkg_temp": 61.0, "coretemp": 60.0}
    assert state(None, tmp_path).governor == "powersave + performance"  # governors of all CPUs


@pytest.mark.parametrize(
    ("supplies", "source"),
    [
        (trees.supply("AC", type="Mains", online=1), "mains"),
        (trees.supply("BAT0", type="Battery", status="Full"), "mains"),
        (trees.supply("mouse", type="Battery", scope="Device", status="Discharging"), None),
    ],
)
def test_the_power_source(tmp_path, supplies, source):
    assert machine_state.power_source(trees.lay(tmp_path, supplies)) == source


def states(tmp_path, before, after):
    """Two states: for each of two CPUs, ticks busy and ticks idle."""
    return [state(1, trees.lay(tmp_path, {"proc/stat": trees.STAT.format(*ticks)})) for ticks in (before, after)]


def test_the_measurement_itself_does_not_count_as_another_busy_program(tmp_path):
    neighbour = states(tmp_path, (0, 0, 0, 0), (9 * TICKS, TICKS, 10 * TICKS, 0))
    assert busy_share(*neighbour, own_seconds=10) == pytest.approx(0.9)
    before, after = states(tmp_path, (5, 5, 5, 5), (10 * TICKS + 5, 5, 6 * TICKS + 5, 4 * TICKS + 5))
    assert busy_share(before, after, own_seconds=15) == pytest.approx(0.1)
    assert busy_share(before, after, own_seconds=17) == 0.0
    assert busy_share(*states(tmp_path, (0, 0, 0, 0), (1, 1, 1, 1))) is None  # too short a time to tell
