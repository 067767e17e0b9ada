"""What a target is and what would spoil a measurement on it, without measuring anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from edge_runtime import doubts, machine
from edge_runtime.devices import open_device, open_remote, packages
from edge_runtime.errors import HarEdgeError


@dataclass(frozen=True)
class Survey:
    """One target. `facts` is `machine.describe`, `state` a `machine.State`; `runtime` names the runtime that would
    measure and its Python. What could not be found out is None, and `failure` says why."""

    target: str
    facts: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None
    runtime: str | None = None
    failure: str | None = None

    @property
    def doubts(self) -> tuple[str, ...]:
        """What would spoil a measurement there now, each with what mends it."""
        if self.state is None or self.facts is None or self.facts["emulated"]:
            return ()
        return doubts.of_state(self.state)


def survey(targets: Sequence[str]) -> list[Survey]:
    """Look at all `targets` at a time; the answers in their order."""
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        return list(pool.map(_look, targets))


def _look(target: str) -> Survey:
    try:
        if target == "local":
            from edge_runtime.interpreters import load_runtime

            runtime = load_runtime("auto")
            name = f"{runtime.name} {runtime.version or ''}".strip()
            return Survey(target, machine.describe(), asdict(machine.state()), name)
        if target.startswith("python:"):
            return Survey(target, machine.describe(), asdict(machine.state()), open_device(target, "auto").name)
        return _look_at_remote(target)
    except HarEdgeError as error:
        return Survey(target, failure=str(error))


def _look_at_remote(target: str) -> Survey:
    device = open_remote(target)
    try:
        device.prepare(lambda stage, share: None) if device.ready else None
        found = device.describe()
        facts, state = found["machine"], found["state"]
        try:
            setup = packages.choose(found["hello"], "auto", device.name)
        except HarEdgeError as error:
            return Survey(target, facts, state, failure=str(error))
        version = ".".join(map(str, setup.version))
        return Survey(target, facts, state, f"{setup.runtime} on Python {version}, {setup.bits}-bit")
    finally:
        device.close()
