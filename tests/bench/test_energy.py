"""The energy of an inference: from each source, with a fake clock, or the reason why it is not known."""

import machine_trees as trees
import pytest

from edge_runtime.bench.energy import find_source, per_inference

ZONE = "sys/class/powercap/intel-rapl:0"


class Machine:
    """Time that passes only by sleeping and inferring, 0.25 s each, and a power that depends on which happens."""

    def __init__(self, show, idle=3.0, busy=5.0):
        self.nanoseconds, self.joules = 0, 0.0
        self.idle, self.busy, self.show = idle, busy, show
        self.show(self.idle, self.joules)

    def clock(self):
        return self.nanoseconds

    def sleep(self, seconds):
        self.spend(seconds, self.idle)

    def infer(self):
        self.spend(0.25, self.busy)

    def spend(self, seconds, watts):
        self.nanoseconds += round(seconds * 1e9)
        self.joules += watts * seconds
        self.show(watts, self.joules)

    def measure(self, root, sleep=None):
        return per_inference(self.infer, 2.0, root, self.clock, sleep or self.sleep)


def rapl(root, start=0, most=2**32, packages=1):
    """Counters of `packages`, each of which has the machine's power; the parts and psys would count it twice."""

    def show(watts, joules):
        value = f"{(start + round(joules * 1e6)) % (most + 1)}\n"
        for i in range(packages):
            zone = f"{ZONE[:-1]}{i}"
            trees.lay(root, {f"{zone}/name": f"package-{i}\n", f"{zone}/energy_uj": value})
            trees.lay(root, {f"{zone}/max_energy_range_uj": f"{most}\n"})
            trees.lay(root, {f"{zone}:0/name": "core\n", f"{zone}:0/energy_uj": value})
        psys = "sys/class/powercap/intel-rapl:9"
        trees.lay(root, {f"{psys}/name": "psys\n", f"{psys}/energy_uj": value})

    return show


def pmic(root):
    """Two rails of half the power each; the supply's voltage has no current beside it."""

    def show(watts, joules):
        currents = f"  3V7_WL_SW_A current(0)={watts / 7.4:.8f}A\n   VDD_CORE_A current(7)={watts / 1.5:.8f}A\n"
        voltages = "  3V7_WL_SW_V volt(8)=3.7V\n   VDD_CORE_V volt(15)=0.75V\n      EXT5V_V volt(24)=5.15V"
        trees.vcgencmd(root, {"pmic_read_adc": currents + voltages})

    return show


@pytest.mark.parametrize(("source", "name"), [(rapl, "RAPL"), (pmic, "Raspberry Pi power controller")])
def test_the_energy_of_an_inference_is_above_the_mean_power_at_rest_before_and_after(tmp_path, source, name):
    machine, rests = Machine(source(tmp_path), busy=6.0), []

    def sleep(seconds):
        rests.append(seconds)
        machine.spend(seconds, 3.0 if len(rests) == 1 else 4.0)

    energy = machine.measure(tmp_path, sleep)
    assert (energy.source, energy.reason, rests) == (name, None, [2.0, 2.0])
    assert energy.idle_w == pytest.approx(3.5, rel=1e-3)
    assert energy.per_inference_mj == pytest.approx((6.0 - 3.5) * 250, rel=1e-3)


def test_a_counter_may_restart_and_packages_are_added_without_their_parts(tmp_path):
    # Full after 11 J: once while at rest before, once while inferring, once after.
    machine = Machine(rapl(tmp_path, start=6_000_000, most=11_000_000, packages=2))
    assert machine.measure(tmp_path).per_inference_mj == pytest.approx(2 * 500, rel=1e-3)


def test_a_missing_source_and_a_counter_for_root_are_named(tmp_path):
    energy = Machine(lambda watts, joules: None).measure(tmp_path)
    assert energy.per_inference_mj is energy.source is energy.idle_w is None
    assert "RAPL" in energy.reason
    trees.lay(tmp_path, {f"{ZONE}/name": "package-0\n"})
    (tmp_path / ZONE / "energy_uj").mkdir()  # cannot be read, not even by root, who may run the tests
    assert f"{tmp_path / ZONE}/energy_uj" in find_source(tmp_path)


def test_a_power_close_to_rest_and_a_source_that_stops_responding_give_no_energy(tmp_path):
    energy = Machine(rapl(tmp_path), idle=3.0, busy=3.0).measure(tmp_path)
    assert (energy.per_inference_mj, energy.source) == (None, "RAPL")
    assert "3 W" in energy.reason
    machine = Machine(rapl(tmp_path))
    machine.show = lambda watts, joules: (tmp_path / ZONE / "energy_uj").write_text("")
    assert machine.measure(tmp_path).per_inference_mj is None
