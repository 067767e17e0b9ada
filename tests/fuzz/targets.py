"""Define the parsers of what comes from outside: their seeds, how inputs are made, and what reads them."""

from __future__ import annotations

import io
import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from mutation import changed_bytes, changed_json

from edge_runtime.bench import measurement_job, results
from edge_runtime.bench.comparison import compare
from edge_runtime.data import csv_recordings, loading
from edge_runtime.data.units import Units
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.errors import DeviceError, HarEdgeError
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.session import Session
from edge_runtime.live.sources import Item
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.live.timestamps import Timestamps
from edge_runtime.model import model_card
from edge_runtime.model.classifier import Classifier
from edge_runtime.reports import html, text_forms
from edge_runtime.reports.report_content import DeviceReport, gather
from tools import ROOT
from tools.attack import recordings, streams
from tools.attack.hostile_device import HELLO, HELLOS

MODEL = ROOT / "edge_runtime/models/edge-small_int8.tflite"
LARGEST_SEED = 40_000
"""Bytes: larger inputs are slower than they are worth."""


@dataclass(frozen=True)
class Target:
    """A parser: `make` draws an input, `read` gives it a folder to work in. `examples` are for `make test`.

    `read` returns, or raises an error of the project.
    """

    make: Callable[[Random], bytes]
    read: Callable[[bytes, Path], object]
    examples: int


def _small(contents: dict[str, str | bytes]) -> list[bytes]:
    encoded = (x.encode("utf-8", "surrogatepass") if isinstance(x, str) else x for x in contents.values())
    return [x[:LARGEST_SEED] for x in encoded]


@cache
def _model() -> tuple[bytes, bytes, model_card.Card]:
    flatbuffer, card = model_card.read_model(MODEL)
    return MODEL.read_bytes(), flatbuffer, card


@cache
def _card() -> Any:
    return json.loads(_model()[2].to_json())


def _archived(flatbuffer: bytes, card: str) -> bytes:
    content = io.BytesIO(bytes(len(flatbuffer)))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", card.encode("utf-8", "surrogatepass"))
        archive.comment = bytes(64)
    return flatbuffer + content.getvalue()[len(flatbuffer) :]


def make_model(random: Random) -> bytes:
    """A model file whose archive, card or end was changed, mostly signed again."""
    whole, flatbuffer, _ = _model()
    if random.random() < 0.3:
        found = _archived(flatbuffer, changed_json(random, _card()))
    else:
        start = len(flatbuffer) - 8
        found = whole[:start] + changed_bytes(random, whole[start:], [whole[start:]])
    return found[:-64] + model_card.digest(found[:-64]) if random.random() < 0.9 else found


def read_model(content: bytes, folder: Path) -> None:
    """Read a model file with its card, and without."""
    path = folder / "model.tflite"
    path.write_bytes(content)
    try:
        model_card.flatbuffer_of(model_card.read_tflite(path), "model")
    finally:
        _, card = model_card.read_model(path)
    assert model_card.Card.from_json(card.to_json(), "its own text") == card


def make_card(random: Random) -> bytes:
    """The text of a card, changed."""
    if random.random() < 0.8:
        return changed_json(random, _card()).encode("utf-8", "surrogatepass")
    text = json.dumps(_card()).encode()
    return changed_bytes(random, text, [text])


def read_card(content: bytes, folder: Path) -> None:
    """Read a card file, attach the card to its model and make a recogniser of it."""
    path = folder / "card.json"
    path.write_bytes(content)
    card = model_card.load(path)
    model = folder / "model.tflite"
    model_card.write_model(model, _model()[1], card)
    recognizer = LiveRecognizer(Classifier(model))
    session = Session(recognizer, Axes.parse("x,y,z"), Timestamps(50.0, time))
    for _ in session.run(LineDecoder(Units()).feed(f"{streams.TOP}{streams.rows(200)}".encode())):
        pass


@cache
def _report() -> Any:
    content = json.loads((ROOT / "tests/bench/bench.json").read_text())
    for result in content["results"]:
        if result.get("samples_ms"):
            result["samples_ms"] = {key: [x[:5] for x in rounds] for key, rounds in result["samples_ms"].items()}
    return content


def make_result(random: Random) -> bytes:
    """A result of bench, changed."""
    if random.random() < 0.9:
        return changed_json(random, _report()).encode("utf-8", "surrogatepass")
    text = json.dumps(_report()).encode()
    return changed_bytes(random, text, [text])


def read_result(content: bytes, folder: Path) -> None:
    """Read a result and write it in every form; compare it with the one that was not changed."""
    path = folder / "bench.json"
    path.write_bytes(content)
    report = results.read(path)
    devices = [DeviceReport(report.device.name, report)]
    for text in (html.render(devices), text_forms.to_csv([report]), text_forms.to_markdown(gather(devices))):
        text.encode()
    assert results.parse(report.to_json()) == report
    compare(results.parse(json.dumps(_report())), report)


@cache
def _lines() -> list[bytes]:
    return [*_small(streams.CONTENTS), *(x[:1500] for x in _small(streams.CONTENTS))]


def make_lines(random: Random) -> bytes:
    """A stream of samples, in any of the forms, changed."""
    return changed_bytes(random, random.choice(_lines()), _lines())


