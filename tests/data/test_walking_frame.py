"""Data sets in the walking frame: each mounting turned by its own, without labels, for models whose cards say so."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edge_runtime.data.dataset import Dataset, Motionless, Split
from edge_runtime.errors import InputError
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import mounting
from edge_runtime.signals.frontend import SIGNALS

NAMES = [signal.name for signal in SIGNALS]


@pytest.fixture(scope="module")
def small(uci_har) -> Dataset:
    """The windows of the first three mountings of either part."""
    train, test = (x.select(np.isin(x.mounting, np.unique(x.mounting)[:3])) for x in (uci_har.train, uci_har.test))
    return replace(uci_har, train=train, test=test)


def test_a_random_turn_of_each_mounting_changes_nothing_in_the_walking_frame(small):
    turns = Rotation.random(len(small.mountings), random_state=1).as_matrix()
    parts = (replace(x, X=mounting.turned(x.X, NAMES, turns[x.mounting])) for x in (small.train, small.test))
    plain, turned = small.in_walking_frame(), replace(small, **dict(zip(("train", "test"), parts, strict=True)))
    for part in ("train", "test"):
        np.testing.assert_allclose(getattr(turned.in_walking_frame(), part).X, getattr(plain, part).X, atol=1e-4)
    assert plain.frame == "walking"
    assert plain.in_walking_frame() is plain
    without_labels = replace(small, train=replace(small.train, y=small.train.y[::-1].copy())).in_walking_frame()
    np.testing.assert_array_equal(without_labels.train.X, plain.train.X)


def test_data_comes_into_the_frame_of_a_model(small):
    card = replace(Classifier(reference_model("edge", "int8")).card, frame="walking")
    assert small.as_for(replace(card, frame="device")).frame == "device"
    as_taken = small.as_for(card)
    np.testing.assert_array_equal(as_taken.test.X, small.in_walking_frame().test.X)
    assert as_taken.fingerprint != small.fingerprint
    accelerometer = replace(card, signals=tuple(x for x in SIGNALS if not x.is_rotation))
    np.testing.assert_array_equal(small.as_for(accelerometer).test.X, as_taken.test.X[..., [0, 1, 2, 6, 7, 8]])


def test_where_mountings_are_not_known_a_subject_has_one(small):
    train, test = (replace(x, mounting=None) for x in (small.train, small.test))
    turned = replace(small, train=train, test=test).in_walking_frame().train
    one = train.subject == train.subject[0]
    np.testing.assert_array_equal(turned.X[one], mounting.in_walking_frame(train.X[one], NAMES, 50.0))


def taken_off(part: Split, y: int) -> Split:
    """The same windows, but windows of class `y` are motionless and have mountings of their own."""
    rows = part.y == y
    X = np.where(rows[:, np.newaxis, np.newaxis] & [name.startswith("body_acc") for name in NAMES], 0, part.X)
    return replace(part, X=X, mounting=np.where(rows, 1000 + part.mounting, part.mounting))


def test_windows_of_mountings_in_which_nobody_moves_are_left_out(small):
    laying = small.labels.index("LAYING")
    train = taken_off(small.train, laying)
    data = replace(small, train=train)
    n = int((train.y == laying).sum())
    assert data.motionless(train, small.test) == Motionless({"LAYING": n}, len(np.unique(small.train.mounting)))
    framed = data.in_walking_frame()
    assert framed.labels == small.labels  # of the test part, too
    assert len(framed.test) == len(small.test)
    for one in np.unique(small.train.mounting):
        X = train.X[(train.mounting == one) & (train.y != laying)]
        windows = framed.train.X[framed.train.mounting == one]
        np.testing.assert_array_equal(windows, mounting.in_walking_frame(X, NAMES, 50))
    assert not small.motionless(small.train, small.test).windows
    assert small.moving() is small


def test_labels_that_lose_all_windows_are_none_and_others_keep_their_names(small):
    sitting, laying = (small.labels.index(x) for x in ("SITTING", "LAYING"))
    train, test = (taken_off(x.select(x.y != laying), sitting) for x in (small.train, small.test))
    moving = replace(small, train=train, test=test).moving()
    assert moving.labels == ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "STANDING", "LAYING")
    kept = np.array(small.labels)[train.y[train.y != sitting]]
    np.testing.assert_array_equal(np.array(moving.labels)[moving.train.y], kept)


def test_data_in_which_nobody_moves_at_all_is_refused_by_a_subject(small):
    still = replace(small, train=small.train.select(small.train.y == small.labels.index("STANDING")))
    resting = ~mounting.is_moving(still.train.X, NAMES)
    with pytest.raises(InputError, match=r"'UCI HAR' of subject \d+, mounting \d+"):
        replace(still, train=still.train.select(resting), test=still.test.select(still.test.y > 9)).in_walking_frame()
