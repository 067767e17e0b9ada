"""List the facts of a report about the machine and the method, as names and values for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from edge_runtime.bench.machine_state import State
from edge_runtime.bench.results import Report, Result
from edge_runtime.system.quantities import NOT_MEASURED, significant

Facts = list[tuple[str, str]]
"""Name and value, in the order to show."""

_NAMES = {
    "machine": "architecture",
    "cpu": "CPU",
    "max_clock_khz": "highest clock",
    "os": "operating system",
    "libc": "C library",
    "numpy": "NumPy",
    "python": "Python",
    "duration_s": "duration",
    "harness_overhead_us": "cost of timing per call",
    "runs": "timed inferences per model",
}


def machine_facts(report: Report) -> Facts:
    """The machine, the method and the data, without the facts that are not known."""
    runtime = report.device.runtime
    return [
        ("device", report.device.name),
        *_known(report.device, ("name", "before", "after", "governor", "load_average", "runtime")),
        ("runtime", f"{runtime.name} {runtime.version or ''}".strip()),
        *_known(report.settings, ("paced",)),
        *((f"data: {name}", value) for name, value in _known(report.data, ())),
        ("measured", report.created),
        ("har-edge", report.har_edge),
    ]


def states(report: Report) -> list[tuple[str, list[str]]]:
    """The state of the machine: fact, before and after; without the facts that it does not tell."""
    before, after = ({} if x is None else dict(state_facts(x)) for x in (report.device.before, report.device.after))
    rows = [(name, [before.get(name, NOT_MEASURED), after.get(name, NOT_MEASURED)]) for name in before | after]
    return [(name, cells) for name, cells in rows if cells != [NOT_MEASURED, NOT_MEASURED]]


def state_facts(state: State) -> Facts:
    """The facts of one state; a dash for those that the machine does not tell."""
    clock, throttled = state.clock_khz, state.throttled
    limits = f" ({_clock(clock.minimum)} to {_clock(clock.maximum)})" if clock and clock.maximum is not None else ""
    sensors = ", ".join(f"{name} {x:.0f} °C" for name, x in (state.temperatures_c or {}).items())
    now, since_boot = (
        (", ".join(x) or "no" for x in (throttled.now, throttled.since_boot)) if throttled else (NOT_MEASURED,) * 2
    )
    return [
        ("load average", NOT_MEASURED if state.load_average is None else significant(state.load_average, 3)),
        ("governor", state.governor or NOT_MEASURED),
        ("clock", _clock(clock.current) + limits if clock else NOT_MEASURED),
        ("clock, as the firmware measures it", _clock(state.firmware_clock_khz)),
        ("temperature", sensors or NOT_MEASURED),
        ("throttled now", now),
        ("throttled since boot", since_boot),
        ("power", state.power_source or NOT_MEASURED),
    ]


def result_facts(result: Result) -> Facts:
    """The plain facts of one result, as its JSON has them."""
    return _known(
        result, [x.name for x in fields(result) if not isinstance(getattr(result, x.name), (str, int, float))]
    )


def origin(report: Report) -> str:
    """Machine and method in one line, for where there is no room for tables."""
    machine, method = report.device, report.settings
    parts = [f"har-edge {report.har_edge}", report.created, machine.cpu, machine.os, machine.kernel]
    parts.append(f"governor {machine.governor}" if machine.governor else None)
    return ", ".join([*filter(None, parts), f"mode {method.mode}", f"rounds {method.rounds}"])


def _known(record: Any, left_out: Sequence[str]) -> Facts:
    """The fields of a dataclass that are known; `left_out` are those that are shown elsewhere."""
    values = {x.name: getattr(record, x.name) for x in fields(record) if x.name not in left_out}
    return [
        (_NAMES.get(key, key.replace("_", " ")), _value(key, value))
        for key, value in values.items()
        if value not in (None, (), {}, "")
    ]


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_khz"):
        return _clock(value)
    if key.endswith(("_us", "_s")) and value is not None:
        return f"{value:g} {'µs' if key.endswith('_us') else 's'}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {x}" for name, x in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _clock(khz: float | None) -> str:
    return NOT_MEASURED if khz is None else f"{khz / 1000:.0f} MHz"