@cache
def _classifier() -> Classifier:
    return Classifier(MODEL)


def read_lines(content: bytes, folder: Path) -> None:
    """Recognise activities in a live stream, cut anywhere: nothing that comes may end it."""
    random = Random(content[:64])
    recognizer = LiveRecognizer(_classifier(), random.choice((1, 16, 64, 3000)), gentle=True)
    session = Session(recognizer, Axes.parse("x,y,z"), Timestamps(random.choice((1.0, 50.0, 1000.0)), time))
    try:
        for _ in session.run(_items(content, LineDecoder(Units(), midway=random.random() < 0.3), random)):
            pass
    except HarEdgeError as error:
        raise AssertionError(f"the stream was ended: {error}") from error


def _items(content: bytes, decoder: LineDecoder, random: Random) -> Iterator[Item]:
    size = random.choice((100, 3000, 1 << 16))
    for start in range(0, len(content), size):
        yield from decoder.feed(content[start : start + size])
        if random.random() < 0.02:
            decoder.restart()
    yield from decoder.end()


@cache
def _tables() -> list[bytes]:
    return _small(recordings.TEXTS)


def make_recording(random: Random) -> bytes:
    """A CSV recording, changed."""
    return changed_bytes(random, random.choice(_tables()), _tables())


def read_recording(content: bytes, folder: Path) -> None:
    """Load a data set of three recordings, of which one is this."""
    for subject in ("bert", "carl"):
        path = folder / f"{subject}.csv"
        if not path.exists():
            path.write_text(recordings.TOP + recordings.rows(subject=subject))
    (folder / "anna.csv").write_bytes(content)
    csv_recordings.load(folder)


@cache
def _zip() -> bytes:
    names = [f"{p}/{x}_{p}.txt" for p in ("train", "test") for x in ("y", "subject")]
    signals = [f"{p}/Inertial Signals/body_acc_x_{p}.txt" for p in ("train", "test")]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*names, *signals):
            archive.writestr(f"{recordings.OFFICIAL}{name}", "1 2 3\n" * 20)
        archive.comment = b"comment"
    return content.getvalue()


def make_zip(random: Random) -> bytes:
    """An official copy's zip, changed."""
    return changed_bytes(random, _zip(), [_zip()])


def read_zip(content: bytes, folder: Path) -> None:
    """Load an official copy."""
    path = folder / "official.zip"
    path.write_bytes(content)
    loading.load_data(path)


@dataclass(frozen=True)
class Replayed:
    """A transport whose agent says what is in a file, whatever it is asked."""

    path: Path
    name: str = "device"

    def command(self, argv: Sequence[str]) -> list[str]:
        """Take all that comes, and say it."""
        return ["sh", "-c", f"cat >/dev/null & cat {self.path}"]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """The end of an agent."""
        return DeviceError(f"the connection to {self.name} was lost: try again")


@cache
def _messages() -> list[Any]:
    answer = {"format": 1, "facts": {"runtime": {"name": "litert", "version": "2"}}, "arrays_sha256": None}
    text = json.dumps(answer)
    return [
        {"hello": HELLO},
        {"done": True, "missing": []},
        {"stage": "installing"},
        {"done": True, "site": "/x/site", "made": True},
        {"done": True, "missing": []},
        {"line": json.dumps({"share": 0.5, "stage": "timing"})},
        {"file": "job.json", "n_bytes": len(text)},
        {"done": True, "code": 0, "log": "", "silent": False},
        {"done": True, "description": {"machine": {}, "state": {}}},
        {"done": True, "removed_bytes": 5},
    ]


def make_answers(random: Random) -> bytes:
    """What an agent says, changed, with the file that it sends."""
    messages = _messages()
    if random.random() < 0.1:
        messages = [random.choice([x for x in HELLOS.values() if not isinstance(x, bytes)]), *messages[1:]]
    number = random.randrange(len(messages))
    lines = [json.dumps(x) for x in messages]
    lines[number] = changed_json(random, messages[number])
    body = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"
    return body if random.random() < 0.5 else changed_bytes(random, body, [body])


def read_answers(content: bytes, folder: Path) -> None:
    """Prepare, measure, look and clean on a device that gives these answers."""
    path = folder / "answers"
    path.write_bytes(content)
    device = RemoteDevice(Replayed(path), silence_seconds=1)
    job = measurement_job.MeasurementJob(name="job", task="inspect", model="model.tflite", title="model")
    inside = folder / "job"
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir()
    shutil.copy(MODEL, inside / "model.tflite")
    try:
        device.prepare(lambda share, stage: None)
        device.run(job, inside, lambda share, stage: None)
        device.read_machine()
        device.clean()
    finally:
        device.close()


TARGETS = {
    "model-file": Target(make_model, read_model, 1500),
    "card": Target(make_card, read_card, 250),
    "bench-json": Target(make_result, read_result, 150),
    "sample-lines": Target(make_lines, read_lines, 120),
    "recordings": Target(make_recording, read_recording, 200),
    "official-zip": Target(make_zip, read_zip, 1500),
    "agent-protocol": Target(make_answers, read_answers, 150),
}
