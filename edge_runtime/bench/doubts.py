"""Find the reasons why a result may mislead, each with what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measured import WarmUp
from edge_runtime.bench.results import Control, Latency

# With fewer, p99 rests on less than five samples beyond it.
FEWEST_RUNS = 500
# Fewer rounds do not tell how much rounds differ.
FEWEST_ROUNDS = 5
# Load average of the minute before.
BUSY_LOAD = 0.5
# CPUs that others used during the measurement; our own progress bar takes a few hundredths.
BUSY_SHARE = 0.25
# Share of a graph's operators outside XNNPACK.
MOST_OUTSIDE = 0.1
# Raspberry Pis slow down from 80 degrees on; others a little later.
HOT_C = 80.0
# Clocks jitter by a few per cent without a cause.
CLOCK_CHANGE = 0.1
# Shares of p50. Paced times, which are few and cold, have a wider limit.
WIDEST_MAD = 0.1
WIDEST_INTERVAL = {False: 0.1, True: 0.4}


@dataclass(frozen=True)
class Conditions:
    """The machine's state `before` the run, and before and after each of the `rounds` of this model."""

    before: State
    rounds: Sequence[tuple[State, State]]


@dataclass(frozen=True, kw_only=True)
class Evidence(Conditions):
    """The facts that a result is judged by; None is not known.

    `others_busy` are CPUs that other programs kept busy during each round of any model. `operators` and `xnnpack` are
    counts by name. `trained_on` and `data` are name and fingerprint of the data of the training, and of this data.
    """

    is_timed: bool
    others_busy: Sequence[float | None]
    operators: Mapping[str, int]
    xnnpack: Mapping[str, int] | None
    converted: bool
    same_answers: bool
    paced: bool
    warm_up: WarmUp | None
    latency: Latency
    control: Control | None
    trained_on: tuple[str, str] | None
    data: tuple[str, str]


def find_doubts(evidence: Evidence) -> tuple[str, ...]:
    """Return the doubts about a model's result, the weightiest first."""
    checks = (*(_TIMING if evidence.is_timed else (_untimed,)), _operators, _answers, _other_data)
    return tuple(doubt for check in checks for doubt in check(evidence))


def of_state(state: State) -> tuple[str, ...]:
    """Return the doubts about any measurement on a machine in this state."""
    conditions = Conditions(state, [(state, state)])
    return tuple(doubt for check in _CONDITIONS for doubt in check(conditions))


def _untimed(evidence: Evidence) -> Iterator[str]:
    yield "the CPU is emulated, so times and the memory of processes are left out: measure on the real device"


def _other_data(evidence: Evidence) -> Iterator[str]:
    if not evidence.trained_on or evidence.trained_on[1] == evidence.data[1]:
        return
    (own, _), (name, _) = evidence.trained_on, evidence.data
    yield f"it was trained on '{own}', and its card's scores are of other windows than '{name}': do not compare them"


def _load(conditions: Conditions) -> Iterator[str]:
    load = conditions.before.load_average
    if load is not None and load > BUSY_LOAD:
        yield f"the machine was busy before the run (load average {load:g}): let it come to rest and run again"


def _others(evidence: Evidence) -> Iterator[str]:
    known = [share for share in evidence.others_busy if share is not None]
    if not known:  # the minute before may be of a training that has ended
        yield from _load(evidence)
    elif (mean := sum(known) / len(known)) > BUSY_SHARE:
        yield f"other programs kept {mean:.1f} CPUs busy during the run: stop them and run again"


def _governor(conditions: Conditions) -> Iterator[str]:
    governor = conditions.before.governor
    if governor not in (None, "performance"):
        yield f"the CPU governor is '{governor}', which changes the clock: 'sudo cpupower frequency-set -g performance'"


def _throttled(conditions: Conditions) -> Iterator[str]:
    told = [state.throttled for pair in conditions.rounds for state in pair if state.throttled]
    if not told:
        return
    new = set(told[-1].since_boot) - set(told[0].since_boot)
    found = sorted(new.union(*(state.now for state in told)))
    if found:
        advice = "use a stronger power supply" if "under-voltage" in found else "cool it"
        yield f"the firmware slowed the machine down ({', '.join(found)}): {advice} and run again"


