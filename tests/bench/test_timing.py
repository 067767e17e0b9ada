"""Timing, against a clock that the test moves."""

from collections.abc import Callable

import pytest

from edge_runtime.bench.measured import WarmUp
from edge_runtime.bench.timing import harness_overhead, time_calls, warm_up


class Machine:
    """Something to call that takes as long as `duration` says of each call, by a clock of its own."""

    def __init__(self, duration: Callable[[int], int]) -> None:
        self.now, self.calls, self._duration = 1_000, 0, duration

    def clock(self) -> int:
        return self.now

    def __call__(self, _: object) -> None:
        self.now += self._duration(self.calls)
        self.calls += 1


def test_each_call_has_its_own_time_and_inputs_take_turns_after_an_untimed_call():
    seen = []
    machine = Machine(lambda i: seen[i])
    times = time_calls(lambda duration: seen.append(duration) or machine(duration), [5, 7, 900], 4, 1, machine.clock)
    assert times.tolist() == [7, 900, 5, 7]
    assert seen == [7, 7, 900, 5, 7]


MILLISECOND = 10**6


def warmed(machine: Machine, least: float = 0.1) -> tuple[WarmUp, float]:
    return warm_up(machine, [1], least, 2.0, machine.clock)


def test_warming_up_ends_when_the_times_have_settled_and_lasts_a_while():
    rising_clock = Machine(lambda i: max(MILLISECOND, 3 * MILLISECOND - 10_000 * i))
    warm, median_ns = warmed(rising_clock)
    # 200 calls of 2 ms on average, then three blocks of 20 ms; the last block decides what a call takes.
    assert warm.stable
    assert 0.4 < warm.seconds < 0.5
    assert median_ns == MILLISECOND
    assert warm.calls == rising_clock.calls
    assert warmed(Machine(lambda i: MILLISECOND // 10), least=0.5)[0].seconds == pytest.approx(0.5, abs=0.03)
    disturbed, _ = warmed(Machine(lambda i: MILLISECOND * (40 if i == 30 else 1)))
    assert (disturbed.stable, disturbed.seconds < 0.25) == (True, True)


def test_warming_up_ends_in_time_when_the_times_never_settle():
    restless, _ = warmed(Machine(lambda i: MILLISECOND * (1 + i // 20 % 2)))
    assert not restless.stable
    assert restless.seconds == pytest.approx(2, abs=0.01)


def test_the_overhead_of_the_harness_is_the_time_of_an_empty_call():
    ticks = iter(range(0, 10**9, 80))
    assert harness_overhead(lambda: next(ticks)) == 80
