"""`har-edge evaluate`: how right a model is about the test subjects, window by window or live."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge_runtime import bench, dataset, scores
from edge_runtime.classifier import Classifier
from edge_runtime.dataset import Dataset
from edge_runtime.errors import InputError
from edge_runtime.files import write_text
from edge_runtime.interpreters import RUNTIMES
from edge_runtime.model_paths import find_model

if TYPE_CHECKING:
    from edge_runtime.live_scores import LiveScores, Track


@click.command(name="evaluate")
@click.argument("model", metavar="[MODEL|RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--live", is_flag=True, help="Follow the test subjects' whole recordings as a live stream.")
@click.option("--hop", type=click.IntRange(1), default=64, show_default=True, help="Samples between live decisions.")
@click.option("--data", "data_path", type=click.Path(path_type=Path), help="Other data than the embedded UCI HAR.")
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True, help="Which interpreter.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the scores as JSON.")
@click.option(
    "--plots", type=click.Path(path_type=Path), help="With --live: a timeline of each recording into this folder."
)
def command(
    model: Path | None,
    live: bool,
    hop: int,
    data_path: Path | None,
    runtime: str,
    json_path: Path | None,
    plots: Path | None,
) -> None:
    """Score MODEL on the test subjects.

    A .tflite file, a run folder or the name of a reference network; without one, the latest run's int8 model.
    """
    if plots and not live:
        raise click.UsageError("--plots draws timelines: give --live too")
    path = find_model(model)
    classifier = Classifier(path, runtime)
    if not live:
        content = _windows(path, classifier, dataset.load(data_path))
    else:
        content = _live(classifier, data_path, hop, plots)
    if json_path:
        write_text(json_path, json.dumps({"model": classifier.card.name} | content, indent=1) + "\n")


def _windows(path: Path, classifier: Classifier, data: Dataset) -> dict[str, Any]:
    from rich.table import Table

    from edge_runtime.terminal import Console, progress

    model = bench.open_file(path)
    data = bench.with_classes_of([model], data)
    bench.check_data(model, data)
    test = data.select([x.name for x in classifier.card.signals]).test
    with progress() as on_progress:
        on_progress(0.0, f"classifying {len(test)} windows")
        predicted = classifier.logits(test.X).argmax(axis=1)
    labels = classifier.card.labels
    confusion = scores.confusion_matrix(test.y, predicted, len(labels))
    per_class = scores.per_class(confusion, labels)
    table = Table("activity", "windows", "recall", "precision", "F1", title_justify="left")
    for label, row in per_class.items():
        table.add_row(label, f"{row.windows}", f"{row.recall:.1%}", f"{row.precision:.1%}", f"{row.f1:.1%}")
    console = Console()
    console.print(table)
    subjects = {str(x): float((predicted == test.y)[test.subject == x].mean()) for x in np.unique(test.subject)}
    accuracy = scores.accuracy(confusion)
    worst = min(subjects, key=lambda x: subjects[x])
    console.print(
        f"Accuracy {accuracy:.2%} of {len(test)} windows of {len(subjects)} people; subject {worst} has the least, "
        f"{subjects[worst]:.1%}."
    )
    return {
        "windows": len(test),
        "accuracy": accuracy,
        "per_class": {label: dataclasses.asdict(x) for label, x in per_class.items()},
        "per_subject": subjects,
        "confusion": confusion.tolist(),
    }


def _live(classifier: Classifier, data_path: Path | None, hop: int, plots: Path | None) -> dict[str, Any]:
    from edge_runtime.live_evaluation import follow
    from edge_runtime.live_scores import score
    from edge_runtime.terminal import progress

    recordings = dataset.load_recordings(data_path)
    subjects = set(dataset.load(data_path).test.subject.tolist())
    chosen = [(number, x) for number, x in enumerate(recordings) if x.subject in subjects]
    if plots:
        _make_folder(plots)
    tracks: list[Track] = []
    names = _names(classifier, recordings[0])
    with progress() as on_progress:
        for done, (number, recording) in enumerate(chosen):
            on_progress(done / len(chosen), f"recording {number}")
            tracks.append(follow(recording, classifier, hop))
            if plots:
                from edge_runtime.plots import plot_timeline

                title = f"Recording {number}, subject {recording.subject}: {classifier.card.name}, live"
                plot_timeline(plots / f"recording-{number}.png", tracks[-1], names, recording.rate_hz, title)
    window = classifier.card.window
    found = score(tracks, len(classifier.card.labels), window.samples, window.rate_hz)
    _show(found, tracks)
    if plots:
        click.echo(f"{len(tracks)} timelines in {plots}")
    return {"hop": hop, "subjects": len(subjects), "recordings": len(tracks)} | dataclasses.asdict(found)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path} ({error.strerror}): name another for --plots") from error


def _names(classifier: Classifier, recording: dataset.Recording) -> list[str]:
    labels = classifier.card.labels
    return [*labels, *(x for x in recording.label_names if x not in labels)]


def _show(found: "LiveScores", tracks: "list[Track]") -> None:
    from rich.table import Table

    from edge_runtime.terminal import Console

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, value in (
        (
            "recordings",
            f"{len(tracks)} of {len({x.subject for x in tracks})} people, {found.hours:.2f} h of activities",
        ),
        ("accuracy, windows alone", f"{found.window_accuracy:.2%} of {found.windows} windows wholly in one activity"),
        (
            "accuracy, live",
            f"{found.reported_accuracy:.2%} of those that are not unknown; {found.live_accuracy:.2%} of all",
        ),
        ("of every moment", f"{found.sample_accuracy:.1%} of all samples of the activities, from their first on"),
        (
            "delay",
            f"{found.delay_median_s:.2f} s until a new activity is reported (median), {found.delay_p90_s:.2f} s "
            f"(90 %); {found.missed} of {found.activities} never",
        ),
        (
            "false changes",
            f"{found.false_changes_per_hour:.1f} an hour; {found.false_changes_seen_per_hour:.1f} when the whole "
            "window was of the labelled activity",
        ),
        (
            "unknown",
            f"{found.unknown_in_activities:.1%} of activities, {found.unknown_in_transitions:.1%} of the transitions "
            "between postures",
        ),
    ):
        table.add_row(name, value)
    Console().print(table)
