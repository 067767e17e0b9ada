"""Serve a host on the device that measures; the host sends this file each time, and it needs only Python 3.10.

A message is a line of JSON on stdin or stdout, followed by `n_bytes` bytes. The agent greets (`hello`), then answers
each request (`do`) with progress messages and a last message with `done` or `error`. It exits when its stdin ends.

Everything that stays on the device is in one folder of the user's cache:

    objects/<sha256>      Files from the host.
    environments/<key>/   Packages.
    jobs/<name>/          A job that runs.
"""

import json
import math
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
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

_ALIVE_SECONDS = 5.0  # between two signs of life, at most
_ABANDONED_SECONDS = 86400.0  # the age of the folders of killed agents
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 16
_INTERPRETERS = ["python3", *(f"python3.{minor}" for minor in range(14, 9, -1))]
# Reading a package's version does not import it.
_PROBE = """
import json, struct, sys
from importlib import metadata
try: numpy = metadata.version("numpy")
except metadata.PackageNotFoundError: numpy = None
print(json.dumps({"version": list(sys.version_info[:3]), "bits": 8 * struct.calcsize("P"), "numpy": numpy}))
"""


class HostGoneError(Exception):
    """The host does not listen any more."""


class Wire:
    """The messages from and to the host."""

    def __init__(self) -> None:
        # The output of a library must not come between the messages.
        self._out = os.dup(1)
        os.dup2(2, 1)

    def receive(self) -> dict[str, Any]:
        """Return the next request; the bytes after it are its `content`."""
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            raise HostGoneError
        request: dict[str, Any] = json.loads(line)
        if (n_bytes := request.pop("n_bytes", None)) is not None:
            request["content"] = sys.stdin.buffer.read(n_bytes)
            if len(request["content"]) < n_bytes:
                raise HostGoneError
        return request

    def send(self, payload: bytes = b"", **message: Any) -> None:
        """Send a message, followed by the bytes `payload`."""
        data = json.dumps(dict(message, n_bytes=len(payload))).encode() + b"\n" + payload
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError as error:
            raise HostGoneError from error


