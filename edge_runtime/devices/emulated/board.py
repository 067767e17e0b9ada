"""Open an emulated board: a CPU, with a disk and an emulator made once in the user's cache folder.

Programs on the board do not change them: their files are gone when they end.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.devices.emulated import debian, disk, launch
from edge_runtime.devices.emulated.disk import Disk, litert_disk
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.cache_folders import cached_folder, remove
from edge_runtime.system.files import cache_folder
from edge_runtime.system.process_endings import ending
from edge_runtime.system.program_output import run_program
from edge_runtime.system.progress import OnProgress, ignore_progress

CPUS = {"arm64": ("cortex-a53", "cortex-a72", "cortex-a76"), "armhf": ("cortex-a7",)}
"""The CPUs of Raspberry Pis (3, 4 and 5; 2); others that QEMU knows will do as well."""

# The file itself and no site packages: it needs nothing but the standard library, and starts sooner.
_LAUNCH = (sys.executable, "-I", "-S", launch.__file__)
SPACE_BYTES = 700e6  # that fetching and unpacking an emulator and a disk take
_EMULATOR_SUITE = "trixie"  # QEMU 10; its package is of one statically linked program for each architecture


@dataclass(frozen=True)
class Board:
    """A disk that is in `folder`, the `emulator` of its architecture, and the CPU that its programs see."""

    disk: Disk
    cpu: str | None
    folder: Path
    emulator: Path

    def command(
        self,
        argv: Sequence[str],
        *,
        binds: Mapping[str, Path] | None = None,
        env: Mapping[str, str] | None = None,
        network: bool = False,
        fixed_addresses: bool = False,
        writable: bool = False,
    ) -> list[str]:
        """The command for this machine that runs `argv` on the board, with its own standard streams.

        It runs as root in /, and sees of this machine's files those in `binds` (place on the board -> file or folder
        here). `network` lets it into this machine's network. `fixed_addresses` puts programs at the same addresses in
        each run. `writable` keeps what it writes. For its exit code see `edge_runtime.devices.emulated.launch`.

        The CPU is in the environment, as QEMU_CPU: a program that clears the environment, as sshd does, must set it
        again.
        """
        options = [f"--board={self.folder}", f"--emulator={self.emulator}", f"--architecture={self.disk.emulator}"]
        options += [f"--cpu={self.cpu}"] if self.cpu else []
        options += [x for place, source in (binds or {}).items() for x in ("--bind", str(source), place)]
        options += [f"--env={name}={value}" for name, value in (env or {}).items()]
        flags = {"--host-network": network, "--fixed-addresses": fixed_addresses, "--writable": writable}
        options += [flag for flag, is_set in flags.items() if is_set]
        return [*_LAUNCH, *options, "--", *argv]

    def emulator_version(self) -> str:
        """The version of QEMU."""
        found = re.search(r"version (\d[\w.]*)", _run([str(self.emulator), "--version"]).stdout)
        return found[1] if found else "of unknown version"


def open_board(
    cpu: str = "cortex-a76", content: Disk | None = None, on_progress: OnProgress = ignore_progress
) -> Board:
    """Open the board with this CPU, whose disk is that of `litert_disk` unless `content` says otherwise.

    Fetch and make what it needs first, where that has not been done. Raises `InputError` for a CPU that QEMU does
    not know, `DeviceError` when the board cannot be had on this machine.
    """
    if sys.platform != "linux":
        raise DeviceError("an emulated board needs a Linux machine: run this in one")
    content = content or litert_disk()
    boards = cache_folder() / "boards"
    if not (boards / content.name).exists():  # nothing is fetched in vain
        _check(_run([*_LAUNCH, "--only-try"]))
    emulator = _emulator(content.emulator, boards, lambda share, text: on_progress(0.3 * share, text))
    _check_cpu(cpu, emulator, content)

    def make(folder: Path) -> None:
        bare = Board(content, None, folder, emulator)
        disk.make(
            content,
            folder,
            lambda argv: _run(bare.command(argv, writable=True)),
            lambda share, text: on_progress(0.3 + 0.7 * share, text),
        )

    board = Board(content, cpu, cached_folder(boards / content.name, make, SPACE_BYTES), emulator)
    _check(_run(board.command(["true"])))
    on_progress(1.0, "the emulated board is ready")
    return board


def remove_boards() -> int:
    """Remove all boards and the emulator from the user's cache folder; return how many bytes that was.

    Raises `DeviceError` when one is being made just now.
    """
    return remove(cache_folder() / "boards")


def _emulator(name: str, boards: Path, on_progress: OnProgress) -> Path:
    """The program that emulates the architecture which QEMU calls `name`."""

    def make(folder: Path) -> None:
        on_progress(0.0, "fetching the emulator (QEMU, 71 MB)")
        with debian.apt(folder / "apt", debian.host_architecture(), _EMULATOR_SUITE) as apt:
            (package,) = apt.fetch(["qemu-user"], alone=True)
            on_progress(0.8, "unpacking the emulator")
            debian.unpack(package, folder, [f"./usr/bin/qemu-{each}" for each in disk.EMULATORS.values()])

    return cached_folder(boards / f"qemu-{_EMULATOR_SUITE}", make, SPACE_BYTES) / f"usr/bin/qemu-{name}"


def _check_cpu(cpu: str, emulator: Path, content: Disk) -> None:
    known = _run([str(emulator), "-cpu", "help"]).stdout.split()
    if cpu not in known:
        raise InputError(
            f"the emulator knows no CPU {cpu!r} for {content.architecture}: choose one of "
            f"{', '.join(CPUS[content.architecture])}"
        )


def _check(tried: subprocess.CompletedProcess[str]) -> None:
    if tried.returncode:
        raise DeviceError(tried.stderr.strip() or f"the emulated board {ending(tried.returncode)}")


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return run_program(command)
    except ValueError as error:
        raise DeviceError(f"the emulated board does not work ({error}): remove {cache_folder() / 'boards'}") from error
