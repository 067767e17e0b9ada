"""Check that the diagnosis has the int8 model's own arithmetic and finds its weakest place."""

import numpy as np
import pytest
from model_answers import logits_of

from convert.quantise.calibration import ActivationRange
from tools.diagnosis import diagnose, weakest
from tools.int8_arithmetic import Grid, int8_logits


def test_the_arithmetic_is_that_of_the_model_that_was_written(lowered, ranges, forms, its_windows):
    written, step = logits_of(forms["int8"], its_windows), Grid.of(ranges[lowered.nodes[-1].name]).scale
    differences = np.rint(np.abs(int8_logits(lowered, ranges, its_windows) - written) / step)
    assert np.mean(differences <= 1) > 0.9
    assert np.mean(differences <= 3) > 0.98


def test_an_absurdly_wide_range_is_the_weakest_place(lowered, ranges, its_windows):
    (point,) = (x for x in ranges if x.endswith("/candidate"))
    absurd = ActivationRange(60 * ranges[point].low, 60 * ranges[point].high)
    places, logits_db = diagnose(lowered, {**ranges, point: absurd}, its_windows[:40])
    found = weakest(places)
    assert found.name == point
    assert found.gain_db > 3
    assert found.bits < 4
    assert places[-1].snr_db == pytest.approx(logits_db)
