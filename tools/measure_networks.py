"""Train, convert and measure every network: `python -m tools.measure_networks [NAME …] --seeds 3 --runs FOLDER`.

Writes `docs/results/networks/<name>.json`, from which `make results` writes `docs/results.md`. All networks take hours
on an idle machine; networks in `FOLDER` are not trained or converted again.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from edge_runtime.data import loading
from edge_runtime.data.scores import score
from edge_runtime.errors import ExitCode
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import load, read_model
from edge_runtime.model.rivals import record_of
from edge_runtime.runs import Run, settings_path
from edge_runtime.system.files import write_text
from tools import COMMAND, RESULTS, ROOT, bench, children_cpu_seconds, write_json
from train.fit import networks

NETWORK_RESULTS = RESULTS / "networks"
_SCORES = ("accuracy", "macro_f1", "per_subject")
SCHEMES = ("float32", "mixed", "int8")
FORMS = ("--quantize-as", "int8", "--quantize-as", "mixed")
NETWORKS: dict[str, tuple[str, ...]] = {name: ("--network", name) for name in networks.NETWORKS} | {
    "edge-accelerometer": ("--network", "edge", "--sensors", "accelerometer"),
    "stacked-lstm-accelerometer": ("--network", "stacked-lstm", "--sensors", "accelerometer"),
}
"""Name -> the options of `har-edge train`."""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(NETWORKS)))
@click.option("--seeds", default=3, metavar="N")
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Where the run folders are kept.")
def main(names: Sequence[str], seeds: int, runs: Path) -> None:
    """Train, convert and measure the networks NAME, or all."""
    for name in names or NETWORKS:
        path = NETWORK_RESULTS / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        write_json(path, measure(name, seeds, runs / name))
        print(path.relative_to(ROOT), flush=True)


def measure(name: str, n_seeds: int, folder: Path) -> dict[str, Any]:
    """Train, convert and measure one of `NETWORKS`, and return the content of its JSON file."""
    runs = [Run(folder / f"seed-{seed}") for seed in range(n_seeds)]
    seconds = [train(run, seed, NETWORKS[name]) for seed, run in enumerate(runs)]
    # A network that cannot be converted is a result too.
    refusals = [x for run in runs if (x := convert(run, with_rivals=run is runs[0]))]
    card = load(runs[0].card)
    return {
        "name": name,
        "network": dict(card.network),
        "signals": [signal.name for signal in card.signals],
        "labels": card.labels,
        **{key: card.training[key] for key in ("recipe", "data", "versions")},
        "seeds": [_score(run, seed, x) for (seed, run), x in zip(enumerate(runs), seconds, strict=True)],
        "not_converted": refusals[0] if refusals else None,
        "bench": _bench(runs[0]),
    }


def train(run: Run, seed: int, options: tuple[str, ...]) -> float:
    """Train, or go on with a stopped training, unless the run is there; return the CPU seconds of all attempts."""
    record = run.folder.with_suffix(".seconds")
    is_stopped = settings_path(run.folder).exists()
    if is_stopped or not run.card.exists():
        run.folder.parent.mkdir(parents=True, exist_ok=True)
        arguments = ["--resume"] if is_stopped else [*options, "--seed", str(seed)]
        before = children_cpu_seconds() - (float(record.read_text()) if is_stopped and record.exists() else 0.0)
        try:
            subprocess.run([*COMMAND, "train", *arguments, "--out", str(run.folder)], check=True)
        finally:
            write_text(record, f"{children_cpu_seconds() - before:.1f}\n")
    return float(record.read_text())


def convert(run: Run, with_rivals: bool) -> str | None:
    """Convert, with rivals for the run that is timed, unless the files are there; return the error of a refusal."""
    if run.tflite("int8").exists() and (not with_rivals or record_of(run.tflite("int8")).exists()):
        return None
    rivals = ["--rivals"] if with_rivals else []
    command = [*COMMAND, "convert", str(run.folder), *FORMS, *rivals, "--max-drop", "100"]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    print(result.stderr, file=sys.stderr)
    if result.returncode in (ExitCode.CHECK_FAILED, ExitCode.USAGE):
        return result.stderr.strip().splitlines()[-1].removeprefix("Error: ")
    result.check_returncode()  # interrupted or a fault of ours
    return None


def _score(run: Run, seed: int, seconds: float) -> dict[str, Any]:
    """Return the CPU time of a training, and accuracies and bytes by form; `keras` is the network before conversion."""
    card = load(run.card)
    test = loading.load_data().as_for(card).test
    scores = {"keras": {key: card.scores["test"][key] for key in _SCORES}}
    converted = [scheme for scheme in SCHEMES if run.tflite(scheme).exists()]
    for scheme in converted:
        answers = Classifier(run.tflite(scheme)).logits(test.X).argmax(1)
        result = score(test, answers, card.labels)
        scores[scheme] = {key: getattr(result, key) for key in _SCORES}
    return {
        "seed": seed,
        "seconds": seconds,
        "scores": scores,
        "bytes": {scheme: run.tflite(scheme).stat().st_size for scheme in converted},
        "weights_sha256": card.training["weights_sha256"]["model"],
    }


def _bench(run: Run) -> dict[str, Any] | None:
    """Measure every form, ours and the rivals', in one `har-edge bench`; None without int8.

    The ratio is int8's time over the fastest float form's.
    """
    if not run.tflite("int8").exists():
        return None
    models = [run.tflite(scheme) for scheme in SCHEMES if run.tflite(scheme).exists()]
    report = bench(models, run.folder / "bench.json")
    forms = {result.form: result for result in report.results}
    names = list(forms)
    (comparison,) = (x for x in report.comparisons if names[x.result] == "int8")
    quantisation = read_model(run.tflite("int8"))[1].quantisation
    return {
        "cpu": report.device.cpu,
        "load_average_before": report.device.before.load_average,
        "runtime": f"{report.results[0].runtime} {report.results[0].runtime_version}",
        "lowering": quantisation["lowering"],
        "lowering_reason": quantisation["lowering_reason"],
        "us": {form: 1000 * result.latency_ms.undisturbed for form, result in forms.items()},
        "operators": {form: result.operators for form, result in forms.items()},
        "bytes": {form: result.size_bytes for form, result in forms.items()},
        "accuracy": {form: result.accuracy for form, result in forms.items()},
        "absent_rivals": {rival.name: rival.reason for rival in report.absent_rivals or ()},
        "against": names[comparison.against],
        "p50_ratio": comparison.p50_ratio,
        "p50_ratio_ci95": comparison.p50_ratio_ci95,
    }


if __name__ == "__main__":
    main()
