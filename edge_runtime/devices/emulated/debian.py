"""Fetch and unpack Debian packages for any architecture; apt checks the archive's signature."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.errors import DeviceError
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.process_endings import last_line

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LEFT_OUT = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian")


@contextmanager
def packages(names: Sequence[str], architecture: str, suite: str, alone: bool = False) -> Iterator[list[Path]]:
    """Give the files of `names` and, unless `alone`, of dependencies, from HAR_EDGE_DEBIAN or the host's mirror."""
    if not _KEYRING.exists():
        raise DeviceError(
            f"{_KEYRING} is missing, which packages are checked with: sudo apt install debian-archive-keyring"
        )
    with scratch_folder() as folder:
        for name in ("lists/partial", "cache/archives/partial", "log", "sources"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources/debian.sources").write_text(
            f"Types: deb\nURIs: {os.environ.get('HAR_EDGE_DEBIAN') or _mirror_of_host()}\nSuites: {suite}\n"
            f"Components: main\nTargets: Packages\nSigned-By: {_KEYRING}\n"
        )
        settings = {
            "APT::Architecture": architecture,
            "APT::Architectures::": architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",  # which could not write here
            "Debug::NoLocking": "true",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": folder / "sources",
            "Dir::Log": folder / "log",
            "Dir::State": folder,
            "Dir::State::status": folder / "status",
        }
        apt = ["apt-get", "-qq", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
        files = folder / "cache/archives"
        how = ["download"] if alone else ["install", "--yes", "--download-only"]
        for command in (["update", "--error-on=any"], [*how, *names]):
            _run(*apt, *command, cwd=files)
        yield sorted(files.glob("*.deb"))


def host_architecture() -> str:
    """Return Debian's name for the architecture of this machine."""
    return _run("dpkg", "--print-architecture").strip()


def _mirror_of_host() -> str:
    """Return the address of a Debian host's own packages, which are signed and need no TLS."""
    lines = _run("apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for origin, component, uri in (line.split(" ", 2) for line in lines.splitlines()):
        if (origin, component) == ("Debian", "main") and uri.startswith(("http", "mirror")):
            return uri
    raise DeviceError("this host has no Debian packages: set HAR_EDGE_DEBIAN to a mirror")


def unpack(package: Path, root: Path, members: Sequence[str] = ()) -> None:
    """Unpack `package` below `root`: its `members`, named as `./usr/bin/…`, or all but documentation."""
    tar = package.with_suffix(".tar")
    _run("sh", "-c", 'dpkg-deb --fsys-tarfile "$0" >"$1"', str(package), str(tar))
    what = members or [f"--exclude={path}" for path in _LEFT_OUT]
    _run("tar", "-xf", str(tar), "-p", "-C", str(root), "--no-same-owner", "--keep-directory-symlink", *what)
    tar.unlink()


def _run(*command: str, cwd: Path | None = None) -> str:
    """Run `command`, one of Debian's programs, and return its output. Raises `DeviceError`."""
    if shutil.which(command[0]) is None:
        raise DeviceError(f"there is no {command[0]} here: an emulated board needs a Debian or Ubuntu host")
    done = run_program(command, cwd=cwd)
    if done.returncode:
        raise DeviceError(
            f"{command[0]} cannot get Debian's packages ({last_line(done.stderr)}): make sure that 'apt-get update' "
            "works here"
        )
    return done.stdout
