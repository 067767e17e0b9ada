"""A user's own recordings: read with their units, brought to 50 Hz, windowed as UCI HAR was."""

import numpy as np
import pytest
from written_recordings import HEADER, motion, spoil, write, write_subjects

from edge_runtime.data import csv_recordings, loading, uci_har
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend


def test_windows_are_cut_inside_each_labels_segment(tmp_path):
    data = loading.load_data(write_subjects(tmp_path, "abc"))
    assert data.name == tmp_path.name
    assert data.labels == ("rest", "walk")
    assert data.signals == frontend.SIGNALS
    # 300 samples hold windows at 0, 64 and 128; 192 + 128 is beyond.
    assert data.train.X.shape == (12, 128, 9)
    assert data.train.X.dtype == np.float32
    assert data.train.y.tolist() == [1, 1, 1, 0, 0, 0] * 2
    assert data.train.subject.tolist() == ["a"] * 6 + ["b"] * 6
    assert data.test.subject.tolist() == ["c"] * 6


def test_windows_hold_the_front_ends_signals(tmp_path):
    data = loading.load_data(write_subjects(tmp_path, "abc"))
    expected = frontend.signals(motion(600, seed=0)[1])
    for window, start in enumerate([0, 64, 128, 300, 364, 428]):
        assert data.train.X[window] == pytest.approx(expected[start : start + 128], abs=1e-6)


def test_a_recording_of_uci_har_comes_back_the_same(tmp_path):
    original = uci_har.recordings()[0]
    n = 3000
    names = [uci_har.RECORDING_LABELS[x] if x >= 0 else "" for x in original.labels[:n]]
    for subject in "123":
        write(tmp_path / f"{subject}.csv", np.arange(n) / 50, original.samples[:n], names, subject)
    back = csv_recordings.recordings(tmp_path)[0]
    assert back.rate_hz == 50
    assert back.subject == "1"
    assert back.samples == pytest.approx(original.samples[:n], abs=1e-9)
    assert [back.label_names[x] if x >= 0 else "" for x in back.labels] == names


def test_rows_without_a_label_feed_the_filters_and_give_no_windows(tmp_path):
    for subject in "abc":
        seconds, samples = motion(600)
        labels = [""] * 200 + ["walk"] * 200 + ["rest"] * 200
        write(tmp_path / f"{subject}.csv", seconds, samples, labels, subject)
    data = loading.load_data(tmp_path)
    assert data.train.y.tolist() == [1, 1, 0, 0] * 2
    assert data.train.X[0] == pytest.approx(frontend.signals(motion(600)[1])[200:328], abs=1e-6)


def test_units_and_the_order_of_columns_are_read_from_the_header(tmp_path):
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.mkdir()
    other.mkdir()
    write_subjects(plain, "abc")
    header = "label,gz[deg/s],gy[deg/s],gx[deg/s],battery,az[m/s^2],ay[ m/s^2 ],ax[g],subject, timestamp [ms]"
    for path in sorted(plain.iterdir()):
        rows = [x.split(",") for x in path.read_text().splitlines()[1:]]
        lines = [header]
        for t, ax, ay, az, gx, gy, gz, label, subject in rows:
            turned = [str(float(x) * 180 / np.pi) for x in (gz, gy, gx)]
            pulled = [str(float(x) * 9.80665) for x in (az, ay)]
            lines.append(",".join([label, *turned, "80 %", *pulled, ax, subject, str(float(t) * 1000 + 1.7e12)]))
        # A byte order mark, as spreadsheets write it.
        (other / path.name).write_text("\n".join(lines), encoding="utf-8-sig")
    expected, found = loading.load_data(plain), loading.load_data(other)
    assert np.abs(found.train.X - expected.train.X).max() < 1e-4
    assert np.array_equal(found.train.y, expected.train.y)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_unit_of_time_is_understood(tmp_path, unit):
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for subject in "abc":
        seconds, samples = motion(600)
        header = HEADER.replace("[s]", f"[{unit}]")
        write(tmp_path / f"{subject}.csv", seconds * factor, samples, ["walk"] * 300 + ["rest"] * 300, subject, header)
    assert loading.load_data(tmp_path).train.X.shape == (12, 128, 9)


