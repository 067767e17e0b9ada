"""Write `docs/results.md` and README's table from the files in `docs/results`: `make results`."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from convert.rivals.rival_job import FORMS as RIVALS
from edge_runtime.bench.doubts import BUSY_LOAD
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.rivals import rival_name
from edge_runtime.system.files import write_text
from tools import RESULTS, ROOT, table, table_of
from tools.peer_models import INTERPRETER, OURS
from tools.peers import PREPARED, doubts_of, our_int8, ratio_text

DOCUMENT = ROOT / "docs" / "results.md"
README = ROOT / "README.md"
MARKERS = ("<!-- written by make results -->\n", "<!-- to here -->\n")
PUBLISHED = {
    "stacked-lstm": "91 (peak 92.73)",
    "gru-coarse": "89.4",
    "residual-bidir-lstm": "94 (own log: final 89.92, peak 93.35)",
    "stacked-lstm-accelerometer": "87",
    "gru-coarse-coarse": "96.5 (four classes)",
}
"""Accuracy in percent on the test subjects, as the authors of the known networks give it."""
FLOAT, INT8, MIXED = "float32", "int8", "mixed"
FORMS = (FLOAT, INT8, MIXED, *(rival_name(x.tool, x.scheme) for x in RIVALS))
"""The forms that are timed, in the order of the table; the first three are har-edge's own."""
Measured = dict[str, Any]


def main() -> None:
    """Write the document and README's table."""
    write_text(DOCUMENT, document(load_measured()))
    write_text(README, with_table(README.read_text()))


def load_measured() -> list[Measured]:
    """Read the measurements of each network, in the order of the tables."""
    return sorted((json.loads(x.read_text()) for x in (RESULTS / "networks").glob("*.json")), key=_order)


def _order(network: Measured) -> tuple[bool, bool, float]:
    """Six classes before coarse ones, all sensors before fewer, then the most accurate first."""
    return len(network["labels"]) < 6, len(network["signals"]) < 9, -np.mean(_accuracies(network, FLOAT))


def _scores(network: Measured, scheme: str) -> list[Any]:
    """A score for each seed; of a network that is not converted, float32 is Keras's own, int8 is missing."""
    scores = [x["scores"] for x in network["seeds"]]
    if all(scheme in x for x in scores):
        return [x[scheme] for x in scores]
    return [x["keras"] for x in scores] if scheme == FLOAT else []


def _accuracies(network: Measured, scheme: str) -> list[float]:
    return [100 * x["accuracy"] for x in _scores(network, scheme)]


def _of_cpu(networks: Sequence[Measured], cpu: str) -> list[str]:
    return [f"`{x['name']}`" for x in networks if x["bench"] and x["bench"]["cpu"] == cpu]


