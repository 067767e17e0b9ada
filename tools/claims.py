"""Measure the project's claims, each with its evidence: `make claims`, on an idle machine.

Timings depend on the machine's load, so they are not tests. Writes `docs/results/claims.json` and `claims.md`, and ends
with 1 if a claim does not hold.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from edge_runtime.bench import doubts, machine, machine_state
from edge_runtime.model import model_card as cards
from edge_runtime.runs import Run
from tools import COMMAND, RESULTS, ROOT, peers, table_of, us_of, write_result
from tools.bench_claims import emulated_claims, int8_claims, method_claims
from tools.claim import MEASURED, Claim, at_least, at_most, seconds_of
from tools.live_claims import live_claims
from tools.peer_models import FUSED

IDLE_PER_CORE = 0.3  # load average; above it, other programs are at work
LOAD_DATA = "from edge_runtime.data import uci_har; uci_har.load()"
Section = Callable[[], Iterable[Claim]]


def main() -> None:
    """Measure every claim, on a machine at rest."""
    device, load = asdict(machine.read_facts()), os.getloadavg()[0]
    if load > IDLE_PER_CORE * device["cores"]:
        sys.exit(f"Error: the load average is {load:.2f} on {device['cores']} cores: let the machine rest first")
    with tempfile.TemporaryDirectory(prefix="har-edge-claims-") as name:
        measures = _sections(Path(name))
        claims = [claim for key, section in measures.items() for claim in _measure(key, section, device["cpu"])]
    content = {"date": f"{date.today()}", "load_average_before": load, "device": device}
    content["claims"] = [asdict(claim) for claim in claims]
    write_result("claims", content, markdown(content))
    sys.exit(0 if all(claim.holds for claim in claims) else 1)


def _sections(folder: Path) -> dict[str, Section]:
    run = Run(folder / "run")
    return {
        "start-up": start_up_claims,
        "data": data_claims,
        "seeds": seed_claims,
        "peers": peer_claims,
        "live": lambda: live_claims(folder),
        "training": lambda: chain(training_claims(run), int8_claims(run, folder)),
        "emulated": lambda: emulated_claims(folder),
        "method": method_claims,
    }


def _measure(name: str, section: Section, cpu: str) -> Iterator[Claim]:
    """Measure the claims of a section, with machine and doubts."""
    print(f"{name} …", file=sys.stderr)
    before, cpu_seconds = machine_state.state(), sum(os.times()[:4])
    claims = list(section())
    busy = machine_state.busy_share(before, machine_state.state(), sum(os.times()[:4]) - cpu_seconds)
    others = f"other programs kept {busy:.1f} CPUs busy" if busy is not None and busy > doubts.BUSY_SHARE else ""
    for claim in claims:
        if claim.source == MEASURED:
            claim = replace(claim, machine=cpu, doubt="; ".join(filter(None, (others, claim.doubt))))
        print(f"{'holds' if claim.holds else 'FAILS'}: {claim}", file=sys.stderr)
        yield claim


def start_up_claims() -> Iterator[Claim]:
    """Measure how quickly commands answer."""
    evidence = "median of 11 runs, wall clock"
    for arguments in (["--help"], ["bench", "--help"]):
        seconds = statistics.median(seconds_of([*COMMAND, *arguments]) for _ in range(11))
        yield at_most(f"`har-edge {' '.join(arguments)}` answers in", seconds, 0.3, "s", evidence)


def data_claims() -> Iterator[Claim]:
    """Measure size and loading time of the embedded data."""
    size = (ROOT / "edge_runtime/data/recordings.xz").stat().st_size
    yield at_most("the embedded recordings take", size / 1e6, 7, "MB", "size of edge_runtime/data/recordings.xz")
    seconds = statistics.median(seconds_of([sys.executable, "-c", LOAD_DATA]) for _ in range(5))
    yield at_most("all windows are rebuilt in", seconds, 3, "s", "median of 5 fresh processes, imports included")


def training_claims(run: Run) -> Iterator[Claim]:
    """Measure time and scores of a training and a conversion into `run`."""
    seconds = seconds_of([*COMMAND, "train", "--out", str(run.folder)])
    yield at_most("`har-edge train` takes", seconds, 180, "s", "one run, both fits, pictures included")
    scores = json.loads(run.card.read_text())["scores"]["test"]
    text, evidence = "the default network's test accuracy is", f"seed 0, {scores['windows']} windows"
    yield at_least(text, 100 * scores["accuracy"], 97.3, "%", evidence)
    seconds_of([*COMMAND, "convert", str(run.folder), "--quantize"])
    sizes = {scheme: run.tflite(scheme).stat().st_size for scheme in ("float32", "int8")}
    yield at_most("the int8 file takes", sizes["int8"] / 1000, 100, "kB", "with its card")
    evidence = f"{sizes['int8'] / 1000:.1f} and {sizes['float32'] / 1000:.1f} kB"
    yield at_most("the int8 file ÷ the float32 file is", sizes["int8"] / sizes["float32"], 0.5, "", evidence)


def seed_claims() -> Iterator[Claim]:
    """Make the claims about the networks that `make reference` trained."""
    path = RESULTS / "seeds.json"
    content = json.loads(path.read_text())
    for network, accuracy, kilobytes in (("edge", 98.0, 100), ("edge-small", 96.5, 50), ("edge-tiny", 97.0, 30)):
        scores = content["networks"][network]
        int8 = [100 * score["accuracy"]["int8"] for score in scores]
        losses = [100 * (score["accuracy"]["float32"] - score["accuracy"]["int8"]) for score in scores]
        same = 100 * min(score["agreement"] for score in scores)
        largest = max(score["bytes"]["int8"] for score in scores) / 1000
        evidence = f"{len(scores)} seeds"
        spread = f"{evidence}; {min(int8):.2f} to {max(int8):.2f} %"
        _, shipped = cards.read_model(ROOT / f"edge_runtime/models/{network}_int8.tflite")
        is_shipped = shipped.training["weights_sha256"]["model"] == scores[0]["weights_sha256"]
        weights = "the same weights" if is_shipped else "other weights"
        yield from _read(
            path,
            content.get("cpu", "not recorded"),
            "",
            at_least(f"the mean test accuracy of `{network}` in int8 is", statistics.mean(int8), accuracy, "%", spread),
            at_most(f"`{network}` loses by int8, on the mean", statistics.mean(losses), 0.2, "points", evidence),
            at_most(f"`{network}` loses by int8, at worst", max(losses), 0.5, "points", evidence),
            at_least(f"`{network}` in int8 answers as in float32, at worst", same, 99.0, "%", evidence),
            Claim(f"the shipped `{network}` is seed 0 of these", "the same weights", weights, is_shipped, evidence),
            at_most(f"the int8 file of `{network}` takes", largest, kilobytes, "kB", f"{evidence}, with its card"),
        )


def peer_claims() -> Iterator[Claim]:
    """Make the claims about other tools' forms of the network, which `tools.peers` measured."""
    path = RESULTS / "peers.json"
    content = json.loads(path.read_text())
    rows = content["rows"]
    int8 = peers.our_int8(rows)
    fused = next(row for row in rows if row["group"] == FUSED and row["name"] == "int8")
    low, high = int8["of_fastest_float_ci95"]
    text = "int8 latency over the latency of the fastest float form, ONNX Runtime's included, is"
    evidence = f"{low:.2f} to {high:.2f}; the fastest was {content['fastest_float']}; others: processors.md"
    # 0.43 to 0.51 on the processors of processors.md.
    claims = [at_most(text, int8["of_fastest_float"], 0.7, "", evidence)]
    text = "the int8 that TensorFlow's converter makes of a Keras 2 copy (fused LSTM) takes, times ours"
    evidence = f"{us_of(fused):.1f} and {us_of(int8):.1f} us"
    claims.append(at_least(text, us_of(fused) / us_of(int8), 15, "", evidence, 1))
    yield from _read(path, content["device"]["cpu"], "; ".join(peers.doubts_of(content)), *claims)


def _read(path: Path, cpu: str, doubt: str, *claims: Claim) -> list[Claim]:
    source = path.name
    return [replace(claim, source=source, machine=cpu, doubt=doubt) for claim in claims]


def markdown(content: dict[str, Any]) -> str:
    """Return the text of `claims.md`, without claims that hold on other pages."""
    device, claims = content["device"], content["claims"]
    shown = [claim for claim in claims if claim["source"] == MEASURED or not claim["holds"]]
    return f"""# Measured claims

Written by `make claims` on {content["date"]}: {device["cpu"]}, {device["cores"]} cores, {device["os"]}, Python
{device["python"]}. The load average before was {content["load_average_before"]:.2f}. The network is `edge`.
`claims.json` has {len(claims) - len(shown)} more claims, all of which hold, and says how each was measured.

{table_of(_COLUMNS, shown)}"""


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "claim": lambda claim: claim["text"] if claim["holds"] else f"**fails**: {claim['text']}",
    "limit": itemgetter("limit"),
    "measured": lambda x: "; ".join(filter(None, (x["found"], x["doubt"].partition(":")[0]))),
}


if __name__ == "__main__":
    main()
