"""Where a measurement runs: this Python or another interpreter on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge_runtime.errors import InputError
from edge_runtime.job import Answer, Job


class Device(Protocol):
    """Something that does jobs, each in a fresh process."""

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""

    def run(self, job: Job, folder: Path, on_progress: Callable[[str, float], None]) -> Answer:
        """Do `job`, whose files are in `folder`; `on_progress` hears the stage and the share that is done."""


def open_device(target: str, runtime: str) -> Device:
    """The device that `target` names (`local`, `python:PATH`), able to measure with `runtime`. Raises `InputError`."""
    from edge_runtime.devices.python import other_python, this_python

    kind, _, rest = target.partition(":")
    if target == "local":
        return this_python()
    if kind == "python" and rest:
        return other_python(rest, runtime)
    raise InputError(f"cannot measure on {target!r}: give --on local, or --on python:PATH with a Python interpreter")
