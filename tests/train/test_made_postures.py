"""Check windows that are made lying or sitting: which ones, how they are turned, and that no other changes."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.data.dataset import Dataset, Mounting
from edge_runtime.signals.frontend import SIGNALS
from train.fit.fit import batches
from train.fit.fit_job import FitJob, Key, plan_fit
from train.fit.made_postures import MadePosture, plan_made_postures
from train.fit.recipe import Recipe, choose_recipe

NAMES = tuple(x.name for x in SIGNALS)
WAIST, POCKET = Mounting(placement="waist"), Mounting(placement="trouser pocket")


@pytest.fixture(scope="module")
def worn(uci_har) -> Dataset:
    """Some windows in the walking frame, as if every other subject had worn the phone in a trouser pocket."""
    rows = np.arange(len(uci_har.train)) % 10 == 0
    train = uci_har.train.select(rows)
    train = replace(train, mounting=(train.subject % 2).astype(np.int32))
    return replace(uci_har, train=train, mountings=(WAIST, POCKET), frame="walking")


def plan_of(dataset: Dataset, **shares: float) -> MadePosture:
    (plan,) = plan_made_postures(dataset, Recipe(**shares))
    return plan


def made(dataset: Dataset, share: float = 1.0, what: str = "made_lying"):
    plan = plan_of(dataset, **{what: 0.1})
    train = dataset.train
    generator = np.random.default_rng(0)
    return replace(plan, share=share).apply(train.X, train.y, train.mounting, NAMES, generator)


def angles(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far gravity is from up, and from ahead to the left, of each window, in degrees."""
    up, ahead, left = (X[..., 6 + axis].mean(axis=1, dtype=np.float64) for axis in range(3))
    return np.degrees(np.arctan2(np.hypot(ahead, left), up)), np.degrees(np.arctan2(left, ahead))


def test_who_is_still_with_the_phone_in_a_pocket_lies_and_no_other_window_changes(worn):
    X, y = made(worn)
    train = worn.train
    still = np.isin(train.y, [worn.labels.index(x) for x in ("SITTING", "STANDING")])
    turned = still & (train.mounting == 1)
    assert turned.any()
    assert (y[turned] == worn.labels.index("LAYING")).all()
    np.testing.assert_array_equal(y[~turned], train.y[~turned])
    np.testing.assert_array_equal(X[~turned], train.X[~turned])
    # One rotation per window turns all its signals.
    for old, new in zip(train.X[turned][:20], X[turned][:20], strict=True):
        matrix = np.linalg.lstsq(old.reshape(-1, 3), new.reshape(-1, 3), rcond=None)[0]
        np.testing.assert_allclose(old.reshape(-1, 3) @ matrix, new.reshape(-1, 3), atol=1e-4)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-3)
        assert np.linalg.det(matrix) > 0
    # A weight of a tenth makes one lie for ten that stay.
    changed = (made(worn, plan_of(worn, made_lying=0.1).share)[1] != train.y).sum()
    assert changed / (turned.sum() - changed) == pytest.approx(0.1, abs=0.05)
    named = replace(worn, mountings=(WAIST, Mounting(placement="Trouser pocket")))
    assert plan_of(named, made_lying=0.1) == plan_of(worn, made_lying=0.1)


def test_the_thigh_of_who_is_made_lying_is_level_on_the_back_or_a_side(worn):
    X, y = made(worn)
    changed = y != worn.train.y
    tilt, aside = angles(X[changed])
    assert tilt.mean() == pytest.approx(92, abs=2)
    assert tilt.std() == pytest.approx(10, abs=2)
    assert 100 < np.abs(aside).max() < 105.1
    assert abs(aside.mean()) < 15


def test_who_sits_with_the_phone_in_a_pocket_tilts_back_as_a_pelvis_does_and_still_sits(worn):
    X, y = made(worn, what="made_sitting")
    train = worn.train
    sitting = (train.y == worn.labels.index("SITTING")) & (train.mounting == 1)
    np.testing.assert_array_equal(y, train.y)
    np.testing.assert_array_equal(X[~sitting], train.X[~sitting])
    tilt, aside = angles(X[sitting])
    assert tilt.mean() == pytest.approx(30, abs=2)
    assert tilt.std() == pytest.approx(10, abs=2)
    assert tilt.min() > 4.9
    assert np.abs(aside).max() < 35.1


@pytest.mark.parametrize(
    "other",
    [
        {"frame": "device"},
        {"mountings": (WAIST, WAIST)},
        {"labels": ("WALKING", "A", "B", "SITTING", "STANDING", "C")},
    ],
)
def test_nobody_lies_where_ahead_is_not_known_nor_a_pocket_nor_lying(worn, other):
    assert plan_made_postures(worn, Recipe(made_lying=0.1))
    assert not plan_made_postures(replace(worn, **other), Recipe(made_lying=0.1))


def test_trainings_in_the_walking_frame_make_postures_and_others_draw_as_without(worn, tmp_path):
    def job(frame) -> FitJob:
        data, recipe = replace(worn, frame=frame), choose_recipe("edge", frame=frame)
        return plan_fit("fit", "fit", data, recipe, Key(0, 0), tmp_path)

    def classes(x: FitJob, epoch: int = 0) -> np.ndarray:
        return np.concatenate([y for _, y, *_ in batches(worn.train, None, x, epoch)])

    assert job("device").made_postures == ()
    lying, sitting = job("walking").made_postures
    assert sitting.posture == worn.labels.index("SITTING")
    with_lying, without = classes(job("walking")), classes(replace(job("walking"), made_postures=()))
    changed = with_lying != without
    assert changed.any()
    assert set(with_lying[changed]) == {lying.posture}
    np.testing.assert_array_equal(with_lying, classes(job("walking")))
    assert (with_lying != classes(job("walking"), epoch=1)).any()
