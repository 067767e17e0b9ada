"""What is familiar: other people's windows of an activity; and what is not: a phone worn another way up."""

from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest

from edge_runtime.data import loading
from edge_runtime.data.dataset import Dataset, cut
from edge_runtime.live.smoothing import Smoother
from edge_runtime.model.live_settings import Live, Smoothing
from edge_runtime.model.novelty import Moment, NoveltyDetector, moment
from edge_runtime.signals import frontend
from train.novelty_statistics import fit_familiarity

STILL = (3, 4, 5)


@cache
def data() -> Dataset:
    return loading.load_data(None)


@cache
def parts() -> tuple[NoveltyDetector, np.ndarray, np.ndarray]:
    """Fitted to 16 training subjects; the windows and classes of the other five."""
    left_out = np.isin(data().train.subject, [3, 8, 16, 22, 27])
    train = data().train
    fitted = fit_familiarity(replace(data(), train=train.select(~left_out)))
    return fitted, train.X[left_out], train.y[left_out]


def judged(X):
    return parts()[0].judge(moment(X, [x.name for x in data().signals], 50.0))


def test_windows_of_people_who_were_left_out_are_familiar():
    _, X, y = parts()
    found = judged(X)
    rows = np.arange(len(y))
    assert (found.far_posture | found.far_movement)[rows, y].mean() < 0.06
    assert found.at_rest.mean() < 0.01
    assert (found.strange_posture | found.strange_movement)[rows, y].mean() < 0.015


def test_standing_upside_down_is_not_like_any_still_posture():
    _, X, y = parts()
    turned = X[y == 4] * np.tile([-1, -1, 1], 3).astype(np.float32)
    assert judged(turned).strange_posture[:, STILL[:2]].mean() > 0.99


def test_walking_does_not_move_like_standing():
    _, X, y = parts()
    assert judged(X[y == 0]).strange_movement[:, 4].mean() > 0.99


def test_which_side_someone_lies_on_makes_no_difference():
    _, X, y = parts()
    lying = X[y == 5]
    quarter = np.kron(np.eye(3), [[1, 0, 0], [0, 0, -1], [0, 1, 0]]).astype(np.float32)
    np.testing.assert_array_equal(judged(lying @ quarter.T).strange_posture, judged(lying).strange_posture)


def test_a_table_moves_a_phone_less_than_anybody():
    noise = np.random.default_rng(0).normal([0, 0, 1, 0, 0, 0], 0.003, (3000, 6))
    windows = cut(frontend.signals(noise), np.arange(600, 2800, 64))
    assert judged(windows).at_rest.all()


def test_rest_is_not_known_without_the_gyroscope():
    few = replace(data(), train=data().train.select(data().train.subject < 6))
    fitted = fit_familiarity(few.select(["total_acc_x", "total_acc_y", "total_acc_z"]))
    assert fitted.rest is None
    assert fitted.fault(6) is None
    assert "gyroscope" in replace(fitted, rest=0.003).fault(6)


def test_a_card_of_before_has_postures_of_three_axes_and_knows_no_rest():
    fitted = parts()[0]
    content = asdict(fitted) | {"posture": [{"centres": [[1, 0, 0]], "far": 0.3, "strange": 0.5}] * 6}
    del content["rest"]
    before = NoveltyDetector.from_dict(content)
    assert before.fault(6) is None
    found = before.judge(Moment(np.array([[1.0, 0.1, 0], [0.8, 0.6, 0], [0, 1, 0]]), np.zeros((3, 2))))
    assert found.far_posture[:, 0].tolist() == [False, True, True]
    assert found.strange_posture[:, 0].tolist() == [False, True, True]
    assert not found.at_rest.any()


def test_without_gravity_nothing_is_judged():
    assert fit_familiarity(data().select(["body_acc_x", "body_gyro_x"])) is None


def test_an_activity_of_one_person_alone_is_measured_on_that_person():
    train = data().train
    alone = replace(data(), train=train.select((train.y != 5) | (train.subject == 1)))
    assert np.isfinite(fit_familiarity(alone).posture[5].far)


def test_settings_come_back_from_a_card():
    live = Live(Smoothing(), parts()[0])
    assert Live.from_dict(asdict(live)) == live
    assert Live.from_dict({}) == Live()


@pytest.mark.parametrize("n_labels", [5, 7])
def test_familiarity_of_another_number_of_activities_is_refused(n_labels):
    assert "each activity" in parts()[0].fault(n_labels)


NOT_UNUSUAL = np.zeros(3, np.bool_)


def test_one_odd_window_changes_nothing_and_a_lasting_change_comes_through():
    smoother = Smoother(Smoothing(), 3)
    sure, other = np.array([0.98, 0.01, 0.01]), np.array([0.3, 0.65, 0.05])
    for _ in range(5):
        smoother.update(sure, 1.28, False, NOT_UNUSUAL)
    assert smoother.update(other, 1.28, False, NOT_UNUSUAL) == 0
    assert [smoother.update(sure[[1, 0, 2]], 1.28, True, NOT_UNUSUAL) for _ in range(3)][-1] == 1


def test_while_the_body_is_still_a_change_takes_more_than_while_it_moves():
    def until_changed(is_moving):
        smoother = Smoother(Smoothing(), 3)
        for _ in range(10):
            smoother.update(np.array([0.98, 0.01, 0.01]), 1.28, False, NOT_UNUSUAL)
        other = np.array([0.01, 0.98, 0.01])
        return next(i for i in range(100) if smoother.update(other, 1.28, is_moving, NOT_UNUSUAL) == 1)

    assert until_changed(is_moving=True) < until_changed(is_moving=False)


def test_what_is_unusual_for_an_activity_cannot_begin_it():
    smoother = Smoother(Smoothing(), 3)
    unusual = np.array([True, False, False])
    assert [smoother.update(np.array([0.98, 0.01, 0.01]), 1.28, True, unusual) for _ in range(5)] == [None] * 5
