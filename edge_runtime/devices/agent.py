"""Serve a host on the device that measures: one file, sent there each time, which needs only Python 3.10.

A message is a line of JSON on stdin or stdout, and the `n_bytes` bytes that it names. The agent greets (`hello`), then
answers each request (`do`): messages on the way, then one with `done` or `error`. It leaves when its stdin ends.

Everything that stays there is in one folder of the user's cache; the request `clean` removes it:

    objects/<sha256>      Files that were sent.
    environments/<key>/   Packages.
    jobs/<name>/          A job at work.
    lock                  Shared by agents at work.
"""

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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_ALIVE_SECONDS = 5.0  # a sign of life comes at least this often
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 16
_INTERPRETERS = ["python3", *(f"python3.{minor}" for minor in range(14, 9, -1))]
# Looking a package up does not import it.
_PROBE = """
import json, struct, sys
from importlib import metadata
try: numpy = metadata.version("numpy")
except metadata.PackageNotFoundError: numpy = None
print(json.dumps({"version": list(sys.version_info[:3]), "bits": 8 * struct.calcsize("P"), "numpy": numpy}))
"""


class RequestError(Exception):
    """The sentence on a request that cannot be done."""


class HostGoneError(Exception):
    """Nobody listens any more."""


class Wire:
    """The messages from and to the host."""

    def __init__(self) -> None:
        # What a library prints must not come between the messages.
        self._out = os.dup(1)
        os.dup2(2, 1)

    def receive(self) -> dict[str, Any]:
        """The next request; the bytes after it are its `content`."""
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            raise HostGoneError
        request: dict[str, Any] = json.loads(line.decode())
        if "n_bytes" in request:
            n_bytes = request.pop("n_bytes")
            request["content"] = sys.stdin.buffer.read(n_bytes)
            if len(request["content"]) < n_bytes:
                raise HostGoneError
        return request

    def send(self, payload: bytes = b"", **message: Any) -> None:
        """Send a message, and the bytes `payload` after it."""
        data = json.dumps(dict(message, n_bytes=len(payload))).encode() + b"\n" + payload
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError as error:
            raise HostGoneError from error


