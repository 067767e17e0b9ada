"""Show what is inside a model: `har-edge info`."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from edge_runtime.commands import options
from edge_runtime.model import model_card as cards
from edge_runtime.model.graphs import Tensor
from edge_runtime.model.interpreters import Model, open_model
from edge_runtime.model.model_card import Card
from edge_runtime.model.model_paths import model_path
from edge_runtime.reports import outputs
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.quantities import NOT_MEASURED, kilobytes, percent
from edge_runtime.system.standard_streams import suppressed_stderr

# Endings of a card's keys with values between 0 and 1.
_SHARES = ("accuracy", "agreement", "f1", "worst_difference")


@click.command(name="info", epilog=options.examples("info edge", "info runs/latest", "info edge --json -"))
@options.model("MODEL|RUN", required=True)
@outputs.option("json", "Also write everything, with every tensor of the graph; - is standard output.")
@options.runtime
def command(model: Path, runtime: str, json_path: Path | None) -> None:
    """Show what is inside MODEL: its card, if it has one, inputs and outputs, and operators, in XNNPACK and outside."""
    from edge_runtime.devices.trial import open_classifier, try_model

    model = model_path(model)
    file = cards.read_tflite(model)
    card: Card | None = None
    if cards.strip(file, str(model)) == file:
        try_model(file, str(model), runtime)
        with suppressed_stderr():
            opened = open_model(file, runtime, name=str(model))
    else:
        classifier = open_classifier(model, runtime)
        card, opened = classifier.card, classifier.model
    with suppressed_stderr():
        operators = opened.operators
    content = {
        "file": str(model),
        "size_bytes": model.stat().st_size,
        "quantization": opened.scheme,
        "card": card and json.loads(card.to_json()),
        "runtime": {"name": opened.runtime.name, "version": opened.runtime.version},
        "input": dataclasses.asdict(opened.input),
        "output": dataclasses.asdict(opened.output),
        "stateful": opened.stateful,
        "operators": dict(operators.counts),
        "xnnpack": dict(operators.xnnpack or {}),
        "tensors": [dataclasses.asdict(tensor) for tensor in opened.graphs[0].tensors],
    }
    _show(card, opened, content)
    outputs.write_json(json_path, content)


def _show(card: Card | None, opened: Model, content: Mapping[str, Any]) -> None:
    from edge_runtime.system.terminal import Console, facts_table, plain_table

    console = Console()
    name = f"{card.name}, " if card else ""
    console.print(f"{content['file']}: {name}{opened.scheme}, {kilobytes(content['size_bytes'])}\n", style="bold")
    facts = facts_table()
    for name, text in _facts(card, opened):
        if text:
            facts.add_row(name, text)
    console.print(facts)

    if card:
        normalisation = card.normalisation
        signals = plain_table(["signal", "unit"], [] if normalisation.is_none else ["mean", "std", "clip", "knee"])
        for i, signal in enumerate(card.signals):
            numbers = [] if normalisation.is_none else _numbers(normalisation, i)
            signals.add_row(signal.name, signal.unit, *numbers)
        console.print()
        console.print(signals)

    operators = plain_table(["operator"], ["count", "in XNNPACK"])
    counts, in_xnnpack = opened.operators.counts, opened.operators.xnnpack
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        operators.add_row(name, str(counts[name]), NOT_MEASURED if in_xnnpack is None else str(in_xnnpack.get(name, 0)))
    n_taken = NOT_MEASURED if in_xnnpack is None else str(opened.operators.taken)
    operators.add_row("all", str(opened.operators.total), n_taken, style="bold")
    console.print()
    console.print(operators)
    console.print(f"\nas seen by {opened.runtime.name} {opened.runtime.version or ''} on this machine")
    if not card:
        console.print(f"\n{cards.no_card(content['file'])}")


def _facts(card: Card | None, opened: Model) -> Iterator[tuple[str, str]]:
    """Yield the facts of card and graph: name, and text or "" for a fact that does not exist."""
    if card:
        window = card.window
        yield "labels", ", ".join(card.labels)
        yield "window", f"{window.samples} samples, a new one every {window.hop}"
        yield "rate", f"{window.rate_hz:g} Hz" if window.rate_hz else "unknown"
        yield "temperature", f"{card.temperature:g}"
        yield "unknown", "" if card.live.novelty else "not for unusual motion, whose limits only 'har-edge train' sets"
        yield "network", _record(card.network)
        yield "training", _record(card.training)
        yield "trained on", ", ".join(card.sources)
        yield "quantisation", _record(card.quantisation)
        yield from _with_parts("parity", card.parity)
        yield from _with_parts("scores", card.scores)
        yield from _with_parts("adapted to", card.personal_correction.record if card.personal_correction else {})
    yield "input", _tensor_text(opened.input)
    yield "windows", _preparation(card, opened.input) if card else ""
    yield "output", _tensor_text(opened.output)
    yield "state", "kept between inferences, reset before each window" if opened.stateful else "none"


def _preparation(card: Card, tensor: Tensor) -> str:
    """Say in which frame windows are, and who normalises them."""
    turned = "turned into the walking frame by the caller, " if card.frame == "walking" else ""
    if card.normalisation.is_none:
        quantised = "" if tensor.scale is None else ", except for the input's scale and zero point"
        return f"{turned}in physical units; preparation: none{quantised}"
    place = "in physical units, prepared in the graph" if card.raw_input else "prepared by the caller"
    return f"{turned}{place}, by the numbers below"


def _numbers(normalisation: Normalisation, i: int) -> list[str]:
    """Return mean, standard deviation, clip and knee of signal `i`."""
    clip, knee = normalisation.clip[i], normalisation.knee[i]
    return [
        *(f"{statistic[i]:.5g}" for statistic in (normalisation.mean, normalisation.std)),
        "none" if clip >= NO_CLIP else f"{clip:.5g}",
        "linear" if knee is None else f"{knee:g}",
    ]


def _tensor_text(tensor: Tensor) -> str:
    quantised = "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
    return f"{tensor.dtype} {list(tensor.shape)}{quantised}"


def _with_parts(name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts of a record and of its parts, each with its name."""
    yield name, _record(record)
    for part, inner in record.items():
        if isinstance(inner, dict):
            yield f"{name}, {part.replace('_', ' ')}", _record(inner)


def _record(record: Mapping[str, Any]) -> str:
    """Return the plain facts of a record of the card; `har-edge card` shows nested facts too."""
    facts = ((key, value) for key, value in record.items() if isinstance(value, (str, int, float)))
    return ", ".join(f"{key.replace('_', ' ')} {_fact(key, value)}" for key, value in facts)


def _fact(key: str, value: str | int | float) -> str:
    if not isinstance(value, float):
        return str(value)
    text = percent(value) if key.endswith(_SHARES) else f"{value:.4g}"
    return f"{text} of the greatest logit" if key.endswith("difference") else text
