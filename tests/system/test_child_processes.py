"""Child processes: how one that failed is told of, and that one can be stopped by another thread."""

import subprocess
import threading
import time

import pytest

from edge_runtime.errors import DeviceError
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Stoppable


@pytest.mark.parametrize(("number", "name"), [(11, "SIGSEGV"), (35, "signal 35")])
def test_the_signal_that_ended_a_child_is_named_even_if_it_has_no_name(tmp_path, number, name):
    with (tmp_path / "log").open("w+b") as log:
        process = subprocess.Popen(["sh", "-c", f"kill -{number} $$"])
        process.wait()
        error = child_processes.error_of(process, "the child", {}, log, lambda signal: f"it died of {signal}")
    assert str(error) == f"it died of {name}"


def test_whoever_waits_for_a_child_sees_its_end_when_another_thread_stops_it():
    processes = Stoppable()
    process = processes.start(["sh", "-c", "sleep 60 & wait"], stdout=subprocess.PIPE)
    threading.Timer(0.2, processes.stop).start()
    began = time.monotonic()
    assert list(child_processes.lines(process.stdout, lambda: 30.0)) == []
    child_processes.stop(process)
    assert process.returncode == -9
    assert time.monotonic() - began < 10
    with pytest.raises(DeviceError, match="stopped"):
        processes.start(["true"])
