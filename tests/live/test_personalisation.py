"""The correction learnt from one person holds for later windows of theirs, and loses nothing where all is well."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from programs import MODELS
from written_recordings import posture

from edge_runtime.data.dataset import Mounting, Recording
from edge_runtime.errors import InputError
from edge_runtime.live import personalisation
from edge_runtime.live.correction_ridge import cross_validate, exchanged, fit_correction
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.personal_correction import look
from edge_runtime.signals.frontend import SIGNALS

NAMES = [x.name for x in SIGNALS]
N_FEATURES = 3 + 6 + 36
WALK, SIT, STAND, LIE = range(4)


def person(seed, shift=2.0, n=60):
    """Logits, looks and labels of three activities; the network takes SIT for STAND, by `shift`."""
    rng = np.random.default_rng(seed)
    y = np.repeat([WALK, SIT, STAND], n // 3)
    looks = np.array([[9.0, 0, 0], [0, 3, 0], [0, -3, 0]])[y] + 0.5 * rng.normal(size=(n, 3))
    logits = np.full((n, 4), -1.0)
    logits[np.arange(n), y] = 4
    logits[y == SIT, SIT] -= 1.5 * shift
    logits[y == SIT, STAND] += 1.5 * shift
    return (logits + 0.1 * rng.normal(size=(n, 4))).astype(np.float32), looks, y


def right(logits, y):
    return float((logits.argmax(axis=1) == y).mean())


def one_of_each(*arrays):
    return [x[[0, 20, 40]] for x in arrays]


@pytest.mark.parametrize("shift", [2.0, 0.0])
def test_one_window_of_each_activity_is_enough_and_nothing_is_lost_with_a_person_whom_the_network_knows(shift):
    learnt = fit_correction(*one_of_each(*person(0, shift)), 0.6)
    later, looks, truth = person(1, shift)
    assert right(later, truth) < 0.7 if shift else right(later, truth) == 1
    assert right(learnt.apply(later, looks), truth) > 0.95
    assert shift or right(learnt.apply(later, looks), truth) == 1


def test_an_activity_that_was_not_shown_keeps_its_windows_however_far_they_are():
    learnt = fit_correction(*person(0), 0.6)
    lying = np.tile([-2.0, -2.0, -2.0, 4.0], (3, 1))
    corrected = learnt.apply(lying, 100 * np.eye(3))
    assert right(corrected, np.full(3, LIE)) == 1
    assert (corrected - lying <= np.array(learnt.highest) + 1e-5).all()
    assert (corrected - lying >= np.array(learnt.lowest) - 1e-5).all()


def test_a_stronger_ridge_and_less_weight_change_less_and_an_endless_ridge_nothing():
    def size(**settings):
        return np.abs(fit_correction(*person(0), 0.6, **settings).weights).max()

    assert size(ridge=1.0) > size(ridge=100.0) > size(ridge=1e12)
    assert size(ridge=1e12) < 1e-5
    assert size(weight=1.0) > size(weight=0.1)


def test_what_one_fold_teaches_must_not_spoil_another():
    folds = np.split(np.arange(60), 6)
    logits, looks, y = person(0, shift=0)
    logits[20:, [SIT, STAND]] /= 5  # right, but hardly
    looks[30:40, 1] -= 6  # the phone was moved: in one part of sitting it hangs as in standing
    assert cross_validate(logits, looks, y, folds, 0.6).is_worse
    found = cross_validate(*person(0), folds, 0.6)
    assert found.windows == 60
    assert found.after > found.before
    assert cross_validate(*person(0), [np.arange(20), *folds[2:]], 0.6) is None  # nothing is left to learn walking from


def test_exchanged_labels_are_told_from_a_person_who_is_hard_to_recognise():
    logits, _, y = person(0, shift=0)
    swapped = np.array([WALK, STAND, SIT])[y]
    assert exchanged(logits, y) == {}
    assert exchanged(logits, swapped) == {SIT: STAND, STAND: SIT}
    edge_of_a_walk = np.where(np.arange(len(y)) < 20, STAND, y)  # still, and so answered as standing
    assert exchanged(np.eye(4)[edge_of_a_walk], y) == {}


def test_a_look_tells_tilt_movement_and_who_follows_whom():
    t = np.arange(128) / 50
    window = np.zeros((3, 128, 9), np.float32)
    window[..., 6] = 1
    window[1, :, 8] = 0.07
    window[2, :, 0] = np.sin(2 * np.pi * 1.5625 * t)  # four whole turns
    window[2, :, 1] = np.sin(2 * np.pi * 1.5625 * (t - 0.16))
    rest, tilted, walk = look(window, NAMES, 50.0)
    assert rest.shape == (N_FEATURES,)
    np.testing.assert_allclose(tilted[:3] - rest[:3], [0, 0, 1], atol=1e-6)
    assert walk[3] - rest[3] == pytest.approx(np.log(0.7121 / 5e-3) / 3, abs=1e-3)
    later = walk[9:].reshape(6, 6)
    assert later[0, 1] == later.max() > 3
    assert later[1, 0] < 0.5 * later[0, 1]


ANYWHERE = Classifier(MODELS["int8"].with_name("edge-anywhere_int8.tflite"))


def made(activity, mounting="hip"):
    """A recording of an activity of a training subject."""
    samples = posture(activity, 30.0)
    return Recording("me", samples, np.zeros(len(samples), np.int8), (activity,), mounting=Mounting(mounting))


def names_of(found):
    return [ANYWHERE.card.labels[x.label] for x in found]


def test_recordings_of_one_mounting_are_turned_together():
    walking, sitting = made("WALKING"), made("SITTING")
    found, _ = personalisation.find_stretches([walking, sitting], ANYWHERE)
    assert names_of(found) == ["WALKING", "SITTING"]
    upright = found[1].looks[:, 0] / np.linalg.norm(found[1].looks[:, :3], axis=1)
    assert 0.3 < upright.mean() < 0.999  # the tilt against walking is there, and not that of a frame of its own
    resting = replace(made("SITTING", "bag"), samples=np.tile(sitting.samples.mean(axis=0), (1500, 1)))
    found, unmoving = personalisation.find_stretches([walking, resting], ANYWHERE)
    assert (names_of(found), unmoving) == (["WALKING"], ["bag"])


@pytest.mark.parametrize("activities", [["SITTING"], ["WALKING_UPSTAIRS", "SITTING"]])
def test_a_mounting_in_which_nobody_walks_by_the_labels_has_no_frame(activities):
    with pytest.raises(InputError, match="walks"):
        personalisation.find_stretches([made(x) for x in activities], ANYWHERE)


def windows(parts, samples=128):
    """The samples of all windows of parts of one stretch."""
    return {start + i for x in parts for start in x.starts.tolist() for i in range(samples)}


@pytest.mark.parametrize(("seconds", "n_parts"), [(3.0, 0), (8.0, 2), (10.0, 3), (48.7, 3)])
def test_no_sample_is_both_learnt_from_and_scored(seconds, n_parts):
    starts = np.arange(0, round(50 * seconds) - 127, 16)
    n = len(starts)
    stretch = personalisation.Stretch(
        0, seconds, starts, np.zeros((n, 6), np.float32), np.zeros((n, 3)), np.zeros(n, np.bool_)
    )
    parts = [x for x in personalisation.held_out_parts([stretch], 128) if len(x.starts)]
    assert len(parts) == n_parts
    for first, second in itertools.combinations(parts, 2):
        assert not windows([first]) & windows([second])


def test_each_stretch_of_an_activity_is_a_part_of_its_own():
    found, _ = personalisation.find_stretches([made("WALKING"), made("SITTING"), made("SITTING")], ANYWHERE)
    parts = names_of(personalisation.held_out_parts(found, ANYWHERE.card.window.samples))
    assert (parts.count("SITTING"), len(parts)) == (2, 2 + personalisation.FOLDS)
