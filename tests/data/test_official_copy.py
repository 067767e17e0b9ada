"""The official folder and zip, however packed, are read whole; another order of their rows is refused."""

import os
import shutil

import numpy as np
import official_copy
import pytest

from edge_runtime.data import loading, uci_har
from edge_runtime.errors import InputError


def test_the_official_zip_inside_another_gives_its_numbers_with_labels_subjects_and_mountings(
    tmp_path_factory, tmp_path
):
    root = official_copy.folder(tmp_path_factory.getbasetemp())
    files = {f"{root.name}/{x.relative_to(root)}": x.read_bytes() for x in root.rglob("*.txt")}
    inner = official_copy.write_zip(tmp_path / "inner.zip", files).read_bytes()
    content = {"UCI HAR Dataset.zip": inner, "UCI HAR Dataset.names": b"about", "__MACOSX/._x": b""}
    found = loading.load_data(official_copy.write_zip(tmp_path / "nested.zip", content))
    for split, rebuilt in ((found.train, uci_har.load().train), (found.test, uci_har.load().test)):
        assert split.X.dtype == np.float32
        for number in range(9):
            np.testing.assert_array_equal(split.X[:, :, number], official_copy.expected(len(split), number))
        for name in ("y", "subject", "mounting"):
            np.testing.assert_array_equal(getattr(split, name), getattr(rebuilt, name))
            assert getattr(split, name).dtype == getattr(rebuilt, name).dtype


@pytest.mark.parametrize("name", ["y", "subject"])
def test_labels_and_subjects_of_another_order_and_a_missing_file_are_refused(tmp_path_factory, tmp_path, name):
    whole = official_copy.folder(tmp_path_factory.getbasetemp())
    folder = shutil.copytree(whole, tmp_path / whole.name, copy_function=os.link)
    path = folder / f"train/{name}_train.txt"
    backwards = reversed(path.read_bytes().splitlines(keepends=True))
    path.unlink()  # it is a link
    path.write_bytes(b"".join(backwards))
    with pytest.raises(InputError, match="train part"):
        loading.load_data(folder)
    path.unlink()
    with pytest.raises(InputError, match=path.name):
        loading.load_data(folder.parent)


def test_a_path_without_data_is_refused_by_its_name(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    official_copy.write_zip(tmp_path / "foreign.zip", {"holiday.jpg": b"x"})
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "foreign.zip", "empty", "absent"):
        with pytest.raises(InputError, match=str(tmp_path / name)):
            loading.load_data(tmp_path / name)
