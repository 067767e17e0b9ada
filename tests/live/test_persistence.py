"""What lasts five seconds is no change of posture: it is believed, disbelieved, or nobody's at all."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.live.persistence import PERSISTENCE_S, PersistenceTracker
from edge_runtime.model.novelty import Judgement

NOTHING = Judgement.of_nothing(3)
OF_ONE = np.array([False, True, False])
STEPS = [1.28, 0.32, 0.5]


def until(step_s, judgement, spoken):
    """Seconds until a verdict on activity 1, named all the time, is `spoken`."""
    lasting = PersistenceTracker(3, step_s)
    return next(i * step_s for i in range(1, 1000) if spoken(lasting.take(judgement, 1)))


@pytest.mark.parametrize("step_s", STEPS)
def test_an_unusual_posture_is_believed_when_it_lasts(step_s):
    seconds = until(step_s, replace(NOTHING, far_posture=OF_ONE), lambda x: not x.unusual[1])
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


@pytest.mark.parametrize("step_s", STEPS)
def test_unusual_movement_is_disbelieved_when_it_lasts(step_s):
    seconds = until(step_s, replace(NOTHING, far_movement=OF_ONE), lambda x: x.speaks_against(1))
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


@pytest.mark.parametrize("step_s", STEPS)
def test_what_is_at_rest_for_long_is_lifeless(step_s):
    seconds = until(step_s, replace(NOTHING, at_rest=np.array(True)), lambda x: x.lifeless)
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


def test_unusual_movement_begins_nothing_however_long_it_lasts():
    lasting = PersistenceTracker(3, 1.28)
    assert all(lasting.take(replace(NOTHING, far_movement=OF_ONE), 1).unusual[1] for _ in range(20))


def test_a_posture_that_the_network_names_differently_now_and_then_is_not_believed():
    lasting = PersistenceTracker(3, 1.28)
    far = replace(NOTHING, far_posture=np.ones(3, np.bool_))
    assert all(lasting.take(far, 0 if i % 3 else 1).unusual.all() for i in range(30))


def test_one_movement_ends_rest():
    lasting = PersistenceTracker(3, 1.28)
    at_rest = replace(NOTHING, at_rest=np.array(True))
    assert [lasting.take(at_rest, 1).lifeless for _ in range(6)] == [False, False, False, True, True, True]
    assert not lasting.take(NOTHING, 1).lifeless
    assert not lasting.take(at_rest, 1).lifeless


def test_the_judgement_itself_is_left_as_it_is():
    lasting, far = PersistenceTracker(3, 1.28), replace(NOTHING, far_posture=np.ones(3, np.bool_))
    for _ in range(9):
        lasting.take(far, 1)
    assert far.far_posture.all()
