"""Open an emulated board: an arm64 Debian with Python, and QEMU, made once in the user's cache folder.

What programs write on the board stays there, but for /tmp.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.devices.connection import last_words
from edge_runtime.devices.emulated import debian
from edge_runtime.errors import DeviceError
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.progress import OnProgress, ignore_progress

CPUS = ("cortex-a53", "cortex-a72", "cortex-a76")
"""The CPUs of Raspberry Pis 3, 4 and 5."""

_SUITE = "trixie"  # Debian 13: Python 3.13, glibc 2.41, and QEMU 10 in one statically linked program
# A system (bash is root's shell), and the libraries that NumPy and the runtimes link to.
_PACKAGES = ("base-files", "base-passwd", "bash", "coreutils", "dash", "libc-bin", "libstdc++6", "python3")
# Not compiled, since no benchmark imports it.
_UNUSED = r"/(tests?|idlelib|ensurepip|turtledemo|tkinter|pydoc_data|_pyrepl|unittest)/"
_LINKS = ("bin", "lib", "sbin")
_PLACES = ("dev", "job", "proc", "root", "sys", "tmp")
_START = Path(__file__).with_name("start_board.sh")


@dataclass(frozen=True)
class Board:
    """The `tree` of its files, the `emulator`, and the CPU that its programs see."""

    tree: Path
    emulator: Path
    cpu: str

    def command(
        self,
        argv: Sequence[str],
        *,
        job: Path | None = None,
        env: Mapping[str, str] = {},
        fixed_addresses: bool = False,
    ) -> list[str]:
        """The command for this machine that runs `argv` on the board, with its own standard streams.

        It runs as root in /. The folder `job` of this machine is its /job, `env` is added to its environment, and
        `fixed_addresses` puts programs at the same addresses in each run. It ends with its parent's `unshare`.
        """
        settings = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LANG": "C.UTF-8", "QEMU_CPU": self.cpu, **env}
        return [
            *(("setarch", "--addr-no-randomize") if fixed_addresses else ()),
            *("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"),
            *("--net", "sh", str(_START), str(self.tree), str(self.emulator), str(job or self.tree / "tmp")),
            *("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in settings.items()), *argv),
        ]


def open_board(cpu: str, on_progress: OnProgress = ignore_progress) -> Board:
    """Open the board with this CPU, one of `CPUS`; fetch and make what it needs first, where that has not been done.

    Raises `DeviceError` when the board cannot be had on this machine.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        raise DeviceError("an emulated board needs a Linux machine with unshare (util-linux): run this in one")
    boards = cache_folder() / "boards"

    def make_emulator(folder: Path) -> None:
        on_progress(0.0, "fetching the emulator (QEMU, 71 MB)")
        with debian.apt(folder / "apt", debian.host_architecture(), _SUITE) as apt:
            (package,) = apt.fetch(["qemu-user"], alone=True)
            debian.unpack(package, folder, ["./usr/bin/qemu-aarch64"])

    def make_tree(folder: Path) -> None:
        on_progress(0.3, f"fetching Debian packages ({_SUITE}, arm64)")
        _unpack_tree(folder, lambda: on_progress(0.5, "unpacking Debian packages"))
        on_progress(0.6, "compiling the Python library")
        board = Board(folder, emulator, cpu)
        _check(run_program(board.command(["python3", "-m", "compileall", "-q", "-x", _UNUSED, "/usr/lib/python3.13"])))

    emulator = cached_folder(boards / f"qemu-{_SUITE}", make_emulator) / "usr/bin/qemu-aarch64"
    board = Board(cached_folder(boards / f"{_SUITE}-arm64", make_tree), emulator, cpu)
    _check(run_program(board.command(["true"])))
    on_progress(1.0, "the emulated board is ready")
    return board


def remove_boards() -> int:
    """Remove all boards and the emulator from the user's cache folder; return how many bytes that was."""
    boards = cache_folder() / "boards"
    total = sum(x.lstat().st_size for x in boards.rglob("*"))
    shutil.rmtree(boards, ignore_errors=True)
    return total


def _unpack_tree(root: Path, on_unpacking: Callable[[], None]) -> None:
    """Fill `root` with the packages, and do what the scripts in them would have done."""
    for name in _LINKS:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    with debian.apt(root / "apt", "arm64", _SUITE) as apt:
        packages = apt.fetch(_PACKAGES)
        on_unpacking()
        for package in packages:
            debian.unpack(package, root)
    for name in _PLACES:
        (root / name).mkdir(exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise DeviceError(
            f"the emulated board does not start ({last_words(done.stderr.strip(), done.returncode)}): it needs Linux "
            "6.7 or newer that lets you make namespaces; run as root, and outside of a container"
        )
