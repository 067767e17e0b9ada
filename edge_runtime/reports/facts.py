"""What a report says of the machine and of the way it was measured, as names and values for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge_runtime.bench.results import Report, Result
from edge_runtime.system.quantities import NOT_MEASURED, significant

Facts = list[tuple[str, str]]
"""Name and value, in the order to show."""

_DEVICE_NAMES = {
    "name": "device",
    "machine": "architecture",
    "cpu": "CPU",
    "max_clock_khz": "highest clock",
    "os": "operating system",
    "libc": "C library",
    "numpy": "NumPy",
    "python": "Python",
}
# These are in the table of states, or said elsewhere.
_STATE_KEYS = ("before", "after", "governor", "load_average", "runtime")
_SETTING_NAMES = {
    "duration_s": "duration",
    "harness_overhead_us": "what timing itself costs per call",
    "runs": "timed inferences per model",
}


def device(report: Report) -> Facts:
    """What the machine is, without what it does not tell."""
    runtime = report.device.get("runtime")
    facts = [
        (_DEVICE_NAMES.get(key, key.replace("_", " ")), _value(key, value))
        for key, value in report.device.items()
        if key not in _STATE_KEYS and value not in (None, [], {}, "")
    ]
    if isinstance(runtime, Mapping):
        facts.append(("runtime", " ".join(str(x) for x in runtime.values() if x)))
    return facts


def settings(report: Report) -> Facts:
    """How it was measured, and with what."""
    facts = [
        (_SETTING_NAMES.get(key, key.replace("_", " ")), _value(key, value))
        for key, value in report.settings.items()
        if value is not None and key != "paced"  # the mode says it
    ]
    facts += [(f"data: {key}", _value(key, value)) for key, value in report.data.items() if value is not None]
    return [*facts, ("measured", report.created), ("har-edge", report.har_edge)]


def states(report: Report) -> list[tuple[str, str, str]]:
    """What the machine was doing: fact, before, after; only what it tells."""
    before, after = (report.device.get(key) or {} for key in ("before", "after"))
    if not before:
        # Reports from before there were two states have the load and the governor of one.
        before = {key: report.device.get(key) for key in ("load_average", "governor")}
    rows = [(name, say(before), say(after) if after else NOT_MEASURED) for name, say in _STATE.items()]
    return [row for row in rows if row[1:] != (NOT_MEASURED, NOT_MEASURED)]


def state(state: Mapping[str, Any]) -> Facts:
    """What the machine is doing in this one state."""
    return [(name, say(state)) for name, say in _STATE.items()]


def result(result: Result) -> Facts:
    """The plain facts of one result that its numbers rest on."""
    facts = [
        ("model", result.model),
        ("file", result.file),
        ("SHA-256", result.sha256),
        ("size", f"{result.size_bytes} bytes"),
        ("scheme", result.quantization),
        ("runtime", f"{result.runtime} {result.runtime_version or ''}".strip()),
        ("threads", str(result.threads)),
        ("pinned to CPU", NOT_MEASURED if result.pinned_cpu is None else str(result.pinned_cpu)),
    ]
    if result.latency_ms:
        facts.append(("timed inferences", str(result.latency_ms.runs)))
    if result.warm_up:
        settled = "settled" if result.warm_up.stable else "did not settle"
        facts.append(("warm-up", f"{result.warm_up.calls} inferences in {result.warm_up.seconds:.2f} s, {settled}"))
    if result.operator_costs:
        costs = sorted(result.operator_costs.items(), key=lambda item: (-item[1].macs, -item[1].count, item[0]))
        facts.append(("operators", ", ".join(f"{name} {cost.count}" for name, cost in costs)))
        facts.append(("multiply-accumulates", str(sum(cost.macs for _, cost in costs))))
    if result.energy:
        facts.append(("energy from", result.energy.source or result.energy.reason or NOT_MEASURED))
        if result.energy.idle_w is not None:
            facts.append(("idle power", f"{result.energy.idle_w:.3g} W"))
    return facts


def one_line(report: Report) -> str:
    """Machine and method in one line, for where there is no room for tables."""
    known = report.device
    parts = [f"har-edge {report.har_edge}", report.created]
    parts += [str(known[key]) for key in ("cpu", "os", "kernel") if known.get(key)]
    if known.get("governor"):
        parts.append(f"governor {known['governor']}")
    parts += [f"{key} {report.settings[key]}" for key in ("mode", "rounds") if report.settings.get(key)]
    return ", ".join(parts)


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_khz") and isinstance(value, int | float):
        return _clock(value)
    if key.endswith("_us") and isinstance(value, int | float):
        return f"{value:g} µs"
    if key.endswith("_s") and isinstance(value, int | float):
        return f"{value:g} s"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(name, x)}" for name, x in value.items() if x is not None)
    if isinstance(value, list | tuple):
        return ", ".join(_value(key, x) for x in value)
    return str(value)


def _clock(khz: float | None) -> str:
    return NOT_MEASURED if khz is None else f"{khz / 1000:.0f} MHz"


def _clocks(state: Mapping[str, Any]) -> str:
    clock = state.get("clock_khz")
    if not isinstance(clock, Mapping):
        return NOT_MEASURED
    limits = f" ({_clock(clock.get('minimum'))} to {_clock(clock.get('maximum'))})"
    return _clock(clock.get("current")) + ("" if clock.get("maximum") is None else limits)


def _temperatures(state: Mapping[str, Any]) -> str:
    sensors = state.get("temperatures_c")
    return ", ".join(f"{name} {x:.0f} °C" for name, x in sensors.items()) if sensors else NOT_MEASURED


def _throttled(when: str) -> Callable[[Mapping[str, Any]], str]:
    def say(state: Mapping[str, Any]) -> str:
        throttled = state.get("throttled")
        return NOT_MEASURED if throttled is None else ", ".join(throttled.get(when) or ()) or "no"

    return say


def _plain(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda state: NOT_MEASURED if state.get(key) is None else _value(key, state[key])


def _load(state: Mapping[str, Any]) -> str:
    load = state.get("load_average")
    return NOT_MEASURED if load is None else significant(load, 3)


_STATE: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "load average": _load,
    "governor": _plain("governor"),
    "clock": _clocks,
    "clock, as the firmware measures it": _plain("firmware_clock_khz"),
    "temperature": _temperatures,
    "throttled now": _throttled("now"),
    "throttled since boot": _throttled("since_boot"),
    "power": _plain("power_source"),
}
