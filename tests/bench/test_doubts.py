"""Each reason to doubt a result is reported with a remedy; an idle machine leaves no doubt."""

from dataclasses import replace

import pytest

from edge_runtime.bench import doubts
from edge_runtime.bench.doubts import Evidence
from edge_runtime.bench.machine_state import CpuClock, State, Throttled
from edge_runtime.bench.measured import Latency, WarmUp
from edge_runtime.bench.results import Control

UNKNOWN = State(0.0, *[None] * 8)
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
    is_timed=True,
    kernel="Linux 6.7",
    before=STATE,
    rounds=[(STATE, STATE)] * 10,
    others_busy=[0.02] * 10,
    operators={"MUL": 95, "SPLIT": 5},
    xnnpack={"MUL": 95},
    converted=False,
    same_answers=True,
    paced=False,
    warm_up=WarmUp(1000, 1.0, True),
    latency=Latency(1.2, 1.3, 1.4, 1.5, 1.2, 0.9, 2.0, 3000, 1.0, (0.99, 1.01)),
    precision=0.021,
    until=0.02,
    is_precise=True,
    control=Control(1.01, (0.99, 1.02), True),
    trained_on=("UCI HAR", "ab12"),
    data=("UCI HAR", "ab12"),
)


def state(**changes):
    return replace(STATE, **changes)


SLOW = state(clock_khz=CpuClock(600_000, None, None))


BY_ROUNDS = {"until": None, "is_precise": False}


def after(*states):
    """Rounds of which each leaves the machine in one of `states`."""
    return {"rounds": [(STATE, states[i % len(states)]) for i in range(10)]}


def latency(**changes):
    return {"latency": replace(IDLE.latency, **changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"before": UNKNOWN, "rounds": [(UNKNOWN, UNKNOWN)] * 10, "others_busy": [None] * 10},
        {"rounds": [(SLOW, STATE)] * 10},  # the clock of an idle CPU before each round
        latency(runs=500),
        {"before": state(load_average=6.0)},  # a training that has ended
        {"before": state(load_average=0.5), "others_busy": [0.25], "xnnpack": {"MUL": 90}},
        after(state(temperatures_c={"cpu-thermal": 79.9}), state(clock_khz=CpuClock(2_160_000, None, None))),
        {"rounds": [(STATE, STATE)] * 5},
        {"precision": 0.02, "is_precise": False},
        BY_ROUNDS | {"precision": 0.05},
        BY_ROUNDS | {"precision": 0.2, "paced": True},
    ],
)
def test_an_idle_machine_unknown_facts_and_values_within_limits_leave_no_doubt(changes):
    assert doubts.find_doubts(replace(IDLE, **changes)) == ()


@pytest.mark.parametrize(
    ("changes", "noun"),
    [
        ({"data": ("my recordings", "cd34")}, "'my recordings'"),
        ({"before": state(load_average=0.6), "others_busy": [None] * 10}, "load average 0.6"),
        ({"others_busy": [0.0, None, 1.0, 1.1]}, "0.7 CPUs"),
        ({"before": state(governor="ondemand")}, "'ondemand'"),
        (after(state(throttled=Throttled(("throttled",), ("throttled", "under-voltage"))), STATE), "(throttled)"),
        ({"rounds": [(state(throttled=Throttled((), ())), STATE)] * 10}, "(under-voltage)"),  # meanwhile
        (after(state(temperatures_c={"gpu": 40.0, "cpu-thermal": 83.4}), STATE), "83 °C"),
        (after(STATE, SLOW), "600 to 2400 MHz"),
        (after(state(firmware_clock_khz=1_500_000), state(firmware_clock_khz=2_400_000)), "1500 to 2400 MHz"),
        (after(state(power_source="battery")), "battery"),
        ({"kernel": "Darwin 24.5.0"}, "pins none"),
        ({"warm_up": WarmUp(1000, 20.0, False)}, "warm-up"),
        (
            {"precision": 0.0201, "is_precise": False},
            "within 2.1 %, not 2 %. Stop other programs, or use a longer --dur",
        ),
        (BY_ROUNDS | {"precision": 0.06}, "within 6 %. Stop other programs, or use more --rounds"),
        (latency(runs=499), "--duration"),
        (BY_ROUNDS | latency(runs=499), "--rounds"),
        ({"rounds": [(STATE, STATE)] * 4}, "4 rounds"),
        ({"control": Control(1.05, (1.02, 1.08), False)}, "1.050"),
        ({"xnnpack": {"MUL": 60}}, "60 of 100 operators; MUL, SPLIT"),
        ({"control": None}, "--no-control"),
        ({"same_answers": False}, "answers"),
    ],
)
def test_each_reason_for_doubt_is_reported_alone(changes, noun):
    (doubt,) = doubts.find_doubts(replace(IDLE, **changes))
    assert noun in doubt