def _hot(conditions: Conditions) -> Iterator[str]:
    told = [state.temperatures_c for pair in conditions.rounds for state in pair if state.temperatures_c]
    hottest = max((x for sensors in told for x in sensors.values()), default=0.0)
    if hottest >= HOT_C:
        yield f"the CPU reached {hottest:.0f} °C, where machines slow down: cool it and run again"


def _clock(evidence: Evidence) -> Iterator[str]:
    # After each round, when the CPU had work to do: before, it may have been idling at its slowest.
    clocks = [x.firmware_clock_khz or (x.clock_khz and x.clock_khz.current) for _, x in evidence.rounds]
    known = [clock for clock in clocks if clock]
    if known and min(known) < (1 - CLOCK_CHANGE) * max(known):
        slowest, fastest = min(known) / 1000, max(known) / 1000
        yield f"the clock changed between rounds ({slowest:.0f} to {fastest:.0f} MHz): fix it, or cool the machine"


def _battery(conditions: Conditions) -> Iterator[str]:
    if any(state.power_source == "battery" for pair in conditions.rounds for state in pair):
        yield "the machine ran on its battery, which saves power at the cost of speed: plug it in and run again"


def _unstable(evidence: Evidence) -> Iterator[str]:
    if evidence.warm_up and not evidence.warm_up.stable:
        yield "the times did not settle during warm-up in most rounds: let the machine come to rest and run again"


def _spread(evidence: Evidence) -> Iterator[str]:
    latency = evidence.latency
    if latency.mad is not None and not evidence.paced and latency.mad > WIDEST_MAD * latency.p50:
        off = f"{100 * latency.mad / latency.p50:.0f} %"
        yield f"the times spread widely (half are more than {off} off p50): stop other programs and run again"
    if latency.p50_ci95 and latency.p50_ci95[1] - latency.p50_ci95[0] > WIDEST_INTERVAL[evidence.paced] * latency.p50:
        width = 100 * (latency.p50_ci95[1] - latency.p50_ci95[0]) / latency.p50
        yield f"the interval of p50 is {width:.0f} % wide, since rounds differ: run again, or with more --rounds"


def _few(evidence: Evidence) -> Iterator[str]:
    runs, rounds = evidence.latency.runs, len(evidence.rounds)
    if runs < FEWEST_RUNS:
        advice = "do not quote it" if evidence.paced else f"use --runs {FEWEST_RUNS} or more"
        yield f"{runs} timed inferences are too few for p99: {advice}"
    if rounds < FEWEST_ROUNDS:
        counted = "1 round is" if rounds == 1 else f"{rounds} rounds are"
        yield f"{counted} too few for the intervals to hold: use --rounds {FEWEST_ROUNDS} or more"


def _control(evidence: Evidence) -> Iterator[str]:
    control = evidence.control
    if control is None:
        yield "there was no control to show how far ratios of this run can be off: run without --no-control"
    elif not control.passed:
        low, high = control.p50_ratio_ci95
        yield (
            f"the control failed: the first model against itself is {control.p50_ratio:.3f} times as slow "
            f"({low:.3f} to {high:.3f}), so that other small differences may be chance: run again"
        )


def _operators(evidence: Evidence) -> Iterator[str]:
    if evidence.xnnpack is None:
        return
    taken, total = sum(evidence.xnnpack.values()), sum(evidence.operators.values())
    if total - taken <= MOST_OUTSIDE * total:
        return
    left = sorted(name for name, n in evidence.operators.items() if n > evidence.xnnpack.get(name, 0))
    names = ", ".join(left[:3]) + (" and others" if len(left) > 3 else "")
    # 'har-edge convert' only leaves out what XNNPACK does not have.
    advice = "" if evidence.converted else ": convert it with 'har-edge convert'"
    yield f"XNNPACK took {taken} of {total} operators, not {names}, which run in slower kernels{advice}"


def _answers(evidence: Evidence) -> Iterator[str]:
    if not evidence.same_answers:
        yield "the rounds did not give the same answers: run again with --threads 1"


_CONDITIONS = (_load, _governor, _throttled, _hot, _battery)
_TIMING = (_others, _governor, _throttled, _hot, _clock, _battery, _unstable, _spread, _few, _control)