def test_another_rate_is_brought_to_50_hz(tmp_path):
    for subject in "abc":
        seconds, samples = motion(1200, rate=100)
        jitter = np.random.default_rng(0).uniform(-0.002, 0.002, 1200)
        moved = seconds + jitter
        at = np.stack([np.interp(moved, seconds, x) for x in samples.T], axis=1)
        write(tmp_path / f"{subject}.csv", moved, at, ["walk"] * 600 + ["rest"] * 600, subject)
    recording = csv_recordings.recordings(tmp_path)[0]
    assert len(recording.samples) == pytest.approx(600, abs=1)
    began = np.random.default_rng(0).uniform(-0.002, 0.002, 1)[0]
    grid = began + np.arange(len(recording.samples)) / 50
    expected = np.stack([np.interp(grid, np.arange(1200) / 100, x) for x in motion(1200, rate=100)[1].T], axis=1)
    # At the ends the low-pass has but one side to look to.
    assert recording.samples[1:-1] == pytest.approx(expected[1:-1], abs=5e-3)
    assert np.bincount(recording.labels).tolist() == pytest.approx([300, 300], abs=1)


def test_a_gap_begins_a_new_recording_and_the_front_end_anew(tmp_path):
    for subject in "abc":
        seconds, samples = motion(600)
        seconds[300:] += 0.3
        seconds[100:] += 0.2  # 0.22 s between two samples: bridged
        write(tmp_path / f"{subject}.csv", seconds, samples, ["walk"] * 300 + ["rest"] * 300, subject)
    found = csv_recordings.recordings(tmp_path)
    assert [len(x.samples) for x in found[:2]] == [310, 300]
    data = loading.load_data(tmp_path)
    first_of_rest = data.train.X[np.flatnonzero(data.train.y == 0)[0]]
    assert first_of_rest == pytest.approx(frontend.signals(motion(600)[1][300:])[:128], abs=1e-6)


def test_the_last_third_of_the_subjects_in_natural_order_is_the_test_part(tmp_path):
    data = loading.load_data(write_subjects(tmp_path, ["s10", "s9", "s1", "s2", "s11", "s3", "s20"]))
    assert sorted(set(data.test.subject.tolist())) == ["s11", "s20"]
    assert sorted(set(data.train.subject.tolist())) == ["s1", "s10", "s2", "s3", "s9"]


def test_classes_named_as_in_uci_har_keep_its_order(tmp_path):
    data = loading.load_data(write_subjects(tmp_path, "abc", labels=("STANDING", "SITTING", "WALKING")))
    assert data.labels == ("WALKING", "SITTING", "STANDING")
    assert np.bincount(data.train.y).tolist() == [6, 6, 6]


def test_two_files_of_one_subject_are_two_recordings(tmp_path):
    write_subjects(tmp_path, "abc")
    seconds, samples = motion(600, 9)
    write(tmp_path / "rec-more.csv", seconds, samples, ["walk"] * 300 + ["rest"] * 300, "a")
    assert len(csv_recordings.recordings(tmp_path)) == 4
    assert np.sum(loading.load_data(tmp_path).train.subject == "a") == 12


def test_two_subjects_are_too_few(tmp_path):
    with pytest.raises(InputError, match="2 subjects; at least 3"):
        loading.load_data(write_subjects(tmp_path, "ab"))


def test_a_class_without_a_training_window_is_refused_by_name(tmp_path):
    write_subjects(tmp_path, "abc")
    write_subjects(tmp_path, "d", labels=("walk", "jump"))
    with pytest.raises(InputError, match=r"no training subject \(a, b, c\) has 2\.56 s of 'jump'"):
        loading.load_data(tmp_path)


def test_a_test_part_without_windows_is_refused(tmp_path):
    write_subjects(tmp_path, "ab")
    write_subjects(tmp_path, "c", n=100)
    with pytest.raises(InputError, match=r"no test subject \(c\)"):
        loading.load_data(tmp_path)


