"""Windows of other people are typical of their activity; a phone worn upside down is novel."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.data.dataset import Dataset, Mounting
from edge_runtime.model.alike_labels import IN_A_POCKET, AlikeLabels, leans_back
from edge_runtime.model.novelty import MotionFeatures, Novelty, NoveltyDetector, motion_features
from edge_runtime.signals.types import RAW_NAMES, STANDARD_GRAVITY, Signal
from train.novelty_statistics import POSTURE, fit_novelty_detector

STILL = (3, 4, 5)


@pytest.fixture(scope="module")
def data(uci_har) -> Dataset:
    """Return a third of the training windows."""
    return replace(uci_har, train=uci_har.train.select(slice(None, None, 3)))


@pytest.fixture(scope="module")
def split(data) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Return 16 training subjects, and the windows and classes of the other five."""
    left_out = np.isin(data.train.subject, [3, 8, 16, 22, 27])
    return of(data, ~left_out), data.train.X[left_out], data.train.y[left_out]


@pytest.fixture(scope="module")
def fitted(split) -> NoveltyDetector:
    return fit_novelty_detector(split[0])


def of(data: Dataset, rows) -> Dataset:
    return replace(data, train=data.train.select(rows))


def features(X, data: Dataset) -> MotionFeatures:
    return motion_features(X, [signal.name for signal in data.signals], data.window)


@pytest.fixture(scope="module")
def novelty(data, fitted):
    def detect(X) -> Novelty:
        return fitted.detect(features(X, data))

    return detect


def test_windows_of_people_who_were_left_out_are_typical(split, novelty):
    _, X, y = split
    flags, rows = novelty(X), np.arange(len(y))
    assert (flags.unusual_posture | flags.unusual_movement)[rows, y].mean() < 0.06
    assert flags.at_rest.mean() < 0.01
    assert (flags.novel_posture | flags.novel_movement)[rows, y].mean() < 0.015


def test_other_postures_and_movements_are_novel_but_not_the_side_that_someone_lies_on(split, novelty):
    _, X, y = split
    upside_down = X[y == 4] * np.tile([-1, -1, 1], 3).astype(np.float32)
    assert novelty(upside_down).novel_posture[:, STILL[:2]].mean() > 0.99
    assert novelty(X[y == 0]).novel_movement[:, 4].mean() > 0.98  # walking does not move like standing
    lying, quarter = X[y == 5], np.kron(np.eye(3), [[1, 0, 0], [0, 0, -1], [0, 1, 0]]).astype(np.float32)
    np.testing.assert_array_equal(novelty(lying @ quarter.T).novel_posture, novelty(lying).novel_posture)


def test_a_detector_has_no_limits_for_absent_signals(data):
    few = of(data, data.train.subject < 6)
    fitted = fit_novelty_detector(few.select(["total_acc_x", "total_acc_y", "total_acc_z"]))
    assert fitted.rest is fitted.fault(6) is None
    assert "gyroscope" in replace(fitted, rest=0.003).fault(6)
    assert fit_novelty_detector(few.select(["body_acc_x", "body_gyro_x"])) is None


def test_raw_signals_have_limits_in_the_same_units(data):
    few = of(data, data.train.subject < 6)
    measured = few.select([signal.name for signal in (*data.signals[6:], *data.signals[3:6])])
    raw = tuple(Signal(name, unit) for name, unit in zip(RAW_NAMES, ["m/s2"] * 3 + ["rad/s"] * 3, strict=True))
    X = measured.train.X * np.float32([STANDARD_GRAVITY] * 3 + [1] * 3)
    in_metres = replace(measured, signals=raw, front_end=None, train=replace(measured.train, X=X))
    limits, expected = fit_novelty_detector(in_metres), fit_novelty_detector(measured)
    assert [x.novel for x in limits.movement] == pytest.approx([x.novel for x in expected.movement], rel=1e-3)
    assert limits.rest == pytest.approx(expected.rest, rel=1e-3)
    assert fit_novelty_detector(replace(in_metres, has_people=False)) is None


def test_more_steps_than_in_the_training_are_unlike_every_activity(split, novelty):
    """Compare windows of people who were left out with the same windows played 1.5 times as fast."""
    _, X, y = split
    walking, times = X[y == 0], np.arange(0, 127, 1.5)
    fast = np.stack([[np.interp(times, np.arange(128), signal) for signal in window.T] for window in walking])
    usual, quicker = novelty(walking), novelty(fast.transpose(0, 2, 1))
    assert usual.too_quick.mean() == 0
    assert quicker.too_quick.mean() > 0.6
    assert (quicker.unlike_all[quicker.too_quick] > 1).all()
    assert not quicker.novel_movement[:, 0].any()  # the amount of movement is usual


