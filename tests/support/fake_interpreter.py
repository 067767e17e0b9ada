"""A program in the place of a device's Python."""

from pathlib import Path

from programs import write_program

from edge_runtime.devices.python import PythonDevice


def interpreter(folder: Path, script: str) -> PythonDevice:
    """The device whose interpreter is the shell script `script`, written into `folder`."""
    return PythonDevice("fake", str(write_program(folder / "interpreter", script)), silence_seconds=1)
