"""`tools.personal_gain` scores each person's windows that did not adapt the model."""

import numpy as np
import pytest
from programs import MODELS
from written_recordings import posture, write_pieces

from edge_runtime.live.personalisation import Stretch
from edge_runtime.model.classifier import Classifier
from tools import personal_gain

SITTING, STANDING = posture("SITTING"), posture("STANDING")


def measure(data, seconds):
    return personal_gain.measure(Classifier(MODELS["int8"]), [str(data)], seconds)


def test_a_correction_from_five_seconds_is_used_and_does_no_harm(tmp_path):
    write_pieces(tmp_path / "a.csv", [("SITTING", SITTING), ("STANDING", STANDING)])
    (gain,), not_scored = measure(tmp_path, 5)
    assert gain.used
    assert gain.macro_f1_after > gain.macro_f1_before - 0.01
    assert not not_scored
    gains, not_scored = measure(tmp_path, 1000)
    assert not gains
    assert not_scored.keys() == {"me"}


def test_people_with_too_little_time_are_not_scored_and_harm_is_not_used(tmp_path):
    write_pieces(tmp_path / "a.csv", [("SITTING", SITTING), ("STANDING", STANDING)])
    write_pieces(tmp_path / "b.csv", [("SITTING", SITTING)], "another")
    write_pieces(tmp_path / "c.csv", [("LAYING", SITTING), ("WALKING", STANDING)], "wrong")
    (me, wrong), not_scored = measure(tmp_path, 10)
    assert (me.subject, wrong.subject) == ("me", "wrong")
    assert not_scored.keys() == {"another"}
    assert not wrong.used
    assert wrong.after == wrong.before < 0.5


@pytest.mark.parametrize("seconds", [1.5, 5.0, 10.0])
def test_no_sample_is_both_learnt_from_and_scored(seconds):
    starts = np.arange(0, round(100 * seconds) - 127, 16)
    n = len(starts)
    stretch = Stretch(0, 2 * seconds, starts, np.zeros((n, 6), np.float32), np.zeros((n, 3)), np.zeros(n, bool))
    first, rest = personal_gain.split([stretch], seconds, 128)
    assert all(start + 128 <= 50 * seconds for part in first for start in part.starts)
    assert all(start >= 50 * seconds - 1 for part in rest for start in part.starts)
