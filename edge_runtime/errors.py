"""Define how a command can end: its exit codes, and the exceptions that lead to them.

The work raises one of these with one sentence that names the thing, says what is wrong and what to do. Only
`edge_runtime.cli` turns them into an exit code. Nothing here needs a third-party package: the benchmark worker, which
may have little more than numpy, uses them too.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `har-edge` command."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    DEVICE = 3
    SOFTWARE = 70  # EX_SOFTWARE of sysexits.h: a fault of our own
    INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class HarEdgeError(Exception):
    """A failure that is understood; its text is one sentence for the person at the terminal."""

    exit_code = ExitCode.SOFTWARE


class InputError(HarEdgeError):
    """Bad usage or bad input: a file, an option or an array that cannot be used as it is."""

    exit_code = ExitCode.USAGE


class CheckFailedError(HarEdgeError):
    """The work was done, and what it made does not pass a check (accuracy drop, regression)."""

    exit_code = ExitCode.CHECK_FAILED


class DeviceError(HarEdgeError):
    """The machine, interpreter or process that should have done the work did not."""

    exit_code = ExitCode.DEVICE
