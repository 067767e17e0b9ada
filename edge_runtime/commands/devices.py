"""Describe targets and reasons to doubt a measurement there, or clean them: `har-edge devices`."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import click
from rich.text import Text

from edge_runtime.bench import doubts, machine_state
from edge_runtime.bench.machine import read_facts
from edge_runtime.bench.measurement_job import Device
from edge_runtime.commands import options
from edge_runtime.devices.emulated.cortex_m4 import CortexM4
from edge_runtime.devices.environment import Environment
from edge_runtime.devices.python import Description, PythonDevice
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.targets import TARGETS, opener
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model.interpreters import load_runtime
from edge_runtime.reports.report_content import known_facts, state_facts
from edge_runtime.system.child_processes import error_with
from edge_runtime.system.progress import OnProgress
from edge_runtime.system.quantities import NOT_MEASURED
from edge_runtime.system.terminal import Console, facts_table, progresses


@dataclass(frozen=True)
class _Readiness:
    """A target with its description and the runtime that would measure there, or a failure."""

    target: str
    description: Description | None = None
    runtime: str | None = None
    failure: HarEdgeError | None = None


@click.command(
    name="devices",
    epilog=options.examples("devices", "devices ssh://pi@raspberrypi.local adb:", "devices clean adb:"),
)
@click.argument("targets", metavar="[clean] [TARGET ...]", nargs=-1)
def command(targets: Sequence[str]) -> None:
    """Describe each TARGET, and say what would spoil a measurement there and how to fix it.

    'har-edge devices clean TARGET ...' removes all files of har-edge from these devices.

    \b
    Forms of TARGET:
      local                      this machine (default)
      python:PATH                another Python on it
      ssh://[USER@]HOST[:PORT]   a machine reached by ssh, as your ssh is set up
      adb://SERIAL, adb:         a board that 'adb devices' lists; the only one
      emulated:CPU               emulated board: cortex-a72, cortex-a76, cortex-m4 (C)
    """
    if targets[:1] == ("clean",):
        if not targets[1:]:
            raise InputError(f"name the devices to clean: har-edge devices clean TARGET ..., where TARGET is {TARGETS}")
        _clean(targets[1:])
        return
    targets = targets or ("local",)
    openers = [opener(target) for target in targets]
    with progresses(targets) as tell, ThreadPoolExecutor(max_workers=len(targets)) as pool:
        all_readiness = list(pool.map(_look, targets, openers, tell))
    if len(all_readiness) == 1 and all_readiness[0].failure and not all_readiness[0].description:
        raise all_readiness[0].failure
    console = Console()
    for i, readiness in enumerate(all_readiness):
        if i:
            console.print()
        _show(readiness, console)
    failed = {each.target: each.failure for each in all_readiness if each.failure}
    if failed:
        exit_code = max(failure.exit_code for failure in failed.values())
        raise error_with(exit_code, f"some devices cannot measure: {', '.join(failed)}")


def _look(target: str, opening: Callable[[], Device], on_progress: OnProgress) -> _Readiness:
    description = None
    try:
        device = opening()
        if isinstance(device, RemoteDevice):
            with closing(device):
                description = device.read_machine(on_progress)
                chosen = Environment.choose(device.connect().hello, "auto", device.name)
            version = ".".join(map(str, chosen.version))
            return _Readiness(target, description, f"{chosen.runtime} on Python {version}, {chosen.bits}-bit")
        if isinstance(device, CortexM4):
            return _Readiness(target, device.read_machine(), "C only: har-edge bench --runtime c")
        if not isinstance(device, PythonDevice):
            raise DeviceError(f"{device.name} is a phone without Python, so it cannot be described: use har-edge bench")
        if target == "local":
            runtime = load_runtime("auto")
            here = Description(read_facts(), machine_state.state())
            return _Readiness(target, here, f"{runtime.name} {runtime.version or ''}".strip())
        return _Readiness(target, device.read_machine(), device.name)
    except HarEdgeError as error:
        return _Readiness(target, description, failure=error)


def _clean(targets: Sequence[str]) -> None:
    failed: list[HarEdgeError] = []
    for target, opening in [(target, opener(target)) for target in targets]:
        try:
            with closing(opening()) as device:
                if not isinstance(device, RemoteDevice):
                    raise InputError(f"har-edge keeps no packages on {target}: leave it out")
                removed = device.clean()
        except HarEdgeError as error:
            failed.append(error)
        else:
            click.echo(f"{device.name}: removed {removed / 1e6:.1f} MB")
    if failed:
        raise error_with(max(failure.exit_code for failure in failed), "; ".join(map(str, failed)))


def _show(readiness: _Readiness, console: Console) -> None:
    console.print(readiness.target, style="bold")
    table = facts_table()
    machine = readiness.description and readiness.description.machine
    reasons: tuple[str, ...] = ()
    if readiness.description and machine:
        reasons = () if machine.emulated else doubts.of_state(readiness.description.state)
        # An emulated machine has the state of this machine.
        state = [] if machine.emulated else state_facts(readiness.description.state)
        for name, value in [*known_facts(machine, ("governor", "load_average")), *state]:
            if value != NOT_MEASURED:
                table.add_row(name, value)
    if readiness.runtime:
        table.add_row("measures with", readiness.runtime)
    console.print(table)
    for doubt in reasons:
        console.print(Text.assemble(("would spoil a measurement: ", "yellow"), doubt))
    if readiness.failure:
        console.print(Text.assemble(("failed: ", "red"), str(readiness.failure)))
    elif machine and not machine.emulated and not reasons:
        console.print("Nothing here would spoil a measurement.")
