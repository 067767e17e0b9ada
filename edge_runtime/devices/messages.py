"""Define and check what a device's agent may say: the host's side of the protocol in `agent.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measurement_job import LARGEST_ANSWER
from edge_runtime.system.dataclass_json import Quantity

LONGEST_LINE = 1 << 20
"""The longest line of JSON, in bytes; a greeting has a few hundred, the longest description some thousand."""

MOST_NOTICES = 100_000
"""The most messages before an answer: signs of life for almost six days."""

_Bytes = Annotated[int, Quantity(at_least=0, at_most=2**60)]
_ExitCode = Annotated[int, Quantity(at_least=-(2**31), at_most=2**31)]


@dataclass(frozen=True)
class Interpreter:
    """A Python of the device; `numpy` is the version of its NumPy."""

    path: str
    version: tuple[int, int, int]
    bits: int
    numpy: str | None


@dataclass(frozen=True)
class Hello:
    """The greeting: the machine as `uname -m` names it, name and version of its C library, and its Pythons."""

    machine: str
    libc: tuple[str, str]
    interpreters: tuple[Interpreter, ...]

    def __post_init__(self) -> None:
        """Raise `ValueError` when something is empty or no version."""
        if not self.interpreters:
            raise ValueError("interpreters is empty")
        if not re.fullmatch(r"\w{1,32}", self.machine, re.ASCII):
            raise ValueError("machine is no architecture")
        # What is made of it: a platform's tag for each version down to the first.
        if self.libc[0] == "glibc" and not re.fullmatch(r"2\.\d{1,3}(\.\d+)?", self.libc[1], re.ASCII):
            raise ValueError("libc is no version of glibc")


@dataclass(frozen=True)
class Greeting:
    """The first message of all."""

    hello: Hello


@dataclass(frozen=True)
class AgentNotice:
    """A message before the answer: a sign of life, a `stage`, a `line` of the worker, or a `file` of `n_bytes`."""

    alive: bool = False
    stage: str | None = None
    line: str | None = None
    file: str | None = None
    n_bytes: Annotated[int, Quantity(at_least=0, at_most=LARGEST_ANSWER)] = 0

    def __post_init__(self) -> None:
        """Raise `ValueError` when it says none of these, or several at a time."""
        if self.alive + sum(x is not None for x in (self.stage, self.line, self.file)) != 1:
            raise ValueError("it is neither an answer nor anything before one")
        if self.n_bytes and self.file is None:
            raise ValueError("n_bytes is of no file")


@dataclass(frozen=True)
class Done:
    """The answer to `put`: nothing but that it is done."""


@dataclass(frozen=True)
class Missing:
    """The answer to `missing`: the digests of the files that are to be sent."""

    missing: tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """The answer to `environment`: the folder of the packages."""

    site: str


@dataclass(frozen=True)
class Description:
    """A machine and its state, as the measuring code describes them."""

    machine: Machine
    state: State


@dataclass(frozen=True)
class Look:
    """The answer to `look`."""

    description: Description


@dataclass(frozen=True)
class Removed:
    """The answer to `clean`."""

    removed_bytes: _Bytes


@dataclass(frozen=True)
class Ran:
    """The answer to `run`: the worker's exit code and last words, and whether it was stopped for its silence."""

    code: _ExitCode
    log: str
    silent: bool
