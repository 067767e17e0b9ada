"""Fetch and unpack Debian packages for any architecture, with an apt state of its own.

Nothing is installed, no architecture is added to the host, no script of a package runs, and no root is needed. apt
checks packages against the signature of Debian's archive.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import DeviceError
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.printable import printable

# Its content is signed, so that it needs no TLS.
_ARCHIVE = "http://deb.debian.org/debian"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LEFT_OUT = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian")


@dataclass(frozen=True)
class Apt:
    """An apt of its own, whose state is in `folder`, with the packages of one architecture."""

    folder: Path
    architecture: str

    def fetch(self, packages: Sequence[str], alone: bool = False) -> list[Path]:
        """Fetch `packages` and, unless they are wanted `alone`, their dependencies; return the files."""
        files = self.folder / "cache/archives"
        self._run("update", "--error-on=any")
        if alone:
            self._run("download", *packages, cwd=files)
        else:
            self._run("install", "--yes", "--download-only", *packages)
        return sorted(files.glob("*.deb"))

    def _run(self, *arguments: str, cwd: Path | None = None) -> None:
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures::": self.architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",  # which could not write here
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Debug::NoLocking": "true",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": self.folder / "none",
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": self.folder / "sources",
            "Dir::Log": self.folder / "log",
            "Dir::State": self.folder,
            "Dir::State::status": self.folder / "status",
        }
        options = [x for name, value in settings.items() for x in ("-o", f"{name}={value}")]
        _run("Debian's packages cannot be fetched", "apt-get", "-qq", *options, *arguments, cwd=cwd)


@contextmanager
def apt(folder: Path, architecture: str, suite: str) -> Iterator[Apt]:
    """Give an apt with nothing installed, whose state is below `folder`, which is made and is gone after the block.

    The packages are those of the mirror in HAR_EDGE_DEBIAN, or of Debian's own.
    """
    if not _KEYRING.exists():
        raise DeviceError(f"there is no {_KEYRING} to check packages with: sudo apt install debian-archive-keyring")
    try:
        for name in ("lists/partial", "cache/archives/partial", "log", "sources", "none"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources/debian.sources").write_text(
            f"Types: deb\nURIs: {os.environ.get('HAR_EDGE_DEBIAN') or _ARCHIVE}\nSuites: {suite}\n"
            f"Components: main\nTargets: Packages\nSigned-By: {_KEYRING}\n"
        )
        yield Apt(folder, architecture)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def host_architecture() -> str:
    """Debian's name for the architecture of this machine."""
    return _run("this machine's architecture is not known", "dpkg", "--print-architecture").strip()


def unpack(package: Path, root: Path, members: Sequence[str] = ()) -> None:
    """Unpack the file `package` below `root`: all but documentation, or the `members`, named as `./usr/bin/…`."""
    what = members or [f"--exclude={path}" for path in _LEFT_OUT]
    tar = package.with_suffix(".tar")
    _run(f"{package.name} cannot be unpacked", "sh", "-c", 'dpkg-deb --fsys-tarfile "$0" >"$1"', str(package), str(tar))
    options = ["-p", "-C", str(root), "--no-same-owner", "--keep-directory-symlink"]
    _run(f"{package.name} cannot be unpacked", "tar", "-xf", str(tar), *options, *what)
    tar.unlink()


def _run(what_fails: str, *command: str, cwd: Path | None = None) -> str:
    """Run `command`, one of Debian's programs; what it prints. Raises `DeviceError` with the first complaint."""
    if shutil.which(command[0]) is None:
        raise DeviceError(f"{what_fails}: there is no {command[0]} here; use a Debian or Ubuntu host")
    done = run_program(command, cwd=cwd)
    if done.returncode:
        complaints = [x for x in done.stderr.splitlines() if x and not x.startswith("W: ")]
        reason = printable((complaints or ["no reason given"])[0].removeprefix("E: "), 300)
        raise DeviceError(f"{what_fails} ({reason}): see that 'apt-get update' works here, and that the disk has space")
    return done.stdout
