"""Adapt a model to one person on the device, or show the gain: `har-edge personalise`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from edge_runtime.commands import options
from edge_runtime.commands.model_arguments import find_model, recordings_for, say_who_is_known, warn_of_axes
from edge_runtime.data import evaluation_data
from edge_runtime.data.data_sources import Sources, in_words
from edge_runtime.data.dataset import Recording
from edge_runtime.data.loading import DataReader
from edge_runtime.data.names import natural
from edge_runtime.data.recording_checks import say_misfits
from edge_runtime.devices.trial import open_classifier
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.live import personalisation
from edge_runtime.live.personalisation import Gain, Stretch
from edge_runtime.live.recognizer import check_front_end
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.novelty import GRAVITY
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.reports import outputs
from edge_runtime.system.printable import printable, quoted
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console, plain_table, progress


@click.command(
    name="personalise",
    epilog=options.examples("personalise edge --data my_recordings -o mine.tflite", "personalise edge --evaluate"),
)
@options.model()
@options.data(f"Recordings, in a folder or zip: one person's (required), or any with --evaluate.  {options.OF_RUN}")
@options.out("FILE", "The adapted model to write (.tflite).  [required without --evaluate]")
@click.option("--subject", metavar="NAME", help="Person to take, where the data has several.")
@click.option("--evaluate", is_flag=True, help="Show instead the gain for everyone that the model was not trained on.")
@click.option(
    "--seconds",
    type=options.FiniteRange(2.56),
    metavar="SECONDS",
    default=10.0,
    help="With --evaluate: time to learn from, of each activity.",
)
@outputs.option("json", "With --evaluate: write the gains too; - is standard output.")
@options.runtime
def command(
    model: Path | None,
    data: Sources | None,
    subject: str | None,
    out: Path | None,
    evaluate: bool,
    seconds: float,
    runtime: str,
    json_path: Path | None,
) -> None:
    """Adapt MODEL to one person, from a few seconds of each activity, without TensorFlow.

    MODEL stays as it is; the adapted model goes to -o and is used like any other.
    """
    options.belonging("--evaluate", "--seconds", "--json")
    options.exclusive("--evaluate", "--out --subject")
    path = find_model(model)
    classifier = open_classifier(path, runtime)
    if classifier.card.personal_correction:
        raise InputError(f"{path} is adapted to one person already: give the model that it was made from")
    if not {x.name for x in classifier.card.signals} >= set(GRAVITY):
        raise InputError(f"{path} does not take acceleration with gravity, which a correction is learnt from")
    check_front_end(classifier.card)
    if evaluate:
        _evaluate(path, classifier, data, seconds, json_path)
        return
    if data is None or out is None:
        raise click.UsageError("give a person's recordings with --data, and a name for the adapted model with -o")
    if out.exists():
        raise InputError(f"{out} is there already: give another name with -o, or remove it")
    recordings = _of_one(data, subject)
    for x in recordings:
        x.check_signals(classifier.card.signals)
    personalisation.check_sensors(recordings, classifier.card)
    warn_of_axes(classifier.card, [x.mounting for x in recordings])
    say_who_is_known(classifier.card, recordings)
    found, unmoving = personalisation.stretches(recordings, classifier)
    _say_unmoving(unmoving)
    correction, said = _learnt(found, classifier, in_words(data))
    person = str(recordings[0].subject)
    record = {"subject": person, **correction.record}
    flatbuffer, card = cards.read_model(path)
    adapted = dataclasses.replace(card, personal_correction=dataclasses.replace(correction, record=record))
    cards.write_model(out, flatbuffer, adapted)
    learnt = ", ".join(f"{value:g} s of {name}" for name, value in record["seconds"].items())
    click.echo(f"{out}: {card.name} adapted to subject {person} from {learnt}")
    others = sorted({x for recording in recordings for x in recording.found_labels} - {*card.labels})
    if others:
        click.echo(f"Left out, since the model does not have these labels: {', '.join(others)}.")
    click.echo(said)


def _of_one(data: Sources, named: str | None) -> tuple[Recording, ...]:
    """The recordings of the person who is `named`, or of the only one in `data`."""
    reader = DataReader(data)
    recordings = reader.recordings
    say_misfits(reader.described)
    subjects = sorted({str(x.subject) for x in recordings}, key=natural)
    if len(subjects) > 1 if named is None else named not in subjects:
        absent = "" if named is None else f", not of {quoted(named, 30)}"
        raise InputError(f"{in_words(data)} has recordings of {', '.join(subjects)}{absent}: choose with --subject")
    return tuple(x for x in recordings if named in (None, str(x.subject)))


def _learnt(found: Sequence[Stretch], classifier: Classifier, data: str) -> tuple[PersonalCorrection, str]:
    """The correction that labels teach, and a sentence on its accuracy. Raises `CheckFailedError` if it does harm."""
    correction, held_out = personalisation.learn(found, classifier)
    before, after = (x / held_out.windows for x in (held_out.before, held_out.after)) if held_out else (None, None)
    shares = f"{percent(before)} are right before adaptation, {percent(after)} after"
    if held_out and held_out.is_wrong_throughout:
        raise CheckFailedError(
            f"'{classifier.card.name}' is wrong throughout on {data}, so nothing was written ({shares}): check the "
            "labels and how the device was worn, or take edge-anywhere"
        )
    if held_out and held_out.is_worse:
        raise CheckFailedError(
            f"the correction learnt on one part of {data} lowers accuracy on another, so nothing was written "
            f"({shares}): wear the phone the same way throughout and record more"
        )
    labels = classifier.card.labels
    seconds = {labels[i]: round(sum(x.seconds for x in found if x.label == i), 1) for i in {x.label for x in found}}
    record: dict[str, Any] = {"seconds": seconds}
    said = "Not cross-validated: that takes 10 s of each activity."
    if held_out:
        record["held_out"] = {"windows": held_out.windows, "original_accuracy": before, "accuracy": after}
        said = f"Cross-validated on {held_out.windows} windows: {shares}."
    return dataclasses.replace(correction, record=record), said


def _evaluate(path: Path, classifier: Classifier, data: Sources | None, seconds: float, json_path: Path | None) -> None:
    where = recordings_for(path, data)
    numbered, _ = evaluation_data.recordings(where, classifier.card, is_remembered=data is None)
    recordings = [x for _, x in numbered]
    warn_of_axes(classifier.card, [x.mounting for x in recordings])
    subjects = list(dict.fromkeys(x.subject for x in recordings))
    gains: list[Gain] = []
    not_adapted: dict[str, str] = {}
    unmoving: list[str] = []
    with progress() as on_progress:
        for done, subject in enumerate(subjects):
            on_progress(done / len(subjects), f"adapting: subject {subject}")
            try:
                own = [x for x in recordings if x.subject == subject]
                found, left_out = personalisation.stretches(own, classifier)
                unmoving += left_out
                gains.append(personalisation.gain(subject, found, seconds, classifier))
            except InputError as error:
                not_adapted[f"{subject}"] = f"{error}"
    _say_unmoving(unmoving)
    for name, why in not_adapted.items():
        click.echo(f"Not adapted, and not scored: subject {name}: {why}.", err=True)
    if not gains:
        raise InputError(f"{in_words(where)} has nobody to score")
    table = plain_table(["subject"], ["windows", "accuracy", "after", "gain", "macro F1", "after"])
    shares = [(x.before, x.after, x.macro_f1_before, x.macro_f1_after) for x in gains]
    mean = [fmean(x) for x in zip(*shares, strict=True)]
    names = [*((f"{x.subject}", f"{x.windows}", x.used) for x in gains), ("mean", "", True)]
    for (subject, windows, used), (before, after, *macro_f1) in zip(names, [*shares, mean], strict=True):
        gain = f"{100 * (after - before):+.2f}" if used else "not adapted"
        table.add_row(subject, windows, percent(before), percent(after), gain, *map(percent, macro_f1))
    console = Console()
    console.print(table)
    n_lose = sum(x.macro_f1_after - x.macro_f1_before < -0.01 for x in gains)
    console.print(
        f"Macro F1 changes by {100 * (mean[3] - mean[2]):+.2f} percentage points; it falls by more than one point for "
        f"{n_lose} of {counted(len(gains), 'subject')}. Learnt from the first {seconds:g} s of each activity, scored "
        "on all other windows of the person."
    )
    content = {"seconds": seconds, "not_scored": not_adapted}
    outputs.write_json(json_path, content | {"gains": [dataclasses.asdict(x) for x in gains]})


def _say_unmoving(mountings: Sequence[str]) -> None:
    """Say on stderr how many mountings are left out because nobody walks in them."""
    if mountings:
        first = printable(mountings[0], 100)
        click.echo(f"Left out: {counted(len(mountings), 'mounting')} without walking, {first} first.", err=True)
