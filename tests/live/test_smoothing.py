"""Smoothing changes its activity for evidence that persists, sooner while the body moves."""

import numpy as np
import pytest

from edge_runtime.live.smoothing import Smoother
from edge_runtime.model.model_card import Smoothing

ALL_CAN_BEGIN = np.zeros(3, np.bool_)


def test_one_odd_window_changes_nothing_and_a_change_that_persists_comes_through():
    smoother = Smoother(Smoothing(), 3, 1.28)
    sure, other = np.array([0.98, 0.01, 0.01]), np.array([0.3, 0.65, 0.05])
    for _ in range(5):
        smoother.update(sure, 1.28, False, ALL_CAN_BEGIN)
    assert smoother.update(other, 1.28, False, ALL_CAN_BEGIN) == 0
    assert [smoother.update(sure[[1, 0, 2]], 1.28, True, ALL_CAN_BEGIN) for _ in range(3)][-1] == 1


def test_while_the_body_is_still_a_change_takes_more_than_while_it_moves():
    def until_changed(is_moving):
        smoother = Smoother(Smoothing(), 3, 1.28)
        for _ in range(10):
            smoother.update(np.array([0.98, 0.01, 0.01]), 1.28, False, ALL_CAN_BEGIN)
        other = np.array([0.01, 0.98, 0.01])
        return next(i for i in range(100) if smoother.update(other, 1.28, is_moving, ALL_CAN_BEGIN) == 1)

    assert until_changed(is_moving=True) < until_changed(is_moving=False)


def test_an_activity_that_cannot_begin_is_not_taken_up():
    smoother = Smoother(Smoothing(), 3, 1.28)
    cannot_begin = np.array([True, False, False])
    assert [smoother.update(np.array([0.98, 0.01, 0.01]), 1.28, True, cannot_begin) for _ in range(5)] == [None] * 5


def test_after_unknown_an_activity_is_shown_again_once_it_is_probable_by_itself():
    smoother = Smoother(Smoothing(), 3, 1.28)
    assert smoother.shown(False) is None  # nothing is known yet

    def after(window: list[float], is_moving: bool, is_rejected: bool = False) -> int | None:
        smoother.update(np.array(window), 1.28, is_moving, ALL_CAN_BEGIN)
        return smoother.shown(is_rejected)

    sure, torn = [0.98, 0.01, 0.01], [0.4, 0.3, 0.3]
    assert [after(sure, is_moving=False) for _ in range(4)][-1] == 0
    assert [after(torn, is_moving=True) for _ in range(3)] == [0, 0, 0]  # it stays, however improbable
    assert after(torn, is_moving=True, is_rejected=True) is None
    assert [after(torn, is_moving=True) for _ in range(3)] == [None] * 3
    assert smoother.probabilities[0] < 0.8
    found = [after(sure, is_moving=False) for _ in range(4)]
    assert found[-1] == 0
    assert after(sure, is_moving=False, is_rejected=True) is None
    assert after(sure, is_moving=False) == 0  # it was probable all the time


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
