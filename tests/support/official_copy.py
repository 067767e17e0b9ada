"""Makes copies of the official data set, in its own text format, from the rebuilt windows."""

import io
import os
import shutil
import struct
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import Dataset

ROOT = "UCI HAR Dataset"


@cache
def folder(base: Path) -> Path:
    """The official folder, written once a session below pytest's base of temporary folders; not to be changed."""
    root = base / "official" / ROOT
    data = uci_har.load()
    for part, split in (("train", data.train), ("test", data.test)):
        (root / part / "Inertial Signals").mkdir(parents=True)
        (root / part / f"y_{part}.txt").write_text("".join(f"{y + 1}\n" for y in split.y.tolist()))
        (root / part / f"subject_{part}.txt").write_text("".join(f"{x}\n" for x in split.subject.tolist()))
        for column, signal in enumerate(data.signals):
            path = root / part / "Inertial Signals" / f"{signal.name}_{part}.txt"
            path.write_bytes(signal_text(split.X[:, :, column]))
    return root


@cache
def zipped(base: Path) -> Path:
    """The official zip, written once a session."""
    return write_zip(base / "official.zip", members(folder(base)))


def members(root: Path) -> dict[str, bytes]:
    """Every file of an official folder, named as in the official zip."""
    return {f"{ROOT}/{x.relative_to(root)}": x.read_bytes() for x in sorted(root.rglob("*.txt"))}


def to_spoil(base: Path, where: Path) -> Path:
    """A copy of the official folder of hard links; change its files with `rewrite`."""
    return shutil.copytree(folder(base), where / ROOT, copy_function=os.link)


def rewrite(path: Path, content: bytes) -> None:
    """Give `path` another content, and leave alone the files that it is a hard link to."""
    path.unlink()
    path.write_bytes(content)


def signal_text(rows: np.ndarray) -> bytes:
    """Lines of numbers as the official files have them: ' 1.8085150e-001', and a space more before positive ones."""
    line = "% .7e " * rows.shape[1]
    lines = ((" " + line % tuple(row)).rstrip() for row in rows.tolist())
    return "".join(f"{x}\n" for x in lines).replace("e-", "e-0").replace("e+", "e+0").encode()


def write_zip(path: Path, content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip whose members have the names given, as they are; return its path."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
    return path


def write_bomb(path: Path) -> Path:
    """A small zip whose nine members say that they unpack to 128 MiB each."""
    write_zip(path, {f"zeros{x}": bytes(2**17) for x in range(9)}, zipfile.ZIP_DEFLATED)
    declare(path, 2**27)
    return path


def with_members(n: int) -> bytes:
    """A zip whose central directory lists one empty member `n` times."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("x", "")
    whole = content.getvalue()
    entry, end = whole.find(b"PK\1\2"), whole.find(b"PK\5\6")
    directory = whole[entry:end] * n
    return whole[:entry] + directory + whole[end : end + 12] + struct.pack("<I", len(directory)) + whole[end + 16 :]


def declare(path: Path, size: int) -> None:
    """Let every entry of the zip's central directory say that it unpacks to `size` bytes."""
    content = bytearray(path.read_bytes())
    at = -1
    while (at := content.find(b"PK\1\2", at + 1)) >= 0:
        content[at + 24 : at + 28] = struct.pack("<I", size)
    path.write_bytes(content)


def same_arrays(one: Dataset, other: Dataset) -> bool:
    """Tell whether two data sets have equal arrays in both parts."""
    return all(
        np.array_equal(getattr(getattr(one, part), name), getattr(getattr(other, part), name))
        for part in ("train", "test")
        for name in ("X", "y", "subject")
    )
