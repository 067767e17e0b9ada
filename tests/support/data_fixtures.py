"""`har-edge data` in this process, which is quicker than a process each."""

import pytest

from edge_runtime.cli import DEVICE_COMMANDS, make_command, run
from edge_runtime.errors import ExitCode

Result = tuple[int, str, str]
"""Exit code, standard output, standard error."""


@pytest.fixture
def har_edge_data(capsys):
    """Runs the command with the given arguments."""

    def call(*arguments: object) -> Result:
        code = run(make_command(DEVICE_COMMANDS), ["data", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def assert_refused(result: Result, *words: object) -> None:
    """Exit code 2 and one sentence that holds `words`."""
    code, _, error = result
    assert code == ExitCode.USAGE
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    for word in words:
        assert str(word) in error
