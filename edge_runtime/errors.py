"""Define how a command can end: its exit codes, and the exceptions behind them.

An exception's text is one sentence that names the thing, says what is wrong and what to do. `edge_runtime.cli` turns it
into an exit code.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `har-edge` command."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    DEVICE = 3
    SOFTWARE = 70  # EX_SOFTWARE of sysexits.h: our own bug
    INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class HarEdgeError(Exception):
    """An expected failure."""

    exit_code = ExitCode.SOFTWARE


class InputError(HarEdgeError):
    """Bad usage or bad input."""

    exit_code = ExitCode.USAGE


class CheckFailedError(HarEdgeError):
    """The result of the work does not pass a check (accuracy drop, regression)."""

    exit_code = ExitCode.CHECK_FAILED


class DeviceError(HarEdgeError):
    """The machine, interpreter or process failed to do the work."""

    exit_code = ExitCode.DEVICE
