"""A user's own windows: what may be absent, whom they are divided by, and what is refused in a sentence."""

import io
import zipfile

import numpy as np
import pytest
from written_windows import CLASSES, SUBJECTS, of_people, two_frequencies, write_windows

from edge_runtime.data import loading, uci_har
from edge_runtime.data.dataset import MAX_LABELS
from edge_runtime.data.subject_groups import blocks, noun_of, with_noun
from edge_runtime.errors import InputError
from edge_runtime.signals.types import UNKNOWN_UNIT, Signal, Window


@pytest.fixture
def load(tmp_path):
    return lambda members, **changes: loading.load_data(write_windows(tmp_path / "own.npz", members, **changes))


def test_windows_with_everything_said(load):
    members = of_people()
    names = {"labels": CLASSES, "signals": ["ecg", "noise"], "units": ["mV", ""]}
    data = load(members, rate=250, hop=32, split=["train"] * 60 + ["test"] * 40, **names)
    assert data.name == "own"
    assert data.labels == CLASSES
    assert data.signals == (Signal("ecg", "mV"), Signal("noise", UNKNOWN_UNIT))
    assert data.window == Window(250.0, 64, 32)
    assert (data.front_end, data.has_people) == (None, True)
    np.testing.assert_array_equal(data.train.X, members["X"][:60].astype(np.float32))
    assert [CLASSES[x] for x in data.test.y] == members["y"][60:].tolist()
    assert data.test.subject.tolist() == members["subject"][60:].tolist()


def test_of_absent_names_and_numbers_nothing_is_made_up(load):
    data = load(of_people())
    assert data.labels == ("fast", "slow")
    assert [x.name for x in data.signals] == ["channel_1", "channel_2"]
    assert {x.unit for x in data.signals} == {UNKNOWN_UNIT}
    assert (data.window.rate_hz, data.window.hop_s, data.window.hop) == (None, None, 64)


def test_the_test_part_is_the_last_third_of_the_people_in_natural_order(load):
    subject = np.repeat(["s2", "s10", "s1", "s20", "s3", "s4"], 20)
    data = load(two_frequencies(120), subject=subject)
    assert set(data.test.subject.tolist()) == {"s10", "s20"}
    data = load(two_frequencies(120), subject=np.repeat([2, 10, 1, 20, 3, 4], 20))
    assert set(data.test.subject.tolist()) == {10, 20}


def test_windows_of_fewer_people_than_a_training_needs_are_all_for_the_test(load):
    data = load(two_frequencies(), subject=np.repeat(["a", "b"], 50))
    assert (len(data.train), len(data.test)) == (0, 100)


def test_without_people_blocks_of_windows_that_follow_each_other_stand_for_them(load):
    data = load(two_frequencies(120))
    assert not data.has_people
    assert set(data.test.subject.tolist()) == {f"block-{x}" for x in (9, 10, 11, 12)}
    assert len(data.train) == 80
    # Both classes are in every block, however they are sorted.
    y = np.repeat([0, 1], [500, 7])
    found = blocks(y, None)
    assert set(np.unique(found[y == 0], return_counts=True)[1].tolist()) == {41, 42}
    assert len(set(found[y == 1])) == 7
    for label in (0, 1):
        numbers = [int(x.removeprefix("block-")) for x in found[y == label]]
        assert numbers == sorted(numbers)


def test_blocks_do_not_cross_a_split_and_are_called_blocks(load):
    data = load(two_frequencies(), split=[0] * 70 + [1] * 30)
    for split in (data.train, data.test):
        assert noun_of(split.subject.tolist()) == "block"
        assert with_noun(split.subject[0]) == split.subject[0]
    assert [noun_of(x) for x in ([1, 2], ["anna", "block-1"], [])] == ["subject"] * 3
    assert with_noun(3) == "subject 3"
    assert len(data.test) == 30
    assert not set(data.train.subject.tolist()) & set(data.test.subject.tolist())


@pytest.mark.parametrize("y", [[3, 5], [-1, 1], [0, 1], np.array([7, 200], np.uint8), [b"a", b"b"]], ids=str)
def test_classes_may_be_any_numbers_or_texts(load, y):
    data = load(two_frequencies(), y=np.tile(y, 50))
    assert data.labels == tuple(x.decode() if isinstance(x, bytes) else str(x) for x in np.asarray(y).tolist())
    assert sorted(np.concatenate([data.train.y, data.test.y]).tolist()) == [0] * 50 + [1] * 50


