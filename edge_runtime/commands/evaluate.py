"""Score a model on people that it was not trained on, window by window or live: `har-edge evaluate`."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click
import numpy as np

from edge_runtime.commands import model_arguments, options
from edge_runtime.data import evaluation_data
from edge_runtime.data.data_sources import Sources
from edge_runtime.data.evaluation_data import EvaluatedWindows
from edge_runtime.data.names import noun_of, with_noun
from edge_runtime.data.recording import Recording
from edge_runtime.data.scores import GroupScore, Scores, answers_among, closed_by_group, is_chance, names_of, score
from edge_runtime.devices.trial import open_classifier
from edge_runtime.live import stream_scores
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.recognizer import check_live
from edge_runtime.live.recording_tracks import track_recordings
from edge_runtime.live.stream_scores import LiveScores, Track, WindowScores
from edge_runtime.model.alike_labels import decide_by_tilt, leans_back, tilt_decides, upright_alike
from edge_runtime.model.classifier import Classifier, are_novel, gravity
from edge_runtime.model.model_card import Card
from edge_runtime.reports import outputs
from edge_runtime.reports.figures import plot_confusion, require_matplotlib
from edge_runtime.reports.sentences import exchanged_labels, left_out, motionless
from edge_runtime.runs import Run
from edge_runtime.signals.types import Array
from edge_runtime.system.files import check_folder
from edge_runtime.system.quantities import NOT_MEASURED, counted, percent
from edge_runtime.system.terminal import Console, facts_table, plain_table, progress

Scored: TypeAlias = tuple[dict[str, Any], list[list[int]], str]
"""The content of `--json`, and a confusion matrix with its title."""


@click.command(
    name="evaluate",
    epilog=options.examples("evaluate", "evaluate edge --json scores.json", "evaluate edge --live --plots pictures"),
)
@options.model()
@options.data(options.DATA_OF_RUN)
@click.option("--live", is_flag=True, help="Follow these people's whole recordings as a live stream.")
@outputs.option("json", "Write the scores too; - is standard output.")
@click.option("--plots", metavar="FOLDER", type=options.PATH, help="Draw the confusion matrix into this folder.")
@options.picture_format
@options.runtime
def command(
    model: Path | None,
    live: bool,
    data: Sources | None,
    runtime: str,
    json_path: Path | None,
    plots: Path | None,
    pictures: str,
) -> None:
    """Score MODEL on people that it was not trained on: its test subjects, and everyone who is new."""
    if plots:
        require_matplotlib()
        check_folder(plots)
    path = model_arguments.find_model(model)
    classifier = open_classifier(path, runtime)
    if live:
        check_live(classifier.card)
        chosen = model_arguments.recordings_for(path, data)
        numbered, not_scored, notices = evaluation_data.scored_recordings(chosen, classifier.card, data is None)
        outputs.say(*(finding.text for finding in notices))
        numbered = model_arguments.long_enough(numbered, classifier.card)
        model_arguments.warn_of_axes(classifier.card, [recording.mounting for _, recording in numbered])
        content, confusion, title = _live(classifier, numbered)
    else:
        chosen = model_arguments.data_for([path], data)
        data_set, notices = evaluation_data.scored_windows([classifier.card], chosen, is_remembered=data is None)
        outputs.say(*(finding.text for finding in notices))
        windows = evaluation_data.evaluated(classifier.card, data_set)
        model_arguments.warn_of_axes(classifier.card, windows.mountings)
        not_scored = windows.not_scored
        content, confusion, title = _windows(classifier, windows)
    if any(finding.is_fault for finding in notices):
        click.echo("The data does not fit (see above): these scores may say little about the model.")
    if classifier.card.personal_correction:
        click.echo("The model is adapted to this person: scores on the recordings it learnt from say little.")
    if plots:
        picture = Run(plots, pictures).picture("confusion")
        plot_confusion(confusion, classifier.card.labels, title, picture)
        click.echo(picture)
    facts = {"model": classifier.card.name, "not_scored": [*map(str, not_scored)]}
    outputs.write_json(json_path, facts | content)


def _windows(classifier: Classifier, windows: EvaluatedWindows) -> Scored:
    test, labels = windows.test, classifier.card.labels
    with progress() as on_progress:
        on_progress(0.0, f"classifying {len(test)} windows")
        probabilities, n_alike = _as_worn(classifier.card, windows, classifier.probabilities(test.X))
    open_set = score(test, probabilities.argmax(axis=1), labels, windows.mountings)
    occurring = np.bincount(windows.test.y, minlength=len(labels)) > 0  # the closed set
    closed_set = dataclasses.replace(
        score(test, answers_among(probabilities, occurring), labels, windows.mountings),
        per_source=closed_by_group(probabilities, test.y, names_of(test, windows.mountings, "source")),
    )
    _show_scores(open_set, closed_set, windows)
    if len(set(test.y.tolist())) > 1 and is_chance(open_set.per_class):
        mend = "check the labels, signals, units and normalisation in its card"
        click.echo(f"Hardly better than always giving the same label: {mend}.")
    for sentence in exchanged_labels(open_set.exchanged):
        click.echo(sentence)
    if n_alike:
        click.echo(
            f"{counted(n_alike, 'window')} count as right, since two activities look alike as the device is worn."
        )
    if unknown := model_arguments.untypical(are_novel(test.X, test.y, classifier.card)):
        click.echo(f"{unknown}.")
    people = counted(len(open_set.per_subject), noun_of(open_set.per_subject))
    title = f"{classifier.card.name}: {percent(open_set.accuracy)} of {counted(len(test), 'window')} ({people})"
    names = [label for label, occurs in zip(labels, occurring, strict=True) if occurs]
    still = windows.motionless
    left_out = {"left_out": windows.left_out, "motionless": still.windows, "motionless_mountings": still.mountings}
    left_out["alike"] = n_alike
    closed = {"labels": names} | dataclasses.asdict(closed_set)
    content = left_out | dataclasses.asdict(open_set) | {"closed_set": closed}
    return content, [*map(list, open_set.confusion)], title


def _as_worn(card: Card, windows: EvaluatedWindows, probabilities: Array) -> tuple[Array, int]:
    """Change the `probabilities` `[n, n_labels]` as live recognition does by the placement.

    At a waist, tilt decides between sitting and lying. Activities that look alike as the device was worn are one
    answer, which counts as the right activity. Also return the number of windows that are right only by this.
    """
    n_alike = 0
    if card.frame == "device":
        return probabilities, n_alike
    test, worn = windows.test, names_of(windows.test, windows.mountings, "placement")
    acceleration = gravity(test.X[:, -card.window.hop :], card)
    for place in np.unique(worn).tolist():
        at_place = worn == place
        if tilt_decides(place, card.labels):
            probabilities[at_place] = decide_by_tilt(probabilities[at_place], acceleration[at_place], card.labels)
        alike_by_tilt = [(x, True) for x in card.alike if x.holds(place)]
        for alike, is_tilted in (*alike_by_tilt, *((x, False) for x in upright_alike(place, card.labels))):
            members = [card.labels.index(label) for label in alike.labels]
            rows = at_place & np.isin(test.y, members) & (leans_back(acceleration) == is_tilted)
            rows &= np.isin(probabilities.argmax(axis=1), members)
            n_alike += int((probabilities.argmax(axis=1) != test.y)[rows].sum())
            probabilities[np.ix_(rows, members)] = 0.0
            probabilities[rows, test.y[rows]] = 1.0
    return probabilities, n_alike


def _show_scores(open_set: Scores, closed_set: Scores, evaluated: EvaluatedWindows) -> None:
    """Print the scores of a model's answers to the windows, and which windows were left out.

    Answers of the `closed_set` are limited to the labels that occur; it is shown if several labels occur and the model
    gave other labels too.
    """
    console = Console()  # labels are text from outside
    n_occurring = sum(bool(row.windows) for row in open_set.per_class.values())
    is_closed = open_set.confusion == closed_set.confusion or n_occurring == 1
    table = plain_table(["activity"], ["windows", "recall", "precision", "F1", *([] if is_closed else ["closed set"])])
    for label, row in open_set.per_class.items():
        shares = [row.recall, row.precision, row.f1, *([] if is_closed else [closed_set.per_class[label].recall])]
        table.add_row(label, f"{row.windows}", *(percent(share, 1) for share in shares))
    console.print(table)
    people = open_set.per_subject_macro_f1
    least = min(people, key=people.__getitem__)
    weakest = f"; {with_noun(least)} has the least macro F1, {percent(people[least], 1)}"
    whose = with_noun(least) if len(people) == 1 else counted(len(people), noun_of(people)) + weakest
    console.print(f"Accuracy {_shares(open_set)} of {whose}.")
    if not is_closed:
        console.print(
            "Closed set, with answers limited to the labels of these windows (last column: recall): "
            f"{_shares(closed_set)}."
        )
    for line in _group_lines(open_set, closed_set, evaluated):
        console.print(line)
    if notice := motionless(evaluated.motionless.windows, evaluated.motionless.mountings):
        console.print(notice)
    if notice := left_out(evaluated.left_out):
        console.print(notice)


def _group_lines(scores: Scores, closed_set: Scores, evaluated: EvaluatedWindows) -> Iterator[str]:
    """Yield a sentence for each placement and data set, if there are several; a data set has its own closed set."""
    if len(scores.per_placement) > 1:
        for name, group in scores.per_placement.items():
            yield f"Placement {name}: accuracy {_shares(group)}."
    if len(scores.per_source) > 1:
        sources = names_of(evaluated.test, evaluated.mountings, "source")
        for name, group in scores.per_source.items():
            labels, closed = np.unique(evaluated.test.y[sources == name]), closed_set.per_source[name]
            among = f"; closed set of its {counted(len(labels), 'label')}: {_shares(closed)}" if closed != group else ""
            yield f"Data set {name}: accuracy {_shares(group)}{among}."


def _shares(scores: Scores | GroupScore) -> str:
    """Return accuracy and macro F1."""
    windows = counted(scores.windows, "window")
    return f"{percent(scores.accuracy)}, macro F1 {percent(scores.macro_f1)} of {windows}"


def _live(classifier: Classifier, chosen: Sequence[tuple[int, Recording]]) -> Scored:
    labels, window = classifier.card.labels, classifier.card.window
    recordings = [x for _, x in chosen]
    track_by_place: dict[int, Track] = {}
    with progress() as on_progress:
        for place, track in track_recordings(recordings, classifier):
            track_by_place[place] = track
            on_progress(len(track_by_place) / len(chosen), f"following recordings: {chosen[place][0]}")
    tracks = [track_by_place[place] for place in range(len(chosen))]
    n_recordings = Counter(kind for track in tracks for kind in track.notices)
    texts = {kind: text for track in reversed(tracks) for kind, text in track.notices.items()}
    outputs.say(*(f"In {counted(n, 'recording')}: {texts[kind]}." for kind, n in n_recordings.items()))
    scores = stream_scores.score(tracks, len(labels), window)
    subjects = [str(track.subject) for track in tracks]
    places = [recording.mounting.placement for recording in recordings]
    people, placements = (
        stream_scores.per_group(tracks, names, len(labels), window.samples) for names in (subjects, places)
    )
    console = Console()
    n_people = len({*subjects})
    _show_live(scores, len(tracks), n_people, console)
    _show_groups("subject", people, console)
    _show_groups("placement", placements if len(placements) > 1 else {}, console)
    confusion = stream_scores.confusion(tracks, len(labels), window.samples).tolist()
    title = f"{classifier.card.name}, live: reported at the end of windows wholly in one activity, without unknown"
    content = {"hop": window.hop, "subjects": n_people, "recordings": len(tracks)} | dataclasses.asdict(scores)
    for key, groups in (("per_subject", people), ("per_placement", placements)):
        content[key] = {name: dataclasses.asdict(group) for name, group in groups.items()}
    return content, confusion, title


def _show_live(scores: LiveScores, recordings: int, people: int, console: Console) -> None:
    """Print the scores over all recordings, as far as they were measured."""
    table = facts_table()
    table.add_row("recordings", f"{recordings} of {counted(people, 'subject')}, {scores.hours:.2f} h of activities")
    windows, not_known = counted(scores.windows, "window"), scores.mounting_not_known or float("nan")
    false = f"an hour of what the model does not know; {percent(1 - scores.unknown_in_activities, 1)} of known is named"
    for name, value, text in (
        ("accuracy, unsmoothed", percent(scores.window_accuracy), f"of {windows} wholly in one activity"),
        ("accuracy, live", percent(scores.live_accuracy), "of these, unknown being wrong"),
        ("without unknown", percent(scores.reported_accuracy), "of those that are not unknown"),
        ("delay", _number(scores.delay_median_s, "{:.2f} s"), "until a new activity is reported (median)"),
        ("", _number(scores.delay_p90_s, "{:.2f} s"), "(90 %)"),
        ("false changes", _number(scores.false_changes_per_hour, "{:.1f}"), "an hour of activities"),
        ("false answers", _number(scores.false_answers_per_hour, "{:.1f}"), false),
        ("unknown", percent(scores.unknown_in_activities, 1), "of the time in activities, including their beginnings"),
        ("mounting not known", percent(not_known, 1), "of the time in activities; the other scores cover the rest"),
    ):
        if value != NOT_MEASURED:
            table.add_row(name, f"{value} {text}")
    console.print(table)


def _show_groups(heading: str, groups: Mapping[str, WindowScores], console: Console) -> None:
    """Print a row for each group, under the title `heading`."""
    if not groups:
        return
    table = plain_table([heading], ["windows", "unsmoothed", "live", UNKNOWN])
    for name, x in groups.items():
        shares = (x.window_accuracy, x.live_accuracy, x.unknown)
        table.add_row(name, f"{x.windows}", *(percent(share, 1) for share in shares))
    console.print()
    console.print(table)


def _number(value: float, form: str) -> str:
    """A delay or rate; "never" for an infinite one, "–" without any."""
    return NOT_MEASURED if math.isnan(value) else "never" if math.isinf(value) else form.format(value)
