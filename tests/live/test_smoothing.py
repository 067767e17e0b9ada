"""Smoothing changes the activity for persistent evidence, sooner in movement; novelty counts once it persists."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.live.persistence import PERSISTENCE_S, REST_S, STEADY_S, PersistenceTracker
from edge_runtime.live.smoothing import Smoother, reachable
from edge_runtime.model.model_card import Smoothing
from edge_runtime.model.novelty import Novelty

SURE, OTHER, TORN = np.array([0.98, 0.01, 0.01]), np.array([0.3, 0.65, 0.05]), np.array([0.4, 0.3, 0.3])


def update(smoother, window, is_moving=False, cannot_begin=(False, False, False)):
    return smoother.update(window, is_moving, np.array(cannot_begin))


def test_one_odd_window_does_not_change_the_activity_and_a_still_body_delays_changes():
    n_until = {}
    for is_moving in (True, False):
        smoother = Smoother(Smoothing(), 3, (), 1.28)
        for _ in range(5):
            update(smoother, SURE)
        assert update(smoother, OTHER) == 0
        n_until[is_moving] = next(i for i in range(100) if update(smoother, SURE[[1, 0, 2]], is_moving) == 1)
    assert n_until[True] < n_until[False] < 10


def test_after_unknown_an_activity_is_shown_again_once_it_is_probable():
    smoother = Smoother(Smoothing(), 3, (), 1.28)

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


@pytest.mark.parametrize("hop_s", [0.5, 1.28])
def test_an_activity_that_no_window_confirms_becomes_unknown(hop_s):
    smoother, shown = Smoother(Smoothing(), 3, (), hop_s), []
    for _ in range(60):
        update(smoother, SURE, cannot_begin=[len(shown) > 9] * 3, is_moving=len(shown) > 9)
        shown.append(smoother.shown(False))
    assert 4 < hop_s * (shown.index(None, 9) - 9) < 8
    assert {*shown[shown.index(None, 9) :]} == {None}


@pytest.mark.parametrize("n_labels", [2, 4, 7])
@pytest.mark.parametrize("sureness", [0.6, 0.9, 0.999])
def test_an_unsure_network_can_be_certain_of_each_activity_that_moves(sureness, n_labels):
    y = np.repeat(np.arange(n_labels), 10)
    windows = np.full((len(y), n_labels), (1 - sureness) / (n_labels - 1))
    windows[np.arange(len(y)), y] = sureness
    settings = reachable(Smoothing(), windows, y, range(n_labels))
    assert settings.change_moving == pytest.approx(Smoothing().change_moving) or sureness < 0.99 or n_labels == 2
    smoother = Smoother(settings, n_labels, (), 1.28)
    for label in (0, 1):
        for _ in range(60):
            update(smoother, windows[10 * label], is_moving=True, cannot_begin=[False] * n_labels)
            shown = smoother.shown(False)
        assert shown == label


@pytest.mark.parametrize("before", [None, 2])
@pytest.mark.parametrize("steps", [(0, 1), ()])
def test_windows_that_leave_open_which_steps_are_taken_decide_together(steps, before):
    smoother = Smoother(Smoothing(), 3, steps, 1.28)
    if before is not None:
        update(smoother, SURE[[1, 2, 0]])
        assert smoother.shown(False) == before
    for _ in range(8):
        update(smoother, np.array([0.69, 0.3, 0.01]), is_moving=True)
        shown = smoother.shown(False)
    assert shown == (0 if steps else None)


@pytest.mark.parametrize(("earlier", "expected"), [(0, 0), (1, None)])
def test_the_first_window_counts_for_more_since_it_overlaps_with_no_other(earlier, expected):
    smoother = Smoother(Smoothing(), 6, (), 1.28)
    for probabilities in [*[[1 / 6] * 6] * earlier, [0.95, *[0.01] * 5]]:
        smoother.update(np.array(probabilities), True, np.zeros(6, np.bool_))
    assert smoother.current == expected


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
    ],
)
def test_novelty_counts_once_it_has_persisted(step_s, novelty, has_changed):
    tracker = PersistenceTracker(step_s)
    seconds = next(i * step_s for i in range(1, 1000) if has_changed(tracker.update(novelty, 1)))
    assert PERSISTENCE_S <= seconds < PERSISTENCE_S + step_s


def test_activities_are_ruled_out_although_single_windows_look_typical():
    tracker = PersistenceTracker(1.28)
    is_ruled_out = [tracker.update(unlike(distance), 1).movement[1] for distance in [1.4, 1.4, 1.4, 0.85] * 6]
    assert is_ruled_out == [False] * 5 + [True] * 19
    assert not tracker.update(unlike(0.3), 1).movement[1]


def begins(distances):
    """Tell after each window of movement at a distance from all activities whether an activity may begin."""
    tracker = PersistenceTracker(1.28)
    return [not tracker.update(unlike(distance), 1).cannot_begin.any() for distance in distances]


def test_no_activity_begins_in_movement_unlike_every_activity_but_single_windows_delay_nothing():
    assert begins([1.4] * 8 + [0.7, 1.2, 0.8, 0.85, 1.3]) == [True] + [False] * 12
    assert all(begins([0.3, 0.4, 1.8, 0.3, 0.5, 1.8, 0.4, *[0.85] * 9]))


@pytest.mark.parametrize(
    ("rotations", "seconds"),
    [
        pytest.param([1.0, 1.4] * 100, STEADY_S, id="noise is steady"),
        pytest.param([0.0] * 200, STEADY_S, id="a gyroscope without noise is steady"),
        pytest.param([9.0, *[1.0] * 100], STEADY_S + 1.28, id="the phone is steady after a movement"),
        pytest.param([1.0, 1.6] * 100, REST_S, id="a body is not steady"),
    ],
)
def test_a_phone_that_rests_steadily_or_for_long_is_not_worn_until_it_moves(rotations, seconds):
    tracker = PersistenceTracker(1.28)
    at_rest = [replace(NONE, at_rest=np.array(True), rotation=np.array(rotation)) for rotation in rotations]
    assert tracker.update(NONE, 1).not_worn is False
    not_worn = [tracker.update(novelty, 1).not_worn for novelty in (*at_rest, NONE, at_rest[-1])]
    n = not_worn.index(True)
    assert seconds - 1.28 <= n * 1.28 <= seconds
    assert not_worn == [False] * n + [True] * (len(at_rest) - n) + [False, False]


@pytest.mark.parametrize("kind", ["posture", "movement"])
def test_an_activity_does_not_begin_in_unusual_motion_and_is_ruled_out_by_novel_motion(kind):
    tracker = PersistenceTracker(1.28)
    unusual = [tracker.update(replace(NONE, **{f"unusual_{kind}": OF_ONE}), 0) for _ in range(20)][-1]
    assert unusual.cannot_begin.tolist() == OF_ONE.tolist()
    assert not getattr(unusual, kind).any()
    assert getattr(tracker.update(replace(NONE, **{f"novel_{kind}": OF_ONE}), 0), kind).tolist() == OF_ONE.tolist()
