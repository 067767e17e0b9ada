"""Child processes: their messages, their failures, and their end."""

import subprocess
import sys

import pytest
from programs import has_ended, start, wait_until

from edge_runtime.errors import CheckFailedError, DeviceError, HarEdgeError
from edge_runtime.system import child_processes


def run_child(ending: str) -> list[tuple[float, str] | None]:
    heard = []
    arguments = ("the child", "try again", "tests.system.child", ending)
    child_processes.run_in_child(
        *arguments, on_message=lambda message: heard.append(child_processes.progress_of(message))
    )
    return heard


def test_the_parent_reads_the_messages_of_a_child():
    assert run_child("done") == [(0.5, "working"), None]


@pytest.mark.parametrize("line", ["", "words", "3", "[]", '{"done": true}'])
def test_lines_that_are_not_messages_are_no_progress(line):
    assert child_processes.progress_of(child_processes.message_of(line)) is None


def test_a_child_that_stops_within_a_line_is_not_waited_for():
    with pytest.raises(TimeoutError):
        child_processes.run_in_child("x", "y", "tests.system.child", "half", seconds=2)


@pytest.mark.parametrize(
    ("ending", "kind", "noun"),
    [
        ("error", CheckFailedError, "too large"),
        ("fault", HarEdgeError, "RuntimeError: the cause"),
        ("exit", HarEdgeError, "9"),
        ("memory", DeviceError, "MemoryError"),
        ("11", DeviceError, r"SIGSEGV while working \(F op: bad\)"),
        ("9", DeviceError, "SIGKILL"),
    ],
)
def test_the_failure_of_a_child_is_a_sentence(ending, kind, noun):
    with pytest.raises(kind, match=noun) as caught:
        run_child(ending)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind


def test_a_child_ends_with_its_parent_however_the_parent_ends(tmp_path):
    code = "from edge_runtime.system.child_processes import *; import sys; "
    code += "run_in_child('x', 'y', 'tests.system.child', *sys.argv[1:])"
    parent = start(sys.executable, "-c", code, "wait", tmp_path / "child")
    wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    child = (tmp_path / "child").read_text()
    parent.kill()
    parent.communicate()
    wait_until(lambda: has_ended(child))


def test_a_program_that_takes_too_long_is_stopped_with_its_children(tmp_path):
    started = tmp_path / "started"
    with pytest.raises(subprocess.TimeoutExpired):
        child_processes.run_program(["sh", "-c", f"sleep 600 & echo $! >{started}; wait"], 0.5)
    wait_until(lambda: has_ended(started.read_text()))
