"""Fetch and unpack Debian packages for any architecture, with an apt state of its own.

Nothing is installed, no architecture is added to the host, no script of a package runs, and no root is needed. apt
checks packages against the signature of Debian's archive.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import DeviceError
from edge_runtime.system.cache_folders import raise_if_full

_ARCHIVE_SETTING = "HAR_EDGE_DEBIAN"  # its content is signed, so that it needs no TLS
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NAMES_OF_RELEASES = ("stable", "oldstable", "oldoldstable", "testing")

# A mirror that is being updated has an index of one state and files of another, for a minute or two.
_MID_SYNC = re.compile(r"Hash Sum mismatch|unexpected size|Mirror sync in progress|not (?:yet )?valid|404 +Not Found")
_TRIES = 4
_SECONDS_BETWEEN_TRIES = 20.0

_LEFT_OUT = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian")


@dataclass(frozen=True)
class Apt:
    """An apt of its own, whose state is in `folder`, with the packages of one architecture and one suite."""

    folder: Path
    architecture: str
    suite: str

    def fetch(self, packages: Sequence[str], alone: bool = False) -> list[Path]:
        """Fetch `packages` and, unless they are wanted `alone`, their dependencies; return the files."""
        files = self.folder / "cache/archives"
        for left in reversed(range(_TRIES)):
            try:
                self._run("update", "--error-on=any")
                if alone:
                    self._run("download", *packages, cwd=files)
                else:
                    self._run("install", "--yes", "--download-only", *packages)
            except _MidSyncError:
                if not left:
                    raise
                time.sleep(_SECONDS_BETWEEN_TRIES)
            else:
                break
        return sorted(files.glob("*.deb"))

    def _run(self, *arguments: str, cwd: Path | None = None) -> None:
        done = subprocess.run(
            ["apt-get", "--quiet", "--quiet", *self._options(), *arguments],
            cwd=cwd,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise_if_full(done.stderr)
            raise _why_not(self.suite, self.architecture, done.stderr)

    def _options(self) -> Iterator[str]:
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
        for name, value in settings.items():
            yield from ("-o", f"{name}={value}")


class _MidSyncError(DeviceError):
    """The mirror is being updated."""


@contextmanager
def apt(folder: Path, architecture: str, suite: str) -> Iterator[Apt]:
    """Give an apt with nothing installed, whose state is below `folder`, which is made and is gone after the block."""
    _need("apt-get", "dpkg-deb", "tar")
    sources = _sources(suite)
    try:
        for name in ("lists/partial", "cache/archives/partial", "log", "sources", "none"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources/debian.sources").write_text(sources)
        yield Apt(folder, architecture, suite)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def host_architecture() -> str:
    """Debian's name for the architecture of this machine."""
    _need("dpkg")
    asked = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def unpack(package: Path, root: Path, members: Sequence[str] = ()) -> None:
    """Unpack the file `package` below `root`: all but documentation, or the `members`, named as `./usr/bin/…`."""
    what = members or [f"--exclude={path}" for path in _LEFT_OUT]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
        done = subprocess.run(
            ["tar", "-x", "-p", "-C", root, "--no-same-owner", "--keep-directory-symlink", *what],
            stdin=archive.stdout,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode or archive.returncode:
        raise_if_full(done.stderr)
        raise DeviceError(f"cannot unpack {package.name}: {_complaint(done.stderr)}")


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise DeviceError(
                f"an emulated board is made of Debian's packages, and there is no {program} here: use a Debian or "
                "Ubuntu host"
            )


def _sources(suite: str) -> str:
    """The source of packages of `suite`: the mirror in `HAR_EDGE_DEBIAN`, or the one that this host uses itself."""
    uri, keyring = os.environ.get(_ARCHIVE_SETTING) or _mirror_of_host(), _KEYRING
    if not uri:
        raise DeviceError(
            "this host is no Debian that says where its packages come from: set HAR_EDGE_DEBIAN to the address of a "
            "Debian mirror near you (http://HOST/debian)"
        )
    if not keyring.exists():
        raise DeviceError(
            f"the packages of Debian {suite} cannot be checked, for {keyring} is missing: install "
            "debian-archive-keyring (sudo apt-get install debian-archive-keyring)"
        )
    return f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nTargets: Packages\nSigned-By: {keyring}\n"


def _mirror_of_host() -> str | None:
    """The address that a Debian host has its own release from."""
    facts = dict(re.findall(r'^(\w+)="?([^"\n]*)', Path("/etc/os-release").read_text(), re.MULTILINE))
    if facts.get("ID") != "debian":
        return None
    releases = {facts.get("VERSION_CODENAME"), *_NAMES_OF_RELEASES}
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for release, component, uri in (line.split(" ", 2) for line in asked.stdout.splitlines()):
        if release in releases and component == "main" and uri.startswith(("http", "mirror")):
            return uri
    return None


def _why_not(suite: str, architecture: str, said: str) -> DeviceError:
    """Explain apt's errors in one sentence."""
    what = f"the packages of Debian {suite} for {architecture}"
    if "NO_PUBKEY" in said or "is not signed" in said:
        return DeviceError(
            f"{what} cannot be checked, for {_KEYRING} does not know their signer: install a newer "
            "debian-archive-keyring"
        )
    reason = _complaint(said)
    if _MID_SYNC.search(said):
        return _MidSyncError(f"{what} cannot be fetched while their mirror is being updated ({reason}): try later")
    return DeviceError(f"{what} cannot be fetched ({reason}): see that 'apt-get update' works here")


def _complaint(said: str) -> str:
    """The first complaint, which names the cause; the others follow from it."""
    lines = [line.strip().removeprefix("E: ") for line in said.splitlines() if not line.startswith("W: ")]
    return re.sub(r"\s+", " ", next(filter(None, lines), "no reason given"))[:300]