class Agent:
    """Answers the host's requests, each a public method, in the folder `root`."""

    def __init__(self, wire: Wire, root: Path) -> None:
        self._wire = wire
        folders = [root / name for name in ("objects", "environments", "jobs")]
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._objects, self._environments, self._jobs = folders
        for path in [path for folder in folders for path in folder.glob("tmp*")]:
            with suppress(OSError):  # another agent may end, and remove its folder
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(path)

    def hello(self) -> dict[str, Any]:
        """Greet with the machine, its C library and its interpreters."""
        return {"machine": platform.machine(), "libc": list(platform.libc_ver()), "interpreters": _interpreters()}

    def missing(self, digests: Sequence[str]) -> dict[str, Any]:
        """Return the digests of the files that are missing or incomplete here."""
        paths = [self._objects / digest for digest in digests]
        whole = {path.name for path in paths if path.exists() and sha256(path.read_bytes()).hexdigest() == path.name}
        return {"missing": [digest for digest in digests if digest not in whole]}

    def put(self, digest: str, content: bytes) -> dict[str, Any]:
        """Store a file completely or not at all."""
        if sha256(content).hexdigest() != digest:
            raise ValueError("a file arrived damaged: try again")
        with _new_folder(self._objects) as folder:
            (folder / digest).write_bytes(content)
            (folder / digest).replace(self._objects / digest)
        return {}

    def probe(self, interpreter: str, bundle: str) -> dict[str, Any]:
        """Describe the machine and its state, by the code in `bundle`."""
        command = [interpreter, "-B", str(self._objects / bundle), "--machine"]
        done = subprocess.run(command, env=_environment(), stdin=DEVNULL, capture_output=True, timeout=60)
        if done.returncode:
            raise ValueError(f"{interpreter} cannot describe the machine: {done.stderr.decode()[-200:].strip()}")
        return {"description": json.loads(done.stdout.decode())}

    def environment(self, interpreter: str, key: str, wheels: Mapping[str, str]) -> dict[str, Any]:
        """Unpack and compile `wheels` (name -> digest), unless an environment of this `key` exists."""
        folder = self._environments / key
        if not folder.is_dir():
            with _new_folder(self._environments) as temporary:
                for name, digest in wheels.items():
                    self._wire.send(stage=f"unpacking {name}")
                    with zipfile.ZipFile(self._objects / digest) as wheel:
                        wheel.extractall(temporary)
                self._wire.send(stage="compiling the packages")
                # Every job imports the packages. Files for another Python version may fail to compile.
                command = [interpreter, "-m", "compileall", "-q", "-x", "/tests/", str(temporary)]
                with _started(command) as process:
                    self._relay(process)
                os.sync()  # before the folder gets the name that says it is complete
                try:
                    temporary.rename(folder)
                except OSError:  # another measurement may have been quicker
                    if not folder.is_dir():
                        raise
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
        """Run the worker until it ends or prints nothing for `silence_seconds`; send its lines and `answers`."""
        with _new_folder(self._jobs) as folder:
            for name, digest in files.items():
                (folder / name).symlink_to(self._objects / digest)
            (folder / job).write_text(text, encoding="utf-8")
            command = [interpreter, "-B", "worker.pyz", job]  # -B: write no bytecode beside the user's packages
            environment = dict(_environment(), PYTHONPATH=site or "")
            log = folder / "log"
            with log.open("wb") as errors, _started(command, cwd=folder, env=environment, stderr=errors) as process:
                is_silent = not self._relay(process, silence_seconds)
            for path in (folder / name for name in answers):
                if path.is_file():
                    self._wire.send(path.read_bytes(), file=path.name)
            last_words = log.read_bytes()[-4000:].decode("utf-8", "replace")
            return {"code": process.returncode, "log": last_words, "silent": is_silent}

    def _relay(self, process: subprocess.Popen[bytes], silence_seconds: float = math.inf) -> bool:
        """Send the lines of `process` until it ends; return False after `silence_seconds` without a line."""
        assert process.stdout is not None
        output = process.stdout.fileno()
        pending = b""
        last_output = time.monotonic()
        while (remaining := last_output + silence_seconds - time.monotonic()) > 0:
            ready, _, _ = select.select([0, output], [], [], min(_ALIVE_SECONDS, remaining))
            if 0 in ready:  # the host sends nothing during a request: stdin has ended
                raise HostGoneError
            if not ready:
                self._wire.send(alive=True)
                continue
            read = os.read(output, _PIECE)
            if not read:  # a process closes its stdout at its end
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_ALIVE_SECONDS)
                return True
            last_output = time.monotonic()
            *lines, pending = (pending + read).split(b"\n")
            pending = pending[:_LONGEST_LINE]
            for line in lines:
                self._wire.send(line=line[:_LONGEST_LINE].decode("utf-8", "replace"))
        return False


def main() -> None:
    """Greet, then answer requests until the host leaves."""
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
            except (subprocess.SubprocessError, ValueError, zipfile.BadZipFile) as error:
                wire.send(error=str(error))


def _interpreters() -> list[dict[str, Any]]:
    """Describe this Python and those on the path."""
    paths: dict[Path, str] = {}
    for name in [sys.executable, *_INTERPRETERS]:
        if path := shutil.which(name):
            paths.setdefault(Path(path).resolve(), path)
    interpreters = []
    for path in paths.values():
        with suppress(OSError, ValueError, subprocess.SubprocessError):  # it cannot be used
            command = [path, "-c", _PROBE]
            output = subprocess.check_output(command, env=_environment(), stdin=DEVNULL, timeout=60)
            interpreters.append(dict(json.loads(output.decode()), path=path))
    return interpreters


def _environment() -> dict[str, str]:
    """Return an interpreter's environment without the user's own site folder."""
    return dict(os.environ, PYTHONNOUSERSITE="1")


@contextmanager
def _new_folder(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start `command`, and kill it with all its children at the end of the block."""
    process = subprocess.Popen(command, stdin=DEVNULL, stdout=PIPE, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    main()
