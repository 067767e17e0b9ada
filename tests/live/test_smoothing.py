"""Smoothing changes its activity for evidence that persists, sooner while the body moves."""

import numpy as np
import pytest

from edge_runtime.live.smoothing import Smoother
from edge_runtime.model.model_card import Smoothing

SURE, OTHER, TORN = np.array([0.98, 0.01, 0.01]), np.array([0.3, 0.65, 0.05]), np.array([0.4, 0.3, 0.3])


def update(smoother, window, is_moving=False, cannot_begin=(False, False, False)):
    return smoother.update(window, 1.28, is_moving, np.array(cannot_begin))


def test_one_odd_window_changes_nothing_and_a_change_takes_longer_while_the_body_is_still():
    n_until = {}
    for is_moving in (True, False):
        smoother = Smoother(Smoothing(), 3, 1.28)
        for _ in range(5):
            update(smoother, SURE)
        assert update(smoother, OTHER) == 0
        n_until[is_moving] = next(i for i in range(100) if update(smoother, SURE[[1, 0, 2]], is_moving) == 1)
    assert n_until[True] < n_until[False] < 10


def test_an_activity_that_cannot_begin_is_not_taken_up():
    smoother = Smoother(Smoothing(), 3, 1.28)
    assert [update(smoother, SURE, True, (True, False, False)) for _ in range(5)] == [None] * 5


def test_after_unknown_an_activity_is_shown_again_once_it_is_probable_by_itself():
    smoother = Smoother(Smoothing(), 3, 1.28)
    assert smoother.shown(False) is None  # nothing is known yet

    def after(window, is_moving: bool, is_rejected: bool = False) -> int | None:
        update(smoother, window, is_moving)
        return smoother.shown(is_rejected)

    assert [after(SURE, is_moving=False) for _ in range(4)][-1] == 0
    assert [after(TORN, is_moving=True) for _ in range(3)] == [0, 0, 0]  # it stays, however improbable
    assert after(TORN, is_moving=True, is_rejected=True) is None
    assert [after(TORN, is_moving=True) for _ in range(3)] == [None] * 3
    assert smoother.probabilities[0] < 0.8
    assert [after(SURE, is_moving=False) for _ in range(4)][-1] == 0
    assert after(SURE, is_moving=False, is_rejected=True) is None
    assert after(SURE, is_moving=False) == 0  # it was probable all the time


@pytest.mark.parametrize("hops", [0.125, 0.5, 1, 2, 5])
def test_windows_that_overlap_count_in_part_and_none_counts_for_more_than_one(hops):
    settings = Smoothing(change_still=0.5)
    smoother = Smoother(settings, 2, 1.28)
    smoother.probabilities = np.array([0.9, 0.1])
    smoother.update(np.array([0.2, 0.8]), hops * 1.28, False, np.zeros(2, np.bool_))
    change = 1 - 0.5**hops
    before = np.array([0.9 * (1 - change) + 0.1 * change, 0.1 * (1 - change) + 0.9 * change])
    expected = before * np.array([0.2, 0.8]) ** (settings.evidence * min(1.0, hops))
    np.testing.assert_allclose(smoother.probabilities, expected / expected.sum(), rtol=1e-12)
