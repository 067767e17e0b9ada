"""Each reason to doubt a result is reported with what to do about it; an idle machine leaves none."""

from dataclasses import replace

import pytest

from edge_runtime.bench import doubts
from edge_runtime.bench.doubts import Evidence
from edge_runtime.bench.machine_state import CpuClock, State, Throttled
from edge_runtime.bench.measured import WarmUp
from edge_runtime.bench.results import Control, Latency

UNKNOWN = State(0.0, *[None] * 9)
STATE = replace(
    UNKNOWN,
    load_average=0.1,
    governor="performance",
    clock_khz=CpuClock(2_400_000, 600_000, 2_400_000),
    temperatures_c={"cpu-thermal": 51.0},
    throttled=Throttled((), ("under-voltage",)),
    power_source="mains",
)
IDLE = Evidence(
    emulated=False,
    before=STATE,
    rounds=[(STATE, STATE)] * 10,
    others_busy=[0.02] * 10,
    operators={"MUL": 95, "SPLIT": 5},
    xnnpack={"MUL": 95},
    converted=False,
    runtimes=[("litert", "2.3.0")] * 10,
    same_answers=True,
    paced=False,
    warm_up=WarmUp(1000, 1.0, True),
    latency=Latency(1.0, 1.1, 1.15, 1.3, 1.0, 0.9, 2.0, 3000, mad=0.02, p50_ci95=(0.99, 1.01)),
    control=Control(1.01, (0.99, 1.02), True),
    trained_on=("UCI HAR", "ab12"),
    data=("UCI HAR", "ab12"),
)


def state(**changes):
    return replace(STATE, **changes)


def after(*states):
    """Rounds of which each leaves the machine in one of `states`."""
    return {"rounds": [(STATE, states[i % len(states)]) for i in range(10)]}


def clock(khz):
    return CpuClock(khz, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {},  # an idle machine
        {"before": UNKNOWN, "rounds": [(UNKNOWN, UNKNOWN)] * 10, "others_busy": [None] * 10},
        {"trained_on": None},
        {"rounds": [(state(clock_khz=clock(600_000)), STATE)] * 10},  # the clock of an idle CPU before each round
    ],
)
def test_an_idle_machine_and_unknown_facts_leave_no_doubt(changes):
    assert doubts.find_doubts(replace(IDLE, **changes)) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": ("my recordings", "cd34")}, "'my recordings'"),
        ({"data": ("UCI HAR", "cd34")}, "other windows"),  # of the same name
        ({"before": state(load_average=1.5)}, "busy before the run (load average 1.5)"),
        ({"others_busy": [0.0, None, 1.0, 1.1]}, "other programs kept 0.7 CPUs busy during the run"),
        ({"before": state(governor="ondemand")}, "governor is 'ondemand'"),
        (
            after(state(throttled=Throttled(("throttled",), ("throttled", "under-voltage"))), STATE),
            "slowed the machine down (throttled): cool it",
        ),
        (
            {"rounds": [(state(throttled=Throttled((), ())), STATE)] * 10},  # it came up meanwhile
            "slowed the machine down (under-voltage): use a stronger power supply",
        ),
        (after(state(temperatures_c={"gpu": 40.0, "cpu-thermal": 83.4}), STATE), "the CPU reached 83 °C"),
        (after(STATE, state(clock_khz=clock(1_500_000))), "clock changed between rounds (1500 to 2400 MHz)"),
        # The kernel's clock does not show what a Raspberry Pi's firmware does.
        (after(state(firmware_clock_khz=1_500_000), state(firmware_clock_khz=2_400_000)), "(1500 to 2400 MHz)"),
        (after(state(power_source="battery")), "on its battery"),
        ({"warm_up": WarmUp(1000, 20.0, False)}, "did not settle during warm-up"),
        ({"latency": replace(IDLE.latency, mad=0.2)}, "half are more than 20 % off p50"),
        ({"latency": replace(IDLE.latency, p50_ci95=(0.9, 1.1))}, "the interval of p50 is 20 % wide"),
        ({"latency": replace(IDLE.latency, runs=100)}, "100 timed inferences are too few for p99: use --runs 500"),
        (
            {"latency": replace(IDLE.latency, runs=24, mad=0.3, p50_ci95=(0.9, 1.2)), "paced": True},
            "24 timed inferences are too few for p99: do not quote it",
        ),
        ({"rounds": [(STATE, STATE)]}, "1 round is too few for the intervals to hold: use --rounds 5"),
        ({"rounds": [(STATE, STATE)] * 4}, "4 rounds are too few"),
        ({"control": None}, "there was no control"),
        (
            {"control": Control(1.05, (1.02, 1.08), False)},
            "the control failed: the first model against itself is 1.050",
        ),
        ({"xnnpack": {"MUL": 60}}, "not MUL, SPLIT, which run in slower kernels: convert it with 'har-edge convert'"),
        ({"xnnpack": {}, "runtimes": [("tflite-runtime", "2.14.0")] * 10}, "use LiteRT"),
        (
            {"runtimes": [("litert", "2.3.0")] * 9 + [("litert", None)]},
            "the rounds ran on different runtimes (litert, litert 2.3.0)",
        ),
        ({"same_answers": False}, "did not give the same answers"),
    ],
)
def test_each_reason_for_doubt_is_reported_alone(changes, words):
    (doubt,) = doubts.find_doubts(replace(IDLE, **changes))
    assert words in doubt


def test_a_model_that_was_converted_here_is_not_to_be_converted_again():
    (doubt,) = doubts.find_doubts(replace(IDLE, xnnpack={"MUL": 60}, converted=True))
    assert doubt == "XNNPACK took 60 of 100 operators, not MUL, SPLIT, which run in slower kernels"


def test_of_tflite_micro_no_doubt_is_about_time_or_xnnpack():
    micro = replace(IDLE, runtimes=[("tflite-micro", "0.dev1")] * 2, xnnpack=None, control=None)
    (doubt,) = doubts.find_doubts(replace(micro, before=state(load_average=9)))
    assert "no microcontroller's" in doubt
    assert "measure on the board" in doubt


def test_of_an_emulated_machine_no_doubt_is_about_time():
    found = doubts.find_doubts(
        replace(IDLE, emulated=True, before=state(load_average=9), control=None, same_answers=False)
    )
    assert "the CPU is emulated" in found[0]
    assert "did not give the same answers" in found[1]
    assert len(found) == 2
