"""Files from outside are read within limits, and their JSON."""

import os

import pytest
from written_recordings import zipped

from edge_runtime.errors import InputError
from edge_runtime.system.outside_files import file_name, parse_json, read_bytes, read_text
from edge_runtime.system.zip_archive import Archive


def test_a_regular_file_of_the_largest_size_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes("µ".encode() * 50)
    assert read_bytes(path, at_most=100) == path.read_bytes()
    assert read_text(path, "a text", 100) == "µ" * 50
    with pytest.raises(InputError, match=r"file.*99"):
        read_bytes(path, at_most=99)


def test_an_endless_or_irregular_file_is_refused_without_waiting(tmp_path):
    sparse, pipe, zero, maps = (tmp_path / name for name in ("sparse", "pipe", "zero", "maps"))
    with sparse.open("wb") as file:
        file.truncate(6 * 2**30)
    os.mkfifo(pipe)
    zero.symlink_to("/dev/zero")
    maps.symlink_to("/proc/self/maps")  # the kernel says that its size is 0
    for path in (sparse, pipe, zero, maps):
        with pytest.raises(InputError, match=str(path)):
            read_bytes(path, at_most=100)


def test_json_within_the_limits_is_read_like_the_standard_parser():
    text = '{"a": [1, -2.5, 1e3, true, null, "µ\\ud83d\\ude00"], "b": 18446744073709551615}'
    assert parse_json(text) == {"a": [1, -2.5, 1000.0, True, None, "µ😀"], "b": 2**64 - 1}


@pytest.mark.parametrize("text", ["..", "../x", "x/../..", "/x", "x/"])
def test_a_name_that_leads_elsewhere_is_none(text):
    assert file_name("-x $(y).z") == "-x $(y).z"
    with pytest.raises(ValueError, match="plain"):
        file_name(text)


def test_a_member_of_a_zip_is_read_to_its_limit_and_no_further(tmp_path):
    path = tmp_path / "some.zip"
    path.write_bytes(zipped({"a/b.txt": bytes(10**6)}))
    with Archive(path, "some.zip") as opened:
        assert opened.read("a/b.txt", 10**6) == bytes(10**6)
        with pytest.raises(InputError, match=r"some\.zip.*999,999"):
            opened.read("a/b.txt", 999_999)
