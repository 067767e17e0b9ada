"""A correction learnt from one person improves their later windows, and does no harm if the network is right."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from programs import MODELS
from written_recordings import posture

from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.errors import InputError
from edge_runtime.live import personalisation
from edge_runtime.live.correction_ridge import cross_validate, fit_correction
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.personal_correction import look
from edge_runtime.signals.frontend import SIGNALS

NAMES = [x.name for x in SIGNALS]
N_FEATURES = 3 + 6 + 36
WALK, SIT, STAND, LIE = range(4)


def person(seed, shift=2.0, n=60):
    """Make logits, looks and labels of three activities; by `shift`, the network mistakes SIT for STAND."""
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
    return [array[[0, 20, 40]] for array in arrays]


@pytest.mark.parametrize("shift", [2.0, 0.0])
def test_one_window_of_each_activity_is_enough_and_does_no_harm_if_the_network_is_right(shift):
    correction = fit_correction(*one_of_each(*person(0, shift)), 0.6)
    later, looks, truth = person(1, shift)
    assert right(later, truth) < 0.7 if shift else right(later, truth) == 1
    assert right(correction.apply(later, looks), truth) > (0.95 if shift else 0.999)


def test_an_activity_without_recordings_is_still_recognised_however_far_its_looks_are():
    correction = fit_correction(*person(0), 0.6)
    lying = np.tile([-2.0, -2.0, -2.0, 4.0], (3, 1))
    corrected = correction.apply(lying, 100 * np.eye(3))
    assert right(corrected, np.full(3, LIE)) == 1
    assert (corrected - lying <= np.array(correction.highest) + 1e-5).all()
    assert (corrected - lying >= np.array(correction.lowest) - 1e-5).all()


def test_cross_validation_notices_a_fold_that_spoils_another():
    folds = np.split(np.arange(60), 6)
    logits, looks, y = person(0, shift=0)
    logits[20:, [SIT, STAND]] /= 5  # right, but hardly
    looks[30:40, 1] -= 6  # the phone was moved: in one part of sitting it hangs as in standing
    spoiled = cross_validate(logits, looks, y, folds, 0.6)
    assert spoiled.after < spoiled.before
    held_out = cross_validate(*person(0), folds, 0.6)
    assert held_out.windows == 60
    assert held_out.after > held_out.before
    assert cross_validate(*person(0), [np.arange(20), *folds[2:]], 0.6) is None  # the first fold has all the walking


def test_a_look_shows_tilt_movement_and_the_order_of_signals():
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


def recorded(activity, mounting="hip"):
    """Make a recording of an activity of a training subject."""
    samples = posture(activity, 30.0)
    return Recording("me", samples, np.zeros(len(samples), np.int8), (activity,), mounting=Mounting(mounting))


def names_of(stretches):
    return [ANYWHERE.card.labels[stretch.label] for stretch in stretches]


def test_recordings_of_one_mounting_are_turned_together():
    walking, sitting = recorded("WALKING"), recorded("SITTING")
    stretches, _ = personalisation.find_stretches([walking, sitting], ANYWHERE)
    assert names_of(stretches) == ["WALKING", "SITTING"]
    upright = stretches[1].looks[:, 0] / np.linalg.norm(stretches[1].looks[:, :3], axis=1)
    assert 0.3 < upright.mean() < 0.999  # 1 if sitting were turned by itself
    resting = replace(recorded("SITTING", "bag"), samples=np.tile(sitting.samples.mean(axis=0), (1500, 1)))
    stretches, unmoving = personalisation.find_stretches([walking, resting], ANYWHERE)
    assert (names_of(stretches), unmoving) == (["WALKING"], ["bag"])


@pytest.mark.parametrize("activities", [["SITTING"], ["WALKING_UPSTAIRS", "SITTING"]])
def test_a_mounting_without_labelled_walking_is_refused(activities):
    with pytest.raises(InputError, match="walks"):
        personalisation.find_stretches([recorded(activity) for activity in activities], ANYWHERE)


def windows(parts, samples=128):
    """Collect the samples of all windows of parts of one stretch."""
    return {start + i for part in parts for start in part.starts.tolist() for i in range(samples)}


@pytest.mark.parametrize(("seconds", "n_parts"), [(3.0, 0), (8.0, 2), (10.0, 3), (48.7, 3)])
def test_no_sample_is_in_two_held_out_parts(seconds, n_parts):
    starts = np.arange(0, round(50 * seconds) - 127, 16)
    n = len(starts)
    stretch = personalisation.Stretch(
        0, seconds, starts, np.zeros((n, 6), np.float32), np.zeros((n, 3)), np.zeros(n, bool)
    )
    parts = [part for part in personalisation.held_out_parts([stretch], 128) if len(part.starts)]
    assert len(parts) == n_parts
    for first, second in itertools.combinations(parts, 2):
        assert not windows([first]) & windows([second])


def test_each_of_several_stretches_of_an_activity_is_a_part():
    recordings = [recorded(activity) for activity in ("WALKING", "SITTING", "SITTING")]
    stretches, _ = personalisation.find_stretches(recordings, ANYWHERE)
    parts = names_of(personalisation.held_out_parts(stretches, ANYWHERE.card.window.samples))
    assert (parts.count("SITTING"), len(parts)) == (2, 2 + personalisation.FOLDS)
