"""Timing, against a clock that the test moves."""

import gc

import pytest

from edge_runtime.timing import CHUNKS, time_calls, warm_up


class Clock:
    """A clock that stands still unless it is told to move."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


def test_each_call_has_its_own_time_and_inputs_take_turns():
    clock, seen = Clock(), []

    def call(duration: int) -> None:
        seen.append(duration)
        clock.now += duration

    assert time_calls(call, [5, 7, 900], 6, clock=clock).tolist() == [5, 7, 900] * 2
    # Every chunk, here of one run, begins with an untimed call of the same input.
    assert seen == [5, 5, 7, 7, 900, 900] * 2


@pytest.mark.parametrize("runs", [1, 7, 10, 11, 1000])
def test_reports_come_between_the_timed_calls_and_do_not_count(runs):
    clock, shares = Clock(), []

    def report(share: float) -> None:
        shares.append(share)
        clock.now += 10**9

    def call(duration: int) -> None:
        clock.now += duration

    assert time_calls(call, [3], runs, report, clock).tolist() == [3] * runs
    assert len(shares) == min(runs, CHUNKS)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_garbage_is_not_collected_meanwhile():
    states = []
    time_calls(lambda _: states.append(gc.isenabled()), [0], 5)
    assert not any(states)
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        time_calls(lambda _: 1 / 0, [0], 5)
    assert gc.isenabled()


def test_warming_up_lasts_as_long_as_asked_and_is_never_skipped():
    clock = Clock()

    def call(milliseconds: int) -> None:
        clock.now += milliseconds * 10**6

    assert warm_up(call, [1], seconds=0.5, least=3, clock=clock) == 500
    assert warm_up(call, [1000], seconds=0.5, least=3, clock=clock) == 3
