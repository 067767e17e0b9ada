"""A program in the place of a device's Python."""

from pathlib import Path

from edge_runtime.devices.python import PythonDevice


def interpreter(folder: Path, script: str) -> PythonDevice:
    """The device whose interpreter is the shell script `script`, written into `folder`."""
    path = folder / "interpreter"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return PythonDevice("fake", str(path), silence_seconds=1)
