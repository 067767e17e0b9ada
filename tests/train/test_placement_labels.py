"""Check that windows only speak against classes that are known where their device was worn."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from edge_runtime.data.dataset import Dataset, Mounting
from train.fit.fit import batches, training_loss
from train.fit.fit_job import Key, held_rows, plan_fit
from train.fit.made_postures import plan_made_postures
from train.fit.placement_labels import plan_placement_labels
from train.fit.recipe import Recipe, choose_recipe

MANY, FEW = Mounting(source="Many", placement="waist"), Mounting(source="Few", placement="trouser pocket")
WALKING, STANDING, LAYING = 0, 4, 5


@pytest.fixture(scope="module")
def two(uci_har) -> Dataset:
    """Two data sets in the walking frame; in the second people walk and stand, and do nothing else."""
    mounting = (uci_har.train.subject % 2).astype(np.int32)
    rows = (mounting == 0) | np.isin(uci_har.train.y, [WALKING, STANDING])
    rows &= np.arange(len(rows)) % 10 == 0
    train = replace(uci_har.train, mounting=mounting).select(rows)
    return replace(uci_har, train=train, mountings=(MANY, FEW), frame="walking")


def plan(data: Dataset, held_out=(), recipe: Recipe | None = None):
    made = plan_made_postures(data, recipe or Recipe())
    return plan_placement_labels(data, ~held_rows(data.train, held_out), made)


def test_each_mounting_has_the_classes_of_its_placement_and_those_made_of_them(two):
    assert plan(two) == ((0, 1, 2, 3, 4, 5), (WALKING, STANDING))
    assert plan(two, recipe=Recipe(made_lying=0.1))[1] == (WALKING, STANDING, LAYING)


def test_data_sets_of_one_placement_share_their_classes(two):
    third = Mounting(source="Third", placement="trouser pocket")
    mounting = two.train.mounting + (two.train.mounting == 0) * (two.train.y > WALKING) * 2
    parted = replace(two, train=replace(two.train, mounting=mounting), mountings=(MANY, FEW, third))
    assert plan(parted) == ((WALKING,), (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5))
    unknown = (replace(MANY, placement=""), replace(FEW, placement=""), replace(third, placement=""))
    assert plan(replace(parted, mountings=unknown)) == ((WALKING,), (WALKING, STANDING), (1, 2, 3, 4, 5))


def test_all_is_told_from_all_where_data_sets_have_the_same_classes_or_one_is_left(two, uci_har):
    few = [x for x in np.unique(two.train.subject).tolist() if x % 2]
    assert plan(two, held_out=few) == ()
    assert plan(replace(two, mountings=(MANY, MANY))) == ()
    assert plan(replace(uci_har, train=replace(uci_har.train, mounting=None), mountings=())) == ()


def test_only_trainings_in_the_walking_frame_tell_windows_from_own_labels(two, tmp_path):
    def drawn_in(frame):
        data, recipe = replace(two, frame=frame), choose_recipe("edge", frame=frame)
        job = plan_fit("fit", "fit", data, recipe, Key(0, 0), tmp_path)
        return job, [x for _, _, x, _ in batches(data.train, None, job, 0)]

    job, drawn = drawn_in("device")
    assert job.placement_labels == ()
    assert set(map(type, drawn)) == {type(None)}
    job, drawn = drawn_in("walking")
    table = np.concatenate(drawn)
    assert set(map(tuple, np.unique(table, axis=0).tolist())) == {
        (True,) * 6,
        (True, False, False, False, True, True),
    }
    y = np.concatenate([y for _, y, *_ in batches(two.train, None, job, 0)])
    assert table[np.arange(len(y)), y].all()


def test_the_loss_does_not_depend_on_logits_of_labels_that_are_not_own():
    y, known = tf.constant([0, 1], tf.uint8), tf.constant([[True, True, False], [True, True, True]])

    def loss(*unknown: float, known=known) -> float:
        logits = tf.constant([[2.0, 1.0, unknown[0]], [0.5, 1.5, unknown[1]]])
        return float(training_loss(y, logits, (), 0.1, False, known))

    assert loss(0.0, 0.0) == loss(9.0, 0.0)
    assert loss(0.0, 0.0) < loss(0.0, 9.0)
    assert loss(1.0, 1.0, known=tf.ones((2, 3), bool)) == pytest.approx(loss(1.0, 1.0, known=None), rel=1e-6)


@pytest.mark.parametrize("only_coarse", [True, False])
def test_the_coarse_head_is_told_from_coarse_classes_of_own_labels(only_coarse):
    y, known = tf.constant([0], tf.uint8), tf.constant([[True, False, False, True]])

    def loss(*coarse_logits: float) -> float:
        answers = tf.zeros((1, 4)), tf.constant([coarse_logits])
        return float(training_loss(y, answers, (0, 1, 1, 2), 0.1, only_coarse, known))

    assert loss(2.0, 0.0, 1.0) == loss(2.0, 9.0, 1.0) < loss(2.0, 0.0, 9.0)
