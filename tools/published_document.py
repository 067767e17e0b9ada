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
    text = f"""# Published networks, converted as they are

Written by `make published`. Each network of `tools/published_networks` is built as its source describes it and trained
for a few epochs on UCI HAR, one seed, without every fourth training subject: those are the held-out subjects. It is
saved as a `.keras` file and given to `har-edge convert --quantize`. The test subjects chose nothing.

- {len(converted)} of {len(networks)} convert.
- {sum(_points_lost(x) <= LITTLE for x in converted)} of them lose at most {LITTLE} points on the held-out subjects.
- {sum(map(_is_faster, benched))} of the {len(benched)} that were measured are faster than every other tool's form.

{table_of(_COLUMNS, networks)}
“form” is int8 or mixed, and how recurrent layers are written ([convert.md](../convert.md)). “loses” is float32 minus
that form in points on the held-out subjects, with the share of equal answers; in brackets on the test subjects. kB with
the card. p50 is the median time of one inference, with its ratio to the fastest form of another tool. Seconds are those
of the whole `har-edge convert`.
"""
    cpus = sorted({x["bench"]["cpu"] for x in benched if x["bench"]["cpu"]})
    text += f"\nMeasured on {', '.join(cpus)}, one thread.\n" if cpus else ""
    busy = [x["name"] for x in benched if (x["bench"]["load_average_before"] or 0) > BUSY_LOAD]
    busy = ["all of them"] if len(busy) == len(networks) else busy
    text += f"\nDoubt: the machine was not idle before {', '.join(busy)}.\n" if busy else ""
    notes = {x["name"]: x["conversion"]["refused"] or x["conversion"]["failed"] for x in networks}
    if any(notes.values()):
        text += "\nRefused, or beyond the default `--max-drop`:\n\n"
        text += "".join(f"- `{name}`: {note}\n" for name, note in notes.items() if note)
    return f"{text}\n## Sources\n\n{table_of(_SOURCES, networks)}"


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


def _accuracy(network: dict[str, Any]) -> str:
    text = f"{100 * network['conversion']['held_out']['float32_accuracy']:.1f}"
    return f"{text} ({100 * _row(network, _FLOAT)['accuracy']:.1f})" if network["bench"] else text


def _loss(network: dict[str, Any]) -> str:
    text = f"{_points_lost(network):.2f}, {100 * network['conversion']['held_out']['agreement']:.1f} %"
    if not network["bench"]:
        return text
    return f"{text} ({100 * (_row(network, _FLOAT)['accuracy'] - _ours(network)['accuracy']):.2f})"


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
    "form": _converted(lambda x: f"{x['conversion']['form']}, {x['conversion']['lowering']}"),
    "float32, %": _converted(_accuracy),
    "loses, agrees": _converted(_loss),
    "kB, float32 / form": _converted(
        lambda x: " / ".join(f"{y / 1000:.0f}" for y in x["conversion"]["bytes"].values())
    ),
    "p50, µs, float32 / form": _benched(lambda x: f"{_row(x, _FLOAT)['p50_us']:.0f} / {_ours(x)['p50_us']:.0f}"),
    "ratio to": _benched(_against_rival),
    "conversion, s (CPU)": _converted(
        lambda x: f"{x['conversion']['seconds']:.0f} ({x['conversion']['cpu_seconds']:.0f})"
    ),
}
_SOURCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "network": lambda x: f"`{x['name']}`",
    "parameters": lambda x: f"{x['training']['parameters']:,}",
    "epochs here": lambda x: str(x["training"]["epochs"]),
    "source": lambda x: x["source"],
}
