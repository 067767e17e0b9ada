"""Show the card of a model, attach one, or make one for another converter's model: `har-edge card`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge_runtime.commands import options
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.card_options import normalisation_of, read_labels, read_signals
from edge_runtime.model.classifier import RAW_INPUT, Classifier, check_graph, predict, preparation
from edge_runtime.model.graphs import Tensor, ports, with_logits
from edge_runtime.model.model_paths import model_path
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS
from edge_runtime.signals.types import UNKNOWN_UNIT, Signal, Window
from edge_runtime.system.quantities import counted, percent

if TYPE_CHECKING:
    from edge_runtime.data.data_sources import Sources
    from edge_runtime.data.dataset import Dataset

_MOST_SCORED = 2000  # windows
_EXAMPLES = ("card edge", "card mine.tflite --from card.json", "card mine.tflite --labels sit,run --data windows.npz")


@click.command(name="card", epilog=options.examples(*_EXAMPLES))
@options.model("MODEL|RUN", required=True)
@click.option("--from", "source", metavar="FILE", type=options.PATH, help="Attach the card in this file to MODEL.")
@click.option("--labels", metavar="NAMES|FILE", help="Labels of the outputs in a new card.  [default: the data's]")
@click.option("--signals", metavar="NAMES", help="Signals of the input in a new card.  [default: the data's]")
@click.option("--rate", type=options.FiniteRange(1, 1000), metavar="HZ", help="Samples per second in a new card.")
@click.option("--normalisation", metavar="FILE.json|none|data", default="none", help="Of signals, in a new card.")
@options.data("Data to make and check a new card with.")
@options.runtime
def command(model: Path, source: Path | None, runtime: str, **parts: Any) -> None:
    """Print the card of MODEL as JSON, attach another with --from, or make one for a .tflite file without a card.

    The card must fit the model's input and its number of labels. A new card needs --labels and --signals, or --data,
    which has them. If the model ends in a softmax, it then returns the logits before it.
    """
    new = [f"--{part}" for part in parts]
    if source is None and not any(map(options.is_given, new)):
        _, card = cards.read_model(model_path(model))
        click.echo(card.to_json(), nl=False)
        return
    from edge_runtime.devices.trial import try_model

    content = cards.read_tflite(model)
    flatbuffer, data = cards.strip(content, str(model)), None
    has_card = flatbuffer != content
    if has_card and not source and cards.parse(content, str(model))[1].quantisation:
        raise InputError(f"{model} has the card of its conversion: edit a copy of that card and attach it with --from")
    try_model(flatbuffer, str(model), runtime)
    if source:
        options.refuse_options("is in the card of --from", *new)
        card = cards.load(source)
    else:
        flatbuffer = with_logits(flatbuffer)
        card, data = _new(model.stem, ports(flatbuffer)[0][0], **parts)
    (input_,), (output,) = ports(flatbuffer)
    check_graph(input_, output, card, str(model))
    cards.write_model(model, flatbuffer, card)
    instead = " in place of its old card" * has_card
    click.echo(f"wrote {model} with {f'the card {source}' if source else 'a new card'}{instead}")
    if not source:
        click.echo(f"Inputs, in order: {', '.join(card.signal_names)}")
        click.echo(f"Outputs, in order: {', '.join(card.labels)}")
    if data:
        _score(Classifier(model, runtime), data, parts["normalisation"])


def _new(
    name: str,
    input_: Tensor,
    labels: str | None,
    signals: str | None,
    rate: float | None,
    normalisation: str,
    data: "Sources | None",
) -> "tuple[cards.Card, Dataset | None]":
    """Make a card for a model with this input, and load its data. Raises `InputError` if something is missing."""
    from edge_runtime.data.loading import DataReader

    samples, loaded = input_.shape[1] if len(input_.shape) > 1 else 1, None
    window, live = Window(rate, samples, max(1, samples // 2)), {signal.name: signal for signal in SIGNALS}
    named = read_signals(signals) if signals else ()
    used = tuple(live.get(each, Signal(each, UNKNOWN_UNIT)) for each in named)
    if data is not None:
        loaded = DataReader(data).windows(replace(window, rate_hz=float(RATE_HZ)))
        loaded = loaded.select(named) if named else loaded
        if rate and loaded.window.rate_hz not in (None, rate):
            raise InputError(f"--rate is {rate:g} Hz, but the windows have {loaded.window.rate_hz:g} Hz: leave it out")
        used, window = loaded.signals, replace(loaded.window, rate_hz=rate or loaded.window.rate_hz)
    elif not labels or not named:
        raise InputError("a new card needs --labels and --signals, or --data, which has them")
    card = cards.Card(
        name=name,
        labels=loaded.labels if loaded and not labels else read_labels(labels or ""),
        signals=used,
        window=window,
        normalisation=normalisation_of(normalisation, len(used), loaded.train.X if loaded else None),
        raw_input=input_.name == RAW_INPUT,
        front_end=FILTERS if {*used} <= {*SIGNALS} and window.rate_hz == RATE_HZ else None,
    )
    return card, loaded


def _score(classifier: Classifier, data: "Dataset", normalisation: str) -> None:
    """Print the accuracy on training windows, and the options with which it would be better."""
    from edge_runtime.data.evaluation_data import in_labels_of
    from edge_runtime.data.mistaken_options import better_options
    from edge_runtime.data.scores import Classes

    card, model = classifier.card, classifier.model
    labelled = in_labels_of(card, data)[0]
    if labelled.labels != card.labels:
        click.echo(f"Not scored, since the data has other labels: {', '.join(data.labels)}")
        return
    every = 1 + len(labelled.train) // _MOST_SCORED
    X, y = labelled.train.X[::every], labelled.train.y[::every]

    def predicted(option: str, order: Sequence[int]) -> Classes:
        changed = replace(card, normalisation=normalisation_of(option, len(order), data.train.X[..., order]))
        with np.errstate(all="ignore"):  # a signal may be constant
            return predict(model, preparation(changed, model.input), X[..., order]).argmax(1)

    accuracy = percent(float(np.mean(predicted(normalisation, range(len(card.signals))) == y)))
    click.echo(f"Accuracy on {counted(len(y), 'training window')}: {accuracy}")
    if advice := better_options(predicted, y, card.labels, card.signal_names, normalisation):
        raise CheckFailedError(f"{advice}: write the card again with these options")
