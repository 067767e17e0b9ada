"""The rebuilt windows are the official ones; the embedded file loses nothing; official copies are read whole."""

import hashlib
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import written_recordings
from programs import ROOT

from edge_runtime.data import loading
from edge_runtime.data import uci_har as official
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend

TEST_SUBJECTS = [2, 4, 9, 10, 12, 13, 18, 20, 24]
LABELS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
TRANSITIONS = ("stand_to_sit", "sit_to_stand", "sit_to_lie", "lie_to_sit", "stand_to_lie", "lie_to_stand")
# SHA-256 of the official labels and subjects.
DIGESTS = {
    "train": [
        "222085d9d70948d9e252eb43a101307273edc61588c822a004cdcea259285ac9",
        "2c395e93c9183f14405c7fbca8167fa4cff788d038a352d3d5e426ed1aa58459",
    ],
    "test": [
        "c6c5639491f71f640401d34ac4a15a109a8023b085f463afef7f2e9f6cefe907",
        "f6aca869c2a54b67d93c6bdb2e12b7e3bceaab643d231a52b0ade48423f05dfb",
    ],
}


@pytest.fixture(scope="module")
def recordings():
    return written_recordings.recordings()


def test_windows_have_the_official_shapes_names_counts_labels_and_subjects(uci_har):
    assert (uci_har.labels, uci_har.signals) == (LABELS, frontend.SIGNALS)
    assert (uci_har.window.rate_hz, uci_har.window.samples, uci_har.window.hop) == (50.0, 128, 64)
    for split, n, counts, digests in (
        (uci_har.train, 7352, [1226, 1073, 986, 1286, 1374, 1407], DIGESTS["train"]),
        (uci_har.test, 2947, [496, 471, 420, 491, 532, 537], DIGESTS["test"]),
    ):
        assert (split.X.shape, split.X.dtype) == ((n, 128, 9), np.float32)
        assert np.bincount(split.y).tolist() == counts
        assert split.y.dtype == split.subject.dtype == np.uint8
        assert [hashlib.sha256(x.tobytes()).hexdigest() for x in (split.y, split.subject)] == digests
    assert np.unique(uci_har.test.subject).tolist() == TEST_SUBJECTS
    assert len(np.unique(uci_har.train.subject)) == 21
    assert not set(uci_har.train.subject) & set(uci_har.test.subject)


def test_data_sets_and_recordings_show_their_shapes_people_and_labels(uci_har, recordings):
    lines = repr(uci_har).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 80
    for line, words in zip(
        lines[1:], (LABELS, ("body_acc_x",), ("[7352, 128, 9]", "21 "), ("9 ", "2, 4, 9,")), strict=True
    ):
        assert not [word for word in words if word not in line]
    assert str(recordings[0].subject) in repr(recordings[0])
    assert str([*recordings[0].samples.shape]) in repr(recordings[0])


def test_ten_official_windows_are_equal_to_the_last_bit(uci_har):
    official = np.load(ROOT / "tests" / "official_windows.npz")
    assert official["windows"].shape == (10, 128, 9)
    assert uci_har.test.X[official["rows"]].tobytes() == official["windows"].tobytes()


def test_recordings_are_the_published_numbers_with_labels_at_every_sample(recordings):
    assert len(recordings) == 61
    assert sum(len(recording.samples) for recording in recordings) == 1_122_772
    assert [recording.subject for recording in recordings] == sorted([*range(1, 31), *range(1, 31), 10])
    for x in recordings:
        assert (x.samples.shape, x.samples.dtype, x.labels.dtype) == ((len(x.labels), 6), np.float64, np.int8)
        assert (x.rate_hz, x.label_names, x.classes) == (50, LABELS + TRANSITIONS, LABELS)
        assert set(x.labels.tolist()) <= set(range(-1, 12))
    published = [
        [0.9180555898766518, -0.1124999994242935, 0.5097222514293852],
        [-0.05497787147760391, -0.06963863968849182, -0.03084869496524334],
        [0.9527777897102887, 0.1541666708301656, 0.3152778010766018],
        [0.005497787147760391, 0.007635815534740686, -0.002748893573880196],
    ]
    assert recordings[0].samples[[0, 5000]].reshape(4, 3) == pytest.approx(np.array(published), abs=1e-14)


def test_selecting_signals_takes_their_columns_in_the_order_asked_for(uci_har):
    chosen = uci_har.select(["total_acc_z", "body_acc_x"])
    assert [signal.name for signal in chosen.signals] == ["total_acc_z", "body_acc_x"]
    assert np.array_equal(chosen.train.X, uci_har.train.X[:, :, [8, 0]])
    for names in (["magnetometer"], [], ["body_acc_x", "body_acc_x"]):
        with pytest.raises(InputError, match="body_gyro_z"):
            uci_har.select(names)


