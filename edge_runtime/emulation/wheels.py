"""Python packages for another machine: pip fetches their wheels with the user's own settings."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.emulation.kept import raise_if_full
from edge_runtime.errors import DeviceError

_FIRST_GLIBC = 17  # of manylinux2014, which is manylinux_2_17


def install(requirements: Sequence[str], folder: Path, machine: str, python: str, glibc: int) -> None:
    """Put `requirements`, alone, into `folder`, built for Python `python` on `machine` with glibc 2.`glibc`."""
    if importlib.util.find_spec("pip") is None:
        raise DeviceError(
            f"the Python packages of an emulated board are fetched with pip, which {sys.executable} does not have: "
            f"{sys.executable} -m ensurepip"
        )
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(_FIRST_GLIBC, glibc + 1)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
            *("--root-user-action=ignore", "--no-user", "--no-deps", "--no-compile", "--only-binary=:all:"),
            *("--implementation=cp", f"--python-version={python}", *platforms, f"--platform=manylinux2014_{machine}"),
            *("--target", str(folder), *requirements),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise_if_full(done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
        raise DeviceError(
            f"pip has no {' and '.join(requirements)} for Python {python} on {machine} ({reason}): see that pip finds "
            "packages here"
        )
