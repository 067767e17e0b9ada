"""Check the state of the machine: read from machines laid out as folders, None where one does not tell."""

import dataclasses
import os
import time

import machine_trees as trees
import pytest

from edge_runtime.bench import machine_state
from edge_runtime.bench.machine_state import CpuClock, Throttled, busy_share, state

TICKS = os.sysconf("SC_CLK_TCK")


def test_an_empty_machine_tells_nothing(tmp_path):
    before = time.time()
    facts = dataclasses.asdict(state(0, tmp_path))
    assert before <= facts.pop("time") <= time.time()
    assert set(facts.values()) == {None}


def test_a_cool_raspberry_pi_4(tmp_path):
    found = state(3, trees.pi4(tmp_path))
    assert (found.governor, found.governors) == ("performance", {"performance": 4})
    assert (found.clock_khz, found.firmware_clock_khz) == (CpuClock(1800000, 600000, 1800000), 1800404)
    assert (found.temperatures_c, found.throttled) == ({"cpu-thermal": 48.2}, Throttled((), ()))
    assert (found.load_average, found.power_source) == (0.08, None)


def test_a_hot_raspberry_pi_5_says_what_is_now_and_what_was(tmp_path):
    found = state(3, trees.pi5_hot(tmp_path))
    assert found.throttled == Throttled(("throttled", "soft temperature limit"), ("under-voltage", "throttled"))
    # The kernel does not know what the firmware did to the clock.
    assert (found.clock_khz, found.firmware_clock_khz) == (CpuClock(2400000, 1500000, 2400000), 1500019)


def test_a_laptop_on_battery(tmp_path):
    found = state(0, trees.laptop_on_battery(tmp_path))
    assert (found.power_source, found.governor) == ("battery", "powersave")
    # Neither the skin nor the board: the CPU, and of its cores the hottest.
    assert found.temperatures_c == {"x86_pkg_temp": 61.0, "coretemp": 60.0}
    assert state(None, tmp_path).governor == "powersave + performance"  # those of all CPUs


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


def test_each_throttling_bit_has_its_name_and_sticks_16_places_higher(tmp_path):
    for bit, name in enumerate(("under-voltage", "frequency capped", "throttled", "soft temperature limit")):
        trees.vcgencmd(tmp_path, {"get_throttled": f"throttled={1 << bit:#x}"})
        assert machine_state.throttled(tmp_path) == Throttled((name,), ())
        trees.vcgencmd(tmp_path, {"get_throttled": f"throttled={1 << bit + 16:#x}"})
        assert machine_state.throttled(tmp_path) == Throttled((), (name,))


def test_a_command_that_fails_says_something_else_or_hangs_is_absent(tmp_path, monkeypatch):
    trees.vcgencmd(tmp_path, {"measure_clock": "VCHI initialization failed"})
    assert machine_state.firmware_clock_khz(tmp_path) is machine_state.throttled(tmp_path) is None
    monkeypatch.setattr(machine_state, "COMMAND_SECONDS", 0.2)
    trees.command(tmp_path / "hanging", "vcgencmd", "exec sleep 60")
    assert machine_state.throttled(tmp_path / "hanging") is None


def states(tmp_path, before, after):
    """Two states: for each of two CPUs, ticks busy and ticks idle."""
    return [state(1, trees.lay(tmp_path, {"proc/stat": trees.STAT.format(*ticks)})) for ticks in (before, after)]


def test_others_are_busy_by_what_the_measurement_did_not_use(tmp_path):
    neighbour = states(tmp_path, (0, 0, 0, 0), (9 * TICKS, TICKS, 10 * TICKS, 0))
    assert busy_share(*neighbour, own_seconds=10) == pytest.approx(0.9)
    before, after = states(tmp_path, (5, 5, 5, 5), (10 * TICKS + 5, 5, 6 * TICKS + 5, 4 * TICKS + 5))
    assert busy_share(before, after, own_seconds=15) == pytest.approx(0.1)
    assert busy_share(before, after, own_seconds=17) == 0.0


def test_too_short_or_unknown_a_time_tells_nothing(tmp_path):
    assert busy_share(*states(tmp_path, (0, 0, 0, 0), (1, 1, 1, 1))) is None
    empty = state(0, tmp_path / "none")
    assert busy_share(empty, empty) is None
