"""Run child processes that report line by line and end with their parent, and say how a child failed.

A child prints lines of JSON. Progress is `{"stage": ..., "share": ...}`, or other fields that its parent understands.
The last line is `{"done": true}`, or `{"error": ..., "exit_code": ...}` for an expected error.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from edge_runtime.errors import CheckFailedError, DeviceError, ExitCode, HarEdgeError, InputError
from edge_runtime.system.printable import printable
from edge_runtime.system.process_endings import ending, last_line, says_no_memory
from edge_runtime.system.progress import OnProgress, ignore_progress

Tell = Callable[..., None]
"""A child calls it with the fields of a message, which the parent reads as one line of JSON."""

_ERRORS = {ExitCode.USAGE: InputError, ExitCode.CHECK_FAILED: CheckFailedError, ExitCode.DEVICE: DeviceError}

_LONGEST_STAGE = 200
_LAST_WORDS = 4000  # characters of a log
_ROOT = Path(__file__).resolve().parents[2]
# -P and our path in front: a user's module of the same name is never imported instead of ours.
_CODE = """
import sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
import_module(sys.argv[2]).main(*sys.argv[3:])
"""


def tell(pipe: IO[str], **fields: Any) -> None:
    """Print one message. Exit when the parent has closed the pipe."""
    try:
        print(json.dumps(fields), file=pipe, flush=True)
    except BrokenPipeError:
        sys.exit(1)


def message_of(line: str) -> dict[str, Any]:
    """Return the message in `line`; it is empty for other text, which libraries print."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def progress_of(message: Mapping[str, Any]) -> tuple[float, str] | None:
    """Return the finished share and the stage; None for other messages."""
    return (message["share"], printable(message["stage"], _LONGEST_STAGE)) if "share" in message else None


def error_fields(error: HarEdgeError) -> dict[str, Any]:
    """Return the fields of a message about `error`."""
    return {"error": str(error), "exit_code": int(error.exit_code)}


def error_with(exit_code: int, text: str) -> HarEdgeError:
    """Return the error with this `text` and exit code: the inverse of `error_fields`."""
    return _ERRORS.get(ExitCode(exit_code), HarEdgeError)(text)


def run_as_child(task: Callable[[Tell], object]) -> None:
    """Run `task` in a child and tell the parent how it ended."""
    # Libraries print to stdout too: send their output to stderr, and keep the pipe for messages.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    end_with_the_reader(pipe)
    try:
        task(lambda **fields: tell(pipe, **fields))
    except HarEdgeError as error:
        traceback.print_exc()
        tell(pipe, **error_fields(error))
        sys.exit(1)
    tell(pipe, done=True)


def end_with_the_reader(pipe: IO[str]) -> None:
    """Exit the child as soon as nobody can read from `pipe`, even while C code runs; on macOS, when its parent ends."""
    errors, parent = select.poll(), os.getppid()
    errors.register(pipe, 0)

    def watch() -> None:
        while sys.platform == "darwin" and os.getppid() == parent:  # its poll does not hear of the reader
            time.sleep(1)
        if sys.platform != "darwin":
            errors.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Child(AbstractContextManager["Child"]):
    """A process that calls `main(*arguments)` of `module`, which calls `run_as_child`.

    `name` is the child in sentences; `advice` says what to do when a signal killed it. The child ends with the block of
    the context manager or by `stop`, and soon after this process is killed.
    """

    def __init__(self, name: str, advice: str, module: str, *arguments: str, pass_fds: Sequence[int] = ()) -> None:
        self._name, self._advice = name, advice
        self._last: Mapping[str, Any] = {}
        self._stage = ""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, str(_ROOT), module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C reaches only the command, which then ends the child
        )
        assert self._process.stdout is not None
        self._stdout = self._process.stdout
        self._reader = LineReader(self._stdout)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fileno(self) -> int:
        """Return the descriptor of its messages, for `selectors`."""
        return self._stdout.fileno()

    def read(self) -> list[dict[str, Any]] | None:
        """Wait for output, and return the complete messages; None when the child has ended."""
        complete = self._reader.read()
        messages = None if complete is None else list(map(message_of, complete))
        for message in messages or ():
            self._last, self._stage = message, message.get("stage", self._stage)
        return messages

    def finish(self) -> None:
        """Wait for its end. Raises the error of its last message, or one that says how it died."""
        code = self._process.wait()
        if self._last.get("done"):
            return
        self._log.seek(0)
        log = self._log.read().decode(errors="replace").strip()
        how = f"{self._name} {ending(code, log, self._stage)}"
        if "error" in self._last:
            error = error_with(self._last["exit_code"], self._last["error"])
        elif code < 0 or says_no_memory(log[-_LAST_WORDS:]):
            error = DeviceError(f"{how}; {self._advice}")
        else:
            error = HarEdgeError(f"{how}; run it again with --debug and report it")
        error.add_note(log)  # --debug shows it in the traceback
        raise error

    def stop(self) -> None:
        """Kill the process, if it still runs."""
        stop(self._process)
        self._log.close()


def run_in_child(
    name: str,
    advice: str,
    module: str,
    *arguments: str,
    on_progress: OnProgress = ignore_progress,
    on_message: Callable[[dict[str, Any]], object] = lambda message: None,
    seconds: float | None = None,
) -> None:
    """Run a `Child` to its end; `on_message` gets its messages as they come, `on_progress` the progress in them.

    Raises `TimeoutError` after `seconds` without output, and the errors of `Child.finish`.
    """
    with Child(name, advice, module, *arguments) as child:
        while select.select([child], [], [], seconds)[0]:
            messages = child.read()
            if messages is None:
                return child.finish()
            for message in messages:
                on_message(message)
                if progress := progress_of(message):
                    on_progress(*progress)
    raise TimeoutError


class LineReader:
    """Reads the lines of `stream` as they come."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._pending = stream, b""

    def read(self) -> list[str] | None:
        """Wait for output, and return the complete lines; None at the end of the stream."""
        output = os.read(self._stream.fileno(), 65536)
        if not output:
            return None
        *complete, self._pending = (self._pending + output).split(b"\n")
        return [line.decode(errors="replace") for line in complete]


def lines(stream: IO[bytes], seconds: float) -> Iterator[str]:
    """Yield the lines of `stream` as they come. Raises `TimeoutError` when a wait takes longer than `seconds`."""
    reader = LineReader(stream)
    while select.select([stream], [], [], seconds)[0]:
        complete = reader.read()
        if complete is None:
            return
        yield from complete
    raise TimeoutError


def run_command(arguments: Sequence[str], seconds: float | None = None) -> str:
    """Run this har-edge with `arguments`; return its error, or "". Raises as `run_program` does."""
    done = run_program([sys.executable, str(_ROOT / "har_edge.py"), *arguments], seconds)
    return last_line(done.stderr).removeprefix("Error: ") if done.returncode else ""


def run_program(
    command: Sequence[str], seconds: float | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end, without input, and return its output and its errors as UTF-8.

    Raises `OSError` when it does not start, and `subprocess.TimeoutExpired` after `seconds`; then it is killed with all
    its children.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with started(command, cwd=cwd, stdout=output, stderr=errors) as process:
            process.wait(seconds)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return subprocess.CompletedProcess(command, process.returncode, *texts)


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start `command` without input in a session of its own, and `stop` it at the end of the block."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[Any]) -> None:
    """Kill `process`, the leader of a session, with all its children, if it still runs, and close its pipes."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, if it has just ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
