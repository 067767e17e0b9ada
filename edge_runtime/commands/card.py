"""Show the card of a model, or attach one: `har-edge card`."""

from pathlib import Path

import click

from edge_runtime.commands import options
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import check_graph
from edge_runtime.model.graphs import ports
from edge_runtime.model.model_paths import model_path


@click.command(name="card", epilog=options.examples("card edge", "card my_model.tflite --from card.json"))
@options.model("MODEL|RUN", required=True)
@click.option("--from", "source", metavar="FILE", type=options.PATH, help="Attach the card in this file to MODEL.")
@options.runtime
def command(model: Path, source: Path | None, runtime: str) -> None:
    """Print the card of MODEL as JSON, or attach another card with --from.

    The card must fit the model's input and its number of labels.
    """
    if source is None:
        _, card = cards.read_model(model_path(model))
        click.echo(card.to_json(), nl=False)
        return
    from edge_runtime.devices.trial import try_model

    card = cards.load(source)
    flatbuffer = cards.strip(cards.read_tflite(model), str(model))
    try_model(flatbuffer, str(model), runtime)
    (input_,), (output,) = ports(flatbuffer)
    check_graph(input_, output, card, str(model))
    cards.write_model(model, flatbuffer, card)
    click.echo(f"wrote {model} with the card {source}")
