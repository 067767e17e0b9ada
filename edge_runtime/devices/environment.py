"""Choose which Python of a device measures, and fetch the packages that it needs with pip here."""

import hashlib
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Self

from edge_runtime.devices.connection import Hello
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.process_endings import last_line

_RUNTIMES = ("litert", "tflite-runtime")  # the preferred one first
# Of their wheels; the last tflite-runtime needs NumPy 1 but does not declare it.
_PYTHONS = {"litert": ((3, 10), (3, 14)), "tflite-runtime": ((3, 10), (3, 11))}
_MACHINES = {"litert": ("x86_64", "aarch64"), "tflite-runtime": ("x86_64", "aarch64", "armv7l")}
_NUMPY = {"litert": "numpy>=1.26,<3", "tflite-runtime": "numpy>=1.26,<2"}
_NARROW = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}  # a 32-bit system on such a kernel
_FIRST_GLIBC = 17  # of manylinux2014, which is manylinux_2_17
ONNX_REQUIREMENT = "onnxruntime>=1.24"
"""The requirement of ONNX models on a device."""


def requirements(runtime: str) -> tuple[str, str]:
    """Return pip's requirements for `runtime`; the version of LiteRT is the one on this machine."""
    if runtime == "tflite-runtime":
        return "tflite-runtime==2.14.0", _NUMPY[runtime]
    try:
        return f"ai-edge-litert=={metadata.version('ai-edge-litert')}", _NUMPY[runtime]
    except metadata.PackageNotFoundError:
        return "ai-edge-litert>=2.0,<3", _NUMPY[runtime]


@dataclass(frozen=True)
class Environment:
    """An `interpreter` of a device, and the requirements of `runtime` there."""

    runtime: str
    interpreter: str
    version: tuple[int, ...]
    machine: str
    bits: int
    libc: tuple[str, str]
    requirements: tuple[str, ...]

    @classmethod
    def choose(cls, hello: Hello, runtime: str, name: str) -> Self:
        """Choose for the device that greeted with `hello`. Raises `DeviceError` when no Python fits."""
        if runtime not in ("auto", *_RUNTIMES):
            raise InputError(f"{runtime} cannot be installed on devices: use --runtime litert or tflite-runtime")
        if hello.libc[0] != "glibc":
            raise DeviceError(f"{name} does not have glibc, and there is no TFLite runtime for other C libraries")
        for candidate in _RUNTIMES if runtime == "auto" else (runtime,):
            oldest, newest = _PYTHONS[candidate]
            for python in hello.interpreters:
                # NumPy has no wheels for 32 bits: use the system's NumPy.
                has_numpy = python.bits == 32 and (python.numpy or "").startswith("1.")
                packages = requirements(candidate)[: 1 if has_numpy else 2]
                machine = _NARROW.get(hello.machine, hello.machine) if python.bits == 32 else hello.machine
                has_wheels = machine in _MACHINES[candidate] and oldest <= python.version[:2] <= newest
                if has_wheels and (has_numpy or python.bits == 64):
                    return cls(candidate, python.path, python.version, machine, python.bits, hello.libc, packages)
        pythons = [f"{'.'.join(map(str, python.version))} ({python.bits}-bit)" for python in hello.interpreters]
        raise DeviceError(
            f"{name} ({hello.machine}) has no fitting Python, only {', '.join(pythons)}: install 64-bit Python 3.10 to "
            "3.14 or, on 32-bit Arm, Python 3.10 or 3.11 with NumPy 1"
        )

    def key(self, *packages: str) -> str:
        """Return the environment's name, made of the interpreter and the digests `packages`."""
        return hashlib.sha256(repr((self, packages)).encode()).hexdigest()[:16]

    @property
    def platforms(self) -> list[str]:
        """The platforms of wheels that run there, newest first (PEP 600)."""
        versions = range(int(self.libc[1].split(".")[1]), _FIRST_GLIBC - 1, -1)
        return [*(f"manylinux_2_{minor}_{self.machine}" for minor in versions), f"manylinux2014_{self.machine}"]

    def wheels(self) -> list[Path]:
        """Return the wheels, downloaded once into the user's cache. Raises `DeviceError`."""
        return sorted(cached_folder(cache_folder() / "wheels" / self.key(), self._download).glob("*.whl"))

    def _download(self, folder: Path) -> None:
        python = ".".join(map(str, self.version[:2]))
        command = [
            *(sys.executable, "-m", "pip", "download", "--dest", str(folder)),
            *("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"),
            *("--implementation=cp", f"--python-version={python}"),
            *(f"--platform={tag}" for tag in self.platforms),
            *self.requirements,
        ]
        done = run_program(command)
        if done.returncode:
            raise DeviceError(
                f"pip cannot find {' and '.join(self.requirements)} for Python {python} on {self.machine} "
                f"({last_line(done.stderr)}): make sure that pip works here"
            )
