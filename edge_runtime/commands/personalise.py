"""Adapt a model to one person on the device: `har-edge personalise`."""

import dataclasses
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime.commands import options
from edge_runtime.commands.model_arguments import find_model, say_who_is_known, untypical, warn_of_axes
from edge_runtime.data.data_sources import Sources, in_words
from edge_runtime.data.loading import DataReader
from edge_runtime.data.names import natural
from edge_runtime.data.recording import Recording
from edge_runtime.data.recording_checks import misfits
from edge_runtime.devices.trial import open_classifier
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.live import personalisation
from edge_runtime.live.correction_ridge import HeldOut
from edge_runtime.live.recognizer import check_live
from edge_runtime.model import model_card as cards
from edge_runtime.model.novelty import GRAVITY
from edge_runtime.reports import outputs
from edge_runtime.system.printable import printable, quoted
from edge_runtime.system.quantities import counted, percent


@click.command(
    name="personalise",
    epilog=options.examples(
        "personalise edge --data my_recordings -o mine.tflite",
        "personalise edge --data uci-har --subject 10 -o ten.tflite",
    ),
)
@options.model()
@options.data("The person's recordings: a file, folder or zip.", required=True)
@options.out("FILE", "The adapted model to write (.tflite).", required=True)
@click.option("--subject", metavar="NAME", help="The person to adapt to, if the data has several.")
@click.option("--anyway", is_flag=True, help="Write the model even if it is not better, or the data does not fit.")
@options.runtime
def command(model: Path | None, data: Sources, subject: str | None, out: Path, anyway: bool, runtime: str) -> None:
    """Adapt MODEL to one person, from a few seconds of each activity, without TensorFlow.

    MODEL stays as it is. The adapted model is used like any other. Nothing is written unless it is better than MODEL.
    """
    path = find_model(model)
    classifier = open_classifier(path, runtime)
    if classifier.card.personal_correction:
        raise InputError(f"{path} is already adapted to a person: give the model that it was made from")
    check_live(classifier.card)
    if not set(classifier.card.signal_names) >= set(GRAVITY):
        raise InputError(f"{path} does not take {GRAVITY[0]}, y and z, which adaptation needs: use another model")
    if out.exists():
        raise InputError(f"{out} already exists: give another name with -o, or remove it")
    recordings, is_unfit = _recordings_of_one(data, subject)
    for recording in recordings:
        recording.check_signals(classifier.card.signals)
    personalisation.check_sensors(recordings, classifier.card)
    if is_unfit and not anyway:
        raise InputError(f"{in_words(data)} does not fit (see above): correct it, or add --anyway")
    warn_of_axes(classifier.card, [recording.mounting for recording in recordings])
    say_who_is_known(classifier.card, recordings)
    stretches, unmoving = personalisation.find_stretches(recordings, classifier)
    if unmoving:
        example = printable(unmoving[0], 100)
        outputs.say(f"Left out: {counted(len(unmoving), 'mounting')} without walking, for example {example}.")
    data_labels = sorted({label for recording in recordings for label in recording.found_labels})
    correction, held_out = personalisation.learn(stretches, classifier, data_labels)
    check = "Not cross-validated: that takes 10 s of each activity."
    person, labels = str(recordings[0].subject), classifier.card.labels
    seconds = {labels[i]: sum(x.seconds for x in stretches if x.label == i) for i in {x.label for x in stretches}}
    record: dict[str, Any] = {"subject": person, "seconds": {name: round(s, 1) for name, s in seconds.items()}}
    if held_out:
        shares = {"original_accuracy": held_out.before, "accuracy": held_out.after}
        record["held_out"] = {"windows": held_out.windows, **shares}
        check = _check(held_out, classifier.card.name, in_words(data), anyway)
    if (unknown := untypical(np.concatenate([x.novel for x in stretches]))) and not anyway:
        raise InputError(f"{in_words(data)}: {unknown}, or add --anyway")
    flatbuffer, card = cards.read_model(path)
    adapted = dataclasses.replace(card, personal_correction=dataclasses.replace(correction, record=record))
    cards.write_model(out, flatbuffer, adapted)
    stretches_of = ", ".join(f"{value:g} s of {name}" for name, value in record["seconds"].items())
    click.echo(f"{out}: {card.name} adapted to subject {person} from {stretches_of}")
    if others := [label for label in data_labels if label not in labels]:
        click.echo(f"Left out, since the model does not have these labels: {', '.join(others)}.")
    click.echo(check)


def _recordings_of_one(data: Sources, name: str | None) -> tuple[tuple[Recording, ...], bool]:
    """Return the recordings of the person `name`, or of the only person, and whether their files do not fit."""
    reader = DataReader(data)
    recordings = reader.recordings
    subjects = sorted({str(recording.subject) for recording in recordings}, key=natural)
    if len(subjects) > 1 if name is None else name not in subjects:
        absent = "" if name is None else f", not of {quoted(name, 30)}"
        raise InputError(f"{in_words(data)} has recordings of {', '.join(subjects)}{absent}: choose with --subject")
    of_one = tuple(recording for recording in recordings if name in (None, str(recording.subject)))
    files = {recording.file for recording in of_one}
    described = [
        (source, dataclasses.replace(facts, recordings=tuple(x for x in facts.recordings if x.file in files)))
        for source, facts in reader.described
    ]
    unfit = [*misfits([(source, facts) for source, facts in described if facts.recordings])]
    outputs.say(*(finding.text for finding in unfit))
    return of_one, any(finding.is_fault for finding in unfit)


def _check(held_out: HeldOut, model: str, data: str, anyway: bool) -> str:
    """Return a sentence on the accuracy of the correction.

    Raises `CheckFailedError` if no correction can help, and, unless it is written `anyway`, if this one does not.
    """
    shares = f"{percent(held_out.before)} are right before adaptation, {percent(held_out.after)} after"
    if held_out.is_wrong_throughout:
        raise CheckFailedError(
            f"'{model}' is wrong throughout on {data}, so nothing was written ({shares}): check the labels and how the "
            "device was worn, or use edge-anywhere"
        )
    if held_out.are_exchanged and not anyway:
        raise CheckFailedError(
            f"'{model}' answers most windows of two labels in {data} by the other label, so nothing was written: check "
            "the labels, or add --anyway"
        )
    if held_out.after <= held_out.before and not anyway:
        raise CheckFailedError(
            f"the correction learnt from one part of {data} does not raise accuracy on another ({shares}), so nothing "
            f"was written: use '{model}' as it is, record more with the phone worn the same way, or add --anyway"
        )
    return f"Cross-validated on {held_out.windows} windows: {shares}."
