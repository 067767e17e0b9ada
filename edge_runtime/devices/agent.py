"""Serve a host on the device that measures: one file, sent there each time, which needs Python 3.9 alone.

Host and agent speak over the agent's stdin and stdout. A message is a line of JSON; one that has `n_bytes` is followed
by as many bytes. The agent greets first (`hello`), then answers one request (`do`) after the other: with any number of
messages on the way, then with one that is `done` or says what the `error` was. When its stdin ends, the host has gone:
it stops whatever it does and leaves.

Everything that stays there is in one folder of the user's cache; the request `clean` removes it:

    objects/<sha256>      files that were sent, by their content: what is there is not sent again
    environments/<key>/   packages; complete once the folder has its final name
    jobs/<name>/          one job at work; gone when it ends, or when the next agent finds its owner gone
    lock                  shared by the agents at work; taken alone to clean
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

ALIVE_SECONDS = 5.0
"""A sign of life comes at least so often, whatever the work is."""

_PIECE = 1 << 20
_LONGEST_LINE = 1 << 16
_INTERPRETERS = ["python3", *(f"python3.{minor}" for minor in range(14, 8, -1))]
# Asks an interpreter what it has; looking a package up does not import it.
_PROBE = """
import json, struct, sys
from importlib import metadata
try: numpy = metadata.version("numpy")
except metadata.PackageNotFoundError: numpy = None
print(json.dumps({"version": list(sys.version_info[:3]), "bits": 8 * struct.calcsize("P"), "numpy": numpy}))
"""


class RequestError(Exception):
    """A request that cannot be done, in one sentence that the host shows."""


class HostGoneError(Exception):
    """Nobody listens any more."""


class Wire:
    """The messages from and to the host."""

    def __init__(self) -> None:
        # What a library prints must not come between the messages.
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._pending = b""

    def receive(self) -> dict[str, Any]:
        """The next request."""
        while b"\n" not in self._pending:
            self._read()
        line, self._pending = self._pending.split(b"\n", 1)
        request: dict[str, Any] = json.loads(line.decode())
        return request

    def pieces(self, n_bytes: int) -> Iterator[bytes]:
        """The `n_bytes` that follow a request, in pieces."""
        while n_bytes:
            if not self._pending:
                self._read()
            piece, self._pending = self._pending[:n_bytes], self._pending[n_bytes:]
            n_bytes -= len(piece)
            yield piece

    def send(self, payload: bytes = b"", **message: Any) -> None:
        """Send a message, and the bytes `payload` after it."""
        data = json.dumps(dict(message, n_bytes=len(payload))).encode() + b"\n" + payload
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError as error:
            raise HostGoneError from error

    def _read(self) -> None:
        read = os.read(0, _PIECE)
        if not read:
            raise HostGoneError
        self._pending += read


class Store:
    """The agent's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects, self.environments, self.jobs = (root / name for name in ("objects", "environments", "jobs"))
        for folder in (self.objects, self.environments, self.jobs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = (root / "lock").open("w")
        if _try_lock(self._lock):  # nobody else is at work: what is half made is abandoned
            for half_made in [*self.objects.glob("tmp*"), *self.environments.glob("tmp*"), *self.jobs.iterdir()]:
                shutil.rmtree(half_made, ignore_errors=True) if half_made.is_dir() else half_made.unlink()
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def has(self, digest: str) -> bool:
        """Tell whether that file is here, and whole."""
        try:
            with (self.objects / digest).open("rb") as file:
                found = hashlib.sha256()
                for piece in iter(lambda: file.read(_PIECE), b""):
                    found.update(piece)
                return found.hexdigest() == digest
        except FileNotFoundError:
            return False

    def put(self, digest: str, pieces: Iterator[bytes]) -> None:
        """Store a file, unless its content is not what was announced."""
        handle, name = tempfile.mkstemp(dir=self.objects)
        temporary = Path(name)
        try:
            found = hashlib.sha256()
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    found.update(piece)
                    file.write(piece)
            if found.hexdigest() != digest:
                raise RequestError("a file arrived damaged: try again")
            temporary.replace(self.objects / digest)
        except BaseException:
            temporary.unlink()
            raise

    def clean(self) -> int:
        """Remove everything; return how many bytes that was."""
        if not _try_lock(self._lock):
            raise RequestError("another measurement is at work there: wait for its end")
        total = sum(x.lstat().st_size for x in self.root.rglob("*"))
        shutil.rmtree(self.root)
        # The folders above it, if nothing else is in them.
        with suppress(OSError):
            self.root.parent.rmdir()
            self.root.parent.parent.rmdir()
        return total


class Agent:
    """Answers the host's requests: each public method is one."""

    def __init__(self, wire: Wire, store: Store) -> None:
        self._wire, self._store = wire, store

    def hello(self) -> dict[str, Any]:
        """Describe the machine, its C library and its interpreters, before the host asks for anything."""
        return {
            "machine": platform.machine(),
            "libc": list(platform.libc_ver()),
            "interpreters": _interpreters(),
        }

    def missing(self, digests: Sequence[str]) -> dict[str, Any]:
        """Say which of the files have to be sent."""
        return {"missing": [x for x in digests if not self._store.has(x)]}

    def put(self, digest: str, n_bytes: int) -> dict[str, Any]:
        """Take a file, which follows the request."""
        pieces = self._wire.pieces(n_bytes)
        try:
            self._store.put(digest, pieces)
        finally:
            for _ in pieces:  # the next request comes after the whole file, wanted or not
                pass
        return {}

    def look(self, interpreter: str, bundle: str) -> dict[str, Any]:
        """Describe the machine and its state, as the measuring code in `bundle` sees them."""
        done = subprocess.run(
            [interpreter, "-B", str(self._store.objects / bundle), "--machine"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            raise RequestError(f"{interpreter} cannot describe the machine: {_last_line(done.stderr)}")
        return {"description": json.loads(done.stdout.decode())}

    def environment(self, interpreter: str, key: str, wheels: Mapping[str, str]) -> dict[str, Any]:
        """Unpack `wheels` (name -> digest) for `interpreter` once, and compile them."""
        folder = self._store.environments / key
        if not folder.is_dir():
            temporary = Path(tempfile.mkdtemp(dir=self._store.environments))
            try:
                for name, digest in wheels.items():
                    self._wire.send(stage=f"unpacking {name}")
                    unpack(self._store.objects / digest, temporary)
                # Each job imports them in a new process. What cannot be compiled is for another Python.
                command = [interpreter, "-m", "compileall", "-q", "-x", "/tests/", str(temporary)]
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                while process.poll() is None:
                    self._wire.send(stage="compiling the packages")
                    time.sleep(0.5)
                os.sync()  # before its name says that it is whole
                with suppress(OSError):  # another measurement was quicker
                    temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return {"site": str(folder)}

    def run(
        self,
        interpreter: str,
        site: str | None,
        files: Mapping[str, str],
        texts: Mapping[str, str],
        job: str,
        answers: Sequence[str],
        silence_seconds: float,
    ) -> dict[str, Any]:
        """Run the worker on a job, pass on its output, and send those of the files `answers` that it leaves.

        It is stopped once it has printed nothing for `silence_seconds`.
        """
        folder = Path(tempfile.mkdtemp(dir=self._store.jobs))
        environment = dict(_environment(), **({"PYTHONPATH": site} if site else {}))
        process = None
        try:
            for name, digest in files.items():
                (folder / name).symlink_to(self._store.objects / digest)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    # No bytecode: nothing is written beside anybody's packages.
                    [interpreter, "-B", "worker.pyz", job],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
                silent = not self._relay(process, silence_seconds)
                _stop(process)
            for path in (folder / name for name in answers):
                if path.is_file():
                    self._wire.send(path.read_bytes(), file=path.name)
            words = (folder / "log").read_bytes()[-4000:].decode("utf-8", "replace")
            return {"code": process.returncode, "log": words, "silent": silent}
        finally:
            if process is not None:
                _stop(process)
            shutil.rmtree(folder, ignore_errors=True)

    def clean(self) -> dict[str, Any]:
        """Remove everything from the device."""
        return {"removed_bytes": self._store.clean()}

    def _relay(self, process: subprocess.Popen[bytes], silence_seconds: float) -> bool:
        """Send the lines of `process` until it ends; return False after `silence_seconds` without one."""
        assert process.stdout is not None
        said = process.stdout.fileno()
        pending = b""
        heard = time.monotonic()
        while (left := heard + silence_seconds - time.monotonic()) > 0:
            if not self._can_read(said, min(ALIVE_SECONDS, left)):
                self._wire.send(alive=True)
                continue
            read = os.read(said, _PIECE)
            if not read:  # a process closes its stdout at its end
                with suppress(subprocess.TimeoutExpired):
                    process.wait(ALIVE_SECONDS)
                return True
            heard = time.monotonic()
            *lines, pending = (pending + read).split(b"\n")
            pending = pending[:_LONGEST_LINE]  # of a library, perhaps: no message of the worker is so long
            for line in lines:
                self._wire.send(line=line[:_LONGEST_LINE].decode("utf-8", "replace"))
        return False

    def _can_read(self, descriptor: int, seconds: float) -> bool:
        """Wait until `descriptor` can be read; False after `seconds`."""
        ready, _, _ = select.select([0, descriptor], [], [], seconds)
        if 0 in ready:  # nothing is asked during a job: this is the end
            raise HostGoneError
        return descriptor in ready


def main() -> None:
    """Greet, then do what is asked until the host goes."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    wire = Wire()
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "har-edge" / "device"
    with suppress(HostGoneError):
        try:
            agent = Agent(wire, Store(root))
        except OSError as error:
            wire.send(error=_sentence(error, root))
            return
        wire.send(hello=agent.hello())
        while True:
            request = wire.receive()
            try:
                wire.send(done=True, **getattr(agent, request.pop("do"))(**request))
            except (RequestError, OSError, subprocess.SubprocessError, ValueError, zipfile.BadZipFile) as error:
                wire.send(error=_sentence(error, root))


def _sentence(error: Exception, root: Path) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"there is no space left in {root}: make room there, or move it with XDG_CACHE_HOME"
    return f"{error.filename or root}: {error.strerror or error}"


def _interpreters() -> list[dict[str, Any]]:
    """The Pythons on the path, the one that runs this first: path and the answers to `_PROBE`."""
    found: list[dict[str, Any]] = []
    seen: set[Path] = set()
    for name in [sys.executable, *_INTERPRETERS]:
        path = shutil.which(name) if name else None
        if path and Path(path).resolve() not in seen:
            seen.add(Path(path).resolve())
            command = [path, "-c", _PROBE]
            with suppress(OSError, ValueError, subprocess.SubprocessError):  # one that cannot be used
                said = subprocess.check_output(command, env=_environment(), stdin=subprocess.DEVNULL, timeout=60)
                found.append(dict(json.loads(said.decode()), path=path))
    return found


def _environment() -> dict[str, str]:
    """The environment of an interpreter, in which packages that a user installed for himself alone do not count."""
    return dict(os.environ, PYTHONNOUSERSITE="1")


def unpack(wheel: Path, site: Path) -> None:
    """Unpack a wheel as PEP 427 says, without its scripts."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            parts = member.split("/")
            if member.startswith("/") or ".." in parts:
                raise RequestError(f"a wheel has a file outside its folder: {member!r}")
            if parts[0].endswith(".data"):
                if parts[1] not in ("purelib", "platlib"):
                    continue
                parts = parts[2:]
            if parts[-1]:
                target = site.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, which leads a session of its own, with all that it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_line(output: bytes) -> str:
    return (output.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1][:200]


if __name__ == "__main__":
    main()
