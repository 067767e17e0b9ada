"""Tell which files of a folder are cut short, and which are temporary ones that a command has left."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

ENDS = {".png": b"IEND\xaeB`\x82", ".html": b"</html>", ".csv": b"\n", ".md": b"\n", ".svg": b"</svg>"}


def faults(folder: Path) -> list[str]:
    """State what is wrong with the files below `folder`; nothing when all are whole."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            if path.name.startswith("."):
                found.append(f"{path} was left behind")
            elif not is_whole(path):
                found.append(f"{path} is cut short")
    return found


def is_whole(path: Path) -> bool:
    """Tell whether the file at `path` is all that its kind needs; of an unknown kind any is."""
    content = path.read_bytes()
    if path.suffix in ENDS:
        return content.rstrip(b" \n" if path.suffix in (".html", ".svg") else b"").endswith(ENDS[path.suffix])
    checks: dict[str, Callable[[Path], object]] = {
        ".json": lambda path: json.loads(content),
        ".keras": _archive,
        ".npz": _archive,
        ".tflite": _signed,
    }
    try:
        checks.get(path.suffix, lambda path: None)(path)
    except (ValueError, OSError, zipfile.BadZipFile):
        return False
    return True


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise ValueError(path)


def _signed(path: Path) -> None:
    content = path.read_bytes()
    if hashlib.sha256(content[:-64]).hexdigest().encode() != content[-64:]:
        raise ValueError(path)
