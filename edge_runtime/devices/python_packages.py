"""Fetch Python packages for another machine with pip, which takes the user's own settings."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_runtime.errors import DeviceError
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.outside_files import parse_json
from edge_runtime.system.process_endings import ending

TFLITE_RUNTIME = "tflite-runtime==2.14.0"
"""The last release of the older runtime."""

# tflite-runtime was built against NumPy 1, which it does not say.
_NUMPY = {"litert": "numpy>=1.26,<3", "tflite-runtime": "numpy>=1.26,<2"}
_FIRST_GLIBC = 17  # of manylinux2014, which is manylinux_2_17


def requirements(runtime: str) -> tuple[str, str]:
    """The requirements of `runtime` for pip: itself, and a NumPy that it works with.

    LiteRT in the version that is installed here, so that both sides answer alike; any that fits where there is none.
    """
    if runtime == "tflite-runtime":
        return TFLITE_RUNTIME, _NUMPY[runtime]
    try:
        return f"ai-edge-litert=={metadata.version('ai-edge-litert')}", _NUMPY[runtime]
    except metadata.PackageNotFoundError:
        return "ai-edge-litert>=2.0,<3", _NUMPY[runtime]


@dataclass(frozen=True)
class Platform:
    """The machine, as `uname -m` names it, the Python (`3.13`) and the glibc (2.`glibc`) that wheels are built for."""

    machine: str
    python: str
    glibc: int

    @property
    def tags(self) -> list[str]:
        """The platforms whose wheels run there, the newest first (PEP 600)."""
        versions = range(self.glibc, _FIRST_GLIBC - 1, -1)
        return [*(f"manylinux_2_{minor}_{self.machine}" for minor in versions), f"manylinux2014_{self.machine}"]


def download(requirements: Sequence[str], folder: Path, platform: Platform) -> None:
    """Put the wheels of `requirements`, without what they depend on, into `folder`. Raises `DeviceError`."""
    _pip(["download", "--dest", str(folder)], requirements, platform)


def resolve(requirements: Sequence[str], platform: Platform) -> tuple[str, ...]:
    """Choose the wheels of `requirements`: for each a line of a requirements file, with its version and SHA-256.

    Raises `DeviceError`.
    """
    with scratch_folder() as folder:
        report = folder / "report.json"
        options = ["--dry-run", "--ignore-installed", "--target", str(folder / "none"), "--report", str(report)]
        _pip(["install", *options], requirements, platform)
        try:
            found = from_json(_Report, parse_json(report.read_bytes())).install
            return tuple(x.line for x in found)
        except (OSError, ValueError) as error:
            raise DeviceError(f"the pip of {sys.executable} does not tell its choice ({error}): upgrade it") from error


@dataclass(frozen=True)
class _Archive:
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class _Download:
    archive_info: _Archive


@dataclass(frozen=True)
class _Metadata:
    name: str
    version: str


@dataclass(frozen=True)
class _Resolved:
    metadata: _Metadata
    download_info: _Download

    @property
    def line(self) -> str:
        """The line of a requirements file."""
        digest = self.download_info.archive_info.hashes.get("sha256")
        if digest is None:
            raise ValueError(f"no SHA-256 of {self.metadata.name}")
        return f"{self.metadata.name}=={self.metadata.version} --hash=sha256:{digest}"


@dataclass(frozen=True)
class _Report:
    """The parts that are used of pip's report (pip.pypa.io/en/stable/reference/installation-report)."""

    install: tuple[_Resolved, ...]


def install(requirements: Sequence[str], folder: Path, platform: Platform) -> None:
    """Unpack those wheels in `folder`. Raises `DeviceError`."""
    options = ["install", "--root-user-action=ignore", "--no-user", "--no-compile", "--target", str(folder)]
    _pip(options, requirements, platform)


def _pip(command: Sequence[str], requirements: Sequence[str], platform: Platform) -> None:
    if importlib.util.find_spec("pip") is None:
        raise DeviceError(
            f"packages for another machine are fetched with pip, which {sys.executable} does not have: "
            f"{sys.executable} -m ensurepip"
        )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", *command, "--quiet", "--disable-pip-version-check", "--no-input"),
            *("--no-deps", "--only-binary=:all:", "--implementation=cp", f"--python-version={platform.python}"),
            *(f"--platform={tag}" for tag in platform.tags),
            *requirements,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        if "no such option: " in done.stderr:
            raise DeviceError(f"the pip of {sys.executable} is too old: {sys.executable} -m pip install --upgrade pip")
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"it {ending(done.returncode)}"
        raise DeviceError(
            f"pip has no {' and '.join(requirements)} for Python {platform.python} on {platform.machine} ({reason}): "
            "see that pip finds packages here"
        )
