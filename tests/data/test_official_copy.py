"""The official folder and zip give the rebuilt windows; whatever is wrong with a copy is said in one sentence."""

import io
import random
import zipfile
from contextlib import suppress

import numpy as np
import official_copy
import pytest

from edge_runtime.data import loading, uci_har
from edge_runtime.errors import InputError
from edge_runtime.system.zip_archive import Archive

SIGNAL = "train/Inertial Signals/body_acc_x_train.txt"


@pytest.fixture(scope="module")
def official_zip(tmp_path_factory):
    return official_copy.zipped(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def official(official_zip):
    return loading.load_data(official_zip)


@pytest.fixture
def folder(tmp_path_factory, tmp_path):
    """An official folder to spoil."""
    return official_copy.to_spoil(tmp_path_factory.getbasetemp(), tmp_path)


def test_the_official_zip_gives_the_rebuilt_arrays(official):
    assert official_copy.same_arrays(official, uci_har.load())
    assert official.fingerprint == uci_har.load().fingerprint
    assert official.train.X.dtype == np.float32
    assert official.train.y.dtype == official.train.subject.dtype == np.uint8


def test_the_folder_that_holds_the_official_folder_gives_the_rebuilt_arrays(folder):
    assert official_copy.same_arrays(loading.load_data(folder.parent), uci_har.load())


def test_the_zip_inside_a_zip_gives_the_rebuilt_arrays(official_zip, tmp_path):
    nested = official_copy.write_zip(
        tmp_path / "nested.zip",
        {"UCI HAR Dataset.zip": official_zip.read_bytes(), "UCI HAR Dataset.names": b"about", "__MACOSX/._x": b""},
    )
    assert official_copy.same_arrays(loading.load_data(nested), uci_har.load())


def test_a_folder_that_holds_the_zip_is_recognised(tmp_path):
    official_copy.write_zip(tmp_path / "UCI HAR Dataset.zip", {"UCI HAR Dataset/train/y_train.txt": b"1\n"})
    with pytest.raises(InputError, match=r"UCI HAR Dataset\.zip/UCI HAR Dataset/train/y_train\.txt.*7352"):
        loading.load_data(tmp_path)


@pytest.mark.parametrize("name", ["train/Inertial Signals/body_acc_y_train.txt", "train/y_train.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is missing"):
        loading.load_data(folder)


@pytest.mark.parametrize(
    ("name", "line", "noun"),
    [
        (SIGNAL, b" 1.0" * 127, "127"),
        (SIGNAL, b"", "7351"),
        (SIGNAL, b" 1.0" * 129, "129"),
        (SIGNAL, b" 1.0" * 127 + b" one", "row 4"),
        (SIGNAL, b" 1.0" * 127 + b" \xff\xfe", "row 4"),
        (SIGNAL, b" 1.0" * 127 + b" NaN", "finite"),
        (SIGNAL, b" 1.0" * 127 + b" 1e39", "finite"),
        *[("train/y_train.txt", x, "labels of the train part") for x in (b"0", b"7", b"1.5", b"-1")],
        ("train/y_train.txt", b"one", "row 4"),
        ("test/subject_test.txt", b"31", "subjects of the test part"),
    ],
)
def test_a_malformed_line_is_refused_and_named(folder, name, line, noun):
    lines = (folder / name).read_bytes().splitlines()
    lines[4] = line
    official_copy.rewrite(folder / name, b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=noun) as error:
        loading.load_data(folder)
    assert str(folder) in str(error.value)


def test_a_truncated_text_file_is_named_with_its_length(folder):
    path = folder / SIGNAL
    official_copy.rewrite(path, b"".join(path.read_bytes().splitlines(keepends=True)[:100]))
    with pytest.raises(InputError, match=r"body_acc_x_train\.txt.*7352.*100"):
        loading.load_data(folder)


@pytest.mark.parametrize(("name", "says"), [("y", "labels of the train"), ("subject", "subjects of the train")])
def test_labels_and_subjects_of_another_order_are_refused(folder, name, says):
    path = folder / f"train/{name}_train.txt"
    official_copy.rewrite(path, b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(InputError, match=says):
        loading.load_data(folder)


def test_a_zip_that_declares_gigabytes_is_refused_before_anything_is_unpacked(tmp_path, monkeypatch):
    path = official_copy.write_bomb(tmp_path / "bomb.zip")
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(InputError, match=r"bomb\.zip .*1,207,959,552"):
        loading.load_data(path)


def test_a_zip_with_too_many_members_is_refused_before_they_are_listed(tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    path.write_bytes(official_copy.with_members(25_000))
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *_: pytest.fail("listed"))
    with pytest.raises(InputError, match=r"many\.zip .*1,175,000"):
        loading.load_data(path)


def test_a_member_that_unpacks_to_more_than_it_declares_is_refused(tmp_path):
    path = official_copy.write_zip(
        tmp_path / "liar.zip", {"UCI HAR Dataset/train/y_train.txt": bytes(10**6)}, zipfile.ZIP_DEFLATED
    )
    official_copy.declare(path, 100)
    with pytest.raises(InputError, match=r"y_train\.txt' in .*liar\.zip"):
        loading.load_data(path)


def test_a_member_over_the_limit_is_refused(tmp_path):
    path = official_copy.write_zip(tmp_path / "large.zip", {"large": bytes(2000)}, zipfile.ZIP_DEFLATED)
    with Archive(path, "large.zip") as opened, pytest.raises(InputError, match=r"large.*1,000"):
        opened.read("large", 1000)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.01])
def test_a_truncated_zip_is_refused_by_name(official_zip, tmp_path, share):
    path = tmp_path / "truncated.zip"
    content = official_zip.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"truncated\.zip"):
        loading.load_data(path)


def test_a_flipped_bit_in_a_member_is_found(official_zip, tmp_path):
    content = bytearray(official_zip.read_bytes())
    content[content.find(b"body_acc_x_train.txt") + 1000] ^= 1
    path = tmp_path / "flipped.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"body_acc_x_train\.txt' in .*flipped\.zip"):
        loading.load_data(path)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = official_copy.write_zip(tmp_path / "secret.zip", {"UCI HAR Dataset/train/y_train.txt": b"5\n"})
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(mark) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"secret\.zip cannot be read .*encrypted"):
        loading.load_data(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_random_damage_never_gets_past_as_anything_but_a_sentence(compression):
    good = io.BytesIO()
    with zipfile.ZipFile(good, "w", compression) as members:
        members.writestr("a/b.txt", b"1 2 3\n" * 300)
        members.writestr("c.txt", random.Random(0).randbytes(300))
    content, chance = good.getvalue(), random.Random(1)
    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 1, 4])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        # Anything but an InputError is an error here; no error at all is a bit that did not matter.
        with suppress(InputError), Archive(io.BytesIO(damaged), "damaged.zip") as opened:
            for name in opened.names:
                opened.read(name)


def test_a_path_without_data_is_refused_saying_what_was_expected(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    foreign = official_copy.write_zip(tmp_path / "foreign.zip", {"holiday.jpg": b"x"})
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (text, foreign, empty, tmp_path / "absent"):
        with pytest.raises(InputError, match=rf"{path}.* official 'UCI HAR Dataset'"):
            loading.load_data(path)
