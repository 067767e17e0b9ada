"""One causal filter: batch and stream give the same signals, each filter does what it is for; and companding."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt_zi

from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import RATE_HZ, FrontEnd
from edge_runtime.signals.normalisation import Normalisation

NUMBERS = st.floats(-20, 20, width=64)
RECORDINGS = st.integers(0, 60).flatmap(lambda n: arrays.arrays(np.float64, (n, 6), elements=NUMBERS))


def stream(raw, cuts):
    front_end = FrontEnd()
    chunks = [front_end.push(chunk) for chunk in np.split(raw, sorted(cuts))]
    assert sum(map(len, chunks)) == max(0, len(raw) - 1)  # the median looks one sample ahead
    return np.concatenate([*chunks, front_end.flush()])


def still(n, acceleration=(0.0, 0.0, 1.0), rotation=(0.0, 0.0, 0.0)):
    return np.tile(np.array([*acceleration, *rotation]), (n, 1))


@settings(max_examples=60)
@given(raw=RECORDINGS, data=st.data())
def test_any_chunking_gives_the_same_bits_as_the_whole_recording(raw, data):
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=10))
    assert stream(raw, cuts).tobytes() == frontend.signals(raw).tobytes()


def test_gravity_and_gyroscope_offset_are_removed_and_total_acceleration_keeps_gravity():
    end = frontend.signals(still(60 * RATE_HZ, (0.3, -0.2, 0.9), (0.1, -0.1, 0.05)))[-1]
    assert end[:6] == pytest.approx([0] * 6, abs=1e-6)
    assert end[6:] == pytest.approx([0.3, -0.2, 0.9], abs=1e-9)


def test_coefficients_are_those_of_the_butterworth_design():
    for section, order, hertz in ((FILTERS.noise, 10, 20), (FILTERS.gravity, 3, 0.3), (FILTERS.drift, 2, 0.1)):
        sections = butter(order, hertz, fs=RATE_HZ, output="sos")
        np.testing.assert_allclose(section.sections, sections, rtol=1e-9, atol=1e-12)
        if section is not FILTERS.drift:  # which starts from zero
            np.testing.assert_allclose(section.settled, sosfilt_zi(sections), rtol=1e-9)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (np.zeros((10, 5)), "10, 5"),
        (np.zeros(6), "6"),
        (np.array([[0.0] * 6, [np.nan] * 6]), "sample 1 "),
        (np.full((1, 6), np.inf), "sample 0 "),
    ],
)
def test_bad_samples_are_refused_and_leave_the_state_alone(raw, says):
    good = np.random.default_rng(4).normal(size=(50, 6))
    front_end = FrontEnd()
    first = front_end.push(good[:20])
    with pytest.raises(InputError, match=says):
        front_end.push(raw)
    rest = np.concatenate([first, front_end.push(good[20:]), front_end.flush()])
    assert rest.tobytes() == frontend.signals(good).tobytes()


def test_companding_spreads_what_is_small_and_keeps_the_clip_where_it_is():
    normalisation = Normalisation(mean=(1.0, 1.0), std=(2.0, 2.0), clip=(3.0, 3.0), knee=(0.5, None))
    values = np.array([1.0, 1.002, 0.998, 7.0, -5.0, 100.0])  # 0, 0.001, -0.001, 3, -3 and 49.5 standard deviations
    companded, linear = normalisation.apply(np.stack([values, values], axis=-1)).T
    np.testing.assert_allclose(linear, [0, 0.001, -0.001, 3, -3, 3], atol=1e-6)
    np.testing.assert_allclose(companded, [0, 0.006986, -0.006986, 3, -3, 3], atol=1e-6)  # 0.001 * 3.5 / 0.501
