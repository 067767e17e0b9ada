"""Define the parsers of what comes from outside: their seeds, how inputs are made, and what reads them."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx_models
from mutation import changed_bytes, changed_json

from edge_runtime.bench import results
from edge_runtime.bench.comparison import compare
from edge_runtime.data import loading, uci_har
from edge_runtime.data.layout import FOLDER, find_layout
from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import HarEdgeError
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.session import Session
from edge_runtime.live.sources import Item
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.live.timestamps import Timestamps
from edge_runtime.model import model_card, onnx_model, rivals
from edge_runtime.model.classifier import Classifier
from edge_runtime.reports.html import to_html
from edge_runtime.reports.report_content import DeviceReport, gather
from edge_runtime.reports.report_table import to_csv, to_markdown
from edge_runtime.signals.units import Units
from tools import ROOT
from tools.attack import recordings, streams

MODEL = ROOT / "edge_runtime/models/edge-small_int8.tflite"
LARGEST_SEED = 40_000
"""Bytes: larger inputs are slower than they are worth."""


@dataclass(frozen=True)
class Target:
    """A parser: `make` draws an input, `read` gives it a folder to work in. `examples` are for `make test`.

    `read` returns, or raises an error of the project; `seed` is an input that it reads to its end.
    """

    make: Callable[[Random], bytes]
    read: Callable[[bytes, Path], object]
    examples: int
    seed: Callable[[], bytes]


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
    report = results.read_report(path)
    devices = [DeviceReport(report.device.name, report)]
    for text in (to_html(devices), to_csv([report]), to_markdown(gather(devices))):
        text.encode()
    assert results.parse_report(report.to_json()) == report
    compare(results.parse_report(json.dumps(_report())), report)


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
    loading.load_data(folder)


@cache
def _layouts() -> list[bytes]:
    return [x.read_bytes() for x in sorted(FOLDER.glob("*.toml"))]


def make_layout(random: Random) -> bytes:
    """A layout that is shipped, changed."""
    return changed_bytes(random, random.choice(_layouts()), _layouts())


def read_layout(content: bytes, folder: Path) -> None:
    """Read a layout, and the first rows of published files by it."""
    path = folder / "mine.toml"
    path.write_bytes(content)
    layout = find_layout(str(path))
    layout.pattern.match(f"a/{'a_1/' * 40}sub_1.csv")
    read_recordings(ROOT / "tests/excerpts", layout)


@cache
def _zip() -> bytes:
    """A copy with the true labels and subjects, so that its signals are read; of these there are too few."""
    data = uci_har.load()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, split in (("train", data.train), ("test", data.test)):
            for name, values in (("y", split.y + 1), ("subject", split.subject)):
                archive.writestr(f"{recordings.OFFICIAL}{part}/{name}_{part}.txt", "\n".join(map(str, values)) + "\n")
            signal = f"{part}/Inertial Signals/body_acc_x_{part}.txt"
            archive.writestr(f"{recordings.OFFICIAL}{signal}", "1 2 3\n" * 20)
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


@cache
def _windows() -> list[bytes]:
    return [x for x in recordings.npz_files().values() if len(x) <= LARGEST_SEED]


def make_windows(random: Random) -> bytes:
    """A file of windows, in any of the forms, changed: a part of it, or a part of a member that is packed again."""
    whole = random.choice(_windows())
    if random.random() < 0.3:
        return changed_bytes(random, whole, _windows())
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(content, "w") as written:
        members = {x: archive.read(x) for x in archive.namelist()}
        changed = random.choice(list(members))
        for name, member in members.items():
            # Their headers are most of what there is to attack.
            start = 128 if name == changed and random.random() < 0.3 else 0
            end = changed_bytes(random, member[start:], list(members.values())) if name == changed else member[start:]
            written.writestr(name, member[:start] + end)
    return content.getvalue()


def read_windows(content: bytes, folder: Path) -> None:
    """Load a file of windows."""
    path = folder / "windows.npz"
    path.write_bytes(content)
    data = loading.load_data(path)
    assert len(data.train) + len(data.test) > 0
    json.dumps([data.labels, data.train.subject.tolist(), data.fingerprint])


@cache
def _record() -> Any:
    digest = hashlib.sha256(_onnx()).hexdigest()
    made = [{"tool": "ONNX Runtime", "scheme": "float32", "file": "model_onnx_float32.onnx", "sha256": digest}]
    return {"format": 1, "network_sha256": "0" * 64, "card": _card(), "rivals": made, "absent": {"x": "no operator"}}


def make_record(random: Random) -> bytes:
    """A record of rivals, changed."""
    if random.random() < 0.9:
        return changed_json(random, _record()).encode("utf-8", "surrogatepass")
    text = json.dumps(_record()).encode()
    return changed_bytes(random, text, [text])


def read_rivals(content: bytes, folder: Path) -> None:
    """Read the record of rivals of a model, and the files that it names."""
    path = rivals.record_path(folder, "model")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.with_name("model_onnx_float32.onnx").write_bytes(_onnx())
    for rival in rivals.read_record(path, _model()[2]).rivals:
        rivals.read_rival(rivals.rival_path(path, rival), rival)


@cache
def _onnx() -> bytes:
    return onnx_models.dense(np.ones((3, 8)), (4, 2))


def make_onnx(random: Random) -> bytes:
    """An ONNX file, changed."""
    return changed_bytes(random, _onnx(), [_onnx()])


def read_onnx(content: bytes, folder: Path) -> None:
    """Count its operators."""
    for kind in onnx_model.count_operators(content):
        kind.encode()


TARGETS = {
    "model-file": Target(make_model, read_model, 1500, lambda: _model()[0]),
    "card": Target(make_card, read_card, 250, lambda: json.dumps(_card()).encode()),
    "bench-json": Target(make_result, read_result, 150, lambda: json.dumps(_report()).encode()),
    "sample-lines": Target(make_lines, read_lines, 120, lambda: _lines()[0]),
    "recordings": Target(make_recording, read_recording, 200, lambda: (recordings.TOP + recordings.rows()).encode()),
    "layout": Target(make_layout, read_layout, 500, lambda: (FOLDER / "motionsense.toml").read_bytes()),
    "official-zip": Target(make_zip, read_zip, 600, _zip),
    "windows-file": Target(make_windows, read_windows, 600, lambda: recordings.npz_files()["whole"]),
    "rivals": Target(make_record, read_rivals, 300, lambda: json.dumps(_record()).encode()),
    "onnx": Target(make_onnx, read_onnx, 1000, _onnx),
}
