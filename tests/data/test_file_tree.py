"""Check that zips in zips are read once for all of their members, and bounded together."""

from pathlib import Path

import pytest
from written_recordings import zipped

from edge_runtime.data import file_tree
from edge_runtime.data.file_tree import FileTree, unpacked
from edge_runtime.errors import InputError


def test_a_zip_in_a_zip_is_read_once_for_its_members_by_turns_with_those_of_another():
    trial = {f"{i}.csv": str(i) for i in range(20)}
    content = {"acc.zip": zipped({"a.zip": zipped(trial)}), "gyr.zip": zipped({"a.zip": zipped(trial)})}
    reads = []

    def counted(name):
        reads.append(name)
        return content[name]

    tree = unpacked(FileTree(Path("data"), tuple(content), counted))
    for i in range(20):
        for name in content:
            assert tree.read(f"{name}/a.zip/{i}.csv") == str(i).encode()
    assert len(reads) <= 4


def test_zips_that_unpack_to_too_much_in_all_are_refused(monkeypatch):
    monkeypatch.setattr(file_tree, "_MOST_UNPACKED", 2500)
    content = {f"{i}.zip": zipped({"a.csv": "1" * 1000}) for i in range(3)}
    assert len(unpacked(FileTree(Path("data"), ("0.zip", "1.zip"), content.get)).names) == 2
    with pytest.raises(InputError, match="zips in data would unpack to more than 2,500 bytes: give a part of it"):
        unpacked(FileTree(Path("data"), tuple(content), content.get))
