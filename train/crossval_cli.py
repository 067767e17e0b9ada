"""Cross-validate a network: the command `har-edge crossval`."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from edge_runtime import runs
from edge_runtime.commands import options
from edge_runtime.data.data_sources import Sources, data_texts
from edge_runtime.system.terminal import Console, progress
from train.fit.networks import short_name
from train.training_options import training_options


def number(_: click.Context, __: click.Parameter, text: str) -> int | None:
    """As a callback: convert to the number of folds, None if each subject is a fold."""
    if text == "subjects":
        return None
    if text.isdecimal() and len(text) < 7 and int(text) >= 2:
        return int(text)
    raise click.BadParameter(f"'{text}' is neither a number of at least 2 nor subjects.")


@click.command(
    name="crossval",
    epilog=options.examples(
        "crossval --network edge-small",
        "crossval --sensors accelerometer --folds 7 -o runs/accelerometer",
        "crossval --folds subjects",
    ),
)
@options.out("FOLDER", "The folder to make.  [default: runs/crossval-NETWORK-DATE-TIME]")
@click.option(
    "--folds",
    callback=number,
    default="4",
    metavar="N|subjects",
    help="Groups of training subjects, each scored by a network trained on all others. subjects: each by itself.",
)
@training_options
@options.picture_format
def command(folds: int | None, pictures: str, out: Path | None, data: Sources | None, **values: Any) -> None:
    """Cross-validate a network over groups of the training subjects.

    For each group (fold) a network is trained on all other training subjects and scored on the group. Prints accuracy
    and macro-F1 on each group and each subject, and writes them as JSON and a picture. The test subjects take no
    part. The fits run side by side, one on each CPU.
    """
    from convert.tensorflow_setup import require_extra

    require_extra("har-edge crossval", ("tensorflow", "sklearn", "matplotlib"))
    from edge_runtime.reports.sentences import exchanged_labels
    from train import cross_validation
    from train.run.training import check_free
    from train.training_data import TrainingInput

    settings = TrainingInput(data=data_texts(data), **values)
    settings.check_network()
    folder = out or runs.new_folder(f"crossval-{short_name(settings.network)}")
    check_free(folder)
    with progress() as on_progress:
        result = cross_validation.run(settings, folds, folder, pictures, partial(click.echo, err=True), on_progress)
    Console().print(cross_validation.scores_table(result, settings))
    for sentence in exchanged_labels(result.scores.exchanged):
        click.echo(sentence)
    click.echo(f"Scores and pictures: {folder}")
