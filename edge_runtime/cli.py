"""Start and end every `har-edge` command: load a subcommand when it is called, and turn errors into exit codes."""

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

import click

import edge_runtime
from edge_runtime.errors import ExitCode, HarEdgeError
from edge_runtime.system.printable import printable
from edge_runtime.system.process_endings import says_no_memory
from edge_runtime.system.standard_streams import escaped_streams

_LONGEST_SENTENCE = 2000
_AGAIN_S = 0.05  # until an interruption during an import is tried again
_TOO_LITTLE_MEMORY = "this machine has too little free memory; close other programs, or raise the limit (ulimit -v)"

DEVICE_COMMANDS = {
    "bench": ("edge_runtime.commands.bench", "Measure time, memory and accuracy of models, here or on a device."),
    "devices": ("edge_runtime.commands.devices", "Describe the devices to measure on."),
    "stream": ("edge_runtime.commands.stream", "Recognise activities live, from a sensor, a phone or a recording."),
    "predict": ("edge_runtime.commands.predict", "Recognise the activities of whole recordings."),
    "compare": ("edge_runtime.commands.compare", "Show changes between two results or trainings; a gate for CI."),
    "report": ("edge_runtime.commands.report", "Show a result of bench again, or as HTML, Markdown or CSV."),
    "evaluate": ("edge_runtime.commands.evaluate", "Score a model on the test subjects, by windows or live."),
    "personalise": ("edge_runtime.commands.personalise", "Adapt a model to one person, on the device."),
    "info": ("edge_runtime.commands.info", "Show what is inside a model."),
    "card": ("edge_runtime.commands.card", "Show a model's card, or attach one."),
    "data": ("edge_runtime.commands.data", "Look at, plot or export the data."),
}
"""Command -> (module that defines `command`, help line). The help text imports none of these modules."""


class LazyCommand(click.Command):
    """Stand for the subcommand `command` of a module, which is imported when the subcommand is called."""

    def __init__(self, name: str, module: str, text: str) -> None:
        super().__init__(name, short_help=text)
        self._module = module

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Import the subcommand and let it read its arguments."""
        command: click.Command = importlib.import_module(self._module).command
        return command.make_context(info_name, args, parent, **extra)


class OrderedGroup(click.Group):
    """List the subcommands in the order of the work."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands."""
        return list(self.commands)


def make_command(commands: Mapping[str, tuple[str, str]]) -> click.Group:
    """Make the `har-edge` command with the given subcommands."""

    @click.group(
        cls=OrderedGroup,
        commands=[LazyCommand(name, module, text) for name, (module, text) in commands.items()],
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
        help="Human activity recognition on the device: train, convert to int8 TFLite, measure.",
    )
    @click.version_option(edge_runtime.__version__, prog_name="har-edge")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    def command(debug: bool) -> None:
        del debug  # `run` reads it, since it handles the errors

    return command


def run(command: click.Group, arguments: Sequence[str] | None = None) -> int:
    """Run `command` and return its exit code; errors become sentences."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Users append `--debug` after an error.
    debug = "--debug" in arguments
    with escaped_streams():
        try:
            # `context.exit()` returns its exit code; commands return None.
            others = [argument for argument in arguments if argument != "--debug"]
            code: int | None = command.main(others, prog_name="har-edge", standalone_mode=False)
            return code or ExitCode.OK
        except click.ClickException as error:
            error.show()
            return ExitCode.USAGE
        except (KeyboardInterrupt, click.Abort) as error:
            if isinstance(error.__cause__, EOFError):  # click treats it as the end of input
                return _fail(error.__cause__, debug)
            click.echo("Interrupted.", err=True)
            return ExitCode.INTERRUPTED
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any other fault is our own, with its own exit code
            return _fail(error, debug)


def _fail(error: BaseException, debug: bool) -> int:
    """Print `error` as a sentence and return its exit code."""
    code: int = ExitCode.USAGE
    match error:
        case SystemExit(code=int()):  # click has answered a shell; or the pipe is closed: `| head`
            return ExitCode.OK
        case HarEdgeError():
            sentence, code = str(error), error.exit_code
        case MemoryError() | OSError() | RuntimeError() | ImportError() if says_no_memory(repr(error)):
            sentence, code = _TOO_LITTLE_MEMORY, ExitCode.DEVICE
        case OSError():
            where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | os.PathLike) else ""
            sentence = f"{where}{error.strerror or error}"
        case _:
            fault = f"{type(error).__name__}: {error}"
            sentence = f"har-edge itself failed: {fault}; run it again with --debug and report it"
            code = ExitCode.SOFTWARE
    if debug:
        traceback.print_exception(error)
    click.echo(f"Error: {printable(sentence, _LONGEST_SENTENCE)}", err=True)
    return code


def start(commands: Mapping[str, tuple[str, str]]) -> NoReturn:
    """Run the `har-edge` command with the program's arguments and exit with its code."""
    # Commands also clean up after SIGTERM, and when their terminal closes, unless nohup started them.
    is_kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    ends = [signal.SIGINT, signal.SIGTERM, *([] if is_kept else [signal.SIGHUP])]
    for number in (*ends, signal.SIGALRM):
        signal.signal(number, _interrupt)
    code = run(make_command(commands))
    for number in (*ends, signal.SIGALRM):  # a second Ctrl-C does not change the exit code
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but after a running import: there, C code would change the error or lose it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
            return
        frame = frame.f_back
    raise KeyboardInterrupt
