"""Running the conversion process: progress out of it, a time limit on it, and an error in words when it dies."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

from convert.conversion_job import ConversionJob
from edge_runtime.errors import DeviceError
from edge_runtime.system import child_processes


def run_job(job: ConversionJob, time_limit: float, on_progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Convert in a process of its own and return its report.

    Raises the process's own error again, or `DeviceError` when it died or took more than `time_limit` seconds. However
    this ends, the process has ended too; and it ends by itself soon after this one was killed.
    """
    with tempfile.TemporaryFile() as log:
        process = child_processes.start("convert.conversion_worker", job.to_json(), log=log)
        try:
            last = _listen(process, time_limit, on_progress)
            process.wait()
        finally:
            child_processes.stop(process)
        if last.get("done"):
            report: dict[str, Any] = json.loads(job.report.read_text())
            return report
        raise child_processes.error_of(
            process,
            "the conversion process",
            last,
            log,
            lambda name: (
                f"the conversion process died ({name}) while {last.get('stage', 'starting')}: "
                "run it again with --debug and report its output"
            ),
        )


def _listen(
    process: subprocess.Popen[bytes], time_limit: float, on_progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Pass on progress until the process closes its pipe; return its last message."""
    assert process.stdout is not None
    last: dict[str, Any] = {}
    deadline = time.monotonic() + time_limit
    try:
        for line in child_processes.lines(process.stdout, lambda: deadline - time.monotonic()):
            last = json.loads(line)
            if "stage" in last:
                on_progress(last["share"], last["stage"])
    except TimeoutError as error:
        raise DeviceError(
            f"the conversion took more than {time_limit:g} s and was stopped: allow more with --time-limit"
        ) from error
    return last