def test_integers_count_in_the_labels_and_columns_are_taken(load):
    data = load(two_frequencies(), y=np.tile([[2], [0]], (50, 1)), labels=["a", "b", "c"])
    assert data.labels == ("a", "b", "c")
    assert set(data.train.y.tolist()) == {0, 2}


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2", "<i2", "|u1", "<i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_windows_of_any_numbers_in_any_order(load, dtype, order):
    X = np.asarray(np.abs(100 * two_frequencies()["X"]), dtype, order=order)
    data = load(of_people(), X=X)
    np.testing.assert_array_equal(np.concatenate([data.train.X, data.test.X]), X.astype(np.float32))


def test_what_data_export_writes_comes_back_the_same(har_edge_here, tmp_path):
    assert har_edge_here("data", "export", "-o", tmp_path / "back.npz").returncode == 0
    data, back = uci_har.load(), loading.load_data(tmp_path / "back.npz")
    assert (back.fingerprint, back.window, back.signals) == (data.fingerprint, data.window, data.signals)
    assert back.front_end is None  # only what makes the signals here knows how


GOOD = of_people()
X = GOOD["X"]


def spoiled(value, row=3):
    bad = X.copy()
    bad[row, 5, 1] = value
    return bad


def test_no_code_in_a_file_is_run(tmp_path):
    class Planted:
        def __reduce__(self):
            return open, (str(tmp_path / "planted"), "w")

    y = np.array([Planted()] * 100, object)
    with pytest.raises(InputError, match="Python objects"):
        loading.load_data(write_windows(tmp_path / "own.npz", GOOD, y=y))
    assert not (tmp_path / "planted").exists()