def test_the_fingerprint_tells_different_data_apart(uci_har):
    assert uci_har.fingerprint.startswith("e82f24a7ee710326")
    assert uci_har.select(["body_acc_x"]).fingerprint != uci_har.fingerprint
    assert replace(uci_har, train=uci_har.test, test=uci_har.train).fingerprint != uci_har.fingerprint
    few = uci_har.train.select(np.arange(len(uci_har.train)) < 1000)
    each, alike = (replace(uci_har, train=replace(few, mounting=x * few.mounting)) for x in (1, 0))
    assert each.fingerprint == alike.fingerprint, "the windows are the same"
    assert each.in_walking_frame().fingerprint != alike.in_walking_frame().fingerprint


def test_each_recording_of_uci_har_is_a_mounting_of_its_own(uci_har, recordings):
    """Between two experiments of a person the phone was fixed anew."""
    assert [recording.mounting for recording in recordings] == list(uci_har.mountings)
    assert len({mounting.name for mounting in uci_har.mountings}) == 61
    for split in (uci_har.train, uci_har.test):
        assert {*split.mounting.tolist()} == {
            i for i, recording in enumerate(recordings) if recording.subject in split.subject
        }
        assert [recordings[i].subject for i in split.mounting[::50]] == split.subject[::50].tolist()


def made_up(n, number):
    """Make windows `[n, 128]` of a signal: the number of the row, then digits in an order unique to the signal."""
    X = np.tile((np.arange(128) * (number + 2)) % 11, (n, 1)).astype(np.float32)
    X[:, 0] = [float(f"{1e-4 * row:.7e}") for row in range(n)]
    return X


@pytest.fixture(scope="module")
def copied(tmp_path_factory, uci_har):
    """Write the official folder, with official labels and subjects and windows that are made up."""
    root = tmp_path_factory.mktemp("official") / "UCI HAR Dataset"
    for part, split in (("train", uci_har.train), ("test", uci_har.test)):
        (root / part / "Inertial Signals").mkdir(parents=True)
        (root / part / f"y_{part}.txt").write_text("".join(f"{y + 1}\n" for y in split.y.tolist()))
        (root / part / f"subject_{part}.txt").write_text("".join(f"{subject}\n" for subject in split.subject.tolist()))
        for place, signal in enumerate(frontend.SIGNALS):
            rest = " ".join(f"{digit:g}" for digit in made_up(1, place)[0, 1:])
            numbers = (f"{1e-4 * row: .7e}".replace("e-", "e-0").replace("e+", "e+0") for row in range(len(split)))
            lines = [f"  {number} {rest}\n" for number in numbers]
            (root / part / "Inertial Signals" / f"{signal.name}_{part}.txt").write_text("".join(lines))
    return root


def test_the_official_zip_inside_another_gives_its_numbers_with_labels_subjects_and_mountings(copied, tmp_path):
    files = {f"{copied.name}/{path.relative_to(copied)}": path.read_bytes() for path in copied.rglob("*.txt")}
    inner = written_recordings.zipped(files)
    content = {"UCI HAR Dataset.zip": inner, "UCI HAR Dataset.names": b"about", "__MACOSX/._x": b""}
    (tmp_path / "nested.zip").write_bytes(written_recordings.zipped(content))
    data = loading.load_data(tmp_path / "nested.zip")
    for split, rebuilt in ((data.train, official.load().train), (data.test, official.load().test)):
        assert split.X.dtype == np.float32
        for number in range(9):
            np.testing.assert_array_equal(split.X[:, :, number], made_up(len(split), number))
        for name in ("y", "subject", "mounting"):
            np.testing.assert_array_equal(getattr(split, name), getattr(rebuilt, name))
            assert getattr(split, name).dtype == getattr(rebuilt, name).dtype


def test_an_official_copy_without_one_of_its_files_is_refused_by_the_name_of_the_file(copied, tmp_path):
    folder = shutil.copytree(copied, tmp_path / copied.name, copy_function=os.link)
    (folder / "train/subject_train.txt").unlink()
    with pytest.raises(InputError, match=r"subject_train\.txt"):
        loading.load_data(folder.parent)


def test_a_path_without_data_is_refused_by_its_name(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "foreign.zip").write_bytes(written_recordings.zipped({"holiday.jpg": b"x"}))
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "foreign.zip", "empty", "absent"):
        with pytest.raises(InputError, match=str(tmp_path / name)):
            loading.load_data(tmp_path / name)
