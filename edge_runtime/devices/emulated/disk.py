"""Make a board's disk of unpacked Debian packages and wheels, with Python's library compiled."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_runtime.devices import python_packages
from edge_runtime.devices.emulated import debian
from edge_runtime.devices.python_packages import TFLITE_RUNTIME, Platform, requirements
from edge_runtime.errors import DeviceError
from edge_runtime.system.cache_folders import raise_if_full
from edge_runtime.system.progress import OnProgress

RunHere = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
"""Runs a command on a disk that keeps what it writes."""

_FORMAT = 1  # of what is made for one and the same `Disk`: another one gets a folder of another name

# A system (bash is root's shell), and the libraries that numpy and the runtimes link to.
_ESSENTIAL = ("base-files", "base-passwd", "bash", "coreutils", "dash", "libc-bin", "libstdc++6", "python3")
# Top-level links: Debian 13's packages contain them, Debian 12's need them.
_LINKS = ("bin", "lib", "sbin")
# A library that has alternatives is in a folder of its own; the link to it is made by a script that does not run here.
_ALTERNATIVES = ("blas", "lapack")
_LIBRARIES = ("usr/lib/python{}", "usr/lib/python3", "usr/local/lib/python{}")
# Not compiled, since no benchmark imports it.
_UNUSED = r"/(tests?|testing|f2py|distutils|idlelib|lib2to3|ensurepip|turtledemo|tkinter|pydoc_data|_pyrepl|unittest)/"


EMULATORS = {"arm64": "aarch64", "armhf": "arm"}
"""QEMU's names for all architectures that a disk may have, by those of Debian."""

_WHEELS = {"arm64": "aarch64", "armhf": "armv7l"}
# By the release of Debian: the versions of its Python and of its glibc 2.
_VERSIONS = {"trixie": ("3.13", 41), "bookworm": ("3.11", 36)}


@dataclass(frozen=True)
class Disk:
    """The content of a disk: a suite of Debian for an architecture, packages of it, and Python packages from pip.

    `packages` come with all that they depend on, `requirements` alone.
    """

    suite: str
    architecture: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its folder: another one for any other content."""
        asked = json.dumps([_FORMAT, _ESSENTIAL, asdict(self)])
        return f"{self.suite}-{self.architecture}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"

    @property
    def emulator(self) -> str:
        """QEMU's name for the architecture."""
        return EMULATORS[self.architecture]


def litert_disk() -> Disk:
    """Debian 13 for arm64 with Python 3.13, and LiteRT in the version that is installed here."""
    return Disk("trixie", "arm64", (), requirements("litert"))


def tflite_runtime_disk(architecture: str = "arm64") -> Disk:
    """Debian 12 for arm64 or armhf with Python 3.11, and the older runtime."""
    if architecture == "armhf":  # numpy has no wheels for it
        return Disk("bookworm", architecture, ("python3-numpy",), (TFLITE_RUNTIME,))
    return Disk("bookworm", architecture, (), requirements("tflite-runtime"))


def make(disk: Disk, folder: Path, run_here: RunHere, on_progress: OnProgress) -> None:
    """Make `disk` in the new folder `folder`, whose `root` is the tree. Raises `DeviceError`."""
    root, (python, glibc) = folder / "root", _VERSIONS[disk.suite]
    for name in _LINKS:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    (folder / "machine").mkdir()  # where the launcher builds a machine around the tree
    on_progress(0.0, f"fetching Debian packages ({disk.suite}, {disk.architecture})")
    with debian.apt(folder / "apt", disk.architecture, disk.suite) as apt:
        packages = apt.fetch([*_ESSENTIAL, *disk.packages])
        for number, package in enumerate(packages):
            on_progress(0.3 + 0.1 * number / len(packages), "unpacking Debian packages")
            debian.unpack(package, root)
    _configure(root)
    if disk.requirements:
        on_progress(0.4, f"fetching Python packages ({', '.join(disk.requirements)})")
        installed = root / f"usr/local/lib/python{python}/dist-packages"
        platform = Platform(_WHEELS[disk.architecture], python, glibc)
        python_packages.install(disk.requirements, installed, platform)
    on_progress(0.5, "compiling the Python library")
    libraries = [f"/{x.relative_to(root)}" for name in _LIBRARIES for x in root.glob(name.format(python))]
    for command in (["ldconfig"], ["python3", "-m", "compileall", "-q", "-x", _UNUSED, *libraries]):
        done = run_here(command)
        if done.returncode:
            raise_if_full(done.stdout + done.stderr)
            raise DeviceError(f"the emulated board cannot be set up: {command[0]} failed there ({done.stderr.strip()})")


def _configure(root: Path) -> None:
    """Do what scripts of packages would have done."""
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    if (root / "usr/sbin/sshd").exists():
        with (root / "etc/passwd").open("a") as users:
            users.write("sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n")
        (root / "run/sshd").mkdir()
    folders = [x for name in _ALTERNATIVES for x in sorted(root.glob(f"usr/lib/*/{name}"))]
    (root / "etc/ld.so.conf.d/alternatives.conf").write_text(
        "".join(f"/{folder.relative_to(root)}\n" for folder in folders)
    )
