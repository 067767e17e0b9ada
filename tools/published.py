"""Train, convert and measure published networks: `python -m tools.published [NAME …] --runs FOLDER`.

Networks in `FOLDER` are not trained or converted again, so that a second call only measures. Writes
`docs/results/published.json` and `published.md`.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edge_runtime.errors import ExitCode
from edge_runtime.model.model_card import read_model
from tools import COMMAND, RESULTS, ROOT, bench, children_cpu_seconds, write_json, write_result
from tools.published_document import document
from tools.published_networks.networks import NETWORKS, Published

QUANTISED = ("int8", "mixed")
"""Forms that `har-edge convert --quantize` may write: all integers or, if these lose too much, cells in float."""

_CONTENT = RESULTS / "published.json"


@dataclass(frozen=True)
class Kept:
    """The files of one network in its folder."""

    folder: Path

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.folder / f"{self.folder.name}.keras"

    def tflite(self, scheme: str) -> Path:
        """Return the file of a form."""
        return self.folder / f"{self.folder.name}_{scheme}.tflite"

    def conversion_command(self, *options: str) -> list[str]:
        """Return the command that converts the network, with its normalisation, into its folder."""
        normalisation = str(self.folder / "normalisation.json")
        where = ("--normalisation", normalisation, "-o", str(self.folder))
        return [*COMMAND, "convert", str(self.model), *options, *where]

    def converted(self) -> list[str]:
        """List the forms with a file."""
        return [x for x in ("float32", *QUANTISED) if self.tflite(x).exists()]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(NETWORKS)))
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Where networks and models are kept.")
def main(names: Sequence[str], runs: Path) -> None:
    """Train, convert and measure the networks NAME, or all."""
    for name in names or NETWORKS:
        kept = Kept(runs / name)
        if not (kept.folder / "training.json").exists():
            print(f"training {name}", flush=True)
            train(name, kept)
        if not (kept.folder / "conversion.json").exists():
            print(f"converting {name}", flush=True)
            write_json(kept.folder / "conversion.json", convert(kept))
    content = json.loads(_CONTENT.read_text()) if _CONTENT.exists() else {}
    for name in names or NETWORKS:
        kept = Kept(runs / name)
        content[name] = describe(NETWORKS[name], kept)
        if kept.converted():
            print(f"measuring {name}", flush=True)
            content[name]["bench"] = measure(kept)
        write_result("published", content, document(content))


def train(name: str, kept: Kept) -> None:
    """Train a network in a process of its own."""
    command = [sys.executable, "-m", "tools.published_networks.training", name, str(kept.folder.resolve())]
    subprocess.run(command, check=True, cwd=ROOT)


def convert(kept: Kept) -> dict[str, Any]:
    """Convert a network as its user would; return the time, and the error if the conversion was refused or failed.

    A network that fails the check is converted to the same form without the check, so that it can be measured.
    """
    for scheme in kept.converted():
        kept.tflite(scheme).unlink()
    command = kept.conversion_command("--quantize")
    wall, cpu = time.monotonic(), children_cpu_seconds()
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    outcome = {
        "seconds": time.monotonic() - wall,
        "cpu_seconds": children_cpu_seconds() - cpu,
        "refused": None,
        "failed": None,
    }
    print(result.stderr, file=sys.stderr)
    sentence = (result.stderr.strip().splitlines() or [""])[-1].removeprefix("Error: ")
    if result.returncode == ExitCode.USAGE:
        return outcome | {"refused": sentence}
    form = re.match(rf"({'|'.join(QUANTISED)})\b", sentence)
    if result.returncode == ExitCode.CHECK_FAILED and form:
        # Without a gate, `--quantize` would write int8 even if mixed failed.
        subprocess.run(kept.conversion_command("--quantize-as", form[1], "--max-drop", "100"), check=True)
        outcome["failed"] = sentence
    else:
        result.check_returncode()  # interrupted or a fault of ours
    subprocess.run(kept.conversion_command("--rivals"), check=True)  # in a run of their own: their time is not ours
    return outcome


def describe(published: Published, kept: Kept) -> dict[str, Any]:
    """Return the training and the conversion of a network for the JSON file."""
    content: dict[str, Any] = {
        "source": published.source,
        "input_shape": list(published.input_shape),
        "training": json.loads((kept.folder / "training.json").read_text()),
        "conversion": json.loads((kept.folder / "conversion.json").read_text()),
        "bench": None,
    }
    forms = kept.converted()
    if forms:
        card = read_model(kept.tflite(forms[-1]))[1]
        content["conversion"] |= {
            "form": forms[-1],
            "lowering": card.quantisation["lowering"],
            "held_out": card.parity["checked"],
            "bytes": {form: kept.tflite(form).stat().st_size for form in forms},
        }
    return content


def measure(kept: Kept) -> dict[str, Any]:
    """Time and score our forms and the rivals, in turns, in one `har-edge bench`."""
    report = bench(map(kept.tflite, kept.converted()), kept.folder / "bench.json")
    rows = [
        {
            "form": x.form,
            "is_rival": x.rival is not None,
            "us": 1000 * x.latency_ms.undisturbed,
            "bytes": x.size_bytes,
            "accuracy": x.accuracy,
            "operators": x.operators,
        }
        for x in report.results
        if x.latency_ms is not None
    ]
    return {
        "cpu": report.device.cpu,
        "load_average_before": report.device.before.load_average if report.device.before else None,
        "rows": rows,
        "absent_rivals": {rival.name: rival.reason for rival in report.absent_rivals or ()},
    }


if __name__ == "__main__":
    main()
