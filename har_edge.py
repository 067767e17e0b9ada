"""Define the `har-edge` command with the subcommands of the device and of the host."""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path

# Exit at once on Ctrl-C during the imports below: there is nothing to clean up yet, and no handler.
signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))

from edge_runtime.cli import DEVICE_COMMANDS, start  # noqa: E402

COMMANDS = {
    "train": ("train.cli", "Train a Keras LSTM."),
    "crossval": ("train.crossval_cli", "Cross-validate a network over groups of training subjects."),
    "convert": ("convert.cli", "Convert a trained network to TFLite, float32 and int8."),
    "page": ("convert.page.page_command", "Make a page that recognises on any phone, or show it to one."),
} | DEVICE_COMMANDS


def main() -> None:
    """Run `har-edge` (the entry point of the installed command)."""
    # Users may have scripts `train` or `convert` on PYTHONPATH: import ours first.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import_module("train")
    import_module("convert")
    del sys.path[0]
    start(COMMANDS)


if __name__ == "__main__":
    main()