def rewritten(path, change):
    """The file with its members as `change` gives them, of their names and contents."""
    with zipfile.ZipFile(path) as archive:
        members = [(x, archive.read(x)) for x in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in change(members):
            archive.writestr(name, content)
    return path


def header(shape, descr="<f8"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


NO_PARTS = {"X": None, "y": None, "subject": None}
UNUSABLE = {
    "no array X": {"X": None},
    "no array y": {"y": None},
    r"X is \(0, 64, 2\)": {"X": X[:0]},
    r"X is \(100, 64\)": {"X": X[..., 0]},
    r"X is \(100, 0, 2\)": {"X": X[:, :0]},
    r"X is \(1, 1, 1001\)": {"X": np.zeros((1, 1, 1001))},
    "X .*complex128": {"X": X.astype(complex)},
    "X .*str": {"X": X.astype(str)},
    "X .*Python objects": {"X": X.astype(object)},
    "y .*Python objects": {"y": GOOD["y"].astype(object)},
    "X .*no plain": {"X": np.zeros(3, [("a", "f4")])},
    "training part, number 3": {"X": spoiled(np.nan)},
    "test part, number 19": {"X": spoiled(-np.inf, 99)},
    "beyond": {"X": spoiled(1e300)},
    r"y is \(99,\)": {"y": GOOD["y"][:99]},
    r"y is \(100, 2\)": {"y": np.eye(2)[np.arange(100) % 2].astype(int)},
    "y .*float64": {"y": np.zeros(100)},
    "one class 'one'": {"y": ["one"] * 100},
    f"more than {MAX_LABELS}": {"y": np.arange(200), "X": np.resize(X, (200, 64, 2)), "subject": None},
    "y has an empty name": {"y": ["a", ""] * 50},
    r"'b\\x1b\[31m'": {"y": ["a", "b\x1b[31m"] * 50},
    "y .*twice": {"y": ["a", " a"] * 50},
    "y .*too long": {"y": ["a", "b" * 101] * 50},
    r"'\\xff'": {"y": [b"a", b"\xff"] * 50, "labels": ["a"]},
    "'fast'": {"labels": ["slow"]},
    "y goes from 1 to 2": {"y": [1, 2] * 50, "labels": ["a", "b"]},
    "y goes from -1 to 1": {"y": [-1, 1] * 50, "labels": ["a", "b"]},
    "labels .*twice": {"labels": ["a", "a"]},
    r"labels is \(1, 2\)": {"labels": [["a", "b"]]},
    "labels .*int64": {"labels": [1, 2]},
    "more than 127 classes": {"labels": [f"l{x}" for x in range(200)]},
    r"subject is \(5,\)": {"subject": SUBJECTS},
    "subject .*float64": {"subject": np.arange(100) / 2},
    "subject has an empty name": {"subject": [""] * 100},
    "1,001 subjects": {"subject": np.arange(1001), "X": np.zeros((1001, 1, 1)), "y": np.arange(1001) % 2},
    "split has '2'": {"split": [2] * 100},
    "split has 'validation'": {"split": ["validation"] * 100},
    "subject 'anna' .*both parts": {"split": [0, 1] * 50},
    "signals 1 ": {"signals": ["a"]},
    "signals .*twice": {"signals": ["a", "a"]},
    "units 3": {"units": ["g"] * 3},
    "units has": {"units": ["g", "\x07"]},
    "rate is": {"rate": 0},
    "rate is one": {"rate": np.nan},
    "rate is one number": {"rate": [50, 50]},
    "rate .*str": {"rate": "50"},
    "hop is": {"hop": -1},
    "hop .*float64": {"hop": 0.5},
    "'subjects.npy'": {"subjects": SUBJECTS},
    "'labels_train.npy'": {"labels_train": SUBJECTS},
    "_train and _test": {"X_train": X, "X_test": X, "y_train": GOOD["y"], "y_test": GOOD["y"]},
    "as _train and _test": NO_PARTS | {"X_train": X, "y_train": GOOD["y"]},
    "lengths": NO_PARTS | {"X_train": X[:60], "X_test": X[60:], "y_train": GOOD["y"][:40], "y_test": GOOD["y"][40:]},
    "do not fit": NO_PARTS | {"X_train": X[:60], "X_test": X[60:, 1:], "y_train": [0] * 60, "y_test": [1] * 40},
}


@pytest.mark.parametrize(("noun", "changes"), UNUSABLE.items(), ids=UNUSABLE)
def test_what_cannot_be_used_is_said_in_a_sentence(load, noun, changes):
    with pytest.raises(InputError, match=rf"own\.npz.*{noun}") as error:
        load(GOOD, **changes)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("names", [["a", "b"], [1, 2]], ids=str)
def test_one_subject_in_both_parts_is_refused_however_parts_are_given(load, names):
    """Whoever is learnt from would be tested on."""
    subjects = {"subject_train": np.repeat(names, 30), "subject_test": np.repeat([names[1], names[0]], 20)}
    parts = {"X_train": X[:60], "X_test": X[60:], "y_train": GOOD["y"][:60], "y_test": GOOD["y"][60:]}
    with pytest.raises(InputError, match="both parts"):
        load(NO_PARTS | parts | subjects)
    apart = {"subject_train": [names[0]] * 60, "subject_test": [names[1]] * 40}
    assert len(load(NO_PARTS | parts | apart).train) == 60


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "noun"),
    [
        (lambda x: [*x, x[0]], "X.npy"),
        (lambda x: [*x, ("readme.txt", b"x")], "readme.txt"),
        (lambda x: [("X.npy", header((10**12, 64, 2))), *x[1:]], "length"),
        (lambda x: [("X.npy", header((0, 10**18))), *x[1:]], "X"),
        (lambda x: [("X.npy", x[0][1][:-8]), *x[1:]], "length"),
        (lambda x: [("X.npy", b"\x93NUMPY\x01\x00v\x00{__import__('os')}\n"), *x[1:]], "no plain NumPy array"),
        (lambda x: [x[0], ("y.npy", header((100,), "<U1") + b"\xff\xff\xff\x7f" * 100), *x[2:]], "y .*character"),
        (lambda x: [x[0], ("y.npy", header((100,), "<U0")), *x[2:]], "length"),
        (lambda x: [*x, ("../split.npy", b"x")], "split.npy"),
        (lambda x: [*x, ("split.npy", bytes(300 << 20))], "67,108,864"),
    ],
)
def test_a_crafted_archive_is_refused(tmp_path, change, noun):
    path = rewritten(write_windows(tmp_path / "own.npz", GOOD), change)
    with pytest.raises(InputError, match=rf"own\.npz.*{noun}"):
        loading.load_data(path)


def test_a_truncated_file_a_single_array_and_windows_for_recordings_are_refused(tmp_path):
    path = write_windows(tmp_path / "own.npz", GOOD)
    with pytest.raises(InputError, match="windows only"):
        loading.load_recordings(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"own\.npz is a damaged"):
        loading.load_data(path)
    np.save(tmp_path / "X.npy", X)
    with pytest.raises(InputError, match=r"X\.npy.*\.npz file of windows"):
        loading.load_data(tmp_path / "X.npy")
