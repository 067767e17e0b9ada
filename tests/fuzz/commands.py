"""Run `har-edge` lines in this process within limits, and judge how they end."""

import contextlib
import io
import re
import resource
import shlex
import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import har_edge
from edge_runtime import cli
from edge_runtime.system.printable import printable

ROOT = Path(__file__).resolve().parents[2]
HAR_EDGE = cli.make_command(har_edge.commands())

CPU_SECONDS = 10.0
"""The CPU time that a line may take."""
ADDRESS_SPACE = 1 << 30
"""The memory in bytes that a line may take."""
LONGEST_MESSAGE = 20_000

# A terminal obeys C0 and C1 controls; bidirectional marks reorder text; U+2028 breaks a line.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SENTENCE = re.compile("^Error: .", re.MULTILINE)
WARNING = re.compile(r"^\S+\.py:\d+: \w+Warning: .*", re.MULTILINE)


class TooSlowError(BaseException):
    """A line took too much CPU time; no `except Exception` swallows this error."""


@dataclass(frozen=True)
class Ending:
    """The exit code and the output of a line."""

    code: int
    out: str
    error: str

    @property
    def fault(self) -> str:
        """The fault of this ending, or an empty text."""
        text = self.out + self.error
        if self.code not in (0, 1, 2, 3):
            return f"exit code {self.code}: {printable(self.error[-300:])}"
        if "Traceback (most recent call last)" in text or (warning := WARNING.search(self.error)):
            return f"shows {warning[0] if 'Traceback' not in text else 'a traceback'}"
        if control := CONTROLS.search(text):
            return f"{control[0]!r} is shown"
        if "report it" in self.error:
            return f"an internal error is shown: {printable(self.error[-300:])}"
        if self.code and len(SENTENCE.findall(self.error)) != 1:
            return f"{len(SENTENCE.findall(self.error))} sentences for exit code {self.code}"
        if self.code and len(self.error) > LONGEST_MESSAGE:
            return f"a message of {len(self.error)} characters"
        return "took too much memory" if self.code == 3 and "memory" in self.error else ""


def run(line: str | Sequence[object], folder: Path) -> Ending:
    """Run `har-edge` with the words of `line` in `folder`."""
    words = shlex.split(line) if isinstance(line, str) else [*map(str, line)]
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", errors=errors) for errors in ("strict", "backslashreplace")]
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
        warnings.catch_warnings(),
        _budget(CPU_SECONDS),
    ):
        warnings.simplefilter("default")
        try:
            code = cli.run(HAR_EDGE, words)
        except TooSlowError as error:
            return Ending(70, "", str(error))
    for stream in streams:
        stream.flush()
    out, error = (stream.buffer.getvalue().decode("utf-8", "replace") for stream in streams)
    return Ending(code or 0, out, error)


@contextlib.contextmanager
def limited(kind: str, size: int) -> Iterator[None]:
    """Limit this process to `size` more bytes of address space ("AS") or to files of `size` bytes ("FSIZE")."""
    limit = getattr(resource, f"RLIMIT_{kind}")
    before = resource.getrlimit(limit)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if kind == "AS" else 0
    resource.setrlimit(limit, (in_use + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(limit, before)


@contextlib.contextmanager
def _budget(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"more than {seconds:g} s of CPU")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
