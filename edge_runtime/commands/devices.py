"""Describe a target and reasons to doubt a measurement there: `har-edge devices`."""

from contextlib import closing

import click
from rich.text import Text

from edge_runtime.bench import doubts
from edge_runtime.bench.measurement_job import Device
from edge_runtime.commands import options
from edge_runtime.devices.emulated.cortex_m4 import CortexM4
from edge_runtime.devices.environment import Environment
from edge_runtime.devices.python import Description, PythonDevice
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.targets import open_device
from edge_runtime.errors import DeviceError
from edge_runtime.model.interpreters import load_runtime
from edge_runtime.reports.report_content import known_facts, state_facts
from edge_runtime.system.quantities import NOT_MEASURED
from edge_runtime.system.terminal import Console, facts_table


@click.command(name="devices", epilog=options.examples("devices", "devices ssh://pi@raspberrypi.local"))
@click.argument("target", metavar="[TARGET]", default="local")
def command(target: str) -> None:
    """Describe TARGET, and say what would spoil a measurement there and how to fix it.

    \b
    Forms of TARGET:
      local                      this machine (default)
      python:PATH                another Python on it
      ssh://[USER@]HOST[:PORT]   a machine reached by ssh, as your ssh is set up
      emulated:CPU               emulated board: cortex-a72, cortex-a76, cortex-m4 (C)
    """
    with closing(open_device(target)) as device:
        if not isinstance(device, RemoteDevice | CortexM4 | PythonDevice):
            raise DeviceError(f"{device.name} is a phone without Python, so it cannot be described: use har-edge bench")
        _show(target, device.read_machine(), Console())
        click.echo(f"It measures with {_runtime(device)}.")


def _runtime(device: Device) -> str:
    """Name the runtime that would measure there. Raises `DeviceError` when no Python there fits."""
    if isinstance(device, RemoteDevice):
        chosen = Environment.choose(device.connect().hello, "auto", device.name)
        return f"{chosen.runtime} on Python {'.'.join(map(str, chosen.version))}, {chosen.bits}-bit"
    if device == PythonDevice():
        runtime = load_runtime("auto")
        return f"{runtime.name} {runtime.version or ''}".strip()
    return "C only (har-edge bench --runtime c)" if isinstance(device, CortexM4) else device.name


def _show(target: str, description: Description, console: Console) -> None:
    """Print the facts of a machine and, unless it is emulated, of its state, and what would spoil a measurement."""
    machine = description.machine
    console.print(target, style="bold")
    table = facts_table()
    state = [] if machine.emulated else state_facts(description.state)  # it would be the state of this machine
    for name, value in [*known_facts(machine, ("governor", "load_average")), *state]:
        if value != NOT_MEASURED:
            table.add_row(name, value)
    console.print(table)
    if not machine.emulated:
        reasons = doubts.of_state(description.state)
        for doubt in reasons:
            console.print(Text.assemble(("would spoil a measurement: ", "yellow"), doubt))
        if not reasons:
            console.print("Nothing here would spoil a measurement.")
