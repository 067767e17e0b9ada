"""Timing, against a clock that the test moves."""

import gc
from collections.abc import Callable

import pytest

from edge_runtime.bench.measured import WarmUp
from edge_runtime.bench.timing import CHUNKS, harness_overhead, time_calls, time_paced, warm_up


class Clock:
    """A clock that moves only on request."""

    def __init__(self) -> None:
        self.now = 1_000
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1e9)

    def lasts(self, nanoseconds: int) -> None:
        """To be called: something that takes so long."""
        self.now += nanoseconds


def test_each_call_has_its_own_time_and_inputs_take_turns():
    clock, seen = Clock(), []
    times = time_calls(lambda duration: seen.append(duration) or clock.lasts(duration), [5, 7, 900], 6, clock=clock)
    assert times.tolist() == [5, 7, 900] * 2
    # Every chunk, here of one run, begins with an untimed call of the same input.
    assert seen == [5, 5, 7, 7, 900, 900] * 2


@pytest.mark.parametrize("runs", [1, 7, 11])
def test_reports_come_between_the_timed_calls_and_do_not_count(runs):
    clock, shares = Clock(), []
    times = time_calls(clock.lasts, [3], runs, lambda share: shares.append(share) or clock.lasts(10**9), clock)
    assert times.tolist() == [3] * runs
    assert (len(shares), shares[-1]) == (min(runs, CHUNKS), 1)


def test_long_calls_are_reported_one_by_one():
    clock, shares = Clock(), []
    time_calls(clock.lasts, [6 * 10**9], 40, shares.append, clock)
    assert shares == [done / 40 for done in range(1, 41)]


def test_garbage_is_not_collected_during_timing():
    states = []
    time_calls(lambda _: states.append(gc.isenabled()), [0], 5)
    assert not any(states)
    assert gc.isenabled()


class Machine:
    """Something to call that takes as long as `duration` says of each call, by a clock of its own."""

    def __init__(self, duration: Callable[[int], int]) -> None:
        self.clock, self.calls, self._duration = Clock(), 0, duration

    def __call__(self, _: object) -> None:
        self.clock.now += self._duration(self.calls)
        self.calls += 1


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


def test_paced_calls_begin_when_they_are_due():
    clock, began = Clock(), []

    def prepare(value: int) -> int:
        began.append(clock.now)
        clock.lasts(2 * MILLISECOND)
        return value * MILLISECOND

    alone, together = time_paced(prepare, clock.lasts, [3, 5], 5, 0.1, clock=clock, sleep=clock.sleep)
    assert alone.tolist() == [n * MILLISECOND for n in (3, 5, 3, 5, 3)]
    assert (together - alone).tolist() == [2 * MILLISECOND] * 5
    assert [start - 1000 for start in began] == [100 * MILLISECOND * (i + 1) for i in range(5)]
    assert len(clock.slept) == 5
    late = Clock()
    time_paced(lambda values: values, late.lasts, [300 * MILLISECOND], 3, 0.1, clock=late, sleep=late.sleep)
    assert late.slept == [0.1, 0, 0], "a call longer than the period is followed at once"


def test_the_overhead_of_the_harness_is_the_time_of_an_empty_call():
    ticks = iter(range(0, 10**9, 80))
    assert harness_overhead(lambda: next(ticks)) == 80
