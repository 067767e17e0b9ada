"""Run `har-edge`: the command, and from Python `train` and `convert`, each in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

__all__ = ["convert", "train"]

_HOST_COMMANDS = {
    "train": ("train.cli", "Train a Keras LSTM."),
    "crossval": ("train.crossval_cli", "Cross-validate a network over groups of training subjects."),
    "search": ("train.search_cli", "Search for the most accurate network that fits a microcontroller."),
    "convert": ("convert.cli", "Convert a trained network to TFLite, float32 and int8."),
    "page": ("convert.page.page_command", "Make a page that recognises on any phone, or show it to one."),
}
_CHILD = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import click
from edge_runtime.system.child_processes import end_with_the_reader
end_with_the_reader(sys.stdout)
click.UsageError.show = click.ClickException.show  # without the usage
import har_edge
har_edge.main()
"""
_OPTION = re.compile(r"'har-edge [^']*'|'--[a-z-]+'|--[a-z-]+")  # a keyword argument here; or a command, which stays
_REPEATED = ("data", "quantize_as")  # options, for a list of values; others take the values between commas


def train(out: str | Path, **options: object) -> Path:
    """Train as `har-edge train --out OUT` does, and return the run folder `out`.

    `options` are the command's, such as `network="edge-small", epochs=5, test_subjects=[1, 5]`; True sets a flag.
    Prints what the command prints, and raises its error, a `HarEdgeError` of `edge_runtime.errors`.
    """
    _run("train", out=out, **options)
    return Path(out)


def convert(source: str | Path, **options: object) -> Path:
    """Convert as `har-edge convert SOURCE` does, and return the folder of the models; `options` are as for `train`."""
    _run("convert", source, **options)
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    return Path(str(options.get("out") or folder))


def _run(command: str, *arguments: object, **options: object) -> None:
    """Run `har-edge` in a child, since this process may have imported other modules `train` and `convert`."""
    from edge_runtime.errors import ExitCode
    from edge_runtime.system.child_processes import error_with
    from edge_runtime.system.process_endings import ending

    line = [sys.executable, "-P", "-c", _CHILD, str(Path(__file__).resolve().parent), command, *map(str, arguments)]
    for name, value in options.items():
        values = [*value] if isinstance(value, list | tuple) else [value]
        if name not in _REPEATED and len(values) > 1:
            values = [",".join(map(str, values))]
        option = f"--{name.replace('_', '-')}"
        line += [option if x is True else f"{option}={x}" for x in values if x is not None and x is not False]
    sentence = ""
    with subprocess.Popen(
        line,
        env={name: value for name, value in os.environ.items() if name != "FORCE_COLOR"},  # which a notebook sets
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # an interruption reaches only this process, which passes it on
    ) as child:
        assert child.stdout is not None
        try:
            for text in child.stdout:
                if text.startswith("Error: "):
                    sentence = text.removeprefix("Error: ").strip()
                else:
                    print(text, end="")
        except BaseException:
            child.terminate()
            print("".join(child.stdout), end="")  # a training says how to go on
            raise
    if code := child.returncode:
        sentence = sentence or f"har-edge {command} {ending(code, '')}"
        words = _OPTION.sub(lambda x: x[0] if " " in x[0] else repr(x[0].strip("'-").replace("-", "_")), sentence)
        raise error_with(code if code > 0 else ExitCode.DEVICE, words)


def commands() -> dict[str, tuple[str, str]]:
    """Return the subcommands of host and device: module and help line by name."""
    from edge_runtime.cli import DEVICE_COMMANDS

    return _HOST_COMMANDS | DEVICE_COMMANDS


def main() -> None:
    """Run `har-edge` (the entry point of the installed command)."""
    # Exit at once on Ctrl-C during the imports below: there is nothing to clean up yet, and no handler.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    # Users may have scripts `train` or `convert` on PYTHONPATH: import ours first.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from edge_runtime.cli import start

    import_module("train")
    import_module("convert")
    del sys.path[0]
    start(commands())


if __name__ == "__main__":
    main()
