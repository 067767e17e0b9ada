"""Run a command in an unpacked Debian tree of another architecture, as a machine of its own.

The machine is a set of Linux namespaces: its own users (no root is needed), mounts, processes, host name and, unless
asked otherwise, network. It has a handler of its own for programs of its architecture (binfmt_misc), so that whatever
the command starts is emulated too. What it writes goes into memory and is forgotten: the tree stays as it was, and any
number of machines may run in it at a time.

The command has this process's standard streams, as they are. The machine ends with all its processes when the command
ends, when this process ends, or when the process that started this one ends. The exit code is the command's; a signal
that ended the command ends this process too. When the machine cannot be made, the exit code is `FAILED` and stderr has
one sentence.

    python -m edge_runtime.devices.emulated.launch --board FOLDER --emulator QEMU [options] -- COMMAND ...
    python -m edge_runtime.devices.emulated.launch --only-try

Standard library alone, and all of it imported before the root changes: the host's modules are out of reach then.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

FAILED = 125
"""The exit code when there was no machine to run the command in."""

# Of every ELF header: which bytes tell a program of this architecture (class and machine; see elf(5)).
_ELF = {"aarch64": (2, 0xB7), "arm": (1, 0x28)}

# linux/sched.h; os.unshare came with Python 3.12.
_NEW_MOUNTS, _NEW_HOST_NAME, _NEW_IPC = 0x20000, 0x4000000, 0x8000000
_NEW_USERS, _NEW_PROCESSES, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
# linux/mount.h
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_NO_SUID, _NO_EXEC = 0x2, 0x8
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, linux/prctl.h
_FIXED_ADDRESSES = 0x40000  # ADDR_NO_RANDOMIZE, linux/personality.h
_SET_INTERFACE_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING

_HANDLERS = "/proc/sys/fs/binfmt_misc"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_libc = ctypes.CDLL(None, use_errno=True)


class _NoMachineError(Exception):
    """The reason why there is no machine, in one sentence."""


def main(arguments: list[str]) -> NoReturn:
    """Run the command that `arguments` ask for, and end as it ended."""
    options = _options(arguments)
    try:
        # There is none to watch when it is outside of a container that this is in.
        parent = os.pidfd_open(os.getppid()) if os.getppid() else None
        _enter_namespaces(private_network=not options.host_network)
        heard, told = os.pipe()
        first = os.fork()
        if first == 0:
            os.close(heard)
            _first_process(options, told)
    except (_NoMachineError, OSError) as error:
        _give_up(error)
    os.close(told)
    _let_go_of_streams()
    _end_as(_await_end(first, parent, heard))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launch", description="Run a command in an emulated machine.")
    parser.add_argument("--board", type=Path, help="folder with the tree, root/, and an empty machine/")
    parser.add_argument("--emulator", type=Path, help="statically linked user emulator of QEMU")
    parser.add_argument("--architecture", choices=_ELF, default="aarch64")
    parser.add_argument("--cpu", help="the CPU to emulate, by QEMU's name")
    parser.add_argument(
        "--bind", nargs=2, action="append", default=[], metavar=("SOURCE", "PLACE"), help="lay a file or folder over"
    )
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="set in the environment")
    parser.add_argument("--host-network", action="store_true", help="no network of its own, but that of the host")
    parser.add_argument("--writable", action="store_true", help="what is written stays in the tree")
    parser.add_argument("--fixed-addresses", action="store_true", help="programs lie at the same place in each run")
    parser.add_argument("--only-try", action="store_true", help="see whether this system lets a machine be made")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args(arguments)
    if not (options.only_try or (options.board and options.emulator and options.command)):
        parser.error("--board, --emulator and a command are needed")
    return options


# --- Before the machine: this process.


def _enter_namespaces(private_network: bool) -> None:
    """Make this process root in new namespaces; its children will be the machine's processes."""
    flags = _NEW_USERS | _NEW_MOUNTS | _NEW_PROCESSES | _NEW_HOST_NAME | _NEW_IPC
    if private_network:
        flags |= _NEW_NETWORK
    maps = {"uid_map": _id_map("uid_map", os.getuid()), "gid_map": _id_map("gid_map", os.getgid())}
    entered, enter = os.pipe()
    outside = os.fork()
    if outside == 0:  # whose rights in the namespace we came from are needed to write the maps
        os.close(enter)
        os._exit(0 if os.read(entered, 1) and _write_maps(os.getppid(), maps) else 1)
    os.close(entered)
    try:
        _call("unshare", flags)
    except OSError as error:
        raise _NoMachineError(
            f"an emulated board needs user namespaces, and this system does not let {_who()} make any "
            f"({error.strerror}): see the sysctls kernel.unprivileged_userns_clone and user.max_user_namespaces, or "
            "run outside the container"
        ) from error
    os.write(enter, b"x")
    os.close(enter)
    if os.waitpid(outside, 0)[1]:
        raise _NoMachineError(
            f"this system does not let {_who()} map users into a namespace: run it outside the container"
        )
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _id_map(name: str, mine: int) -> str:
    """Map the ids inside: root keeps all ids; any other user maps to root alone."""
    if mine:
        return f"0 {mine} 1\n"
    rows = (row.split() for row in Path("/proc/self", name).read_text().splitlines())
    return "".join(f"{first} {first} {count}\n" for first, _, count in rows)