def test_one_label_is_too_few(tmp_path):
    with pytest.raises(InputError, match="1 different labels"):
        loading.load_data(write_subjects(tmp_path, "abc", labels=("walk",)))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (HEADER.replace("ax[g]", "ax"), r"unit of 'ax' as ax\[g\] or ax\[m/s\^2\]; it gives none"),
        (HEADER.replace("gx[rad/s]", "gx[rpm]"), r"unit of 'gx' as gx\[rad/s\] or gx\[deg/s\]; it gives 'rpm'"),
        (HEADER.replace("[s]", "[min]"), r"unit of 'timestamp' as timestamp\[s\] or .*timestamp\[ns\]; it gives 'min'"),
        (HEADER.replace("label", "class"), "no column 'label'"),
        (HEADER.replace("ay[g]", "ax[g]"), "column 'ax' twice"),
        ("name;age", "no column 'timestamp'"),
        ("", "no column 'timestamp'"),
    ],
)
def test_a_header_that_leaves_something_open_is_refused(tmp_path, header, says):
    write_subjects(tmp_path, "abc")
    spoil(tmp_path, 1, header)
    with pytest.raises(InputError, match=rf"rec-a\.csv.*{says}"):
        loading.load_data(tmp_path)


GOOD = "0.06,0,0,1,0,0,0,walk,a"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (GOOD.replace("0.06", "0.04"), "line 5: the timestamp is not after"),
        (GOOD.replace("0.06", "-1"), "line 5: the timestamp is not after"),
        (GOOD.replace(",1,", ",nan,"), "line 5: a number is not finite"),
        (GOOD.replace(",1,", ",inf,"), "line 5: a number is not finite"),
        (GOOD.replace("0.06", "1e308"), "line 6: the timestamp is not after"),
        (GOOD.replace(",1,", ",1e300,"), r"line 5: az is 1e\+300 g, .* 100 g; check the unit of 'az'"),
        (GOOD.replace(",1,0,", ",1,-201,"), r"line 5: gx is -201 rad/s, .* 200 rad/s; check"),
        (GOOD.replace("walk", "walk\x1b[2J"), "line 5: .*control character"),
        (GOOD.replace("walk", '"wa\nlk"'), "line 6: .*line break"),
        (GOOD.replace(",1,", ",,"), "line 5: .*leave out rows without"),
        (GOOD.replace(",1,", ",fast,"), "line 5: .*fast"),
        (GOOD + ",more", "line 5: 10 fields instead of the header's 9"),
        (GOOD[:8], "line 5: 3 fields instead"),
        (GOOD[:-1] + "b", "line 5: .*same subject"),
        (GOOD[:-1], "line 5: .*same subject"),
        ('0.06,"0,0', "unexpected end of data"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, row, says):
    write_subjects(tmp_path, "abc")
    spoil(tmp_path, 5, row)
    with pytest.raises(InputError, match=rf"rec-a\.csv.*{says}"):
        loading.load_data(tmp_path)


def test_bounds_are_those_of_the_unit_in_the_header(tmp_path):
    """900 m/s^2 are 92 g and 11 000 deg/s are 192 rad/s, which is much, but fewer than are believed."""
    seconds, samples = motion(600)
    samples[7, 2], samples[7, 3] = 900, 11_000
    header = HEADER.replace("[g]", "[m/s^2]").replace("[rad/s]", "[deg/s]")
    for subject in "abc":
        write(tmp_path / f"rec-{subject}.csv", seconds, samples, ["walk"] * 300 + ["rest"] * 300, subject, header)
    assert len(csv_recordings.recordings(tmp_path)) == 3
    spoil(tmp_path, 9, "0.14,0,0,990,0,0,0,walk,a")
    with pytest.raises(InputError, match=r"line 9: az is 990 m/s\^2, .* 980\.7 m/s\^2"):
        csv_recordings.recordings(tmp_path)


def test_timestamps_in_another_unit_than_stated_are_noticed(tmp_path):
    write_subjects(tmp_path, "abc")
    seconds, samples = motion(600)
    write(tmp_path / "rec-a.csv", seconds * 1000, samples, ["walk"] * 300 + ["rest"] * 300, "a")
    with pytest.raises(InputError, match=r"rec-a\.csv: samples are 20 s apart.*unit of the timestamp"):
        loading.load_data(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column 'timestamp'"),
        (HEADER.encode(), "too few rows"),
        (b"\xff\xfe\x00\x01" * 50, "not UTF-8"),
        (HEADER.encode() + b"\n" + b"\0" * 100, "rec-a"),
    ],
)
def test_a_foreign_file_is_refused_by_name(tmp_path, content, says):
    write_subjects(tmp_path, "abc")
    (tmp_path / "rec-a.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"rec-a\.csv.*{says}" if says != "rec-a" else r"rec-a\.csv"):
        loading.load_data(tmp_path)
