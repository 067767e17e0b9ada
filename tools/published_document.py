"""Write `docs/results/published.md` from the measurements of `tools.published`."""

from collections.abc import Callable
from typing import Any

from edge_runtime.bench.doubts import BUSY_LOAD
from tools import c_against_float, table_of, us_of
from tools.published_networks.networks import NETWORKS

LITTLE = 0.5
"""Percentage points of accuracy that int8 may lose."""

_FLOAT, _NOTHING = "float32", "–"


def document(content: dict[str, Any]) -> str:
    """Return the text of `docs/results/published.md`."""
    networks = [{"name": x, **content[x]} for x in NETWORKS if x in content]
    converted = [network for network in networks if "form" in network["conversion"]]
    benched = [network for network in converted if network["bench"]]
    seconds = [network["conversion"]["cpu_seconds"] for network in converted]
    ratios = [round(ratio, 2) for ratio in map(_to_rival, benched) if ratio is not None]
    busy = [network["name"] for network in benched if (network["bench"]["load_average_before"] or 0) > BUSY_LOAD]
    doubt = f" Doubt: the machine was busy before {'each' if len(busy) == len(networks) else ', '.join(busy)}."
    slow = [network for network in benched if us_of(_ours(network)) > 2 * us_of(_row(network, _FLOAT))]
    advice = "".join(
        f"- Keep `{network['name']}` in float32: {network['conversion']['form']} takes longer.\n" for network in slow
    )
    text = f"""# Published networks, converted as they are

Written by `make published`. Each network is built as its source describes it and trained for a few epochs on UCI HAR
(one seed). Then `har-edge convert --quantize` converts it. The short training gives other accuracies than the published
ones. All times are for one thread on
{" and ".join(sorted({x["bench"]["cpu"] for x in benched if x["bench"]["cpu"]}))}.{doubt if busy else ""}

- {len(converted)} of {len(networks)} convert, in {min(seconds):.0f} to {max(seconds):.0f} CPU seconds.
- {sum(_points_lost(x) <= LITTLE for x in converted)} of these lose at most {LITTLE} points of accuracy.
- {sum(x < 1 for x in ratios)} of {len(benched)} measured networks are faster than every other tool's form, and \
{ratios.count(1)} is as fast.
{advice}
*Accuracy* is float32's on held-out training subjects. *Lost* is how many points of it the *form* loses; a negative
number is a gain. *kB* and *µs* give the file size and the time of an inference, first in float32, then in the
form. *Time / rival's* divides the form's time by the time of the fastest form from another
[tool](../convert.md#rivals), which the cell names.

{table_of(_COLUMNS, networks)}"""
    notes = {
        network["name"]: network["conversion"]["refused"] or network["conversion"]["failed"] for network in networks
    }
    if any(notes.values()):
        text += "\nThese networks were refused, or lost more than the default `--max-drop`:\n\n"
        text += "".join(f"- `{name}`: {note}\n" for name, note in notes.items() if note)
    sources: dict[str, list[str]] = {}
    for network in networks:
        sources.setdefault(network["source"], []).append(f"`{network['name']}`")
    lines = [f"- {', '.join(names)}: {source}\n" for source, names in sources.items()]
    return f"{text}\n## Sources\n\n{''.join(lines)}"


def _row(network: dict[str, Any], form: str) -> dict[str, Any]:
    row: dict[str, Any] = next(x for x in network["bench"]["rows"] if x["form"] == form)
    return row


def _ours(network: dict[str, Any]) -> dict[str, Any]:
    return _row(network, network["conversion"]["form"])


def _fastest_rival(network: dict[str, Any]) -> dict[str, Any] | None:
    return min((row for row in network["bench"]["rows"] if row["is_rival"]), key=us_of, default=None)


def _points_lost(network: dict[str, Any]) -> float:
    parity = network["conversion"]["held_out"]
    return float(100 * (parity["float32_accuracy"] - parity["accuracy"]))


def _to_rival(network: dict[str, Any]) -> float | None:
    rival = _fastest_rival(network)
    return float(us_of(_ours(network)) / us_of(rival)) if rival else None


def _against_rival(network: dict[str, Any]) -> str:
    rival = _fastest_rival(network)
    return f"{_to_rival(network):.2f} {rival['form']}" if rival else _NOTHING


def _as_c(network: dict[str, Any]) -> str:
    times = {row["form"]: us_of(row) for row in network["bench"]["rows"]}
    return c_against_float(times, network["conversion"]["form"])


def _converted(write: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    return lambda network: write(network) if "form" in network["conversion"] else _NOTHING


def _benched(write: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    return lambda network: write(network) if network["bench"] else _NOTHING


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "network": lambda network: f"`{network['name']}`",
    "form": _converted(lambda network: str(network["conversion"]["form"])),
    "accuracy, %": _converted(lambda network: f"{100 * network['conversion']['held_out']['float32_accuracy']:.1f}"),
    "lost": _converted(lambda network: f"{_points_lost(network):.2f}"),
    "same answers, %": _converted(lambda network: f"{100 * network['conversion']['held_out']['agreement']:.1f}"),
    "kB": _converted(lambda network: ", ".join(f"{y / 1000:.0f}" for y in network["conversion"]["bytes"].values())),
    "µs": _benched(lambda network: f"{us_of(_row(network, _FLOAT)):.0f}, {us_of(_ours(network)):.0f}"),
    "time / rival's": _benched(_against_rival),
    "as C, µs (time / fastest float's)": _benched(_as_c),
}
