"""Novelty counts by how long it lasts, at any hop."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.live.persistence import PERSISTENCE_S, PersistenceTracker
from edge_runtime.model.novelty import Novelty

NONE = Novelty.none(3)
OF_ONE = np.array([False, True, False])


def unlike(distance: float) -> Novelty:
    return replace(NONE, unlike_all=np.array(distance))


@pytest.mark.parametrize("step_s", [1.28, 0.32, 0.5])
@pytest.mark.parametrize(
    ("novelty", "has_changed"),
    [
        pytest.param(replace(NONE, unusual_posture=OF_ONE), lambda x: not x.cannot_begin[1], id="posture is accepted"),
        pytest.param(unlike(1.1), lambda x: x.movement[1], id="movement is ruled out"),
        pytest.param(replace(NONE, at_rest=np.array(True)), lambda x: x.not_worn, id="rest is not worn"),
    ],
)
def test_novelty_counts_once_it_has_persisted(step_s, novelty, has_changed):
    tracker = PersistenceTracker(step_s)
    seconds = next(i * step_s for i in range(1, 1000) if has_changed(tracker.update(novelty, 1)))
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


def test_what_goes_on_is_ruled_out_where_single_windows_of_another_activity_look_typical():
    tracker = PersistenceTracker(1.28)
    found = [tracker.update(unlike(x), 1).movement[1] for x in [1.4, 1.4, 1.4, 0.85] * 6]
    assert found == [False] * 5 + [True] * 19
    assert not tracker.update(unlike(0.3), 1).movement[1]


def begins(distances, step_s=1.28):
    """Whether an activity may begin after each window of movement at these distances from all of them."""
    tracker = PersistenceTracker(step_s)
    return [not tracker.update(unlike(x), 1).cannot_begin.any() for x in distances]


def test_nothing_begins_in_movement_unlike_every_activity_and_one_window_delays_nothing():
    assert begins([1.4] * 8 + [0.7, 1.2, 0.8, 0.85, 1.3]) == [True] + [False] * 12
    assert all(begins([0.3, 0.4, 1.8, 0.3, 0.5, 1.8, 0.4, *[0.85] * 9]))


@pytest.mark.parametrize("step_s", [1.28, 0.32])
@pytest.mark.parametrize(("distance", "seconds"), [(0.3, 1.28), (0.85, 15.0)])
def test_movement_that_is_typical_again_ends_that_the_sooner_the_more_typical_it_is(step_s, distance, seconds):
    windows = round(60 / step_s)
    found = begins([1.5] * windows + [distance] * windows, step_s)
    assert 0 < step_s * (found.index(True, windows) - windows + 1) <= seconds + step_s


@pytest.mark.parametrize("step_s", [0.02, 0.16, 0.8])
def test_evidence_of_something_else_is_counted_in_seconds_not_in_windows(step_s):
    windows = round(2.4 / step_s)
    assert all(begins([1.5] * windows, step_s))
    assert not begins([1.5] * (windows + round(0.3 / step_s) + 1), step_s)[-1]


def test_an_unusual_posture_that_the_network_names_differently_now_and_then_is_not_accepted():
    tracker = PersistenceTracker(1.28)
    unusual = replace(NONE, unusual_posture=np.ones(3, np.bool_))
    assert all(tracker.update(unusual, 0 if i % 3 else 1).cannot_begin.all() for i in range(30))
    assert unusual.unusual_posture.all()


def test_one_movement_ends_rest():
    tracker = PersistenceTracker(1.28)
    at_rest = replace(NONE, at_rest=np.array(True))
    found = [tracker.update(x, 1).not_worn for x in (*[at_rest] * 6, NONE, at_rest)]
    assert found == [False, False, False, True, True, True, False, False]


@pytest.mark.parametrize("kind", ["posture", "movement"])
def test_unusual_motion_keeps_an_activity_from_beginning_and_only_novel_motion_rules_it_out(kind):
    tracker = PersistenceTracker(1.28)
    unusual = [tracker.update(replace(NONE, **{f"unusual_{kind}": OF_ONE}), 0) for _ in range(20)][-1]
    assert unusual.cannot_begin.tolist() == OF_ONE.tolist()
    assert not getattr(unusual, kind).any()
    assert getattr(tracker.update(replace(NONE, **{f"novel_{kind}": OF_ONE}), 0), kind).tolist() == OF_ONE.tolist()
