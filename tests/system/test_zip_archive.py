"""A zip is read within its bounds; a damaged, encrypted or lying one is refused."""

import zipfile

import official_copy
import pytest

from edge_runtime.errors import InputError
from edge_runtime.system.zip_archive import Archive

NAME = "a/b.txt"


@pytest.fixture
def path(tmp_path):
    return official_copy.write_zip(tmp_path / "some.zip", {NAME: bytes(10**6)}, zipfile.ZIP_DEFLATED)


def refused(path, noun, largest=10**7):
    with pytest.raises(InputError, match=rf"some\.zip.*{noun}|{noun}.*some\.zip"), Archive(path, "some.zip") as opened:
        opened.read(NAME, largest)


def test_a_member_is_read_to_its_limit_and_no_further(path):
    with Archive(path, "some.zip") as opened:
        assert opened.read(NAME, 10**6) == bytes(10**6)
    refused(path, "999,999", 999_999)
    official_copy.declare(path, 100)
    refused(path, NAME)  # unpacks to more than it declares


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_flipped_bit_and_an_encrypted_member_are_found(path, encrypted):
    content = bytearray(path.read_bytes())
    if encrypted:
        for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            content[content.find(mark) + flags] |= 1
    else:
        content[content.find(NAME.encode()) + 200] ^= 1
    path.write_bytes(content)
    refused(path, NAME)
