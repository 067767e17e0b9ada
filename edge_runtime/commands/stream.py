"""Recognise activities in a live stream: `har-edge stream`."""

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from itertools import chain
from pathlib import Path

import click

from edge_runtime.commands import model_arguments, options
from edge_runtime.commands.options import SampleOptions
from edge_runtime.data.data_sources import DataSource, Sources
from edge_runtime.data.layout_recordings import exported_by
from edge_runtime.data.loading import DataReader
from edge_runtime.data.recording import Recording
from edge_runtime.data.recording_checks import misfits
from edge_runtime.devices.trial import open_classifier
from edge_runtime.errors import InputError
from edge_runtime.live import stream_scores
from edge_runtime.live.decider import Decision
from edge_runtime.live.display.decision_log import Log
from edge_runtime.live.display.sinks import Changes, JsonLines, Sink
from edge_runtime.live.display.timeline import Timeline
from edge_runtime.live.recognizer import LiveRecognizer, check_live
from edge_runtime.live.recording_tracks import track_of, without_mounting
from edge_runtime.live.session import Session
from edge_runtime.live.sources import Source
from edge_runtime.live.sources.file_sources import csv_file, find_recording, recording_source
from edge_runtime.live.stream_scores import WindowScores
from edge_runtime.model.model_card import Card
from edge_runtime.reports import outputs
from edge_runtime.signals.axes import Axes
from edge_runtime.signals.units import Units
from edge_runtime.system.terminal import Console

SOURCES = ("--replay", "--csv", "--udp", "--tcp", "--serial", "--i2c")


@click.command(
    name="stream",
    epilog=options.examples(
        "stream --replay 7 --speed 10",
        "stream edge --tcp 0.0.0.0:5555 --log day.csv",
        "stream edge --csv - --jsonl < walk.csv",
    ),
)
@options.model()
@click.option("--replay", "recording", metavar="N", type=click.IntRange(0), help="Source: recording N of the data.")
@click.option(
    "--csv", "csv_path", metavar="FILE", type=options.PATH, help="Source: a CSV file, an app's export, a pipe, or -."
)
@click.option("--tcp", metavar="[HOST:]PORT", help="Source: JSON or CSV lines of a connection to 127.0.0.1 or HOST.")
@click.option("--udp", metavar="[HOST:]PORT", help="Source: JSON or CSV lines that are sent to 127.0.0.1 or HOST.")
@click.option("--serial", metavar="DEVICE[@BAUD]", help="Source: a board that prints lines of JSON or CSV.")
@click.option("--i2c", metavar="mpu6050|lsm6ds[@ADDRESS]", help="Source: a sensor on this machine's I2C bus.")
@click.option("--jsonl", is_flag=True, help="Print a line of JSON for each decision and notice.")
@click.option("--log", "log_path", metavar="FILE", type=options.PATH, help="Append each decision to a CSV file.")
@options.sample_options
@click.option(
    "--speed",
    type=options.FiniteRange(min=0),
    metavar="X",
    default=1.0,
    help="With --replay: times real time; 0 does not wait.",
)
@options.data(f"With --replay: recordings, a file, folder or zip.  {options.OF_RUN}")
@options.runtime
def command(
    model: Path | None,
    recording: int | None,
    csv_path: Path | None,
    udp: str | None,
    tcp: str | None,
    serial: str | None,
    i2c: str | None,
    speed: float,
    data: Sources | None,
    jsonl: bool,
    log_path: Path | None,
    runtime: str,
    sample: SampleOptions,
) -> None:
    """Recognise activities in a stream of samples, until it ends or Ctrl-C stops it.

    Give one source. A sample is six values, acceleration with gravity and rotation, best with its time. To hear a phone
    or board on the network, listen on all addresses: --tcp 0.0.0.0:5555.
    """
    options.exclusive(*SOURCES)
    if not any(map(options.is_given, SOURCES)):
        raise InputError(f"name a source: try --replay 7, or use {', '.join(SOURCES[1:])}")
    if recording is None:
        options.refuse_options("works only with --replay", "--speed", "--data")
    if recording is not None or i2c:
        options.refuse_options("is known by the source", "--units", "--gyro-units", "--rate")
    sources = dict(zip(SOURCES, (recording, csv_path, udp, tcp, serial, i2c), strict=True))
    name, value = next((option, value) for option, value in sources.items() if value is not None)

    path = model_arguments.find_model(model)
    turn = Axes(sample.axes or "x,y,z")
    with ExitStack() as opened:
        classifier = open_classifier(path, runtime)
        card = classifier.card
        check_live(card)
        model_arguments.say_whom_it_fits(card)
        if card.live.novelty is None:
            outputs.say(
                f"'{path.stem}' has no limits of usual motion, which only 'har-edge train' sets: it names any motion."
            )
        placement = sample.stated_placement(card)
        replayed: Recording | None = None
        if recording is None:
            opener = _open(name, value, sample.stated_units(card), card)
        else:
            reader = DataReader(model_arguments.recordings_for(path, data), card.window.rate_hz)
            replayed = find_recording(recording, reader, card.signals)
            findings = misfits(reader.described) if data else ()  # training has reported its own data
            outputs.say(*(finding.text for finding in findings))
            model_arguments.warn_of_axes(card, [replayed.mounting])
            placement = placement or replayed.mounting.placement
            opener = recording_source(recording, replayed, speed)
        # Recordings of UCI HAR start as its published windows do.
        is_gentle = replayed is None or replayed.begins_midway
        recognizer = LiveRecognizer(
            classifier, gentle=is_gentle, mounting_is_told=sample.axes is not None, placement=placement
        )
        session = Session(recognizer, turn, sample.rate)
        source = opened.enter_context(closing(opener))
        # A source that fails does so here, before there is a log or a picture.
        opening = next(source)
        log = opened.enter_context(closing(Log(log_path, card.labels))) if log_path else None
        sink = _sink(jsonl, recognizer.answers, session, f"{path.stem}   {name} {value}")
        decisions: list[Decision] = []
        with sink, suppress(KeyboardInterrupt):
            for events in session.run(chain([opening], source)):
                for event, elapsed_s in events:
                    if not isinstance(event, Decision):
                        sink.notice(event, elapsed_s)
                        continue
                    if replayed:
                        decisions.append(event)
                    sink.decision(event, elapsed_s, replayed.label_at(event.seconds) if replayed else None)
                    trouble = log.write(event) if log else None
                    if trouble:
                        sink.notice(trouble, session.summary.add(trouble))
                    session.summary.not_logged = log.missed if log else 0
                sink.tick()
        sink.end(session.summary, _scores(replayed, decisions, card, sample.axes is not None) if replayed else None)
        if replayed:
            model_arguments.say_who_is_known(card, [replayed])


