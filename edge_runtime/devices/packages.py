"""Which Python of a device measures, and with which packages; and those as wheels, for devices without an index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from edge_runtime.devices import wheels
from edge_runtime.devices.wheels import Platform
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.files import cache_folder
from edge_runtime.kept import kept

# LiteRT has wheels from 3.10 on, tflite-runtime's last release for at most 3.11.
_PYTHONS = {"litert": ((3, 10), (3, 14)), "tflite-runtime": ((3, 9), (3, 11))}
_NUMPY = {"litert": "numpy>=1.26,<3", "tflite-runtime": "numpy>=1.22,<2"}
_TFLITE_RUNTIME = "tflite-runtime==2.14.0"


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
        """What its wheels are built for. Raises `DeviceError` for a C library that has none."""
        name, version = self.libc
        if name != "glibc":
            raise DeviceError(f"there are no wheels of {self.runtime} for a C library other than glibc")
        # A 64-bit kernel may run a 32-bit system.
        narrow = self.bits == 32 and self.machine in ("aarch64", "armv8l")
        machine = "armv7l" if narrow else self.machine
        return Platform(machine, ".".join(map(str, self.version[:2])), int(version.split(".")[1]))


def choose(hello: Mapping[str, Any], runtime: str, name: str) -> Setup:
    """The setup for the device that greeted with `hello`: LiteRT where it is 64-bit, else tflite-runtime.

    Raises `DeviceError` when no Python there fits, `InputError` for a runtime that is not measured with remotely.
    """
    if runtime == "tensorflow":
        raise InputError("TensorFlow is not installed on devices: give --runtime litert or tflite-runtime")
    # The processor may be 64-bit, and the kernel too: what counts is the userland, which is Python's.
    narrow = all(x["bits"] == 32 for x in hello["interpreters"])
    wanted = ("tflite-runtime" if narrow else "litert") if runtime == "auto" else runtime
    if wanted == "litert" and narrow:
        raise DeviceError(f"{name} has a 32-bit system, for which there is no LiteRT: --runtime tflite-runtime")
    oldest, newest = _PYTHONS[wanted]
    for interpreter in hello["interpreters"]:
        version = tuple(interpreter["version"])
        if oldest <= version[:2] <= newest:
            return Setup(
                wanted,
                interpreter["path"],
                version,
                hello["machine"],
                interpreter["bits"],
                (hello["libc"][0], hello["libc"][1]),
                _requirements(wanted, interpreter),
            )
    found = ", ".join(".".join(map(str, x["version"])) for x in hello["interpreters"])
    raise DeviceError(
        f"{name} has Python {found}, but {wanted} needs {oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}: "
        "install such a Python there"
    )


def _requirements(runtime: str, interpreter: Mapping[str, Any]) -> tuple[str, ...]:
    if runtime == "litert":
        return (_litert(), _NUMPY[runtime])
    # The index has no numpy for 32-bit ARM: where the system brings an old one, it is used.
    own = interpreter["numpy"]
    if interpreter["bits"] == 32 and own and own.startswith("1."):
        return (_TFLITE_RUNTIME,)
    return (_TFLITE_RUNTIME, _NUMPY[runtime])


def _litert() -> str:
    """The version that is installed here, so that both sides answer alike; any that fits where there is none."""
    try:
        return f"ai-edge-litert=={metadata.version('ai-edge-litert')}"
    except metadata.PackageNotFoundError:
        return "ai-edge-litert>=2.0,<3"


def download(setup: Setup) -> list[Path]:
    """The wheels of all packages for that device, downloaded once into the user's cache.

    Raises `DeviceError` when pip here finds none that fit.
    """

    def fetch(folder: Path) -> None:
        wheels.download(setup.requirements, folder, setup.platform)

    return sorted(kept(cache_folder() / "wheels" / setup.key, fetch).glob("*.whl"))
