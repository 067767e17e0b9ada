"""Train the shipped models: `make reference`, and with more data sets `make reference DATA=...`.

Without data, `edge`, `edge-small` and `edge-tiny` are trained on UCI HAR with five seeds. The models of seed 0 go into
`edge_runtime/models`, the scores of all seeds on the test subjects into `docs/results/seeds.md` and `seeds.json`. With
data, `edge-anywhere` is trained with seed 0.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime.bench import machine
from edge_runtime.data import loading
from edge_runtime.data.dataset import Split
from edge_runtime.data.scores import score
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import load, read_model, write_model
from edge_runtime.model.model_paths import reference_model
from edge_runtime.runs import Run
from edge_runtime.system.files import write_bytes
from tools import ROOT, har_edge, table, write_result

NETWORKS = ("edge", "edge-small", "edge-tiny")
SEEDS = 5
SCHEMES = ("float32", "int8")
ANYWHERE = "edge-anywhere"
TERMS = {"UCI HAR": "see DATA_NOTICE.md", "MotionSense": "MIT licence", "GeoTec": "CC BY 4.0"}
"""The terms of the data sets of `edge-anywhere`."""
OTHERS = ("motionsense", "geotec")


@click.command()
@click.option(
    "--data",
    multiple=True,
    metavar="LAYOUT=PATH",
    help=f"Train {ANYWHERE} on UCI HAR and these: {' and '.join(OTHERS)}.",
)
def main(data: Sequence[str]) -> None:
    """Train, convert, score and write."""
    if not data:
        make_networks()
        return
    if sorted(x.partition("=")[0] for x in data) != sorted(OTHERS):
        raise click.BadParameter(f"give {' and '.join(f'--data {layout}=FOLDER' for layout in OTHERS)}, or none")
    with tempfile.TemporaryDirectory(prefix="har-edge-reference-") as folder:
        run = Run(Path(folder) / ANYWHERE)
        sets = [x for path in ("uci-har", *data) for x in ("--data", path)]
        har_edge("train", "--frame", "walking", *sets, "--out", run.folder)
        har_edge("convert", run.folder, "--quantize")
        ship(run)


def ship(run: Run) -> None:
    """Put the models of `run` into the package as `edge-anywhere`, with the terms of each data set in their cards."""
    for scheme in SCHEMES:
        flatbuffer, card = read_model(run.tflite(scheme))
        data = {key: value for key, value in card.training["data"].items() if key != "path"}
        terms = {source: TERMS[source] for source in data["sources"]}
        training = {**card.training, "data": data | {"terms": terms}}
        path = reference_model(ANYWHERE, scheme)
        write_model(path, flatbuffer, replace(card, name=ANYWHERE, training=training))
        print(path.relative_to(ROOT))


def make_networks() -> None:
    """Train `NETWORKS` with all seeds, and score them."""
    test = loading.load_data().test
    scores: dict[str, list[dict[str, Any]]] = {}
    models: dict[Path, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="har-edge-reference-") as folder:
        for network in NETWORKS:
            out = Path(folder) / network
            har_edge("train", "--network", network, "--seeds", SEEDS, "--out", out)
            runs = [Run(out / f"seed-{seed}") for seed in range(SEEDS)]
            for run in runs:
                har_edge("convert", run.folder, "--quantize")
            scores[network] = [_score(network, seed, run, test) for seed, run in enumerate(runs)]
            for scheme in SCHEMES:
                models[reference_model(network, scheme)] = runs[0].tflite(scheme).read_bytes()
            card = load(runs[0].card)
        # Written together: models and scores are from the same trainings.
        for path, content in models.items():
            write_bytes(path, content)
            print(path.relative_to(ROOT))
    shared = {key: card.training[key] for key in ("data", "versions")}
    content = {"cpu": machine.cpu_model(), **shared, "networks": scores}
    write_result("seeds", content, markdown(content))


def _score(network: str, seed: int, run: Run, test: Split) -> dict[str, Any]:
    """Score one seed on the test subjects; `per_subject` is for int8."""
    labels = load(run.card).labels
    answers = {scheme: Classifier(run.tflite(scheme)).logits(test.X).argmax(1) for scheme in SCHEMES}
    return {
        "network": network,
        "seed": seed,
        "accuracy": {scheme: float(np.mean(y == test.y)) for scheme, y in answers.items()},
        "bytes": {scheme: run.tflite(scheme).stat().st_size for scheme in SCHEMES},
        "agreement": float(np.mean(answers["float32"] == answers["int8"])),
        "macro_f1": {scheme: score(test, y, labels).macro_f1 for scheme, y in answers.items()},
        "per_subject": score(test, answers["int8"], labels).per_subject,
        "weights_sha256": load(run.card).training["weights_sha256"]["model"],
    }


def markdown(content: dict[str, Any]) -> str:
    """Return the text of `seeds.md`; `content` is read from `seeds.json`."""
    versions, cpu = content["versions"], content.get("cpu", "x86-64")
    text = f"""# The shipped networks with {SEEDS} seeds

Written by `make reference` with TensorFlow {versions["tensorflow"]} and Python {versions["python"]} on {cpu}.
Accuracies are percentages of the 2,947 windows of [9 test
subjects](README.md#how-often-the-test-subjects-were-scored). har-edge ships seed 0. Other pages show [other
sizes](README.md#sizes-of-edge).
"""
    by_subject = []
    for network, trainings in content["networks"].items():
        kilobytes = ", ".join(f"{scheme} {trainings[0]['bytes'][scheme] / 1000:.1f} kB" for scheme in SCHEMES)
        pairs = np.array([[training["accuracy"][scheme] for scheme in SCHEMES] for training in trainings])
        values = 100 * np.column_stack(
            [pairs, pairs[:, 0] - pairs[:, 1], [training["agreement"] for training in trainings]]
        )
        lines = [*zip((str(training["seed"]) for training in trainings), values, strict=True)]
        lines += [("mean", values.mean(0)), ("standard deviation", values.std(0, ddof=1))]
        rows = [[name, *(f"{value:.2f}" for value in row)] for name, row in lines]
        text += f"\n## {network}: {kilobytes}\n\n{table('seed | float32 | int8 | int8 loses | same answers', rows)}"
        shares = 100 * np.array([list(training["per_subject"].values()) for training in trainings])
        for name, row in (("mean", shares.mean(0)), ("lowest", shares.min(0))):
            by_subject.append([f"{network}, {name}", *(f"{value:.1f}" for value in row)])
    people = " | ".join(["", *trainings[0]["per_subject"]])
    return f"{text}\n## int8, by test subject\n\n{table(people, by_subject)}"


if __name__ == "__main__":
    main()
