"""Find the reasons to doubt a result: what was seen, and what to try."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measured import Latency, WarmUp
from edge_runtime.bench.results import Control

FEWEST_RUNS = 500  # inferences: with fewer, fewer than five samples lie beyond p99
FEWEST_ROUNDS = 5  # fewer do not show how much rounds differ
BUSY_LOAD = 0.5  # load average of the minute before the run
BUSY_SHARE = 0.25  # CPUs that other programs used; our own progress bar takes a few hundredths
MOST_OUTSIDE = 0.1  # share of a graph's operators outside XNNPACK
HOT_C = 80.0  # from which Raspberry Pis slow down; others a little later
CLOCK_CHANGE = 0.1  # clocks always vary by a few per cent
# By whether windows are paced: half of an interval, as a share of its ratio, if no other precision was asked for.
WIDEST_INTERVAL = {False: 0.05, True: 0.2}

Doubt = tuple[str, str]
"""What was seen, and what to try."""


@dataclass(frozen=True)
class Conditions:
    """The machine's state `before` the run, and before and after each of the `rounds` of this model."""

    before: State
    rounds: Sequence[tuple[State, State]]


@dataclass(frozen=True, kw_only=True)
class Evidence(Conditions):
    """The facts that a result is judged by; None is not known.

    `precision` is the widest half of an interval of a ratio to the fastest float form, as a share of the ratio. `until`
    is the precision that was asked for, None with a number of rounds, and `is_precise` tells whether rounds reached it.
    `others_busy` is the number of CPUs that other programs kept busy during each round of any model. `operators` and
    `xnnpack` are counts by name. `trained_on` and `data` are the name and fingerprint of the training data and of the
    data of this run.
    """

    is_timed: bool
    kernel: str | None
    others_busy: Sequence[float | None]
    operators: Mapping[str, int]
    xnnpack: Mapping[str, int] | None
    converted: bool
    same_answers: bool
    paced: bool
    warm_up: WarmUp | None
    latency: Latency
    precision: float
    until: float | None
    is_precise: bool
    control: Control | None
    trained_on: tuple[str, str] | None
    data: tuple[str, str]


def find_doubts(evidence: Evidence) -> tuple[str, ...]:
    """Return the doubts about a model's result as sentences, the most important first."""
    checks = (*(_TIMING if evidence.is_timed else (_untimed,)), _operators, _answers, _other_data)
    return tuple(_sentence(doubt) for check in checks for doubt in check(evidence))


def of_state(state: State) -> tuple[str, ...]:
    """Return the doubts about any measurement on a machine in this state, as sentences."""
    conditions = Conditions(state, [(state, state)])
    return tuple(_sentence(doubt) for check in _CONDITIONS for doubt in check(conditions))


def _sentence(doubt: Doubt) -> str:
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in doubt)


def _untimed(evidence: Evidence) -> Iterator[Doubt]:
    yield "an emulated CPU shows neither times nor energy", "measure on the real device"


def _other_data(evidence: Evidence) -> Iterator[Doubt]:
    if evidence.trained_on and evidence.trained_on[1] != evidence.data[1]:
        (training_data, _), (test_data, _) = evidence.trained_on, evidence.data
        seen = f"the model was trained on '{training_data}', and its card scores other windows"
        yield seen, f"do not compare those scores with scores on '{test_data}'"


def _load(conditions: Conditions) -> Iterator[Doubt]:
    load = conditions.before.load_average
    if load is not None and load > BUSY_LOAD:
        yield f"the machine was busy before the run (load average {load:g})", "wait until it is idle and run again"


def _others(evidence: Evidence) -> Iterator[Doubt]:
    shares = [share for share in evidence.others_busy if share is not None]
    if not shares:  # only then, since the load average still counts a training that has just ended
        yield from _load(evidence)
    elif (mean := sum(shares) / len(shares)) > BUSY_SHARE:
        yield f"other programs kept {mean:.1f} CPUs busy", "stop them and run again"


def _governor(conditions: Conditions) -> Iterator[Doubt]:
    governor = conditions.before.governor
    if governor not in (None, "performance"):
        yield f"the CPU governor '{governor}' changes the clock", "run 'sudo cpupower frequency-set -g performance'"


def _throttled(conditions: Conditions) -> Iterator[Doubt]:
    reports = [state.throttled for pair in conditions.rounds for state in pair if state.throttled]
    if not reports:
        return
    new = set(reports[-1].since_boot) - set(reports[0].since_boot)
    reasons = sorted(new.union(*(report.now for report in reports)))
    if reasons:
        remedy = "use a stronger power supply" if "under-voltage" in reasons else "cool it"
        yield f"the firmware slowed the machine down ({', '.join(reasons)})", f"{remedy} and run again"