def _scores(recording: Recording, decisions: Sequence[Decision], card: Card, is_told: bool) -> WindowScores | None:
    """Score the decisions as 'har-edge evaluate --live' does; None without a window within one activity."""
    if not decisions:
        return None
    tracks = [track_of(recording, decisions, card)]
    tracks = tracks if is_told else [*without_mounting(tracks, card)]
    return stream_scores.per_group(tracks, ["replay"], len(card.labels), card.window.samples).get("replay")


def _sink(jsonl: bool, answers: Sequence[str], session: Session, title: str) -> Sink:
    console = Console()
    if jsonl or not console.is_terminal or console.is_dumb_terminal:
        return JsonLines() if jsonl else Changes()
    return Timeline(answers, title, session.summary, console, time)


def _open(name: str, value: object, stated: Units, card: Card) -> Source:
    """Open the source of the option `name` with this `value`, for the model of `card`."""
    if name == "--csv":
        path = Path(str(value))
        if not (layout := exported_by(path)):
            return csv_file(path, stated)
        reader = DataReader((DataSource(path, layout),), card.window.rate_hz)
        numbers = range(len(reader.recordings))
        return (item for i in numbers for item in recording_source(i, find_recording(i, reader, card.signals), 0.0))
    if name in ("--udp", "--tcp"):
        from edge_runtime.live.sources import sockets

        address = sockets.parse_address(str(value), name)
        return sockets.udp(address, stated) if name == "--udp" else sockets.tcp(address, stated)
    if name == "--serial":
        from edge_runtime.live.sources.serial_port import serial_port

        return serial_port(str(value), stated)
    from edge_runtime.live.sources.i2c import i2c

    return i2c(str(value))