def test_all_moving_activities_find_the_same_movement_unusual(split, novelty):
    _, X, y = split
    unusual = novelty(X).unusual_movement
    moving = unusual[:, :3]
    np.testing.assert_array_equal(moving, np.broadcast_to(moving.all(axis=1, keepdims=True), moving.shape))
    assert moving[y < 3].mean() < 0.03
    assert unusual[y < 3][:, STILL].mean() > 0.95
    assert moving[y > 2].mean() > 0.95


def test_steps_are_not_counted_if_nobody_moves_or_the_training_has_irregular_shaking(data):
    few = of(data, data.train.subject < 8)
    still = of(few, np.isin(few.train.y, STILL))
    still = replace(still, labels=few.labels[3:], train=replace(still.train, y=still.train.y - 3))
    noise = np.random.default_rng(0).normal(0, 0.15, few.train.X.shape)
    X = np.where((few.train.y == 4)[:, np.newaxis, np.newaxis], few.train.X + noise, few.train.X)
    shaken = replace(few, train=replace(few.train, X=X.astype(np.float32)))
    assert fit_novelty_detector(few).steps is not None
    assert fit_novelty_detector(still).steps is fit_novelty_detector(shaken).steps is None


def worn_in_two_ways(data: Dataset, gain: float) -> Dataset:
    """Multiply the movement of the later half of the training people, as if on another phone, by `gain`."""
    train = data.train
    is_other = train.subject > 15
    X = train.X.copy()
    mean = X[is_other].mean(axis=1, keepdims=True)
    X[is_other] = mean + gain * (X[is_other] - mean)
    ways = (Mounting(source="one"), Mounting(source="two"))
    return replace(data, train=replace(train, X=X, mounting=is_other.astype(np.int32)), mountings=ways)


def test_differences_between_phones_widen_the_limits_of_moving_activities_alone(data):
    two_phones = worn_in_two_ways(data, 2.0)
    known, unknown = fit_novelty_detector(two_phones), fit_novelty_detector(replace(two_phones, mountings=()))
    third = worn_in_two_ways(data, 6.0).train
    windows = features(third.X[(third.subject > 15) & (third.y < 3)], data)
    assert known.detect(windows).unusual_movement.all(axis=1).mean() < 0.1
    assert unknown.detect(windows).unusual_movement.all(axis=1).mean() > 0.3
    assert (known.movement[3:], known.posture) == (unknown.movement[3:], unknown.posture)


def test_limits_are_measured_on_other_people_than_the_typical_motion(data):
    """Four people stand tilted in four ways: each is far from the other three, but near to all four together."""
    people = of(data, np.isin(data.train.subject, [1, 3, 5, 6]))
    train = people.train
    angle = np.radians(25) * np.unique(train.subject, return_inverse=True)[1]
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    x, y, z = np.moveaxis(train.X.reshape(len(train), -1, 3, 3), -1, 0)
    turned = np.stack([cosine * x - sine * y, sine * x + cosine * y, z], -1).reshape(train.X.shape)
    tilted = replace(train, X=turned.astype(np.float32))
    standing = fit_novelty_detector(replace(people, train=tilted)).posture[4]
    of_all = np.quantile(standing.distance(features(tilted.X, data).posture[tilted.y == 4]), 0.95)
    assert standing.unusual > 2 * POSTURE[0] * of_all


def test_labels_look_alike_if_the_placement_allows_it_or_is_unknown_and_the_device_leans_back():
    assert all(map(IN_A_POCKET.holds, (" Trouser  POCKET", "", "wrist")))
    assert not IN_A_POCKET.holds("WAIST ")
    assert AlikeLabels(("SITTING", "STANDING"), ("Waist",)).holds("waist")
    upright, sitting_at_the_waist, sitting_in_a_pocket = [1, 0, 0], [0.9, 0.4, 0], [0.4, 0.9, 0]
    face_down, on_a_side = [0, -1, 0], [0, 0, 1]
    accelerations = np.array([upright, sitting_at_the_waist, sitting_in_a_pocket, face_down, on_a_side], float)
    assert leans_back(accelerations).tolist() == [False, False, True, False, False]
