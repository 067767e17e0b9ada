"""Other people's windows are typical of their activity, a phone worn another way up is novel."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edge_runtime.data import loading
from edge_runtime.data.dataset import Dataset, Mounting, cut
from edge_runtime.model.novelty import (
    NoveltyDetector,
    TypicalSteps,
    motion_features,
)
from edge_runtime.signals import frontend
from train.novelty_statistics import POSTURE, fit_novelty_detector

STILL = (3, 4, 5)


@cache
def data() -> Dataset:
    return loading.load_data(None)


@cache
def parts() -> tuple[NoveltyDetector, np.ndarray, np.ndarray]:
    """Fitted to 16 training subjects; the windows and classes of the other five."""
    left_out = np.isin(data().train.subject, [3, 8, 16, 22, 27])
    train = data().train
    fitted = fit_novelty_detector(replace(data(), train=train.select(~left_out)))
    return fitted, train.X[left_out], train.y[left_out]


def novelty(X):
    return parts()[0].detect(motion_features(X, [x.name for x in data().signals], data().window))


def test_windows_of_people_who_were_left_out_are_typical():
    _, X, y = parts()
    found = novelty(X)
    rows = np.arange(len(y))
    assert (found.unusual_posture | found.unusual_movement)[rows, y].mean() < 0.06
    assert found.at_rest.mean() < 0.01
    assert (found.novel_posture | found.novel_movement)[rows, y].mean() < 0.015


def test_standing_upside_down_is_not_like_any_still_posture():
    _, X, y = parts()
    turned = X[y == 4] * np.tile([-1, -1, 1], 3).astype(np.float32)
    assert novelty(turned).novel_posture[:, STILL[:2]].mean() > 0.99


def test_walking_does_not_move_like_standing():
    _, X, y = parts()
    assert novelty(X[y == 0]).novel_movement[:, 4].mean() > 0.99


def test_which_side_someone_lies_on_makes_no_difference():
    _, X, y = parts()
    lying = X[y == 5]
    quarter = np.kron(np.eye(3), [[1, 0, 0], [0, 0, -1], [0, 1, 0]]).astype(np.float32)
    np.testing.assert_array_equal(novelty(lying @ quarter.T).novel_posture, novelty(lying).novel_posture)


def test_a_table_moves_a_phone_less_than_anybody():
    noise = np.random.default_rng(0).normal([0, 0, 1, 0, 0, 0], 0.003, (3000, 6))
    windows = cut(frontend.signals(noise), np.arange(600, 2800, 64))
    assert novelty(windows).at_rest.all()


def test_rest_is_not_known_without_the_gyroscope():
    few = replace(data(), train=data().train.select(data().train.subject < 6))
    fitted = fit_novelty_detector(few.select(["total_acc_x", "total_acc_y", "total_acc_z"]))
    assert fitted.rest is None
    assert fitted.fault(6) is None
    assert "gyroscope" in replace(fitted, rest=0.003).fault(6)


def test_without_gravity_nothing_is_novelty():
    assert fit_novelty_detector(data().select(["body_acc_x", "body_gyro_x"])) is None


def test_an_activity_of_one_person_alone_is_measured_on_that_person():
    train = data().train
    alone = replace(data(), train=train.select((train.y != 5) | (train.subject == 1)))
    assert np.isfinite(fit_novelty_detector(alone).posture[5].unusual)


def test_who_takes_more_steps_than_anybody_learnt_moves_unlike_every_activity():
    """Windows of people who were left out, as they are and 1.5 times as fast."""
    _, X, y = parts()
    walking = X[y == 0]
    times = np.arange(0, 127, 1.5)
    fast = np.stack([[np.interp(times, np.arange(128), signal) for signal in window.T] for window in walking])
    found, quicker = novelty(walking), novelty(fast.transpose(0, 2, 1))
    assert found.too_quick.mean() == 0
    assert quicker.too_quick.mean() > 0.6
    assert (quicker.unlike_all[quicker.too_quick] > 1).all()
    assert not quicker.novel_movement[:, 0].any()  # not by how much it moves


def test_without_a_limit_of_steps_nobody_is_too_quick():
    fitted, X, _ = parts()
    features = motion_features(X, [x.name for x in data().signals], data().window)
    found = replace(fitted, steps=None).detect(features)
    assert not found.too_quick.any()
    assert (found.unlike_all <= fitted.detect(features).unlike_all).all()


def test_where_nobody_moves_no_number_of_steps_is_known():
    still = replace(data(), train=data().train.select(np.isin(data().train.y, STILL)))
    relabelled = replace(still, labels=data().labels[3:], train=replace(still.train, y=still.train.y - 3))
    assert fit_novelty_detector(relabelled).steps is None


def test_steps_are_not_counted_where_irregular_shaking_was_learnt():
    train = data().train
    rng = np.random.default_rng(0)
    X = np.where((train.y == 4)[:, np.newaxis, np.newaxis], train.X + rng.normal(0, 0.15, train.X.shape), train.X)
    assert fit_novelty_detector(data()).steps is not None
    assert fit_novelty_detector(replace(data(), train=replace(train, X=X.astype(np.float32)))).steps is None


def test_how_far_motion_is_counts_steps_for_all_activities():
    fitted, X, _ = parts()
    most, unusual = fitted.steps.most, fitted.steps.unusual
    steps_hz = np.array([0, most, most + unusual, most + 3 * unusual])
    features = replace(motion_features(X[:4], [x.name for x in data().signals], data().window), steps_hz=steps_hz)
    assert fitted.steps.beyond(steps_hz) == pytest.approx([0, 0, 1, 3])
    without, found = (x.detect(features) for x in (replace(fitted, steps=None), fitted))
    np.testing.assert_array_equal(found.unlike_all, np.maximum(without.unlike_all, fitted.steps.beyond(steps_hz)))
    assert (found.too_quick[[0, 1, 3]].tolist(), without.too_quick.any()) == ([False, False, True], False)


def test_one_person_with_another_phone_does_not_tell_how_far_phones_are_apart():
    apart = worn_in_two_ways(2.0)
    train = apart.train.select((apart.train.subject < 16) | (apart.train.subject == 30))
    few = replace(apart, train=train)
    assert fit_novelty_detector(few) == fit_novelty_detector(replace(few, mountings=()))


def worn_in_two_ways(gain):
    """The training people, the later half of them with movement `gain` times as large, on another phone."""
    train = data().train
    is_other = train.subject > 15
    X = train.X.copy()
    mean = X[is_other].mean(axis=1, keepdims=True)
    X[is_other] = mean + gain * (X[is_other] - mean)
    ways = (Mounting(source="one"), Mounting(source="two"))
    return replace(data(), train=replace(train, X=X, mounting=is_other.astype(np.int32)), mountings=ways)


def test_how_far_two_phones_are_apart_widens_what_is_typical_of_moving_bodies_alone():
    apart = worn_in_two_ways(2.0)
    known, unknown = fit_novelty_detector(apart), fit_novelty_detector(replace(apart, mountings=()))
    third = worn_in_two_ways(6.0)
    chosen = third.train.select((third.train.subject > 15) & (third.train.y < 3))
    features = motion_features(chosen.X, [x.name for x in data().signals], data().window)
    assert known.detect(features).unusual_movement.all(axis=1).mean() < 0.1
    assert unknown.detect(features).unusual_movement.all(axis=1).mean() > 0.3
    assert (known.movement[3:], known.posture) == (unknown.movement[3:], unknown.posture)


def test_of_one_phone_nothing_says_how_far_another_is():
    one = worn_in_two_ways(1.0)
    alike = replace(one, mountings=(Mounting(source="one"),) * 2)
    assert fit_novelty_detector(alike) == fit_novelty_detector(replace(one, mountings=()))


@pytest.mark.parametrize(("most", "unusual"), [(0.0, 0.2), (2.2, 0.0), (-1.0, 0.2), (2.2, np.nan)])
def test_a_detector_whose_limit_of_steps_is_not_above_0_is_refused(most, unusual):
    assert "steps" in replace(parts()[0], steps=TypicalSteps(most, unusual)).fault(6)


@pytest.mark.parametrize("n_labels", [5, 7])
def test_a_detector_of_another_number_of_activities_is_refused(n_labels):
    assert "each activity" in parts()[0].fault(n_labels)


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("kind", ["unusual", "novel"])
@pytest.mark.parametrize("part", ["posture", "movement"])
def test_a_detector_whose_limits_are_not_above_0_is_refused(part, kind, limit):
    whole = parts()[0]
    first, *others = getattr(whole, part)
    spoilt = replace(whole, **{part: (replace(first, **{kind: limit}), *others)})
    assert whole.fault(6) is None
    assert "above 0" in spoilt.fault(6)


def test_limits_are_measured_on_people_who_did_not_make_what_is_typical():
    """Four people stand, each tilted otherwise: to the three others each is far from typical, to all four nobody is."""
    train = data().train.select(np.isin(data().train.subject, [1, 3, 5, 6]))
    angle = np.radians(25) * np.unique(train.subject, return_inverse=True)[1]
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    x, y, z = np.moveaxis(train.X.reshape(len(train), -1, 3, 3), -1, 0)
    turned = np.stack([cosine * x - sine * y, sine * x + cosine * y, z], -1).reshape(train.X.shape)
    tilted = replace(train, X=turned.astype(np.float32))
    fitted = fit_novelty_detector(replace(data(), train=tilted))
    features = motion_features(tilted.X, [x.name for x in data().signals], data().window)
    standing = fitted.posture[4]
    own = np.quantile(standing.distance(features.posture[tilted.y == 4]), 0.95)
    assert standing.unusual > 2 * POSTURE[0] * own
