"""Recognise the activities of whole recordings: `har-edge predict`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import click

from edge_runtime.commands import model_arguments, options
from edge_runtime.commands.options import SampleOptions
from edge_runtime.data.data_sources import FOREIGN, DataSource, Sources
from edge_runtime.data.dataset import Mounting
from edge_runtime.data.layout_recordings import exported_by
from edge_runtime.data.loading import DataReader
from edge_runtime.data.names import natural
from edge_runtime.data.recording_checks import misfits
from edge_runtime.devices.trial import open_classifier
from edge_runtime.errors import InputError
from edge_runtime.live import recording_tracks, stream_scores
from edge_runtime.live.decider import Decision, finds_mounting
from edge_runtime.live.display.predictions import Prediction, Recorded, rows, segments, show_predictions
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.session import Session
from edge_runtime.live.sources import Source
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.sources.file_sources import csv_file, recording_source
from edge_runtime.live.stream_scores import LiveScores, Track
from edge_runtime.live.timestamps import Timestamps
from edge_runtime.model.model_card import Card
from edge_runtime.model.model_paths import REFERENCE_MODELS, is_reference
from edge_runtime.reports import outputs
from edge_runtime.runs import SEEDS
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.system.files import csv_text
from edge_runtime.system.terminal import progress
from edge_runtime.system.zip_archive import is_zip


@click.command(
    name="predict",
    epilog=options.examples(
        "predict walk.csv",
        "predict walk.csv -o decisions.csv --json segments.json",
        "predict edge my_recordings",
        "predict edge-anywhere motionsense=A_DeviceMotion_data",
    ),
)
@click.argument(
    "paths", metavar="[MODEL|RUN] FILE.csv|FOLDER|ZIP|LAYOUT=PATH ...", nargs=-1, required=True, type=options.PATH
)
@click.option(
    "--model",
    metavar="MODEL|RUN",
    type=options.RUN_OR_FILE,
    help="The model, where it does not stand first: a .tflite file, a run folder, or edge, edge-small or "
    "edge-anywhere.  [default: the latest run, or edge]",
)
@options.out(
    "FILE",
    "Write a CSV file too, with a row per decision; - is standard output, for each form.",
    callback=outputs.keep_stdout,
)
@outputs.option("json", "Write the segments and the time of each activity too.")
@options.sample_options
@options.runtime
def command(
    paths: Sequence[Path],
    model: Path | None,
    out: Path | None,
    json_path: Path | None,
    runtime: str,
    sample: SampleOptions,
) -> None:
    """Recognise the activities in recordings: when each began and ended, and its share of the time.

    FILE.csv is a recording as 'har-edge stream --csv' takes it, with or without labels; FOLDER holds such files. A zip
    or folder that Sensor Logger or phyphox has exported is taken too.
    LAYOUT=PATH are recordings of another form, as a layout describes them (docs/data.md).
    """
    is_run = any((paths[0] / x).is_file() for x in ("card.json", SEEDS))
    if model is None and (is_run or is_reference(paths[0]) or paths[0].suffix == ".tflite"):
        model, *paths = paths
        if not paths:
            raise InputError(f"{model} is a model, and a recording is missing: name one after it")
    files, described = _inputs(paths)
    outputs.check_written({"out": out, "json": json_path}, inputs=files)
    if described:
        options.refuse_options("is known by the layout", "--units", "--gyro-units", "--rate")

    is_told, axes = sample.axes is not None, Axes(sample.axes or "x,y,z")
    classifier = open_classifier(model_arguments.find_model(model), runtime)
    card = classifier.card
    placement = sample.stated_placement(card)
    if files:
        model_arguments.say_placements(card, placement)
    recorded = [*(Recorded(x, Mounting(placement=placement)) for x in files), *_recordings(described, card, placement)]
    recordings = [x.recording for x in recorded if x.recording]
    model_arguments.say_whose_it_is(card, [x.recording.subject if x.recording else None for x in recorded])
    mountings = [[x] for x in recorded if not x.recording]
    mountings += [[recorded[len(files) + i] for i in own] for own in recording_tracks.worn_alike(recordings)]
    found: list[list[Prediction]] = []
    done = 0
    with progress() as on_progress:
        for own in mountings:
            recognizer = LiveRecognizer(classifier, sample.hop, True, is_told, own[0].mounting.placement)
            found.append([])
            for x in own:
                on_progress(done / len(recorded), f"following recordings: {x}")
                if x.recording:
                    opened = recording_source(x.number, x.recording, 0)
                    recognizer.restart(x.recording.begins_midway)
                else:
                    opened = csv_file(x.file, sample.stated_units(card))
                session = Session(recognizer, axes, Timestamps(sample.rate or RATE_HZ, time))
                with closing(opened) as source:
                    found[-1].append(_predict(x, session, source, card.window.samples / RATE_HZ))
                done += 1
    predictions = [x for own in found for x in own]
    if not is_told:
        model_arguments.warn_of_axes(card, [x.mounting for x in recorded])
    if out is not None:
        outputs.write_result(out, csv_text(rows(predictions, card.labels)))
    scores = _scores(predictions[len(files) :], card, is_told)
    if scores:
        model_arguments.say_who_is_known(card, recordings)
    show_predictions(predictions, scores, has_names=len(recorded) > 1 or bool(described))
    if not is_told:
        were_found = [any(finds_mounting(x.notices) for x in own) for own in found]
        model_arguments.say_where_no_mounting_was_found(card, were_found)
    facts = [
        {
            "file": str(x.recorded.file),
            **x.recorded.facts(),
            "segments": [asdict(y) for y in x.segments],
            "minutes": x.summary.to_dict()["minutes"],
            "notices": [asdict(y) for y in x.notices],
        }
        for x in predictions
    ]
    right, not_known = (scores.live_accuracy, scores.mounting_not_known) if scores else (None, None)
    content = {"model": card.name, "recordings": facts, "right": right, "mounting_not_known": not_known}
    outputs.write_json(json_path, content)
    for path in (out, json_path):
        if path not in (None, outputs.STDOUT):
            click.echo(f"{path} is written.")


def _inputs(paths: Sequence[Path]) -> tuple[list[Path], Sources]:
    """The CSV files that `paths` name, and the data sets with a layout, such as exports of phone apps."""
    files: list[Path] = []
    described: list[DataSource] = []
    for path in paths:
        source = DataSource.parse(str(path)) if "=" in str(path) else DataSource(path)
        if layout := source.layout or exported_by(path):
            described.append(DataSource(source.path, layout))
        elif path.is_file() and not is_zip(path):  # as a .keras file is
            files.append(path)
        elif path.is_dir() and (inside := [x for x in path.iterdir() if x.suffix.lower() == ".csv" and x.is_file()]):
            files += sorted(inside, key=lambda x: natural(x.name))
        else:
            fault = "is no CSV file, folder of these or export of both sensors" if path.exists() else "does not exist"
            models = f"a model (a .tflite file, a run folder or {', '.join(REFERENCE_MODELS)}) may stand first"
            raise InputError(f"{path} {fault}; {models}; {FOREIGN}")
    return files, tuple(described)


def _recordings(described: Sources, card: Card, stated: str) -> Iterator[Recorded]:
    """The recordings in `described` data sets that are as long as a window, worn where it is `stated`."""
    for data in described:
        reader = DataReader((data,))
        model_arguments.say(misfits(reader.described))
        for number, recording in model_arguments.long_enough(enumerate(reader.recordings), card):
            recording.check_signals(card.signals)
            worn = replace(recording.mounting, placement=stated or recording.mounting.placement)
            assert data.path
            is_alone = data.path.name == recording.file and data.path.is_file()
            yield Recorded(data.path if is_alone else data.path / recording.file, worn, recording, number)


def _predict(recorded: Recorded, session: Session, source: Source, window_s: float) -> Prediction:
    decisions, notices = [], []
    for found in session.run(source):
        for x, _ in found:
            if isinstance(x, Decision):
                decisions.append(x)
            elif x.kind != "opened":
                notices.append(x)
    if not decisions or session.began is None:
        why = f" ({notices[-1].text})" if notices else ""
        raise InputError(f"{recorded} has no {window_s:g} s of samples without a gap{why}: record more")
    joined = list(segments(decisions, session.summary.hop_s))
    notices = [replace(x, seconds=max(x.seconds, session.began)) for x in notices]  # some come before any sample
    return Prediction(recorded, session.began, decisions, joined, notices, session.summary)


def _scores(found: Sequence[Prediction], card: Card, is_told: bool) -> LiveScores | None:
    """The scores of labelled recordings, as in `evaluate --live`; None without labels that the model knows.

    If `is_told` how the device is worn, postures before the first walk count too.
    """
    recordings = [x.recorded.recording for x in found if x.recorded.recording]
    tracks: list[Track] = []
    for places in recording_tracks.worn_alike(recordings):
        own = [recording_tracks.track_of(recordings[i], found[i].decisions, card) for i in places]
        tracks += own if is_told else recording_tracks.without_mounting(own, card)
    if not any((x.labels[x.begin :] >= 0).any() for x in tracks):
        return None
    return stream_scores.score(tracks, len(card.labels), card.window.samples, RATE_HZ)
