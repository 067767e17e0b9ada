"""Child processes: their messages, how one that failed is told of, and that one can be stopped by another thread."""

import subprocess
import sys
import threading

import pytest

from edge_runtime.errors import CheckFailedError, DeviceError, HarEdgeError
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Stoppable


def main(ending: str) -> None:
    """As a child: work that ends as asked."""
    endings = {
        "done": lambda: None,
        "error": lambda: raise_(CheckFailedError("it is too large")),
        "fault": lambda: raise_(RuntimeError("the cause")),
        "exit": lambda: sys.exit(9),
        "memory": lambda: bytes(1 << 60),
    }

    def task(tell) -> None:
        print("a library's text, which is no message")
        tell(stage="working", share=0.5)
        kill = f"echo 'F op: bad' >&2; echo 'INFO: chatter' >&2; kill -{ending} $PPID; sleep 9"
        endings.get(ending, lambda: subprocess.run(["sh", "-c", kill], check=False))()

    child_processes.run_as_child(task)


def raise_(error: Exception) -> None:
    raise error


def run_child(ending: str) -> list[tuple[float, str] | None]:
    """The progress of a child that ends as asked."""
    heard = []
    child_processes.run_in_child(
        "the child",
        "try again",
        "tests.system.test_child_processes",
        ending,
        on_message=lambda message: heard.append(child_processes.progress_of(message)),
    )
    return heard


def test_a_child_is_heard_by_its_messages_alone():
    assert run_child("done") == [(0.5, "working"), None]


@pytest.mark.parametrize(
    ("ending", "kind", "sentence"),
    [
        ("error", CheckFailedError, "it is too large"),
        (
            "fault",
            HarEdgeError,
            r"the child ended with exit code 1 .*while working \(RuntimeError: the cause\); .*--debug",
        ),
        ("exit", HarEdgeError, "the child ended with exit code 9 .*while working .*; .*--debug"),
        (
            "memory",
            DeviceError,
            r"the child ran out of memory .*'ulimit -v'.* while working \(MemoryError\); try again",
        ),
        ("11", DeviceError, r"the child died of SIGSEGV while working \(F op: bad\); try again"),
        ("35", DeviceError, r"the child died of signal 35 while working \(F op: bad\); try again"),
        ("9", DeviceError, "the child was killed by SIGKILL, .* memory runs out while working .*; try again"),
    ],
)
def test_how_a_child_failed_is_a_sentence(ending, kind, sentence):
    with pytest.raises(kind, match=f"^{sentence}") as caught:
        run_child(ending)
    assert "\n" not in str(caught.value)


def test_a_line_that_is_no_message_says_nothing():
    for line in ("what", "3", "{}", "[]"):
        assert child_processes.progress_of(child_processes.message_of(line)) is None


def test_whoever_waits_for_a_child_sees_its_end_when_another_thread_stops_it():
    processes = Stoppable()
    process = processes.start(["sh", "-c", "sleep 600 & wait"], stdout=subprocess.PIPE)
    threading.Timer(0.2, processes.stop).start()
    assert list(child_processes.lines(process.stdout, lambda: 30.0)) == []
    child_processes.stop(process)
    assert process.returncode == -9
    with pytest.raises(DeviceError, match="stopped"):
        processes.start(["true"])
