"""Write `docs/results.md` and README's table from the files in `docs/results`: `make results`."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from convert.rivals.rival_job import FORMS as RIVALS
from edge_runtime.bench.doubts import BUSY_LOAD
from edge_runtime.system.files import write_text
from edge_runtime.system.quantities import kilobytes
from tools import RESULTS, ROOT, c_against_float, table, table_of, us_of
from tools.peer_models import AS_C, ONNX, OURS, STOCK
from tools.peers import our_int8

DOCUMENT = ROOT / "docs" / "results.md"
README = ROOT / "README.md"
MARKERS = ("<!-- written by make results -->\n", "<!-- to here -->\n")
PUBLISHED = {
    "stacked-lstm": "91 (peak 92.73)",
    "residual-bidir-lstm": "94 (their log: final 89.92, peak 93.35)",
    "stacked-lstm-accelerometer": "87",
}
"""Accuracy in percent on the test subjects, from the authors of the networks."""
FLOAT, INT8, MIXED = "float32", "int8", "mixed"
_README_FORMS = {
    "har-edge, float32": (OURS, FLOAT),
    "**har-edge, int8**": (OURS, INT8),
    "**har-edge, int8 as C**": (OURS, AS_C),
    "TensorFlow's converter, float32": (STOCK, FLOAT),
    "TensorFlow's converter, dynamic (int8 weights)": (STOCK, "dynamic"),
    "TensorFlow's converter, int8": (STOCK, INT8),
    "ONNX Runtime, float32": (ONNX, FLOAT),
}
"""The rows of README's table, with group and name in `peers.json`."""
FORMS = (FLOAT, INT8, MIXED, *(x.name for x in RIVALS))
"""The forms that are timed, in the order of the table; the first three are har-edge's."""
Measured = dict[str, Any]


def main() -> None:
    """Write the document and README's table."""
    write_text(DOCUMENT, document(load_measured()))
    write_text(README, with_table(README.read_text()))


def load_measured() -> list[Measured]:
    """Read the measurements of each network, in the order of the tables."""
    return sorted((json.loads(x.read_text()) for x in (RESULTS / "networks").glob("*.json")), key=_order)


def _order(network: Measured) -> tuple[bool, float]:
    """Order networks: all sensors before fewer, then the most accurate first."""
    return len(network["signals"]) < 9, -np.mean(_accuracies(network, FLOAT))


def _scores(network: Measured, scheme: str) -> list[Any]:
    """Return a score for each seed; without conversion, float32 is Keras's score and int8 is missing."""
    scores = [seed["scores"] for seed in network["seeds"]]
    if all(scheme in score for score in scores):
        return [score[scheme] for score in scores]
    return [score["keras"] for score in scores] if scheme == FLOAT else []


def _accuracies(network: Measured, scheme: str) -> list[float]:
    return [100 * score["accuracy"] for score in _scores(network, scheme)]


def document(networks: Sequence[Measured]) -> str:
    """Return the text of `docs/results.md`."""
    versions = networks[0]["versions"]
    busy = [
        network["name"]
        for network in networks
        if network["bench"] and network["bench"]["load_average_before"] > BUSY_LOAD
    ]
    before = "every measurement" if len(busy) == len(networks) else ", ".join(busy)
    caveat = f" Caveat: the machine was busy before {before}." if busy else ""
    text = f"""# Results of all networks

Written by `make results` from [results/networks](results/networks), measured by `make networks` with TensorFlow
{versions["tensorflow"]} and Python {versions["python"]}.{caveat}
[networks.md](networks.md) describes the networks. `…-accelerometer` uses [fewer signals](networks.md#signals).

All scores are on the 2947 windows of the 9 test subjects
([how often these were scored](results/README.md#how-often-the-test-subjects-were-scored)). The same seed gives
[different weights](training.md#the-same-weights) on another processor, so the scores of the [shipped
models](results/seeds.md) differ slightly.

## Accuracy

Accuracies are percentages, mean ± standard deviation over seeds. *Best* and *worst* give the highest and lowest mean of
a subject, with the subject's number in brackets. *Mixed* is [int8 with recurrent cells in
float](how_it_works.md#forms-of-a-model). *Loses* is the drop from float32 in points: mean over seeds (worst seed).
*Published* is the figure of the network's authors, who monitored test accuracy during training.

{table_of(_ACCURACY, networks)}
## Size and speed

Times in µs are for one window on one thread. *kB* is the size of seed 0's file, including its card ([other
sizes](results/README.md#sizes-of-edge)). *Layers* says how recurrent layers are
[written](convert.md#unrolled-or-looped). *Int8 time / fastest float's* divides int8's time by the time of the fastest
float model from any tool, with a 95 % interval. Below 1, int8 is faster. The ratio depends on the
[processor](results/processors.md).

{table_of(_COST, networks)}
## Versus other tools

Each cell gives the median time per window in µs and, in brackets, the file size in kB (for har-edge, including the
card). All [tools](convert.md#rivals) had the same weights and were measured in turns. *TensorFlow stock* is
TensorFlow's converter on the unchanged network. *Dynamic* has int8 weights. *Fused LSTM* is a TFLite operator for
LSTMs only, so GRU networks have none (–).

{table_of(_RIVALS, networks)}"""
    refused = "".join(f"- `{x['name']}`: {x['not_converted']}\n" for x in networks if x["not_converted"])
    return text + (f"\nNot converted, so the float32 scores are Keras's own:\n\n{refused}" if refused else "")


def with_table(readme: str) -> str:
    """Return the text of README with a new table of results."""
    before, begin, rest = readme.partition(MARKERS[0])
    _, end, after = rest.partition(MARKERS[1])
    return f"{before}{begin}{comparison_table()}{end}{after}"


