"""Run a parser on drawn inputs within limits of memory and CPU, and find what is no answer."""

from __future__ import annotations

import contextlib
import resource
import signal
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from targets import Target

from edge_runtime.errors import ExitCode, HarEdgeError
from edge_runtime.system.printable import printable
from tools import ROOT

CPU_SECONDS = 10.0
"""What one input may take: a budget of the process's own time, so that a busy machine changes nothing."""
ADDRESS_SPACE = 4 << 30
LONGEST_MESSAGE = 20_000


class TooSlowError(BaseException):
    """An input took more than its budget of CPU time; no `except Exception` of a parser swallows it."""


@dataclass(frozen=True)
class Failure:
    """An input that a parser did not take properly: `place` tells failures apart."""

    content: bytes
    place: str
    text: str


def execute(target: Target, content: bytes, folder: Path) -> Failure | None:
    """Give `content` to the parser; None when it gave a value, or an error of the project with a message."""
    with _budget(CPU_SECONDS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            target.read(content, folder)
        except HarEdgeError as error:
            fault = _message_fault(error)
            return Failure(content, f"message of {_place(error)}", fault) if fault else None
        except (Exception, TooSlowError) as error:  # noqa: BLE001 - whatever it is, it is the finding
            return Failure(content, f"{type(error).__name__} at {_place(error)}", printable(str(error), 300))
    return None


def draw(target: Target, seed: int) -> bytes:
    """The input number `seed` of a target, the same each time."""
    return target.make(Random(seed))


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Let this process take so much more address space than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + ADDRESS_SPACE, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _message_fault(error: HarEdgeError) -> str:
    """State what is wrong with the message of an error, if anything."""
    text = str(error)
    if error.exit_code == ExitCode.SOFTWARE:
        return f"exit code 70: {printable(text, 300)}"
    if not text.strip():
        return "no message"
    if "\n" in text.strip() or "Traceback" in text:
        return f"no sentence: {printable(text, 300)}"
    if len(text) > LONGEST_MESSAGE:
        return f"a message of {len(text)} characters: {printable(text, 200)}"
    return ""


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


def _place(error: BaseException) -> str:
    """The innermost line of the project that the error came through."""
    frames = [x for x in traceback.extract_tb(error.__traceback__) if Path(x.filename).is_relative_to(ROOT)]
    own = [x for x in frames if "tests" not in Path(x.filename).relative_to(ROOT).parts and ".venv" not in x.filename]
    last = (own or frames)[-1]
    return f"{Path(last.filename).relative_to(ROOT)}:{last.lineno}"