def document(networks: Sequence[Measured]) -> str:
    """The text of `docs/results.md`."""
    versions = networks[0]["versions"]
    cpus = sorted({x["bench"]["cpu"] for x in networks if x["bench"]})
    named = [f"{cpu} ({', '.join(_of_cpu(networks, cpu))})" if len(cpus) > 1 else cpu for cpu in cpus]
    where = f", on {' and '.join(named)}, one thread" if cpus else ""
    text = f"""# Results

Written by `make results` from [docs/results/networks](results/networks), which `make networks` measured with TensorFlow
{versions["tensorflow"]} and Python {versions["python"]}{where}. Accuracies in percent on the 2947 windows of the 9 test
subjects: mean and standard deviation over the seeds. The networks were trained anew for this, on another processor than
those of [results/seeds.md](results/seeds.md), which gives other weights for the same seed
([training.md](training.md#the-same-weights)). How often the test subjects were scored:
[results/README.md](results/README.md). What the networks are: [networks.md](networks.md).

All are trained by the default recipe, which was chosen for `edge`, but `stacked-lstm` with larger batches, `gru-coarse`
with more epochs, the first on coarse classes, and `residual-bidir-lstm` with larger batches and half the epochs
([networks.md](networks.md)).

## Accuracy

{table_of(_ACCURACY, networks)}
“best” and “worst” are the subjects (in brackets) with the highest and lowest mean over the seeds. “loses” is float32
minus that form, in points: the mean, and the most of any seed. “mixed” is int8 but for the cells of recurrent layers
([convert.md](convert.md)); `har-edge convert --quantize` writes the one of both that its rule chooses. Published
figures are single runs, read on the test subjects during training.

## Size and speed

{table_of(_COST, networks)}
Size is that of the file with its card, of seed 0; “arena” is the smallest in which TensorFlow Lite Micro runs the int8
model, with int8 input, on this machine, of 64 bits ([microcontroller.md](microcontroller.md#memory)).
p50 is the median latency of one window. “form” is how recurrent
layers are converted ([convert.md](convert.md#unrolled-or-looped)). The ratio is int8's p50 to that of the fastest float
form that was measured, whoever made it, with its 95 % interval; it depends on the processor
([results/processors.md](results/processors.md)). Training is the CPU time of a seed's whole `har-edge train`, two fits.

## Beside other tools

{table_of(_RIVALS, networks)}
p50 in µs, and in brackets the size of the file in kB (that of har-edge with its card), of the same weights in the same
rounds. What the rivals are: [convert.md](convert.md#rivals). A dash is a form that there is not, or that was not
measured.
"""
    for reason, names in _absent(networks).items():
        text += f"\n- {reason} ({', '.join(f'`{x}`' for x in names)})"
    text += "\n" if _absent(networks) else ""
    busy = [x["name"] for x in networks if x["bench"] and x["bench"]["load_average_before"] > BUSY_LOAD]
    if busy:
        text += f"\nThe machine was not idle before {', '.join(busy)}: these latencies are to be measured again.\n"
    refused = "".join(f"- `{x['name']}`: {x['not_converted']}\n" for x in networks if x["not_converted"])
    return text + (f"\nNot converted, so that float32 is Keras's own answers:\n\n{refused}" if refused else "")


def with_table(readme: str) -> str:
    """The text of README with its table of results anew."""
    before, begin, rest = readme.partition(MARKERS[0])
    _, end, after = rest.partition(MARKERS[1])
    return f"{before}{begin}{comparison_table()}{end}{after}"


def comparison_table() -> str:
    """One network in our forms and those of other tools, with the conditions of the measurement."""
    peers, seeds = (json.loads((RESULTS / x).read_text()) for x in ("peers.json", "seeds.json"))
    rows = [x for x in peers["rows"] if x["group"] != INTERPRETER]
    rows = [x for x in rows if x["group"] != OURS or x["name"] == FLOAT or x is our_int8(rows)]
    cells = [
        (
            f"{x['group']}: {x['name'].partition(',')[0]}",
            ratio_text(x),
            f"{x['bytes'] / 1000:.0f}",
            f"{100 * x['accuracy']:.2f}",
            f"{100 * x['agreement']:.2f}",
        )
        for x in rows
    ]
    edge = seeds["networks"]["edge"]
    accuracy = {scheme: _mean_and_sd([100 * x["accuracy"][scheme] for x in edge]) for scheme in (FLOAT, INT8)}
    exact = [f"{100 * edge[0]['accuracy'][scheme]:.2f} %" for scheme in (FLOAT, INT8)]
    shipped = f"{exact[0]} in both forms" if exact[0] == exact[1] else f"{exact[0]} in float32 and {exact[1]} in int8"
    size = reference_model("edge", INT8).stat().st_size
    window = peers.get("window", PREPARED)
    form = table("form | p50 of fastest float | kB, without card | accuracy, % | same answers, %", cells)
    doubt = "".join(f" Doubt: {x}." for x in doubts_of(peers))
    return f"""{form}
p50 is the median latency of one {window}; one seed, one thread of
{peers["device"]["cpu"]}. The fastest float form there was {peers["fastest_float"]}. In brackets
95 % intervals; accuracy on the {len(peers["held_out_subjects"])} held-out training subjects
([docs/results/peers.md](docs/results/peers.md)).{doubt} Other processors:
[docs/results/processors.md](docs/results/processors.md). On the 9 test subjects, over {len(edge)} seeds, float32
reaches {accuracy[FLOAT]} % and int8 {accuracy[INT8]} % ([docs/results/seeds.md](docs/results/seeds.md)). The shipped
`edge`, seed 0, has {shipped}, and its int8 file {size / 1000:.1f} kB with its card
(`har-edge info edge`). How often the test subjects were scored: [docs/results/README.md](docs/results/README.md).
"""


