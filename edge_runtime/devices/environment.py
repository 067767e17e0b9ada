"""Choose which Python of a device measures, and with which packages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.devices.connection import Hello, Interpreter
from edge_runtime.devices.python_packages import Platform, download, requirements
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.cache import cache_folder, cached_folder

_RUNTIMES = ("litert", "tflite-runtime")
"""The preferred one first."""

# Of the wheels of LiteRT and of the last ones of tflite-runtime.
_PYTHONS = {"litert": ((3, 10), (3, 14)), "tflite-runtime": ((3, 9), (3, 11))}
_MACHINES = {"litert": ("x86_64", "aarch64"), "tflite-runtime": ("x86_64", "aarch64", "armv7l")}
_NARROW = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}
"""By the machine of a 64-bit kernel, that of a 32-bit system on it."""


@dataclass(frozen=True)
class Environment:
    """A device's `interpreter` (Python `version`) with `runtime`, for which `requirements` are installed."""

    runtime: str
    interpreter: str
    version: tuple[int, ...]
    machine: str
    bits: int
    libc: tuple[str, str]
    requirements: tuple[str, ...]

    def key(self, *packages: str) -> str:
        """The environment's name: the same only for the same interpreter and `packages`, told by their digests."""
        return hashlib.sha256(repr((self, packages)).encode()).hexdigest()[:16]

    @property
    def platform(self) -> Platform:
        """The platform of its wheels: a processor and a kernel of 64 bits may have a 32-bit system on them."""
        machine = _NARROW.get(self.machine, self.machine) if self.bits == 32 else self.machine
        return Platform(machine, ".".join(map(str, self.version[:2])), int(self.libc[1].split(".")[1]))

    @classmethod
    def choose(cls, hello: Hello, runtime: str, name: str) -> Environment:
        """Choose for the device that greeted with `hello`: LiteRT where one of its Pythons has it, else tflite-runtime.

        Raises `DeviceError` when no Python there fits, `InputError` for a runtime that is not measured with remotely.
        """
        if runtime not in ("auto", *_RUNTIMES):
            raise InputError(f"{runtime} is not installed on devices: give --runtime litert or tflite-runtime")
        if hello.libc[0] != "glibc":
            raise DeviceError(f"{name} has another C library than glibc, for which there is no TFLite runtime")
        obstacles = []
        for wanted in _RUNTIMES if runtime == "auto" else (runtime,):
            for interpreter in hello.interpreters:
                environment = cls(
                    wanted,
                    interpreter.path,
                    interpreter.version,
                    hello.machine,
                    interpreter.bits,
                    hello.libc,
                    _missing(wanted, interpreter),
                )
                obstacle = environment._obstacle()
                if obstacle is None:
                    return environment
                obstacles.append(obstacle)
        _, what = max(obstacles, key=lambda x: x[0])
        raise DeviceError(f"{name} {what}")

    def _obstacle(self) -> tuple[int, str] | None:
        """Why nothing can be measured with it, after how much of it would do; None when all of it does."""
        version = ".".join(map(str, self.version))
        oldest, newest = _PYTHONS[self.runtime]
        if self.platform.machine not in _MACHINES[self.runtime]:
            instead = ": --runtime tflite-runtime" if self.platform.machine in _MACHINES["tflite-runtime"] else ""
            system = f"{self.bits}-bit system ({self.machine})"
            return 0, f"has a {system}, for which there is no {self.runtime}{instead}"
        if not oldest <= self.version[:2] <= newest:
            needed = f"{oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}"
            return 1, f"has Python {version}, but {self.runtime} needs {needed}: install such a Python there"
        if self.bits == 32 and len(self.requirements) > 1:
            return 2, f"has no NumPy 1 for its 32-bit Python {version}: sudo apt install python3-numpy there"
        return None

    def download(self) -> list[Path]:
        """Download the wheels of all packages once into the user's cache; return their paths.

        Raises `DeviceError` when pip here finds none that fit.
        """
        place = cache_folder() / "wheels" / self.key()
        folder = cached_folder(place, lambda folder: download(self.requirements, folder, self.platform))
        return sorted(folder.glob("*.whl"))


def _missing(runtime: str, interpreter: Interpreter) -> tuple[str, ...]:
    """The packages to install: a 32-bit system's own NumPy is used, since there are no wheels of one."""
    own = interpreter.numpy
    if interpreter.bits == 32 and own and own.startswith("1."):
        return requirements(runtime)[:1]
    return requirements(runtime)