def _write_maps(process: int, maps: dict[str, str]) -> bool:
    folder = Path("/proc", str(process))
    try:
        if os.getuid():
            (folder / "setgroups").write_text("deny")
        for name, text in maps.items():
            (folder / name).write_text(text)
    except OSError:
        return False
    return True


def _await_end(first: int, parent: int | None, heard: int) -> int:
    """Wait for the command's end and return its wait(2) status; the machine is gone then, whatever ended it."""

    def stop(number: int, frame: object) -> None:
        os.kill(first, signal.SIGKILL)  # and with its first process goes the whole machine
        os.waitpid(first, 0)
        _end_as(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    poll = select.poll()
    poll.register(heard, select.POLLIN)
    if parent is not None:
        poll.register(parent, select.POLLIN)
    if parent in dict(poll.poll()):
        os.kill(first, signal.SIGKILL)
    told = os.read(heard, 4)
    _, status = os.waitpid(first, 0)
    return struct.unpack("i", told)[0] if len(told) == 4 else status


def _end_as(status: int) -> NoReturn:
    """End with the exit code, or by the signal, that `status` holds."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


# --- Inside: the machine's first process, which makes the machine, starts the command and waits for all its children.


def _first_process(options: argparse.Namespace, told: int) -> NoReturn:
    try:
        _call("prctl", _DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        _mount("the mounts as they are", None, "/", None, _RECURSIVE | _PRIVATE)
        _mount("a binfmt_misc of its own", "binfmt_misc", _HANDLERS, "binfmt_misc")
        if options.only_try:
            os._exit(0)
        _make_machine(options)
    except (_NoMachineError, OSError) as error:
        _give_up(error)
    # A process of its own: the kernel keeps most signals from the first one, also those of a crash.
    command = os.fork()
    if command == 0:
        os.close(told)
        _become(options)
    _let_go_of_streams()
    while True:
        ended, status = os.wait()
        if ended == command:
            os.write(told, struct.pack("i", status))
            os._exit(0)


def _make_machine(options: argparse.Namespace) -> None:
    binds = [(Path(source).absolute(), place) for source, place in options.bind]
    board, emulator = options.board.absolute(), options.emulator.absolute()
    _handle_programs(options.architecture, emulator)
    os.chdir(board)
    root = Path("machine/root")
    _mount("memory for what is written", "tmpfs", "machine", "tmpfs", 0, "mode=755")
    root.mkdir()
    if options.writable:
        _mount("the tree", "root", str(root), None, _BIND | _RECURSIVE)
    else:
        for name in ("written", "work"):
            Path("machine", name).mkdir()
        # Relative to here: the path of the board may hold what would separate options.
        layers = "lowerdir=root,upperdir=machine/written,workdir=machine/work,userxattr"
        _mount("the tree", "overlay", str(root), "overlay", 0, layers)
    _mount("the processes", "proc", f"{root}/proc", "proc", _NO_SUID | _NO_EXEC)
    _mount("/sys", "/sys", f"{root}/sys", None, _BIND | _RECURSIVE)
    _make_devices(root / "dev")
    for source, place in binds:
        _lay_over(source, root, place)
    os.chroot(root)
    os.chdir("/")
    name = (options.cpu or options.architecture).encode()
    _call("sethostname", name, len(name))
    if not options.host_network:  # it starts with its loopback down
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))


def _handle_programs(architecture: str, emulator: Path) -> None:
    """Let the kernel start programs of `architecture` with `emulator`, in this namespace alone."""
    try:
        os.chdir(emulator.parent)  # the rule has its name alone: a path may hold a colon, and be long
        word, machine = _ELF[architecture]
        header = bytes([0x7F, *b"ELF", word, 1, 1, *[0] * 9, 2, 0, machine, 0])
        mask = bytes([*[0xFF] * 7, 0, *[0xFF] * 8, 0xFE, *[0xFF] * 3])  # any ABI; position-independent (3) too
        # F: the emulator is opened now, while its path can be reached; P: programs see their own name.
        rule = f":{architecture}:M:0:{_escaped(header)}:{_escaped(mask)}:{emulator.name}:FP"
        Path(_HANDLERS, "register").write_text(rule)
    except OSError as error:
        raise _NoMachineError(
            f"the emulator {emulator} cannot be made the handler of {architecture} programs ({error.strerror}): "
            "remove its folder, and it is fetched again"
        ) from error


def _escaped(text: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text)


def _make_devices(folder: Path) -> None:
    """The few devices that programs expect, of the host's; terminals and shared memory of its own."""
    _mount("devices", "tmpfs", str(folder), "tmpfs", _NO_SUID, "mode=755")
    for name in _DEVICES:
        (folder / name).touch()
        _mount(f"/dev/{name}", f"/dev/{name}", str(folder / name), None, _BIND)
    for name, target in _DEVICE_LINKS.items():
        (folder / name).symlink_to(target)
    for name in ("pts", "shm"):
        (folder / name).mkdir()
    _mount("terminals", "devpts", str(folder / "pts"), "devpts", _NO_SUID | _NO_EXEC, "newinstance,ptmxmode=0666")
    _mount("shared memory", "tmpfs", str(folder / "shm"), "tmpfs", _NO_SUID, "mode=1777")


def _lay_over(source: Path, root: Path, place: str) -> None:
    """Bind `source` over what is at `place`, which is made where it is missing and can be."""
    target = root / place.lstrip("/")
    try:
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    except OSError as error:
        raise _NoMachineError(
            f"cannot lay {source} over {place}, which is not there and cannot be made ({error.strerror}): lay a "
            "folder over the one that it would be in"
        ) from error
    _mount(f"{source} over {place}", str(source), str(target), None, _BIND | _RECURSIVE)


def _become(options: argparse.Namespace) -> NoReturn:
    environment = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    if options.cpu:
        environment["QEMU_CPU"] = options.cpu
    environment |= dict(x.split("=", 1) for x in options.env)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, which programs would inherit
    try:
        if options.fixed_addresses:
            _call("personality", _FIXED_ADDRESSES)
        os.execvpe(options.command[0], options.command, environment)
    except OSError as error:
        _give_up(_NoMachineError(f"cannot start {options.command[0]} in the emulated machine: {error.strerror}"))


# --- Both.


def _mount(what: str, source: str | None, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    texts = [text if text is None else os.fsencode(text) for text in (source, target, kind)]
    try:
        _call("mount", *texts, ctypes.c_ulong(flags), data.encode())
    except OSError as error:
        raise _NoMachineError(_why_not_mounted(what, error)) from error


def _why_not_mounted(what: str, error: OSError) -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if error.errno in (errno.EPERM, errno.EACCES) and restricted.exists() and restricted.read_text().strip() == "1":
        return (
            "this system's AppArmor keeps users from mounting in namespaces of their own: run as root, or "
            "'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0'"
        )
    release = os.uname().release
    if "binfmt_misc" in what:
        return (
            f"an emulated board needs {what}, which Linux has since 6.7, if it has binfmt_misc at all; this is "
            f"{release} ({error.strerror})"
        )
    return f"cannot mount {what} in the emulated machine ({error.strerror}, Linux {release}): run outside the container"


def _call(function: str, *arguments: object) -> None:
    """Call `function` of the C library; raises `OSError` when it fails."""
    call: Callable[..., int] = getattr(_libc, function)
    if call(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _let_go_of_streams() -> None:
    """Leave stdin and stdout to the command, so that whoever is at the other end sees it close them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)


def _who() -> str:
    return "you" if os.getuid() else "root"


def _give_up(error: Exception) -> NoReturn:
    foreseen = isinstance(error, _NoMachineError)
    print(error if foreseen else f"cannot make the emulated machine: {error}", file=sys.stderr, flush=True)
    os._exit(FAILED)


if __name__ == "__main__":
    main(sys.argv[1:])
