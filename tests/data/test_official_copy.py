"""The official folder and zip, however packed, give the rebuilt windows; another order of their rows is refused."""

import numpy as np
import official_copy
import pytest

from edge_runtime.data import loading, uci_har
from edge_runtime.errors import InputError


@pytest.fixture(scope="module")
def official_zip(tmp_path_factory):
    return official_copy.zipped(tmp_path_factory.getbasetemp())


@pytest.fixture
def folder(tmp_path_factory, tmp_path):
    """An official folder to spoil."""
    return official_copy.to_spoil(tmp_path_factory.getbasetemp(), tmp_path)


def test_the_official_zip_also_inside_another_gives_the_rebuilt_arrays(official_zip, tmp_path):
    content = {"UCI HAR Dataset.zip": official_zip.read_bytes(), "UCI HAR Dataset.names": b"about", "__MACOSX/._x": b""}
    official = loading.load_data(official_copy.write_zip(tmp_path / "nested.zip", content))
    assert official_copy.same_arrays(official, uci_har.load())
    assert official.fingerprint == uci_har.load().fingerprint
    assert official.train.X.dtype == np.float32
    assert official.train.y.dtype == official.train.subject.dtype == np.uint8


def test_the_folder_that_holds_the_official_folder_gives_the_rebuilt_arrays(folder):
    assert official_copy.same_arrays(loading.load_data(folder.parent), uci_har.load())


def test_a_folder_that_holds_the_zip_is_recognised(tmp_path):
    official_copy.write_zip(tmp_path / "UCI HAR Dataset.zip", {"UCI HAR Dataset/train/y_train.txt": b"1\n"})
    with pytest.raises(InputError, match=r"UCI HAR Dataset\.zip/UCI HAR Dataset/train/y_train\.txt"):
        loading.load_data(tmp_path)


@pytest.mark.parametrize("name", ["y", "subject"])
def test_labels_and_subjects_of_another_order_and_a_missing_file_are_refused(folder, name):
    path = folder / f"train/{name}_train.txt"
    official_copy.rewrite(path, b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(InputError, match="train part"):
        loading.load_data(folder)
    path.unlink()
    with pytest.raises(InputError, match=path.name):
        loading.load_data(folder)


def test_a_path_without_data_is_refused_by_its_name(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    official_copy.write_zip(tmp_path / "foreign.zip", {"holiday.jpg": b"x"})
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "foreign.zip", "empty", "absent"):
        with pytest.raises(InputError, match=str(tmp_path / name)):
            loading.load_data(tmp_path / name)
