"""Recognise the activities of whole recordings: `har-edge predict`."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import click

from edge_runtime.commands import model_arguments, options
from edge_runtime.commands.options import SampleOptions
from edge_runtime.data.data_sources import FOREIGN, DataSource, Sources
from edge_runtime.data.layout import DEFAULT
from edge_runtime.data.layout_recordings import exported_by
from edge_runtime.data.loading import DataReader
from edge_runtime.data.names import natural
from edge_runtime.data.recording import Mounting
from edge_runtime.data.recording_checks import misfits
from edge_runtime.data.sensor_checks import listed
from edge_runtime.data.text_rows import LONGEST_LINE, delimiter, split, text_encoding
from edge_runtime.devices.trial import open_classifier
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.live import stream_scores
from edge_runtime.live.decider import Decision, Notice
from edge_runtime.live.display.predictions import Prediction, Recorded, rows, segments, show_predictions
from edge_runtime.live.recognizer import LiveRecognizer, check_live
from edge_runtime.live.recording_tracks import track_of, without_mounting, worn_alike
from edge_runtime.live.session import Session
from edge_runtime.live.sources import Source
from edge_runtime.live.sources.file_sources import csv_file, recording_source
from edge_runtime.live.stream_scores import LiveScores, Track
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import Card
from edge_runtime.model.model_paths import REFERENCE_MODELS, is_reference
from edge_runtime.reports import outputs
from edge_runtime.runs import SEEDS
from edge_runtime.signals.axes import Axes
from edge_runtime.system.files import csv_text
from edge_runtime.system.quantities import counted
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
@options.out(
    "FILE",
    "Write a CSV file too, with a row per decision; - is standard output, for each form.",
    callback=outputs.keep_stdout,
)
@outputs.option("json", "Write the segments and the time of each activity too.")
@options.sample_options
@options.runtime
def command(
    paths: Sequence[Path], out: Path | None, json_path: Path | None, runtime: str, sample: SampleOptions
) -> None:
    """Recognise the activities in recordings: when each began and ended, and its share of the time.

    MODEL is a .tflite file or 'edge', 'edge-small', 'edge-tiny' or 'edge-anywhere'. The default is the latest run or,
    if you have no run, 'edge'.

    FILE.csv is a recording as 'har-edge stream --csv' takes it, with or without labels; FOLDER holds CSV files. An
    export of Sensor Logger or phyphox, as a zip or a folder, works too. LAYOUT=PATH names recordings in another
    format and the layout that describes it (docs/data.md).
    """
    model = None
    is_run = any((paths[0] / name).is_file() for name in ("card.json", SEEDS))
    if is_run or is_reference(paths[0]) or paths[0].suffix == ".tflite":
        model, *paths = paths
        if not paths:
            raise InputError(f"{model} is a model, and a recording is missing: name it after the model")
    files, described = _inputs(paths)
    outputs.check_written({"out": out, "json": json_path}, inputs=files)
    if described:
        options.refuse_options("is known by the layout", "--units", "--gyro-units", "--rate")
    labelled = [file for file in files if _has_labels(file)]
    if labelled and (sample.units or sample.gyro_units or sample.rate):
        outputs.say(f"The labels of {labelled[0]} are not read with --units, --gyro-units or --rate.")
    else:
        described += tuple(DataSource(file, DEFAULT) for file in labelled)
        files = [file for file in files if file not in labelled]

    is_told = sample.axes is not None
    classifier = open_classifier(model_arguments.find_model(model), runtime)
    card = classifier.card
    check_live(card)
    model_arguments.say_whom_it_fits(card)
    placement = sample.stated_placement(card)
    entries = [Recorded(file, Mounting(placement=placement)) for file in files]
    faults: list[str] = []
    for data in described:
        try:
            entries += [*_recordings(data, card, placement)]
        except InputError as error:
            faults.append(str(error))
    recordings = [entry.recording for entry in entries if entry.recording]
    mountings = [[entry] for entry in entries if not entry.recording]
    mountings += [[entries[len(files) + i] for i in places] for places in worn_alike(recordings)]
    by_mounting, others = _predictions(mountings, classifier, sample, len(entries))
    faults += others
    predictions = [prediction for of_mounting in by_mounting for prediction in of_mounting]
    if faults and not predictions:
        raise InputError(faults[0])
    outputs.say(*faults)
    if not is_told:
        model_arguments.warn_of_axes(card, [entry.mounting for entry in entries])
    if out is not None:
        outputs.write_result(out, csv_text(rows(predictions, card.labels)))
    scores = _scores(by_mounting, card, is_told)
    show_predictions(predictions, scores, has_names=len(entries) > 1 or bool(described))
    if absent := sorted({name for x in recordings for name in {*x.found_labels} & {*x.classes}} - {*card.labels}):
        outputs.say(f"No score counts {listed(absent)}, since the labels of the model are {listed(card.labels)}.")
    if scores:
        model_arguments.say_who_is_known(card, recordings)
    outputs.write_json(json_path, _content(card, predictions, scores))
    for path in (out, json_path):
        if path not in (None, outputs.STDOUT):
            click.echo(f"{path} is written.")
    if faults:
        raise CheckFailedError(f"{counted(len(faults), 'input')} left out (see above)")


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
        elif path.is_dir() and (inside := [file for file in path.glob("*.[cC][sS][vV]") if file.is_file()]):
            files += sorted(inside, key=lambda file: natural(file.name))
        else:
            fault = "is not a CSV file, a folder of them or an app's export" if path.exists() else "does not exist"
            models = (
                f"a model (a .tflite file, a run folder or {', '.join(REFERENCE_MODELS)}) may be the first argument"
            )
            raise InputError(f"{path} {fault}; {models}; {FOREIGN}")
    return files, tuple(described)


def _has_labels(file: Path) -> bool:
    with file.open("rb") as stream:
        content = stream.read(LONGEST_LINE)
    header = content.decode(text_encoding(content), "replace").lstrip().partition("\n")[0]
    return "label" in split(header.lower(), delimiter(header))


def _recordings(data: DataSource, card: Card, stated: str) -> Iterator[Recorded]:
    """The recordings of a data set that are at least one window long; `stated` is the placement, or ""."""
    reader = DataReader((data,), card.window.rate_hz)
    outputs.say(*(finding.text for finding in misfits(reader.described)))
    for number, recording in model_arguments.long_enough(enumerate(reader.recordings), card):
        recording.check_signals(card.signals)
        worn = replace(recording.mounting, placement=stated or recording.mounting.placement)
        assert data.path
        is_alone = data.path.name == recording.file and data.path.is_file()
        yield Recorded(data.path if is_alone else data.path / recording.file, worn, recording, number)


def _predictions(
    mountings: Sequence[Sequence[Recorded]], classifier: Classifier, sample: SampleOptions, n_recorded: int
) -> tuple[list[list[Prediction]], list[str]]:
    """Follow the recordings of each mounting; a mounting found in one recording is known in the next.

    Also return a sentence for each recording that is left out, since it cannot be read or is too short.
    """
    axes, is_told = Axes(sample.axes or "x,y,z"), sample.axes is not None
    predictions: list[list[Prediction]] = []
    faults: list[str] = []
    with progress() as on_progress:
        for of_mounting in mountings:
            recognizer = LiveRecognizer(
                classifier, mounting_is_told=is_told, placement=of_mounting[0].mounting.placement
            )
            predictions.append([])
            for recorded in of_mounting:
                on_progress(sum(map(len, predictions)) / n_recorded, f"following recordings: {recorded}")
                if recorded.recording:
                    source = recording_source(recorded.number, recorded.recording, 0)
                    recognizer.restart(recorded.recording.begins_midway)
                else:
                    source = csv_file(recorded.file, sample.stated_units(classifier.card))
                window_s = recognizer.card.window.samples / recognizer.rate_hz
                session = Session(recognizer, axes, sample.rate)
                try:
                    with closing(source):
                        predictions[-1].append(_predict(recorded, session, source, window_s))
                except InputError as error:
                    faults.append(str(error))
    return predictions, faults


def _content(card: Card, predictions: Sequence[Prediction], scores: LiveScores | None) -> dict[str, object]:
    """The predictions for programs."""
    facts = [
        {
            "file": str(prediction.recorded.file),
            **prediction.recorded.facts(),
            "segments": [asdict(segment) for segment in prediction.segments],
            "minutes": prediction.summary.to_dict()["minutes"],
            "notices": [asdict(notice) for notice in prediction.notices],
        }
        for prediction in predictions
    ]
    right, not_known = (scores.live_accuracy, scores.mounting_not_known) if scores else (None, None)
    return {"model": card.name, "recordings": facts, "right": right, "mounting_not_known": not_known}


def _predict(recorded: Recorded, session: Session, source: Source, window_s: float) -> Prediction:
    events = [event for timed in session.run(source) for event, _ in timed]
    decisions = [event for event in events if isinstance(event, Decision)]
    notices = [event for event in events if isinstance(event, Notice) and event.kind != "opened"]
    if not decisions or session.began is None:
        lasts = f"{session.summary.elapsed_s:.3g} s of samples"
        why = f" ({notices[-1].text})" if notices else ""
        raise InputError(f"{recorded} has {lasts}, but no window of {window_s:g} s without a gap{why}: record more")
    joined = list(segments(decisions, session.summary.hop_s))
    # Some notices come before any sample.
    notices = [replace(notice, seconds=max(notice.seconds, session.began)) for notice in notices]
    return Prediction(recorded, session.began, decisions, joined, notices, session.summary)


def _scores(by_mounting: Sequence[Sequence[Prediction]], card: Card, is_told: bool) -> LiveScores | None:
    """The scores of labelled recordings, as in `evaluate --live`; None without labels that the model knows.

    If the user states how the device is worn (`is_told`), postures before the first walk count too.
    """
    tracks: list[Track] = []
    for predictions in by_mounting:
        recorded = [(prediction.recorded.recording, prediction.decisions) for prediction in predictions]
        of_mounting = [track_of(recording, decisions, card) for recording, decisions in recorded if recording]
        tracks += of_mounting if is_told else without_mounting(of_mounting, card)
    if not any((track.labels[track.begin :] >= 0).any() for track in tracks):
        return None
    return stream_scores.score(tracks, len(card.labels), card.window)
