"""Novelty counts by how long it lasts, at any hop."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.live.persistence import PERSISTENCE_S, PersistenceTracker
from edge_runtime.model.novelty import Novelty

NONE = Novelty.none(3)
OF_ONE = np.array([False, True, False])


@pytest.mark.parametrize("step_s", [1.28, 0.32, 0.5])
@pytest.mark.parametrize(
    ("novelty", "has_changed"),
    [
        pytest.param(replace(NONE, unusual_posture=OF_ONE), lambda x: not x.cannot_begin[1], id="posture is accepted"),
        pytest.param(replace(NONE, unlike_all=np.array(1.1)), lambda x: x.rules_out(1), id="movement is ruled out"),
        pytest.param(replace(NONE, at_rest=np.array(True)), lambda x: x.not_worn, id="rest is not worn"),
    ],
)
def test_novelty_counts_once_it_has_persisted(step_s, novelty, has_changed):
    tracker = PersistenceTracker(step_s)
    seconds = next(i * step_s for i in range(1, 1000) if has_changed(tracker.update(novelty, 1)))
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


def test_unusual_movement_begins_nothing_however_long_it_lasts():
    tracker = PersistenceTracker(1.28)
    assert all(tracker.update(replace(NONE, unusual_movement=OF_ONE), 1).cannot_begin[1] for _ in range(20))


def test_what_goes_on_is_ruled_out_where_single_windows_of_another_activity_look_typical():
    tracker = PersistenceTracker(1.28)
    distances = [1.4, 1.4, 1.4, 0.85] * 6
    found = [tracker.update(replace(NONE, unlike_all=np.array(x)), 1).rules_out(1) for x in distances]
    assert found == [False] * 5 + [True] * 19
    assert not tracker.update(replace(NONE, unlike_all=np.array(0.3)), 1).rules_out(1)


def begins(distances, step_s=1.28):
    """Whether an activity may begin after each window of movement so far from all of them."""
    tracker = PersistenceTracker(step_s)
    return [not tracker.update(replace(NONE, unlike_all=np.array(x)), 1).cannot_begin.any() for x in distances]


def test_nothing_begins_in_movement_unlike_every_activity_where_single_windows_look_typical():
    assert begins([1.4] * 8 + [0.7, 1.2, 0.8, 0.85, 1.3]) == [True] + [False] * 12


def test_one_window_between_two_activities_delays_neither():
    assert all(begins([0.3, 0.4, 1.8, 0.3, 0.5, 1.8, 0.4, *[0.85] * 9]))


@pytest.mark.parametrize("step_s", [1.28, 0.32])
@pytest.mark.parametrize(("distance", "seconds"), [(0.3, 1.28), (0.85, 15.0)])
def test_movement_that_is_typical_again_ends_that_the_sooner_the_more_typical_it_is(step_s, distance, seconds):
    windows = round(60 / step_s)
    found = begins([1.5] * windows + [distance] * windows, step_s)
    assert 0 < step_s * (found.index(True, windows) - windows + 1) <= seconds + step_s


def test_an_unusual_posture_that_the_network_names_differently_now_and_then_is_not_accepted():
    tracker = PersistenceTracker(1.28)
    unusual = replace(NONE, unusual_posture=np.ones(3, np.bool_))
    assert all(tracker.update(unusual, 0 if i % 3 else 1).cannot_begin.all() for i in range(30))
    assert unusual.unusual_posture.all()


def test_one_movement_ends_rest():
    tracker = PersistenceTracker(1.28)
    at_rest = replace(NONE, at_rest=np.array(True))
    assert [tracker.update(at_rest, 1).not_worn for _ in range(6)] == [False, False, False, True, True, True]
    assert not tracker.update(NONE, 1).not_worn
    assert not tracker.update(at_rest, 1).not_worn


@pytest.mark.parametrize("posture", [True, False])
def test_unusual_motion_keeps_an_activity_from_beginning_and_only_novel_motion_rules_it_out(posture):
    kind = "posture" if posture else "movement"
    unusual = PersistenceTracker(1.28).update(replace(NONE, **{f"unusual_{kind}": OF_ONE}), 0)
    assert unusual.cannot_begin.tolist() == [False, True, False]
    assert not any(unusual.rules_out(x) for x in range(3))
    novel = PersistenceTracker(1.28).update(replace(NONE, **{f"novel_{kind}": OF_ONE}), 0)
    assert [novel.rules_out(x) for x in range(3)] == [False, True, False]


@pytest.mark.parametrize("step_s", [0.02, 0.16, 0.8])
def test_evidence_of_something_else_is_counted_in_seconds_not_in_windows(step_s):
    windows = round(2.4 / step_s)
    assert all(begins([1.5] * windows, step_s))
    assert not begins([1.5] * (windows + round(0.3 / step_s) + 1), step_s)[-1]
