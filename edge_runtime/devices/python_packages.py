"""Fetch Python packages for another machine with pip, which takes the user's own settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_runtime.errors import DeviceError
from edge_runtime.system.printable import printable

# The last release of the older runtime, which was built against NumPy 1 and does not say so.
_TFLITE_RUNTIME = "tflite-runtime==2.14.0"
_NUMPY = {"litert": "numpy>=1.26,<3", "tflite-runtime": "numpy>=1.26,<2"}
_FIRST_GLIBC = 17  # of manylinux2014, which is manylinux_2_17


def requirements(runtime: str) -> tuple[str, str]:
    """The requirements of `runtime` for pip: itself, and a NumPy that it works with.

    LiteRT in the version that is installed here, so that both sides answer alike; any that fits where there is none.
    """
    if runtime == "tflite-runtime":
        return _TFLITE_RUNTIME, _NUMPY[runtime]
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
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--dest", str(folder)),
            *("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"),
            *("--implementation=cp", f"--python-version={platform.python}"),
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
        reason = printable((done.stderr.strip().splitlines() or ["it says nothing"])[-1], 300)
        raise DeviceError(
            f"the pip of {sys.executable} has no {' and '.join(requirements)} for Python {platform.python} on "
            f"{platform.machine} ({reason}): see that it finds packages here"
        )
