"""The correction learnt from one person holds for later windows of theirs, and changes no other activity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.live.posture_learning import cross_validate, exchanged, learn
from edge_runtime.model.posture_correction import PostureCorrection

SIT, STAND = 3, 4


def person(tilt, margin, seed=0, n=80):
    """Windows of someone who sits `tilt` g further forward than they stand, which the network takes for standing."""
    rng = np.random.default_rng(seed)
    y = np.repeat([SIT, STAND], n // 2)
    logits = np.zeros((n, 6), np.float32)
    logits[:, SIT] = np.where(y == SIT, 1, -1) + rng.normal(0, 0.5, n) - margin
    logits[:, [0, 1, 2, 5]] = -5
    gravity = np.tile([1.0, 0.0, 0.0], (n, 1)) + rng.normal(0, 0.01, (n, 3))
    gravity[y == SIT, 2] += tilt
    return logits, gravity, y


def right(logits, y):
    return float((logits.argmax(axis=1) == y).mean())


def test_what_a_minute_shows_holds_for_the_next():
    logits, gravity, y = person(0.2, 2.0)
    later, tilt, truth = person(0.2, 2.0, seed=1)
    learnt = learn(logits, gravity, y, 120.0, 0.6)
    assert right(later, truth) < 0.75
    assert right(learnt.apply(later, tilt), truth) > 0.98


def test_where_postures_do_not_differ_little_is_learnt():
    logits, gravity, y = person(0.0, 0.0)
    later, tilt, truth = person(0.0, 0.0, seed=1)
    learnt = learn(logits, gravity, y, 120.0, 0.6)
    assert abs(right(learnt.apply(later, tilt), truth) - right(later, truth)) < 0.05


def test_less_time_teaches_less():
    logits, gravity, y = person(0.2, 2.0)
    sizes = [np.abs(learn(logits, gravity, y, seconds, 0.6).weights).max() for seconds in (5.0, 120.0)]
    assert sizes[0] < sizes[1]


@given(st.integers(0, 50))
def test_other_activities_are_neither_given_nor_taken_windows(seed):
    rng = np.random.default_rng(seed)
    logits, gravity = rng.normal(size=(40, 6)).astype(np.float32), rng.normal(size=(40, 3))
    learnt = PostureCorrection((SIT, STAND), (0.0, 0.0, 0.0), ((9.0, 0.0, 0.0), (-9.0, 0.0, 0.0)))
    before, after = logits.argmax(axis=1), learnt.apply(logits, gravity).argmax(axis=1)
    theirs = np.isin(before, [SIT, STAND])
    np.testing.assert_array_equal(before[~theirs], after[~theirs])
    assert np.isin(after[theirs], [SIT, STAND]).all()


FOLDS = [np.arange(0, 10), np.arange(10, 40), np.arange(40, 60), np.arange(60, 80)]


def test_what_one_fold_teaches_must_not_spoil_another():
    logits, gravity, y = person(0.2, 0.0)
    gravity[10:40, 2] -= 0.4  # the phone was moved: in one stretch of sitting it tilts the other way
    assert cross_validate(logits, gravity, y, FOLDS, 120.0, 0.6).is_worse
    logits, gravity, y = person(0.2, 2.0)
    found = cross_validate(logits, gravity, y, FOLDS, 120.0, 0.6)
    assert found.windows == 80
    assert found.after > found.before


def test_an_activity_in_one_fold_alone_cannot_be_held_out():
    logits, gravity, y = person(0.2, 2.0)
    with pytest.raises(ValueError, match="one fold"):
        cross_validate(logits, gravity, y, [np.arange(0, 40), np.arange(40, 80)], 120.0, 0.6)


def test_exchanged_labels_are_told_from_a_person_who_is_hard_to_recognise():
    logits, _, y = person(0.2, 0.0)
    assert exchanged(logits, y) == {}
    assert exchanged(logits, SIT + STAND - y) == {SIT: STAND, STAND: SIT}
    all_standing, _, y = person(0.2, 9.0)
    assert exchanged(all_standing, y) == exchanged(all_standing, SIT + STAND - y) == {}


@pytest.mark.parametrize(
    "broken",
    [
        PostureCorrection((3,), (0.0,) * 3, ((0.0,) * 3,)),
        PostureCorrection((3, 9), (0.0,) * 3, ((0.0,) * 3,) * 2),
        PostureCorrection((3, 4), (0.0,) * 2, ((0.0,) * 3,) * 2),
    ],
)
def test_a_record_that_does_not_fit_is_refused(broken):
    assert "three weights" in broken.fault(6)
