"""Run the conversion process: pass on its progress, limit its time and say in words how it died."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from convert.conversion_job import ConversionJob
from edge_runtime.errors import DeviceError
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import to_text


def run_job(job: ConversionJob, time_limit: float, on_progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Convert in a process of its own and return its report.

    Raises the process's own error again, or `DeviceError` when it died or took more than `time_limit` seconds. However
    this ends, the process has ended too; and it ends by itself soon after this one was killed.
    """
    deadline = time.monotonic() + time_limit

    def listen(message: Mapping[str, Any]) -> None:
        if progress := child_processes.progress_of(message):
            on_progress(*progress)

    try:
        child_processes.do(
            "the conversion process",
            "run it again with --debug and report its output",
            "convert.conversion_worker",
            to_text(job),
            on_message=listen,
            seconds=lambda: deadline - time.monotonic(),
        )
    except TimeoutError as error:
        raise DeviceError(
            f"the conversion took more than {time_limit:g} s and was stopped: allow more with --time-limit"
        ) from error
    report: dict[str, Any] = json.loads(job.report.read_text())
    return report
