"""A user's own recordings: read with their columns and units, brought to 50 Hz, windowed as UCI HAR was."""

import numpy as np
import pytest
from streams import HEADERS
from written_recordings import HEADER, motion, write, write_subjects

from edge_runtime.data import loading
from edge_runtime.data.dataset import WINDOW
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend


def write_folder(folder, seconds, samples, labels, header=HEADER):
    """The same recording of three subjects."""
    for subject in "abc":
        write(folder / f"rec-{subject}.csv", seconds, samples, labels, subject, header)
    return folder


HALVES = ["walk"] * 300 + ["rest"] * 300


def test_windows_are_cut_inside_each_labels_segment(tmp_path):
    write_subjects(tmp_path, "abc")
    write(tmp_path / "rec-d.csv", *motion(600, 4), [""] * 600, "d")  # who is not kept for the test
    data = loading.load_data(tmp_path)
    assert (data.name, data.labels, data.signals) == (tmp_path.name, ("rest", "walk"), frontend.SIGNALS)
    # 300 samples hold windows at 0, 64 and 128; 192 + 128 is beyond.
    assert data.train.X.dtype == np.float32
    assert data.train.y.tolist() == [1, 1, 1, 0, 0, 0] * 2
    assert data.train.subject.tolist() == ["a"] * 6 + ["b"] * 6
    assert data.test.subject.tolist() == ["c"] * 6
    expected = frontend.signals(motion(600, seed=0)[1], gentle=True)
    for window, start in enumerate([0, 64, 128, 300, 364, 428]):
        assert data.train.X[window] == pytest.approx(expected[start : start + 128], abs=1e-6)


@pytest.mark.parametrize(("n", "count"), [(127, 0), (128, 1), (191, 1), (192, 2)])
def test_a_segment_of_exactly_a_window_gives_one_window(tmp_path, n, count):
    write(tmp_path / "a.csv", *motion(300 + n), ["walk"] * 150 + ["rest"] * n + ["walk"] * 150, "a")
    test = loading.windowed("mine", loading.load_recordings(tmp_path), WINDOW, ["a"]).test
    assert np.bincount(test.y).tolist() == [count, 2]


def test_rows_without_a_label_feed_the_filters_and_give_no_windows(tmp_path):
    data = loading.load_data(write_folder(tmp_path, *motion(600), [""] * 200 + ["walk"] * 200 + ["rest"] * 200))
    assert data.train.y.tolist() == [1, 1, 0, 0] * 2
    assert data.train.X[0] == pytest.approx(frontend.signals(motion(600)[1], gentle=True)[200:328], abs=1e-6)


@pytest.mark.parametrize(("header", "per_second", "per_g", "per_rad"), HEADERS.values(), ids=HEADERS)
def test_columns_and_units_are_those_of_the_header_whoever_wrote_it(tmp_path, header, per_second, per_g, per_rad):
    seconds, samples = motion(600)
    sent = samples * np.repeat([per_g, per_rad], 3)
    write(tmp_path / "a.csv", seconds * per_second, sent, HALVES, "a", header + ",label,subject")
    (recording,) = loading.load_recordings(tmp_path / "a.csv")
    assert recording.samples == pytest.approx(samples, abs=1e-6)
    assert np.bincount(recording.labels).tolist() == [300, 300]


def write_by_sensor(folder, acceleration_s, rotation_s):
    """A row for each reading: the phone lies on its back and turns as fast as the seconds go."""
    rows = [(t, "android.sensor.accelerometer,0,0,9.80665") for t in acceleration_s]
    rows += [(t, f"Gyro,{t},0,0") for t in rotation_s]
    rows += [(t, "magnetometer,20,,") for t in acceleration_s[::5]]
    lines = [f"{t:.4f},{x},{'walk' if t < 6 else 'rest'}" for t, x in sorted(rows)]
    for x in "abc":
        text = "\n".join(["t[s],sensor,x,y,z,label,subject", *(f"{line},{x}" for line in lines)])
        (folder / f"rec-{x}.csv").write_text(text)


def test_sensors_with_rows_of_their_own_are_paired_by_their_times(tmp_path):
    times = np.arange(600) / 50
    write_by_sensor(tmp_path, times, times + 0.007)
    paired = loading.load_recordings(str(tmp_path))[0]
    assert len(paired.samples) == 599  # rotation is not known before its first reading
    assert paired.samples[:, :3] == pytest.approx(np.broadcast_to([0, 0, 1], (599, 3)))
    assert paired.samples[:, 3] == pytest.approx(0.02 + np.arange(599) / 50, abs=1e-6)
    write_by_sensor(tmp_path, times, times[(times < 5) | (times > 6)])  # a pause of the gyroscope is a gap
    assert [len(recording.samples) for recording in loading.load_recordings(tmp_path)[:2]] == [250, 299]


def test_without_a_gyroscope_the_signals_are_those_of_acceleration(tmp_path):
    header = "timestamp[s],ax[g],ay[g],az[g],label,subject"
    write_folder(tmp_path, motion(600)[0], motion(600)[1][:, :3], HALVES, header)
    data = loading.load_data(tmp_path)
    names = [f"{quantity}_{axis}" for quantity in ("body_acc", "total_acc") for axis in "xyz"]
    assert [signal.name for signal in data.signals] == names
    whole = loading.load_data(write_folder(tmp_path, *motion(600), HALVES)).select(names)
    assert data.fingerprint == whole.fingerprint
    write(tmp_path / "rec-b.csv", motion(600)[0], motion(600)[1][:, :3], HALVES, "b", header)
    with pytest.raises(InputError, match="rotation"):
        loading.load_data(tmp_path)


def test_a_gap_begins_a_new_recording_and_the_front_end_anew(tmp_path):
    seconds, samples = motion(600)
    seconds[300:] += 0.3
    seconds[100:] += 0.2  # 0.22 s between two samples: bridged
    recordings = loading.load_recordings(write_folder(tmp_path, seconds, samples, HALVES))
    assert [len(recording.samples) for recording in recordings[:2]] == [310, 300]
    data = loading.load_data(tmp_path)
    first_of_rest = data.train.X[np.flatnonzero(data.train.y == 0)[0]]
    assert first_of_rest == pytest.approx(frontend.signals(samples[300:], gentle=True)[:128], abs=1e-6)


def test_every_third_of_the_subjects_with_windows_in_natural_order_is_the_test_part(tmp_path):
    names = ("STANDING", "SITTING", "WALKING")
    write_subjects(tmp_path, ["s4", "s12"], names, 127)  # who have no windows
    data = loading.load_data(write_subjects(tmp_path, ["s10", "s9", "s1", "s2", "s11", "s3", "s20"], names, 130))
    assert sorted(set(data.test.subject.tolist())) == ["s11", "s3"]
    assert sorted(set(data.train.subject.tolist())) == ["s1", "s10", "s2", "s20", "s9"]
    assert data.labels == ("WALKING", "SITTING", "STANDING")  # the order of UCI HAR
    assert np.bincount(data.train.y).tolist() == [5, 5, 5]
