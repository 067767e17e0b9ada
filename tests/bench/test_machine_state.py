"""Check the state of the machine: read from machines laid out as folders, None where one does not tell."""

import dataclasses
import os
import time

import machine_trees as trees
import pytest

from edge_runtime.bench import machine_state, sysfiles
from edge_runtime.bench.machine_state import CpuClock, Throttled, busy_share, state

TICKS = os.sysconf("SC_CLK_TCK")


def test_an_empty_machine_tells_nothing(tmp_path):
    before = time.time()
    facts = dataclasses.asdict(state(0, tmp_path))
    assert before <= facts.pop("time") <= time.time()
    assert set(facts.values()) == {None}


def test_a_cool_raspberry_pi_4(tmp_path):
    found = state(3, trees.pi4(tmp_path))
    assert found.governor == "performance"
    assert found.governors == {"performance": 4}
    assert found.clock_khz == CpuClock(1800000, 600000, 1800000)
    assert found.firmware_clock_khz == 1800404
    assert found.temperatures_c == {"cpu-thermal": 48.2}
    assert found.throttled == Throttled((), ())
    assert found.load_average == 0.08
    assert found.power_source is None


def test_a_hot_raspberry_pi_5_says_what_is_now_and_what_was(tmp_path):
    found = state(3, trees.pi5_hot(tmp_path))
    assert found.throttled == Throttled(("throttled", "soft temperature limit"), ("under-voltage", "throttled"))
    assert found.temperatures_c == {"cpu-thermal": 86.5}
    # The kernel does not know what the firmware did to the clock.
    assert found.clock_khz == CpuClock(2400000, 1500000, 2400000)
    assert found.firmware_clock_khz == 1500019


def test_a_laptop_on_battery(tmp_path):
    found = state(0, trees.laptop_on_battery(tmp_path))
    assert found.power_source == "battery"
    assert found.governor == "powersave"
    # Neither the skin nor the board: the CPU, and of its cores the hottest.
    assert found.temperatures_c == {"x86_pkg_temp": 61.0, "coretemp": 60.0}


def test_without_a_cpu_the_governors_of_all_are_named(tmp_path):
    assert state(None, trees.laptop_on_battery(tmp_path)).governor == "powersave + performance"


@pytest.mark.parametrize(
    ("supplies", "source"),
    [
        (trees.supply("AC", type="Mains", online=1), "mains"),
        (trees.supply("AC", type="Mains", online=0), None),
        (trees.supply("BAT0", type="Battery", status="Full"), "mains"),
        (trees.supply("BAT0", type="Battery", status="Charging"), "mains"),
        (trees.supply("BAT0", type="Battery", status="Unknown"), None),
        (trees.supply("mouse", type="Battery", scope="Device", status="Discharging"), None),
        # A charger too weak for the load: the battery gives the rest.
        (
            trees.supply("USB", type="USB", online=1) | trees.supply("B", type="Battery", status="Discharging"),
            "battery",
        ),
    ],
)
def test_the_power_source(tmp_path, supplies, source):
    assert machine_state.power_source(trees.lay(tmp_path, supplies)) == source


@pytest.mark.parametrize("bit", range(4))
def test_each_throttling_bit_has_its_name_and_sticks_16_places_higher(tmp_path, bit):
    names = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
    trees.vcgencmd(tmp_path, {"get_throttled": f"throttled={1 << bit:#x}"})
    assert machine_state.throttled(tmp_path) == Throttled((names[bit],), ())
    trees.vcgencmd(tmp_path, {"get_throttled": f"throttled={1 << bit + 16:#x}"})
    assert machine_state.throttled(tmp_path) == Throttled((), (names[bit],))


def test_a_command_that_fails_or_says_something_else_is_absent(tmp_path):
    trees.vcgencmd(tmp_path, {"measure_clock": "VCHI initialization failed"})
    assert machine_state.firmware_clock_khz(tmp_path) is None
    assert machine_state.throttled(tmp_path) is None


def test_a_command_that_hangs_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(sysfiles, "COMMAND_SECONDS", 0.2)
    trees.command(tmp_path, "vcgencmd", "exec sleep 60")
    assert machine_state.throttled(tmp_path) is None


def states(tmp_path, before, after):
    """Two states: for each of two CPUs, ticks busy and ticks idle."""
    found = []
    for ticks in (before, after):
        trees.lay(tmp_path, {"proc/stat": trees.STAT.format(*ticks)})
        found.append(state(1, tmp_path))
    return found


def test_a_busy_neighbour_shows_beside_a_measurement_that_fills_its_cpu(tmp_path):
    before, after = states(tmp_path, (0, 0, 0, 0), (9 * TICKS, TICKS, 10 * TICKS, 0))
    assert busy_share(before, after, own_seconds=10) == pytest.approx(0.9)


def test_what_the_measurement_used_does_not_count(tmp_path):
    before, after = states(tmp_path, (5, 5, 5, 5), (10 * TICKS + 5, 5, 6 * TICKS + 5, 4 * TICKS + 5))
    assert busy_share(before, after, own_seconds=15) == pytest.approx(0.1)
    assert busy_share(before, after, own_seconds=17) == 0.0


def test_too_short_or_unknown_a_time_tells_nothing(tmp_path):
    before, after = states(tmp_path, (0, 0, 0, 0), (1, 1, 1, 1))
    assert busy_share(before, after) is None
    empty = state(0, tmp_path / "none")
    assert busy_share(empty, empty) is None