def comparison_table() -> str:
    """Return the table of a network in our forms and other tools' forms, with the conditions of the measurement."""
    peers, seeds, board = (json.loads((RESULTS / f"{x}.json").read_text()) for x in ("peers", "seeds", "cortex_m4"))
    (firmware,) = board["results"]
    rows = {(row["group"], row["name"]): row for row in peers["rows"]}
    rows[OURS, INT8] = our_int8(peers["rows"])
    rows[OURS, AS_C] |= {"bytes": firmware["size_bytes"]}
    cells = [
        (
            form,
            f"{rows[key]['bytes'] / 1000:.0f}",
            f"{rows[key]['of_fastest_float']:.2f}",
            f"{100 * rows[key]['accuracy']:.2f}",
        )
        for form, key in _README_FORMS.items()
    ]
    edge = seeds["networks"]["edge"]
    accuracy = {scheme: _mean_and_sd([100 * x["accuracy"][scheme] for x in edge]) for scheme in (FLOAT, INT8)}
    held_out = len(peers["held_out_subjects"])
    fastest = next(us_of(x) for x in peers["rows"] if x["of_fastest_float"] == 1)
    return f"""{table("form | size, kB | time / fastest float32 | accuracy, %", cells)}
Each row is `edge` as the named tool writes it. Sizes exclude har-edge's [card](docs/formats.md#the-card). The size of
C is its flash on a Cortex-M4 with live recognition, which also needs {kilobytes(firmware["ram_bytes"])} of RAM. A time
of 1.00 is {fastest:.0f} µs per window, including preparation ({peers["device"]["cpu"]}). \
Accuracy is for {held_out} people held out
of training. On UCI HAR's 9 test subjects, the mean over [{len(edge)} seeds](docs/results/seeds.md) is
{accuracy[FLOAT]} % in float32 and {accuracy[INT8]} % in int8. See also [all forms](docs/results/peers.md) and [other
processors](docs/results/processors.md).
"""


def _mean_and_sd(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")


def _subject(network: Measured, scheme: str, choose: Callable[..., str]) -> str:
    scores = _scores(network, scheme)
    if not scores:
        return "–"
    mean = {
        person: 100 * np.mean([score["per_subject"][person] for score in scores]) for person in scores[0]["per_subject"]
    }
    subject = choose(mean, key=mean.__getitem__)
    return f"{mean[subject]:.1f} ({subject})"


def _loss(network: Measured, scheme: str) -> str:
    pairs = zip(_accuracies(network, FLOAT), _accuracies(network, scheme), strict=False)
    losses = [before - after for before, after in pairs]
    return f"{np.mean(losses):.2f} ({max(losses):.2f})" if losses else "–"


def _size(network: Measured, scheme: str) -> str:
    size = network["seeds"][0]["bytes"].get(scheme)
    return f"{size / 1000:.1f}" if size else "–"


def _us(network: Measured, form: str) -> str:
    us = network["bench"] and us_of(network["bench"]).get(form)
    return f"{us:.1f}" if us else "–"


def _time_and_size(network: Measured, form: str) -> str:
    us = _us(network, form)
    return us if us == "–" else f"{us} ({network['bench']['bytes'][form] / 1000:.0f})"


def _ratio(network: Measured) -> str:
    if not network["bench"]:
        return "–"
    low, high = network["bench"]["p50_ratio_ci95"]
    return f"{network['bench']['p50_ratio']:.2f} ({low:.2f} to {high:.2f}) × {network['bench']['against']}"


_NAME: dict[str, Callable[[Measured], str]] = {"network": lambda network: f"`{network['name']}`"}
_ACCURACY = _NAME | {
    "sensors": lambda network: "all" if len(network["signals"]) == 9 else "accelerometer",
    "classes": lambda network: str(len(network["labels"])),
    "seeds": lambda network: str(len(network["seeds"])),
    "float32": lambda network: _mean_and_sd(_accuracies(network, FLOAT)),
    "best": lambda network: _subject(network, FLOAT, max),
    "worst": lambda network: _subject(network, FLOAT, min),
    "int8": lambda network: _mean_and_sd(_accuracies(network, INT8)),
    "int8 worst": lambda network: _subject(network, INT8, min),
    "int8 loses": partial(_loss, scheme=INT8),
    "mixed": lambda network: _mean_and_sd(_accuracies(network, MIXED)),
    "mixed loses": partial(_loss, scheme=MIXED),
    "published": lambda network: PUBLISHED.get(network["name"], ""),
}
_COST = _NAME | {
    "parameters": lambda network: f"{network['network']['parameters']:,}",
    "float32, kB": lambda network: _size(network, FLOAT),
    "int8, kB": lambda network: _size(network, INT8),
    "mixed, kB": lambda network: _size(network, MIXED),
    "layers": lambda network: network["bench"]["lowering"] if network["bench"] else "–",
    "float32, µs": lambda network: _us(network, FLOAT),
    "int8, µs": lambda network: _us(network, INT8),
    "mixed, µs": lambda network: _us(network, MIXED),
    "int8 time / fastest float's": _ratio,
    "as C, µs (time / fastest float's)": lambda network: (
        c_against_float(us_of(network["bench"]), INT8) if network["bench"] else "–"
    ),
    "processor": lambda network: network["bench"]["cpu"] if network["bench"] else "–",
    "training, CPU min": lambda network: f"{np.mean([seed['seconds'] for seed in network['seeds']]) / 60:.1f}",
}
_RIVALS = _NAME | {form: partial(_time_and_size, form=form) for form in FORMS}


if __name__ == "__main__":
    main()
