"""Child processes that report line by line: what they do, listening to one or many, and leaving none running."""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

from edge_runtime.errors import CheckFailedError, DeviceError, ExitCode, HarEdgeError, InputError

Tell: TypeAlias = Callable[..., None]
"""Called in a child with the fields of a message, which its parent reads as one line of JSON."""

_ERRORS = {ExitCode.USAGE: InputError, ExitCode.CHECK_FAILED: CheckFailedError, ExitCode.DEVICE: DeviceError}

_ROOT = Path(__file__).resolve().parents[2]
# With -P and the path put in front.
_CODE = """
import sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
import_module(sys.argv[2]).main(*sys.argv[3:])
"""


def start(module: str, *arguments: str, log: IO[bytes], pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a child that calls `main(*arguments)` of `module`; its stderr goes to `log`.

    A module of the user's own with the same name, in the working folder or on PYTHONPATH, is never taken for ours.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _CODE, str(_ROOT), module, *arguments],
        stdin=subprocess.PIPE,  # nothing is written: its end tells the child that this process has gone
        stdout=subprocess.PIPE,
        stderr=log,
        pass_fds=pass_fds,
        start_new_session=True,  # Ctrl-C reaches the command alone, which then ends the child
    )


def work(do: Callable[[Tell], None]) -> None:
    """In a child: `do` its work and end, the last message saying how.

    Its stdin must be a pipe of its parent's, who writes nothing to it: when the parent has gone, this process ends too.
    """
    # Libraries print to stdout too: they get stderr, the messages keep the pipe.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell(**fields: Any) -> None:
        print(json.dumps(fields), file=pipe)

    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        do(tell)
    except HarEdgeError as error:
        traceback.print_exc()
        tell(error=str(error), exit_code=error.exit_code)
        sys.exit(1)
    tell(done=True)


def _end_with_the_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def error_with(exit_code: ExitCode, text: str) -> HarEdgeError:
    """The error that says `text` and ends the command with this exit code."""
    return _ERRORS.get(exit_code, HarEdgeError)(text)


def error_of(
    process: subprocess.Popen[bytes], name: str, last: Mapping[str, Any], log: IO[bytes], killed: Callable[[str], str]
) -> HarEdgeError:
    """What the ended `process` failed with, whose `last` message is not that it is done.

    That is the error it told of. Else it is the last line of its stderr, in `log`, or what `killed` says when given the
    name of the signal it died of. `name` is its name in a sentence.
    """
    log.seek(0)
    details = log.read().decode(errors="replace").strip()
    if "error" in last:
        error = error_with(last["exit_code"], last["error"])
    elif process.returncode < 0:
        error = DeviceError(killed(signal_name(-process.returncode)))
    else:
        line = (details.splitlines() or [f"exit code {process.returncode}"])[-1]
        error = HarEdgeError(f"{name} failed: {line}; run it again with --debug and report it")
    error.add_note(details)  # a traceback (--debug) shows it
    return error


def signal_name(number: int) -> str:
    """`SIGSEGV`, or `signal 35` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class LineReader:
    """Takes the lines of `stream` as they come, without waiting for whole ones."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._pending = stream, b""

    def read(self) -> list[str] | None:
        """The lines that are complete now, after waiting for something to read; None at the end of the stream."""
        read = os.read(self._stream.fileno(), 65536)
        if not read:
            return None
        *complete, self._pending = (self._pending + read).split(b"\n")
        return [line.decode(errors="replace") for line in complete]


def lines(stream: IO[bytes], seconds: Callable[[], float]) -> Iterator[str]:
    """The lines of `stream` as they come; `seconds` is asked, before each wait, how long it may take.

    Raises `TimeoutError` when nothing came for so long.
    """
    reader = LineReader(stream)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, seconds())):
                raise TimeoutError
            complete = reader.read()
            if complete is None:
                return
            yield from complete


class Stoppable:
    """Starts children, one at a time, until another thread stops that for good, and the child at work with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def start(self, command: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
        """Start `command`, in a session of its own. Raises `DeviceError` once it was stopped."""
        with self._lock:
            if self._stopped:
                raise DeviceError("it was stopped from here")
            self._process = subprocess.Popen(command, start_new_session=True, **options)
            return self._process

    def stop(self) -> None:
        """Kill the child at work, whose thread sees it end, and start no other."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                kill(self._process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill `process`, which leads a session of its own, with all that it started, if it still runs."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stop(process: subprocess.Popen[bytes]) -> None:
    """The same, and close its pipes, which nobody may be reading any more."""
    kill(process)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
