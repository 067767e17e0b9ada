"""What is familiar: other people's windows of an activity; and what is not: a phone worn another way up."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edge_runtime import dataset
from edge_runtime.dataset import Dataset
from edge_runtime.familiarity import Familiarity, moment
from edge_runtime.live_settings import Live
from edge_runtime.smoothing import Smoother, Smoothing
from train.familiarity import fit_familiarity

STILL = (3, 4, 5)


@cache
def data() -> Dataset:
    return dataset.load(None)


@cache
def parts() -> tuple[Familiarity, np.ndarray, np.ndarray]:
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
    assert found.far[rows, y].mean() < 0.03
    assert (found.strange_posture | found.strange_movement)[rows, y].mean() < 0.015


def test_standing_upside_down_is_not_like_any_still_posture():
    _, X, y = parts()
    turned = X[y == 4] * np.tile([-1, -1, 1], 3).astype(np.float32)
    assert judged(turned).strange_posture[:, STILL[:2]].mean() > 0.99


def test_walking_does_not_move_like_standing():
    _, X, y = parts()
    assert judged(X[y == 0]).strange_movement[:, 4].mean() > 0.99


def test_without_gravity_nothing_is_judged():
    assert fit_familiarity(data().select(["body_acc_x", "body_gyro_x"])) is None


def test_an_activity_of_one_person_alone_is_measured_on_that_person():
    train = data().train
    alone = replace(data(), train=train.select((train.y != 5) | (train.subject == 1)))
    assert np.isfinite(fit_familiarity(alone).posture[5].far)


def test_settings_come_back_from_a_card():
    from dataclasses import asdict

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