class Agent:
    """Answers the host's requests, each a public method, in the folder `root`."""

    def __init__(self, wire: Wire, root: Path) -> None:
        self._wire, self._root = wire, root
        folders = [root / name for name in ("objects", "environments", "jobs")]
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._objects, self._environments, self._jobs = folders
        self._lock = (root / "lock").open("w")
        if _try_lock(self._lock):  # nobody else is at work: what is half made is abandoned
            for half_made in [x for folder in folders for x in folder.glob("tmp*")]:
                shutil.rmtree(half_made, ignore_errors=True) if half_made.is_dir() else half_made.unlink()
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def hello(self) -> dict[str, Any]:
        """The greeting: the machine, its C library and its interpreters."""
        return {"machine": platform.machine(), "libc": list(platform.libc_ver()), "interpreters": _interpreters()}

    def missing(self, digests: Sequence[str]) -> dict[str, Any]:
        """Say which of the files are not here, or not whole."""
        paths = {x: self._objects / x for x in digests}
        return {"missing": [x for x, path in paths.items() if not (path.exists() and _digest(path.read_bytes()) == x)]}

    def put(self, digest: str, content: bytes) -> dict[str, Any]:
        """Store a file, whole or not at all."""
        if _digest(content) != digest:
            raise RequestError("a file arrived damaged: try again")
        handle, temporary = tempfile.mkstemp(dir=self._objects)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(self._objects / digest)
        except OSError:
            Path(temporary).unlink()
            raise
        return {}

    def clean(self) -> dict[str, Any]:
        """Remove everything; say how many bytes that was."""
        if not _try_lock(self._lock):
            raise RequestError("another measurement is at work there: wait for its end")
        total = sum(x.lstat().st_size for x in self._root.rglob("*"))
        shutil.rmtree(self._root)
        with suppress(OSError):  # there is something else in the folders above it
            self._root.parent.rmdir()
            self._root.parent.parent.rmdir()
        return {"removed_bytes": total}

    def look(self, interpreter: str, bundle: str) -> dict[str, Any]:
        """Describe the machine and its state, by the code in `bundle`."""
        done = subprocess.run(
            [interpreter, "-B", str(self._objects / bundle), "--machine"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            raise RequestError(f"{interpreter} cannot describe the machine: {done.stderr.decode()[-200:].strip()}")
        return {"description": json.loads(done.stdout.decode())}

    def environment(self, interpreter: str, key: str, wheels: Mapping[str, str]) -> dict[str, Any]:
        """Unpack and compile `wheels` (name -> digest), unless they are there."""
        folder = self._environments / key
        if not folder.is_dir():
            temporary = Path(tempfile.mkdtemp(dir=self._environments))
            try:
                for name, digest in wheels.items():
                    self._wire.send(stage=f"unpacking {name}")
                    unpack(self._objects / digest, temporary)
                # Each job imports them anew. Files for another Python may fail.
                command = [interpreter, "-m", "compileall", "-q", "-x", "/tests/", str(temporary)]
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
                )
                try:
                    while process.poll() is None:
                        self._wire.send(stage="compiling the packages")
                        time.sleep(0.5)
                finally:
                    _stop(process)
                os.sync()  # before its name says that it is whole
                try:
                    temporary.rename(folder)
                except OSError:  # another measurement may have been quicker
                    if not folder.is_dir():
                        raise
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return {"site": str(folder)}

    def run(
        self,
        interpreter: str,
        site: str | None,
        files: Mapping[str, str],
        job: str,
        text: str,
        answers: Sequence[str],
        silence_seconds: float,
    ) -> dict[str, Any]:
        """Run the worker until `silence_seconds` without output; send its lines and `answers`."""
        folder = Path(tempfile.mkdtemp(dir=self._jobs))
        environment = dict(_environment(), PYTHONPATH=site or "")
        process = None
        try:
            for name, digest in files.items():
                (folder / name).symlink_to(self._objects / digest)
            (folder / job).write_text(text, encoding="utf-8")
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    # -B: nothing is written beside anybody's packages.
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

    def _relay(self, process: subprocess.Popen[bytes], silence_seconds: float) -> bool:
        """Send the lines of `process` until it ends; return False after `silence_seconds` without one."""
        assert process.stdout is not None
        output = process.stdout.fileno()
        pending = b""
        heard = time.monotonic()
        while (left := heard + silence_seconds - time.monotonic()) > 0:
            ready, _, _ = select.select([0, output], [], [], min(_ALIVE_SECONDS, left))
            if 0 in ready:  # nothing is asked during a job: stdin has ended
                raise HostGoneError
            if not ready:
                self._wire.send(alive=True)
                continue
            read = os.read(output, _PIECE)
            if not read:  # a process closes its stdout at its end
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_ALIVE_SECONDS)
                return True
            heard = time.monotonic()
            *lines, pending = (pending + read).split(b"\n")
            pending = pending[:_LONGEST_LINE]
            for line in lines:
                self._wire.send(line=line[:_LONGEST_LINE].decode("utf-8", "replace"))
        return False


def main() -> None:
    """Greet, then do what is asked until the host goes."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    wire = Wire()
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "har-edge" / "device"
    agent = None
    with suppress(HostGoneError):
        while True:
            try:
                if agent is None:
                    agent = Agent(wire, root)
                    wire.send(hello=agent.hello())
                request = wire.receive()
                wire.send(done=True, **getattr(agent, request.pop("do"))(**request))
            except OSError as error:
                wire.send(error=f"{error.filename or root}: {error.strerror or error}")
                if agent is None:
                    return
            except (RequestError, subprocess.SubprocessError, ValueError, zipfile.BadZipFile) as error:
                wire.send(error=str(error))


def _interpreters() -> list[dict[str, Any]]:
    """The Pythons on the path, this one first."""
    paths: dict[Path, str] = {}
    for name in [sys.executable, *_INTERPRETERS]:
        if path := shutil.which(name):
            paths.setdefault(Path(path).resolve(), path)
    found = []
    for path in paths.values():
        with suppress(OSError, ValueError, subprocess.SubprocessError):  # it cannot be used
            command = [path, "-c", _PROBE]
            said = subprocess.check_output(command, env=_environment(), stdin=subprocess.DEVNULL, timeout=60)
            found.append(dict(json.loads(said.decode()), path=path))
    return found


def _environment() -> dict[str, str]:
    """An interpreter's environment, without the user's own site folder."""
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


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with all that it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