def _mean_and_sd(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")


def _subject(network: Measured, scheme: str, choose: Callable[..., str]) -> str:
    scores = _scores(network, scheme)
    if not scores:
        return "–"
    mean = {x: 100 * np.mean([score["per_subject"][x] for score in scores]) for x in scores[0]["per_subject"]}
    subject = choose(mean, key=mean.__getitem__)
    return f"{mean[subject]:.1f} ({subject})"


def _loss(network: Measured, scheme: str) -> str:
    pairs = zip(_accuracies(network, FLOAT), _accuracies(network, scheme), strict=False)
    losses = [before - after for before, after in pairs]
    return f"{np.mean(losses):.2f} ({max(losses):.2f})" if losses else "–"


def _size(network: Measured, scheme: str) -> str:
    size = network["seeds"][0]["bytes"].get(scheme)
    return f"{size / 1000:.1f}" if size else "–"


def _arena(network: Measured) -> str:
    arena = network["bench"] and network["bench"].get("arena_bytes")
    return f"{arena / 1000:.1f}" if arena else "–"


def _p50(network: Measured, form: str) -> str:
    p50 = network["bench"] and network["bench"]["p50_us"].get(form)
    return f"{p50:.1f}" if p50 else "–"


def _time_and_size(network: Measured, form: str) -> str:
    p50 = _p50(network, form)
    return p50 if p50 == "–" else f"{p50} ({network['bench']['bytes'][form] / 1000:.0f})"


def _absent(networks: Sequence[Measured]) -> dict[str, list[str]]:
    """The networks by the sentence that says which rival of them there is not, and why."""
    found: dict[str, list[str]] = {}
    for network in networks:
        for name, reason in ((network["bench"] or {}).get("absent_rivals") or {}).items():
            found.setdefault(f"No {name}: {reason}", []).append(network["name"])
    return found


def _ratio(network: Measured) -> str:
    if not network["bench"]:
        return "–"
    low, high = network["bench"]["p50_ratio_ci95"]
    return f"{network['bench']['p50_ratio']:.2f} ({low:.2f} to {high:.2f}) of {network['bench']['against']}"


_NAME: dict[str, Callable[[Measured], str]] = {"network": lambda x: f"`{x['name']}`"}
_ACCURACY = _NAME | {
    "sensors": lambda x: "all" if len(x["signals"]) == 9 else "accelerometer",
    "classes": lambda x: str(len(x["labels"])),
    "seeds": lambda x: str(len(x["seeds"])),
    "float32": lambda x: _mean_and_sd(_accuracies(x, FLOAT)),
    "best": lambda x: _subject(x, FLOAT, max),
    "worst": lambda x: _subject(x, FLOAT, min),
    "int8": lambda x: _mean_and_sd(_accuracies(x, INT8)),
    "int8 worst": lambda x: _subject(x, INT8, min),
    "int8 loses": partial(_loss, scheme=INT8),
    "mixed": lambda x: _mean_and_sd(_accuracies(x, MIXED)),
    "mixed loses": partial(_loss, scheme=MIXED),
    "published": lambda x: PUBLISHED.get(x["name"], ""),
}
_COST = _NAME | {
    "parameters": lambda x: f"{x['network']['parameters']:,}",
    "float32, kB": lambda x: _size(x, FLOAT),
    "int8, kB": lambda x: _size(x, INT8),
    "mixed, kB": lambda x: _size(x, MIXED),
    "int8 arena, kB": _arena,
    "form": lambda x: x["bench"]["lowering"] if x["bench"] else "–",
    "float32 p50, µs": lambda x: _p50(x, FLOAT),
    "int8 p50, µs": lambda x: _p50(x, INT8),
    "mixed p50, µs": lambda x: _p50(x, MIXED),
    "int8 to fastest float": _ratio,
    "training, CPU min": lambda x: f"{np.mean([seed['seconds'] for seed in x['seeds']]) / 60:.1f}",
}
_RIVALS = _NAME | {form: partial(_time_and_size, form=form) for form in FORMS}


if __name__ == "__main__":
    main()