def _hot(conditions: Conditions) -> Iterator[Doubt]:
    sensors = [state.temperatures_c for pair in conditions.rounds for state in pair if state.temperatures_c]
    hottest = max((degrees for temperatures in sensors for degrees in temperatures.values()), default=0.0)
    if hottest >= HOT_C:
        yield f"the CPU reached {hottest:.0f} °C, where machines slow down", "cool it and run again"


def _clock(evidence: Evidence) -> Iterator[Doubt]:
    # After each round, since the CPU may idle at its slowest clock before a round.
    states = [after for _, after in evidence.rounds]
    clocks = [state.firmware_clock_khz or (state.clock_khz and state.clock_khz.current) for state in states]
    mhz = [clock / 1000 for clock in clocks if clock]
    if mhz and min(mhz) < (1 - CLOCK_CHANGE) * max(mhz):
        yield f"the clock changed from {min(mhz):.0f} to {max(mhz):.0f} MHz", "set a fixed clock, or cool the machine"


def _unpinned(evidence: Evidence) -> Iterator[Doubt]:
    if (evidence.kernel or "").startswith("Darwin"):
        yield "macOS moves a process between fast and slow CPUs, and pins none", "compare ratios of one run only"


def _battery(conditions: Conditions) -> Iterator[Doubt]:
    if any(state.power_source == "battery" for pair in conditions.rounds for state in pair):
        yield "the machine ran on its battery, which may make it slower", "plug it in and run again"


def _unstable(evidence: Evidence) -> Iterator[Doubt]:
    if evidence.warm_up and not evidence.warm_up.stable:
        yield "times still changed at the end of most warm-ups", "wait until the machine is idle and run again"


def _spread(evidence: Evidence) -> Iterator[Doubt]:
    limit = evidence.until or WIDEST_INTERVAL[evidence.paced]
    if evidence.precision > limit and not evidence.is_precise:
        reached = math.ceil(1000 * evidence.precision) / 10
        asked = f", not {100 * evidence.until:g} %" if evidence.until else ""
        seen = f"ratios of times are known only to within {reached:g} %{asked}"
        yield seen, f"stop other programs, or use {_more(evidence)}"


def _few(evidence: Evidence) -> Iterator[Doubt]:
    runs, rounds = evidence.latency.runs, len(evidence.rounds)
    if runs < FEWEST_RUNS:
        remedy = "do not quote it" if evidence.paced else f"use {_more(evidence)}"
        yield f"{runs} timed inferences are too few for p99", remedy
    if rounds < FEWEST_ROUNDS:
        count = "1 round is" if rounds == 1 else f"{rounds} rounds are"
        yield f"{count} too few for reliable intervals", f"use {_more(evidence)}"


def _more(evidence: Evidence) -> str:
    return "more --rounds" if evidence.until is None else "a longer --duration"


def _control(evidence: Evidence) -> Iterator[Doubt]:
    control = evidence.control
    if control is None:
        yield "there was no control to show how far off ratios can be", "run without --no-control"
    elif not control.passed:
        low, high = control.p50_ratio_ci95
        ratio = f"{control.p50_ratio:.3f} times as long as itself ({low:.3f} to {high:.3f})"
        yield f"the first model takes {ratio}, so small differences may be chance", "run again"


def _operators(evidence: Evidence) -> Iterator[Doubt]:
    if evidence.xnnpack is None:
        return
    n_inside, n_operators = sum(evidence.xnnpack.values()), sum(evidence.operators.values())
    if n_operators - n_inside <= MOST_OUTSIDE * n_operators:
        return
    outside = sorted(name for name, n in evidence.operators.items() if n > evidence.xnnpack.get(name, 0))
    names = ", ".join(outside[:3]) + (" and others" if len(outside) > 3 else "")
    # 'har-edge convert' itself leaves out only operators that XNNPACK does not have.
    remedy = "see 'Layers' in docs/convert.md" if evidence.converted else "convert the model with 'har-edge convert'"
    yield f"XNNPACK took {n_inside} of {n_operators} operators; {names} run in slower kernels", remedy


def _answers(evidence: Evidence) -> Iterator[Doubt]:
    if not evidence.same_answers:
        yield "the answers differed between rounds", "run again with --threads 1"


_CONDITIONS = (_load, _governor, _throttled, _hot, _battery)
_TIMING = (_others, _governor, _unpinned, _throttled, _hot, _clock, _battery, _unstable, _spread, _few, _control)
