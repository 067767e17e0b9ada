"""The walking frame: found from walking, the same however the device is turned, with the right sign."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from edge_runtime.errors import InputError
from edge_runtime.signals import mounting
from edge_runtime.signals.frontend import SIGNALS

NAMES = [signal.name for signal in SIGNALS]
ACCELERATION = [x.name for x in SIGNALS if not x.is_rotation]
RATE = 50.0
turns = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(random_state=seed).as_matrix())


@pytest.fixture(scope="module")
def worn(uci_har):
    """The windows of one mounting."""
    return uci_har.train.X[uci_har.train.mounting == uci_har.train.mounting[0]]


def in_walking_frame(X, names=NAMES):
    return mounting.in_walking_frame(X, names, RATE)


def motion(X, names=NAMES):
    return mounting.Motion.of(X, names, RATE)


@given(turns)
@settings(max_examples=10)
def test_however_a_device_is_turned_its_windows_in_the_walking_frame_and_in_their_own_are_the_same(worn, rotation):
    again = mounting.turned(worn, NAMES, rotation)
    np.testing.assert_allclose(in_walking_frame(again), in_walking_frame(worn), atol=1e-4)
    moving = mounting.is_moving(worn, NAMES)
    framed = [mounting.turned(x, NAMES, mounting.own_frames(motion(x))) for x in (worn[moving], again[moving])]
    np.testing.assert_allclose(*framed, atol=1e-4)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_device_whose_axis_points_straight_up_or_down_has_a_frame(worn, axis, sign):
    X = in_walking_frame(worn)
    up, other = sign * np.eye(3)[axis], np.eye(3)[(axis + 1) % 3]
    rotation = np.stack([up, other, np.cross(up, other)]).T
    np.testing.assert_allclose(in_walking_frame(mounting.turned(X, NAMES, rotation)), X, atol=1e-4)


def test_who_lies_on_the_back_or_sits_leans_back_and_gravity_shows_it(uci_har):
    """The sign of the heading: in nearly all mountings acceleration then points ahead, and never behind."""
    data = uci_har.in_walking_frame().train
    for label, least in (("LAYING", 0.95), ("SITTING", 0.85)):
        gravity = data.X[data.y == uci_har.labels.index(label), :, 6:].mean(axis=1)
        assert np.mean(gravity[:, 1] > np.abs(gravity[:, 2])) > least - 0.2, label
        assert np.mean(gravity[:, 1] > 0) > least, label


def test_sway_shows_most_frames_of_downstairs_that_point_back_and_no_walk_to_be_turned_round(uci_har):
    train, labels = uci_har.train, uci_har.labels
    seen: dict[str, list[bool]] = {"WALKING": [], "WALKING_DOWNSTAIRS": []}
    for number in np.unique(train.mounting)[::3]:
        rows = np.flatnonzero(train.mounting == number)
        moving = rows[mounting.is_moving(train.X[rows], NAMES)]
        ahead = mounting.walking_frame(motion(train.X[moving]))[1]
        for label, sways in seen.items():
            rows_of_label = rows[train.y[rows] == labels.index(label)]
            for three in rows_of_label[: len(rows_of_label) // 3 * 3].reshape(-1, 3):
                frame = mounting.walking_frame(motion(train.X[three]))
                if label == "WALKING" or frame[1] @ ahead < 0:
                    sways.append(mounting.is_turned_round(motion(train.X[three]), frame))
    assert len(seen["WALKING"]) > 130
    assert not any(seen["WALKING"])
    assert len(seen["WALKING_DOWNSTAIRS"]) > 60
    assert np.mean(seen["WALKING_DOWNSTAIRS"]) == pytest.approx(0.72, abs=0.12)


@pytest.mark.parametrize("n_walking", [0, 3, 30])
def test_running_whose_pushes_point_ahead_does_not_turn_the_frame_of_a_mounting_round(worn, n_walking):
    X = in_walking_frame(worn)
    walking = X[mounting.is_moving(X, NAMES, 0.2)]
    running = walking.copy()
    running[..., :3] *= [6, -6, 6]
    assert mounting.walking_frame(motion(running))[1, 1] < -0.9
    recorded = np.concatenate([running, walking[9 : 9 + n_walking]])
    assert mounting.recorded_frame(recorded, NAMES, RATE)[1, 1] > 0.9


@pytest.mark.parametrize("n_running", [0, 2])
def test_sway_does_not_turn_a_frame_round_where_there_is_not_more_running_than_walking(worn, n_running):
    X = in_walking_frame(worn)
    windows = X[mounting.is_moving(X, NAMES, 0.2)][9 : 11 + n_running]
    windows[:n_running, :, :3] *= 6
    windows[..., 3:6] *= -1  # as if everybody swayed to the other side
    frame = mounting.walking_frame(motion(windows))
    assert mounting.is_turned_round(motion(windows), frame)
    np.testing.assert_array_equal(mounting.recorded_frame(windows, NAMES, RATE), frame)


def test_a_model_of_the_accelerometer_has_the_same_frame(worn):
    columns = [NAMES.index(x) for x in ACCELERATION]
    bare = in_walking_frame(worn[..., columns], ACCELERATION)
    np.testing.assert_array_equal(bare, in_walking_frame(worn)[..., columns])
    assert not mounting.is_turned_round(motion(worn[..., columns], ACCELERATION), np.eye(3))


def test_a_frame_is_a_rotation_with_rounded_numbers_also_without_any_motion(worn):
    still = np.zeros((1, 128, 9), np.float32)
    still[..., 7] = 1.0
    assert not mounting.is_moving(still, NAMES).any()
    own_frames = [mounting.own_frames(motion(x)) for x in (worn, still)]
    frames = np.concatenate([*own_frames, [mounting.walking_frame(motion(worn))]])
    np.testing.assert_allclose(frames @ frames.transpose(0, 2, 1), np.broadcast_to(np.eye(3), frames.shape), atol=4e-6)
    assert (np.linalg.det(frames) > 0).all()
    assert (frames == np.round(frames, 6)).all()
    np.testing.assert_allclose(mounting.turned(still, NAMES, own_frames[1])[0, 0, 6:], [1, 0, 0], atol=1e-6)


def test_no_window_and_no_gravity_are_refused():
    with pytest.raises(InputError, match="steps"):
        mounting.walking_frame(motion(np.empty((0, 128, 9))))
    with pytest.raises(InputError, match="total_acc"):
        mounting.check_signals(NAMES[:6], "the data 'own'")
    mounting.check_signals(ACCELERATION, "the data 'own'")
