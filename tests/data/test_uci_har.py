"""The rebuilt windows are the official ones; the embedded file loses nothing."""

import hashlib
import io
import lzma
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from programs import ROOT

from edge_runtime.data import dataset, loading, uci_har
from edge_runtime.data.uci_har import Counts
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from tools import rebuild_recordings

TEST_SUBJECTS = [2, 4, 9, 10, 12, 13, 18, 20, 24]


@pytest.fixture(scope="module")
def data():
    return loading.load_data(None)


@pytest.fixture(scope="module")
def recordings():
    return uci_har.recordings()


def assert_equal_counts(one, other):
    for name in ("counts", "labels", "lengths", "subjects"):
        assert getattr(one, name).dtype == getattr(other, name).dtype
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_windows_have_the_official_shapes_names_and_counts(data):
    assert data.labels == ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
    assert data.signals == frontend.SIGNALS
    assert (data.window.rate_hz, data.window.samples, data.window.hop) == (50.0, 128, 64)
    assert data.train.X.shape == (7352, 128, 9)
    assert data.test.X.shape == (2947, 128, 9)
    assert data.train.X.dtype == data.test.X.dtype == np.float32
    assert np.bincount(data.train.y).tolist() == [1226, 1073, 986, 1286, 1374, 1407]
    assert np.bincount(data.test.y).tolist() == [496, 471, 420, 491, 532, 537]


def test_labels_and_subjects_are_the_official_ones(data):
    for part, digests in uci_har.DIGESTS.items():
        split = getattr(data, part)
        assert split.y.dtype == split.subject.dtype == np.uint8
        assert tuple(hashlib.sha256(x.tobytes()).hexdigest() for x in (split.y, split.subject)) == digests
    assert np.unique(data.test.subject).tolist() == TEST_SUBJECTS
    assert len(np.unique(data.train.subject)) == 21
    assert not set(data.train.subject) & set(data.test.subject)


def test_ten_official_windows_are_equal_to_the_last_bit(data):
    official = np.load(ROOT / "tests" / "official_windows.npz")
    assert official["windows"].shape == (10, 128, 9)
    assert data.test.X[official["rows"]].tobytes() == official["windows"].tobytes()


def test_mean_and_deviation_are_those_published_with_the_original_lstm(data):
    assert np.isfinite(data.train.X).all()
    values = data.test.X.astype(np.float64)
    assert values.mean() == pytest.approx(0.0991399, abs=5e-8)
    assert values.std() == pytest.approx(0.395671, abs=5e-7)


def test_recordings_are_continuous_with_labels_at_every_sample(recordings):
    assert len(recordings) == 61
    assert sum(len(x.samples) for x in recordings) == 1_122_772
    subjects = [x.subject for x in recordings]
    assert subjects == sorted([*range(1, 31), *range(1, 31), 10])
    for recording in recordings:
        assert recording.samples.shape == (len(recording.labels), 6)
        assert recording.samples.dtype == np.float64
        assert recording.labels.dtype == np.int8
        assert recording.rate_hz == 50
        assert recording.label_names == uci_har.RECORDING_LABELS
        assert set(recording.labels.tolist()) <= set(range(-1, 12))
    assert uci_har.RECORDING_LABELS[6:] == (
        *("stand_to_sit", "sit_to_stand", "sit_to_lie"),
        *("lie_to_sit", "stand_to_lie", "lie_to_stand"),
    )


def test_recordings_are_the_published_numbers(recordings):
    first = recordings[0]
    published = [
        [0.9180555898766518, -0.1124999994242935, 0.5097222514293852],
        [-0.05497787147760391, -0.06963863968849182, -0.03084869496524334],
        [0.9527777897102887, 0.1541666708301656, 0.3152778010766018],
        [0.005497787147760391, 0.007635815534740686, -0.002748893573880196],
    ]
    assert first.samples[[0, 5000]].reshape(4, 3) == pytest.approx(np.array(published), abs=1e-14)


def test_walking_windows_begin_with_their_segment(recordings):
    """Labels stand at their own sample: a shift by one would take all but a few of these starts away."""
    table = uci_har.read_table()["train"]
    first_labels = [
        (recordings[number].labels[first - 1], recordings[number].labels[first])
        for number, runs in table.items()
        for activity, first, _ in runs
        if activity < 3
    ]
    assert np.mean([before == -1 and here in (0, 1, 2) for before, here in first_labels]) > 0.98


LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=4)


@settings(max_examples=15)
@given(lengths=LENGTHS, data=st.data())
def test_any_counts_survive_the_codec(lengths, data):
    n = sum(lengths)
    counts = Counts(
        data.draw(arrays(np.int16, (n, 6))),
        data.draw(arrays(np.int8, n)),
        np.array(lengths, np.int32),
        data.draw(arrays(np.uint8, len(lengths))),
    )
    assert_equal_counts(uci_har.decoded(rebuild_recordings.encoded(counts), "memory"), counts)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: x[: len(x) // 2],
        lambda x: x[:5000] + bytes([x[5000] ^ 1]) + x[5001:],
        lambda x: lzma.compress(b"another file"),
    ],
    ids=["truncated", "flipped bit", "foreign"],
)
def test_a_damaged_recordings_file_is_refused_by_name(spoil):
    with pytest.raises(InputError, match=r"some\.xz"):
        uci_har.decoded(spoil(uci_har.RECORDINGS_FILE.read_bytes()), "some.xz")


def test_selecting_signals_takes_their_columns_in_the_order_asked_for(data):
    chosen = data.select(["total_acc_z", "body_acc_x"])
    assert [x.name for x in chosen.signals] == ["total_acc_z", "body_acc_x"]
    assert np.array_equal(chosen.train.X, data.train.X[:, :, [8, 0]])
    assert np.array_equal(chosen.test.y, data.test.y)


@pytest.mark.parametrize("names", [["magnetometer"], [], ["body_acc_x", "body_acc_x"]])
def test_selecting_absent_repeated_or_no_signals_is_refused(data, names):
    with pytest.raises(InputError):
        data.select(names)


def test_the_fingerprint_tells_different_data_apart(data):
    assert data.fingerprint.startswith("e82f24a7ee710326")
    assert data.select(["body_acc_x"]).fingerprint != data.fingerprint
    swapped = dataset.Dataset(data.name, data.labels, data.signals, data.window, data.test, data.train)
    assert swapped.fingerprint != data.fingerprint


def test_the_rebuilding_tool_runs_no_code_of_the_pickle():
    class Hostile:
        def __reduce__(self):
            return os.system, ("true",)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(pickle.UnpicklingError, match="no place"):
            rebuild_recordings.RestrictedUnpickler(io.BytesIO(pickle.dumps(Hostile(), protocol))).load()


def test_each_recording_of_uci_har_is_a_mounting_of_its_own(data, recordings):
    """Between two experiments of a person the phone was fixed anew."""
    assert [x.mounting for x in recordings] == list(data.mountings)
    assert len({x.name for x in data.mountings}) == 61
    for split in (data.train, data.test):
        assert {*split.mounting.tolist()} == {i for i, x in enumerate(recordings) if x.subject in split.subject}
        assert [recordings[i].subject for i in split.mounting[::50]] == split.subject[::50].tolist()
