"""Write `docs/results/published.md` from what `tools.published` found."""

from collections.abc import Callable
from typing import Any

from edge_runtime.bench.doubts import BUSY_LOAD
from tools import table_of
from tools.published_networks.networks import NETWORKS

LITTLE = 0.5
"""Percentage points of accuracy that int8 may lose."""

_FLOAT, _NOTHING = "float32", "–"


def document(content: dict[str, Any]) -> str:
    """The text of `docs/results/published.md`."""
    networks = [{"name": x, **content[x]} for x in NETWORKS if x in content]
    converted = [x for x in networks if "form" in x["conversion"]]
    benched = [x for x in converted if x["bench"]]
    seconds = [x["conversion"]["cpu_seconds"] for x in converted]
    text = f"""# Published networks, converted as they are

Written by `make published`. Each network is built as its source describes it, trained for a few epochs on UCI HAR (one
seed) and given to `har-edge convert --quantize`.

- {len(converted)} of {len(networks)} convert, in {min(seconds):.0f} to {max(seconds):.0f} CPU seconds.
- {sum(_points_lost(x) <= LITTLE for x in converted)} of them lose at most {LITTLE} points of accuracy.
- {sum(map(_is_faster, benched))} of the {len(benched)} that were measured are faster than every other tool's form.

{table_of(_COLUMNS, networks)}
*Accuracy*: float32's on held-out training subjects. *Lost*: points that int8 or mixed loses against float32. *kB*: size
of the file. *µs*: median time of an inference. *To rival*: the form's time over that of another
[tool's](../convert.md#rivals) fastest form.
"""
    cpus = sorted({x["bench"]["cpu"] for x in benched if x["bench"]["cpu"]})
    text += f"\nMeasured on {', '.join(cpus)}, one thread.\n" if cpus else ""
    busy = [x["name"] for x in benched if (x["bench"]["load_average_before"] or 0) > BUSY_LOAD]
    busy = ["each of them"] if len(busy) == len(networks) else busy
    text += f"\nDoubt: the machine was busy before {', '.join(busy)}.\n" if busy else ""
    notes = {x["name"]: x["conversion"]["refused"] or x["conversion"]["failed"] for x in networks}
    if any(notes.values()):
        text += "\nRefused, or beyond the default `--max-drop`:\n\n"
        text += "".join(f"- `{name}`: {note}\n" for name, note in notes.items() if note)
    sources: dict[str, list[str]] = {}
    for x in networks:
        sources.setdefault(x["source"], []).append(f"`{x['name']}`")
    lines = [f"- {', '.join(names)}: {source}\n" for source, names in sources.items()]
    return f"{text}\n## Sources\n\n{''.join(lines)}"


def _row(network: dict[str, Any], form: str) -> dict[str, Any]:
    row: dict[str, Any] = next(x for x in network["bench"]["rows"] if x["form"] == form)
    return row


def _ours(network: dict[str, Any]) -> dict[str, Any]:
    return _row(network, network["conversion"]["form"])


def _fastest_rival(network: dict[str, Any]) -> dict[str, Any] | None:
    return min((x for x in network["bench"]["rows"] if x["is_rival"]), key=lambda x: x["p50_us"], default=None)


def _points_lost(network: dict[str, Any]) -> float:
    parity = network["conversion"]["held_out"]
    return float(100 * (parity["float32_accuracy"] - parity["accuracy"]))


def _is_faster(network: dict[str, Any]) -> bool:
    rival = _fastest_rival(network)
    return rival is not None and _ours(network)["p50_us"] < rival["p50_us"]


def _against_rival(network: dict[str, Any]) -> str:
    rival = _fastest_rival(network)
    if rival is None:
        return _NOTHING
    return f"{_ours(network)['p50_us'] / rival['p50_us']:.2f} {rival['form']}"


def _converted(write: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    return lambda network: write(network) if "form" in network["conversion"] else _NOTHING


def _benched(write: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    return lambda network: write(network) if network["bench"] else _NOTHING


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "network": lambda x: f"`{x['name']}`",
    "form": _converted(lambda x: str(x["conversion"]["form"])),
    "accuracy, %": _converted(lambda x: f"{100 * x['conversion']['held_out']['float32_accuracy']:.1f}"),
    "lost": _converted(lambda x: f"{_points_lost(x):.2f}"),
    "same answers, %": _converted(lambda x: f"{100 * x['conversion']['held_out']['agreement']:.1f}"),
    "kB (float32, form)": _converted(lambda x: ", ".join(f"{y / 1000:.0f}" for y in x["conversion"]["bytes"].values())),
    "µs (float32, form)": _benched(lambda x: f"{_row(x, _FLOAT)['p50_us']:.0f}, {_ours(x)['p50_us']:.0f}"),
    "to rival": _benched(_against_rival),
}
