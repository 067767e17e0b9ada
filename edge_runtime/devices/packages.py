"""Which Python of a device measures, and with which packages; and those as wheels, for devices without an index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.devices import wheels
from edge_runtime.devices.requirements import requirements
from edge_runtime.devices.wheels import Platform
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.cache_folders import cached_folder
from edge_runtime.system.files import cache_folder

_RUNTIMES = ("litert", "tflite-runtime")
"""In the order in which they are preferred."""

# Of the wheels of LiteRT and of the last ones of tflite-runtime.
_PYTHONS = {"litert": ((3, 10), (3, 14)), "tflite-runtime": ((3, 9), (3, 11))}
_MACHINES = {"litert": ("x86_64", "aarch64"), "tflite-runtime": ("x86_64", "aarch64", "armv7l")}
_NARROW = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}
"""What a 32-bit system on these machines is."""


@dataclass(frozen=True)
class Setup:
    """What measures on a device: `runtime` under `interpreter`, with the packages `requirements`."""

    runtime: str
    interpreter: str
    version: tuple[int, ...]
    machine: str
    bits: int
    libc: tuple[str, str]
    requirements: tuple[str, ...]

    @property
    def key(self) -> str:
        """Names the environment: the same only for the same interpreter and packages."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    @property
    def platform(self) -> Platform:
        """What its wheels are built for: a processor, and a kernel, of 64 bits may have a 32-bit system on it."""
        machine = _NARROW.get(self.machine, self.machine) if self.bits == 32 else self.machine
        return Platform(machine, ".".join(map(str, self.version[:2])), int(self.libc[1].split(".")[1]))


def choose(hello: Mapping[str, Any], runtime: str, name: str) -> Setup:
    """The setup for the device that greeted with `hello`: LiteRT where one of its Pythons has it, else tflite-runtime.

    Raises `DeviceError` when no Python there fits, `InputError` for a runtime that is not measured with remotely.
    """
    if runtime == "tensorflow":
        raise InputError("TensorFlow is not installed on devices: give --runtime litert or tflite-runtime")
    if hello["libc"][0] != "glibc":
        raise DeviceError(f"{name} has another C library than glibc, for which there is no TFLite runtime")
    obstacles = []
    for wanted in _RUNTIMES if runtime == "auto" else (runtime,):
        for interpreter in hello["interpreters"]:
            setup = Setup(
                wanted,
                interpreter["path"],
                tuple(interpreter["version"]),
                hello["machine"],
                interpreter["bits"],
                (hello["libc"][0], hello["libc"][1]),
                _missing(wanted, interpreter),
            )
            obstacle = _obstacle(setup)
            if obstacle is None:
                return setup
            obstacles.append(obstacle)
    _, what = max(obstacles, key=lambda x: x[0])
    raise DeviceError(f"{name} {what}")


def _missing(runtime: str, interpreter: Mapping[str, Any]) -> tuple[str, ...]:
    """What is to be installed: where a 32-bit system brings a NumPy, for which there are no wheels, that is used."""
    own = interpreter["numpy"]
    if interpreter["bits"] == 32 and own and own.startswith("1."):
        return requirements(runtime)[:1]
    return requirements(runtime)


def _obstacle(setup: Setup) -> tuple[int, str] | None:
    """Why nothing can be measured with `setup`, and how much of it would do; None when all of it does."""
    version = ".".join(map(str, setup.version))
    oldest, newest = _PYTHONS[setup.runtime]
    if setup.platform.machine not in _MACHINES[setup.runtime]:
        instead = ": --runtime tflite-runtime" if setup.platform.machine in _MACHINES["tflite-runtime"] else ""
        return 0, f"has a {setup.bits}-bit system ({setup.machine}), for which there is no {setup.runtime}{instead}"
    if not oldest <= setup.version[:2] <= newest:
        needed = f"{oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}"
        return 1, f"has Python {version}, but {setup.runtime} needs {needed}: install such a Python there"
    if setup.bits == 32 and len(setup.requirements) > 1:
        return 2, f"has no NumPy 1 for its 32-bit Python {version}: sudo apt install python3-numpy there"
    return None


def download(setup: Setup) -> list[Path]:
    """The wheels of all packages for that device, downloaded once into the user's cache.

    Raises `DeviceError` when pip here finds none that fit.
    """

    def fetch(folder: Path) -> None:
        wheels.download(setup.requirements, folder, setup.platform)

    return sorted(cached_folder(cache_folder() / "wheels" / setup.key, fetch).glob("*.whl"))
