"""Look at targets without measuring: what each is, and what would spoil a measurement on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from edge_runtime.bench import doubts, machine, machine_state
from edge_runtime.bench.measurement_job import Device
from edge_runtime.devices.environment import Environment
from edge_runtime.devices.python import Description, PythonDevice
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.targets import opener
from edge_runtime.errors import DeviceError, HarEdgeError
from edge_runtime.model.interpreters import load_runtime
from edge_runtime.system.progress import OnProgress


@dataclass(frozen=True)
class Readiness:
    """A target, and the runtime that would measure there, or a failure."""

    target: str
    found: Description | None = None
    runtime: str | None = None
    failure: HarEdgeError | None = None

    @property
    def doubts(self) -> tuple[str, ...]:
        """What would spoil a measurement there now, each with its remedy."""
        if self.found is None or self.found.machine.emulated:
            return ()
        return doubts.of_state(self.found.state)


def look_at(targets: Sequence[str], on_progress: Sequence[OnProgress]) -> list[Readiness]:
    """Look at all `targets` at a time. Raises `InputError` for one of no known kind."""
    openers = [opener(target) for target in targets]
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        return list(pool.map(_look, targets, openers, on_progress))


def _look(target: str, opening: Callable[[], Device], on_progress: OnProgress) -> Readiness:
    found = None
    try:
        device = opening()
        if isinstance(device, RemoteDevice):
            with closing(device):
                found = device.read_machine(on_progress)
                chosen = Environment.choose(device.connect().hello, "auto", device.name)
            version = ".".join(map(str, chosen.version))
            return Readiness(target, found, f"{chosen.runtime} on Python {version}, {chosen.bits}-bit")
        if not isinstance(device, PythonDevice):
            raise DeviceError(f"{device.name} is a phone, which has no Python to look with: har-edge bench works there")
        if target == "local":
            runtime = load_runtime("auto")
            here = Description(machine.read_facts(), machine_state.state())
            return Readiness(target, here, f"{runtime.name} {runtime.version or ''}".strip())
        return Readiness(target, device.read_machine(), device.name)
    except HarEdgeError as error:
        return Readiness(target, found, failure=error)
