"""Check made postures, and the possible classes of each placement."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from edge_runtime.data.dataset import Dataset
from edge_runtime.data.recording import Mounting
from edge_runtime.signals.frontend import SIGNALS
from train.fit.fit import batches, training_loss
from train.fit.fit_job import FitJob, held_rows, plan_fit, plan_placement_labels
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


def with_posture(dataset: Dataset, share: float = 1.0, what: str = "made_lying"):
    plan = plan_of(dataset, **{what: 0.1})
    train = dataset.train
    generator = np.random.default_rng(0)
    return replace(plan, share=share).apply(train.X, train.y, train.mounting, NAMES, generator)


def angles(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the angles of gravity from up, and from ahead to the left, of each window, in degrees."""
    up, ahead, aside = (X[..., 6 + axis].mean(axis=1, dtype=np.float64) for axis in range(3))
    return np.degrees(np.arctan2(np.hypot(ahead, aside), up)), np.degrees(np.arctan2(aside, ahead))


def test_only_still_windows_of_a_pocket_become_lying(worn):
    X, y = with_posture(worn)
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
    # A weight of a tenth makes one window of lying for ten that stay.
    changed = (with_posture(worn, plan_of(worn, made_lying=0.1).share)[1] != train.y).sum()
    assert changed / (turned.sum() - changed) == pytest.approx(0.1, abs=0.05)
    named = replace(worn, mountings=(WAIST, Mounting(placement="Trouser pocket")))
    assert plan_of(named, made_lying=0.1) == plan_of(worn, made_lying=0.1)


@pytest.mark.parametrize("what", ["made_lying", "rolled_lying"])
def test_made_lying_is_level_on_the_back_a_side_or_the_belly(worn, what):
    X, y = with_posture(worn, what=what)
    changed = (X != worn.train.X).any(axis=(1, 2))
    assert set(worn.train.mounting[changed]) == ({1} if what == "made_lying" else {0, 1})
    assert {worn.labels[i] for i in y[changed]} == {"LAYING"}
    tilt, aside = angles(X[changed])
    assert tilt.mean() == pytest.approx(92, abs=2)
    assert tilt.std() == pytest.approx(10, abs=2)
    assert np.quantile(np.abs(aside), [0.25, 0.75]) == pytest.approx([45, 135], abs=15)
    assert abs(aside.mean()) < 25


def test_made_sitting_tilts_the_phone_of_a_pocket_back_as_a_pelvis(worn):
    X, y = with_posture(worn, what="made_sitting")
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
    [{"frame": "device"}, {"mountings": (WAIST, WAIST)}, {"labels": ("WALKING", "A", "B", "SITTING", "STANDING", "C")}],
)
def test_no_lying_is_made_without_the_walking_frame_a_pocket_or_its_class(worn, other):
    assert plan_made_postures(worn, Recipe(made_lying=0.1))
    assert not plan_made_postures(replace(worn, **other), Recipe(made_lying=0.1))


def job_in(frame: str, data: Dataset, folder: Path) -> FitJob:
    recipe = choose_recipe("edge", frame=frame)
    return plan_fit("fit", "fit", replace(data, frame=frame), recipe, 0, 0, folder)


def test_only_trainings_in_the_walking_frame_make_postures(worn, tmp_path):
    def classes(job: FitJob, epoch: int = 0) -> np.ndarray:
        return np.concatenate([y for _, y, *_ in batches(worn.train, None, job, epoch)])

    assert job_in("device", worn, tmp_path).made_postures == ()
    job = job_in("walking", worn, tmp_path)
    lying, _, sitting = job.made_postures
    assert sitting.posture == worn.labels.index("SITTING")
    with_lying, without = classes(job), classes(replace(job, made_postures=()))
    changed = with_lying != without
    assert changed.any()
    assert set(with_lying[changed]) == {lying.posture}
    np.testing.assert_array_equal(with_lying, classes(job))
    assert (with_lying != classes(job, epoch=1)).any()


MANY, FEW = Mounting(source="Many", placement="waist"), Mounting(source="Few", placement="trouser pocket")
WALKING, STANDING, LAYING = 0, 4, 5


@pytest.fixture(scope="module")
def two(uci_har) -> Dataset:
    """Two data sets in the walking frame; in the second, people only walk and stand."""
    mounting = (uci_har.train.subject % 2).astype(np.int32)
    rows = (mounting == 0) | np.isin(uci_har.train.y, [WALKING, STANDING])
    rows &= np.arange(len(rows)) % 10 == 0
    train = replace(uci_har.train, mounting=mounting).select(rows)
    return replace(uci_har, train=train, mountings=(MANY, FEW), frame="walking")


def plan(data: Dataset, held_out=(), recipe: Recipe | None = None):
    postures = plan_made_postures(data, recipe or Recipe())
    return plan_placement_labels(data, ~held_rows(data.train, held_out), postures)


def test_a_mounting_has_the_classes_of_its_placement_and_the_made_postures(two):
    assert plan(two) == ((0, 1, 2, 3, 4, 5), (WALKING, STANDING))
    assert plan(two, recipe=Recipe(made_lying=0.1))[1] == (WALKING, STANDING, LAYING)


def test_data_sets_of_one_placement_share_their_classes(two):
    third = Mounting(source="Third", placement="trouser pocket")
    mounting = np.where((two.train.mounting == 0) & (two.train.y > WALKING), 2, two.train.mounting)
    parted = replace(two, train=replace(two.train, mounting=mounting), mountings=(MANY, FEW, third))
    assert plan(parted) == ((WALKING,), (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5))
    unknown = (replace(MANY, placement=""), replace(FEW, placement=""), replace(third, placement=""))
    assert plan(replace(parted, mountings=unknown)) == ((WALKING,), (WALKING, STANDING), (1, 2, 3, 4, 5))


def test_all_classes_are_possible_if_all_data_sets_have_the_same(two, uci_har):
    few = [x for x in np.unique(two.train.subject).tolist() if x % 2]
    assert plan(two, held_out=few) == ()
    assert plan(replace(two, mountings=(MANY, MANY))) == ()
    assert plan(replace(uci_har, train=replace(uci_har.train, mounting=None), mountings=())) == ()


def test_only_trainings_in_the_walking_frame_limit_the_classes(two, tmp_path):
    job = job_in("device", two, tmp_path)
    assert job.placement_labels == ()
    assert all(possible.all() for _, _, possible, _ in batches(two.train, None, job, 0))
    drawn = list(batches(two.train, None, job_in("walking", two, tmp_path), 0))
    y, possible = (np.concatenate([batch[i] for batch in drawn]) for i in (1, 2))
    assert set(map(tuple, possible.astype(int).tolist())) == {(1, 1, 1, 1, 1, 1), (1, 0, 0, 0, 1, 1)}
    assert possible[np.arange(len(y)), y].all()


def test_the_loss_does_not_depend_on_logits_of_classes_that_are_not_possible():
    y, some = tf.constant([0, 1], tf.uint8), tf.constant([[True, True, False], [True, True, True]])

    def loss(first: float, second: float) -> float:
        logits = tf.constant([[2.0, 1.0, first], [0.5, 1.5, second]])
        return float(training_loss(y, logits, some, 0.1))

    assert loss(0.0, 0.0) == loss(9.0, 0.0)
    assert loss(0.0, 0.0) < loss(0.0, 9.0)
