"""Novelty that persists for five seconds is accepted, rules an activity out, or is that of a phone not worn."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.live.persistence import PERSISTENCE_S, PersistenceTracker
from edge_runtime.model.novelty import Novelty

NONE = Novelty.none(3)
OF_ONE = np.array([False, True, False])
STEPS = [1.28, 0.32, 0.5]


@pytest.mark.parametrize("step_s", STEPS)
@pytest.mark.parametrize(
    ("novelty", "has_changed"),
    [
        pytest.param(replace(NONE, unusual_posture=OF_ONE), lambda x: not x.cannot_begin[1], id="posture is accepted"),
        pytest.param(replace(NONE, unusual_movement=OF_ONE), lambda x: x.rules_out(1), id="movement is ruled out"),
        pytest.param(replace(NONE, at_rest=np.array(True)), lambda x: x.not_worn, id="rest is not worn"),
    ],
)
def test_novelty_counts_once_it_has_persisted(step_s, novelty, has_changed):
    tracker = PersistenceTracker(3, step_s)
    seconds = next(i * step_s for i in range(1, 1000) if has_changed(tracker.update(novelty, 1)))
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


def test_unusual_movement_begins_nothing_however_long_it_lasts():
    tracker = PersistenceTracker(3, 1.28)
    assert all(tracker.update(replace(NONE, unusual_movement=OF_ONE), 1).cannot_begin[1] for _ in range(20))


def test_an_unusual_posture_that_the_network_names_differently_now_and_then_is_not_accepted():
    tracker = PersistenceTracker(3, 1.28)
    unusual = replace(NONE, unusual_posture=np.ones(3, np.bool_))
    assert all(tracker.update(unusual, 0 if i % 3 else 1).cannot_begin.all() for i in range(30))
    assert unusual.unusual_posture.all()


def test_one_movement_ends_rest():
    tracker = PersistenceTracker(3, 1.28)
    at_rest = replace(NONE, at_rest=np.array(True))
    assert [tracker.update(at_rest, 1).not_worn for _ in range(6)] == [False, False, False, True, True, True]
    assert not tracker.update(NONE, 1).not_worn
    assert not tracker.update(at_rest, 1).not_worn
