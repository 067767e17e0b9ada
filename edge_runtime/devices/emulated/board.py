"""Make an emulated board once in the user's cache folder: an arm64 Debian with Python, and QEMU."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.devices.emulated import debian
from edge_runtime.errors import DeviceError, HarEdgeError
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.process_endings import ending, last_line
from edge_runtime.system.progress import OnProgress, ignore_progress

CPUS = ("cortex-a53", "cortex-a72", "cortex-a76")  # of Raspberry Pi 3, 4 and 5
_SUITE = "trixie"  # its QEMU is one statically linked program
_PACKAGES = ("base-files", "base-passwd", "bash", "coreutils", "dash", "libc-bin", "libstdc++6", "python3")
_UNUSED = r"/(tests?|idlelib|ensurepip|turtledemo|tkinter|pydoc_data|_pyrepl|unittest)/"  # and not compiled
_LINKS = ("bin", "lib", "sbin")
_PLACES = ("dev", "job", "proc", "root", "sys", "tmp")
_EMULATOR, _QEMU, _TREE = f"qemu-{_SUITE}", "usr/bin/qemu-aarch64", f"{_SUITE}-arm64"
_START = Path(__file__).with_name("start_board.sh")


def boards() -> Path:
    """Return the folder of all boards, which share their files and the emulator."""
    return cache_folder() / "boards"


@dataclass(frozen=True)
class Board:
    """A transport to the board with the CPU `cpu`."""

    cpu: str

    @property
    def name(self) -> str:
        """The board's name in sentences and file names."""
        return f"emulated-{self.cpu}"

    def command(
        self, argv: Sequence[str], *, tree: Path | None = None, job: Path | None = None, env: Mapping[str, str] = {}
    ) -> list[str]:
        """Return the command here that runs `argv` there as root in /; `tree` replaces its files, `job` is /job."""
        tree = tree or boards() / _TREE
        settings = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LANG": "C.UTF-8", "QEMU_CPU": self.cpu, **env}
        return [
            *("setarch", "--addr-no-randomize"),  # a restarted process has the same addresses
            *("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"),
            *("--net", "sh", str(_START), str(tree), str(boards() / _EMULATOR / _QEMU), str(job or tree / "tmp")),
            *("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in settings.items()), *argv),
        ]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Say how the board ended."""
        return DeviceError(f"the emulated board {ending(code, stderr)}")

    def set_up(self, on_progress: OnProgress = ignore_progress) -> None:
        """Make the board if it is missing, and check that it starts. Raises `DeviceError`."""

        def make_emulator(folder: Path) -> None:
            on_progress(0.0, "fetching the emulator (QEMU, 71 MB)")
            with debian.packages(["qemu-user"], debian.host_architecture(), _SUITE, alone=True) as files:
                debian.unpack(files[0], folder, [f"./{_QEMU}"])

        def make_tree(folder: Path) -> None:
            on_progress(0.3, f"fetching and unpacking Debian packages ({_SUITE}, arm64)")
            _unpack_tree(folder)
            on_progress(0.6, "compiling the Python library")
            self._run("python3", "-m", "compileall", "-q", "-x", _UNUSED, "/usr/lib/python3.13", tree=folder)

        cached_folder(boards() / _EMULATOR, make_emulator)
        cached_folder(boards() / _TREE, make_tree)
        self._run("true")
        on_progress(1.0, "the emulated board is ready")

    def _run(self, *argv: str, tree: Path | None = None) -> None:
        done = run_program(self.command(argv, tree=tree))
        if done.returncode:
            raise DeviceError(
                f"the emulated board does not start ({last_line(done.stderr)}): it needs "
                "Linux 6.7 or newer and root, outside of a container"
            )


def _unpack_tree(root: Path) -> None:
    """Fill `root` with the packages, and do what their scripts would have done."""
    for name in _LINKS:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    with debian.packages(_PACKAGES, "arm64", _SUITE) as files:
        for package in files:
            debian.unpack(package, root)
    for name in _PLACES:
        (root / name).mkdir(exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
