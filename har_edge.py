"""Define the `har-edge` command with the subcommands of the device and of the host."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

# Exit at once on Ctrl-C during the imports below: there is nothing to clear away yet, and no handler.
signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))

from edge_runtime.cli import DEVICE_COMMANDS, start  # noqa: E402

_HERE = Path(__file__).resolve().parent


def _own_package(name: str) -> None:
    """Bind `import name` to the package beside this file.

    Users name their own scripts `train` or `convert` too, and such a script may come first on the module path
    (PYTHONPATH, `python -m`).
    """
    folder = _HERE / name
    specification = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert specification is not None
    assert specification.loader is not None
    package = importlib.util.module_from_spec(specification)
    sys.modules[name] = package
    specification.loader.exec_module(package)


COMMANDS = {
    "train": ("train.cli", "Train a Keras LSTM."),
    "crossval": ("train.crossval_cli", "Cross-validate a network over groups of training subjects."),
    "convert": ("convert.cli", "Convert a trained network to TFLite, float32 and int8."),
} | DEVICE_COMMANDS


def main() -> None:
    """Run `har-edge` (the entry point of the installed command)."""
    for name in ("train", "convert"):
        _own_package(name)
    start(COMMANDS)


if __name__ == "__main__":
    main()
