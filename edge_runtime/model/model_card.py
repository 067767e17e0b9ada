"""Read and write the model card: the input that a model expects, its answers and its origin.

`card.json` and `labels.txt` are in a zip archive behind the flatbuffer, where TFLite Metadata keeps associated files.
Interpreters ignore the archive, and any unzip program reads it. Its comment is the SHA-256 of all bytes before it.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from edge_runtime.errors import InputError
from edge_runtime.model.alike_labels import AlikeLabels
from edge_runtime.model.graphs import read_graphs
from edge_runtime.model.novelty import NoveltyDetector
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.filters import Filters
from edge_runtime.signals.normalisation import LEAST_DIVISOR, Normalisation
from edge_runtime.signals.types import Frame, Signal, Window, triads
from edge_runtime.system.dataclass_json import Quantity, from_json
from edge_runtime.system.files import write_bytes, write_text
from edge_runtime.system.outside_files import parse_json, read_bytes, read_text
from edge_runtime.system.zip_archive import Archive

FORMAT = 5
WALKING = "WALKING"
"""The label that models of the walking frame need."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip
_CARD, _LABELS = "card.json", "labels.txt"
_LARGEST_CARD = 1 << 20
_LONGEST = 1_000_000  # samples, Hz
_DIGEST = 64  # a SHA-256 as hexadecimal text
_TFLITE_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every TFLite flatbuffer (schema.fbs: file_identifier)
_CONVERTIBLE = (".keras", ".h5", ".hdf5", ".onnx")

_Share = Annotated[float, Quantity(at_least=1e-9, at_most=1 - 1e-9)]


@dataclass(frozen=True)
class Smoothing:
    """The parameters of live recognition's hidden Markov model, chosen by cross-validation."""

    # Exponent of a window's probabilities, since successive windows are not independent. With a greater one, all
    # products of probabilities could round to 0.
    evidence: Annotated[float, Quantity(at_least=1e-6, at_most=10)] = 0.5
    change_still: _Share = 0.001  # probability that an activity ends within a hop, body still
    change_moving: _Share = 0.7  # the same, body moving
    movement: Annotated[float, Quantity(at_least=0)] = 0.045  # g: the body moves from this mean of the last hop on
    confidence: _Share = 0.8  # a new activity is reported from this probability on


@dataclass(frozen=True)
class LiveSettings:
    """Settings of live recognition; without `novelty`, no answer of the network is rejected.

    `ahead` is where people walked in the training, a unit vector in the axes of the device; None if they differ.
    """

    smoothing: Smoothing = field(default_factory=Smoothing)
    novelty: NoveltyDetector | None = None
    ahead: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class _Ranges:
    """The lowest and the highest value at each quantisation point, by name."""

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """A model card.

    If `raw_input`, the graph normalises windows itself. `front_end` computes the signals from raw samples, for live
    recognition. `frame` names the axes of the windows (`edge_runtime.signals.mounting`), `alike` the labels that some
    placements cannot distinguish. `live` turns a stream of answers into activities. `network` to `scores` are records.
    `attach` writes `file`, which describes the flatbuffer.
    """

    name: str
    labels: tuple[str, ...]
    signals: tuple[Signal, ...]
    window: Window
    normalisation: Normalisation
    raw_input: bool = False
    front_end: Filters | None = None
    frame: Frame = "device"
    alike: tuple[AlikeLabels, ...] = ()
    temperature: Annotated[float, Quantity(at_least=LEAST_DIVISOR, at_most=1 / LEAST_DIVISOR)] = 1.0
    live: LiveSettings = field(default_factory=LiveSettings)
    personal_correction: PersonalCorrection | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    quantisation: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    file: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple[int, int]:
        """Return the shape of a window: `(samples, n_signals)`."""
        return self.window.samples, len(self.signals)

    @property
    def n_channels(self) -> int:
        """Count the channels of raw samples that the signals need: 6, or 3 without the gyroscope."""
        return 6 if any(signal.is_rotation for signal in self.signals) else 3

    @property
    def answers(self) -> tuple[str, ...]:
        """List all activities that live recognition may report."""
        return (*self.labels, *(alike.name for alike in self.alike))

    @property
    def training_data(self) -> Mapping[str, Any]:
        """Return the record of the training data; empty without a record."""
        record = self.training.get("data")
        return record if isinstance(record, dict) else {}

    @property
    def sources(self) -> list[str]:
        """Name the data sets of the training; empty if the card does not list them."""
        names = self.training_data.get("sources", [self.training_data.get("name")])
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    @property
    def signal_names(self) -> list[str]:
        """List the names of the input signals in order."""
        return [signal.name for signal in self.signals]

    def to_json(self) -> str:
        """Write the card as JSON text."""
        return json.dumps({"format": FORMAT} | dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str) -> "Card":
        """Read a card; `source` names it in the `InputError` that is raised when the card is unusable."""
        try:
            content = parse_json(text)
        except ValueError as error:
            raise InputError(f"{source} is not JSON ({error}): give a model card") from error
        if not isinstance(content, dict) or "format" not in content:
            raise InputError(f"{source} is not a har-edge model card, since it has no 'format': give a card.json")
        if content["format"] != FORMAT:
            raise InputError(f"{source} has a card format other than {FORMAT}: convert the model again")
        try:
            card = from_json(cls, content)
            from_json(_Ranges, dict(card.quantisation))
        except ValueError as error:
            raise InputError(f"{source} is not a complete model card: {error}") from error
        if fault := card._fault():
            raise InputError(f"{source} {fault}: correct the card")
        return card

    def _fault(self) -> str | None:
        """State what makes the card unusable, if anything does."""
        n_labels, n_signals, window = len(self.labels), len(self.signals), self.window
        if n_labels < 2 or len(set(self.labels)) != n_labels or not all(self.labels):
            return "needs at least two labels with different names"
        if not n_signals or len(set(self.signal_names)) != n_signals:
            return "needs at least one signal, and different names of signals"
        rate_hz = 1.0 if window.rate_hz is None else window.rate_hz
        if not (1 <= window.samples <= _LONGEST and 1 <= window.hop <= _LONGEST and 1e-3 <= rate_hz <= _LONGEST):
            return f"needs a window with rate_hz, samples and hop above 0, and at most {_LONGEST:,}"
        if self.frame == "walking" and not {"body_acc", "total_acc"} <= set(triads(self.signal_names).values()):
            return "takes windows in the walking frame, which needs the signals body_acc and total_acc"
        if self.frame == "walking" and WALKING not in self.labels:
            return f"takes windows in the walking frame, which needs the label {WALKING}"
        if self.alike and self.frame == "device":
            return "has labels that look alike, which needs windows in the walking frame"
        novelty, correction = self.live.novelty, self.personal_correction
        return (
            self.normalisation.fault(n_signals)
            or (novelty.fault(n_labels) if novelty else None)
            or next((fault for alike in self.alike if (fault := alike.fault(self.labels))), None)
            or (correction.fault(n_labels, self.signal_names) if correction else None)
        )


def load(path: Path) -> Card:
    """Read a run folder's `card.json` or any other card file. Raises `InputError`."""
    try:
        return Card.from_json(read_text(path, "a model card"), str(path))
    except OSError as error:
        raise InputError(f"cannot read the model card {path}: {error.strerror}") from error


def save(card: Card, path: Path) -> None:
    """Write `card` as JSON to `path`, whole or not at all."""
    write_text(path, card.to_json())


def attach(flatbuffer: bytes, card: Card) -> bytes:
    """Make the bytes of a `.tflite` file: `flatbuffer`, then a zip with the card and the labels."""
    card = dataclasses.replace(card, file=_file_facts(flatbuffer))
    files = {_CARD: card.to_json().encode(), _LABELS: "".join(f"{label}\n" for label in card.labels).encode()}
    # An archive's offsets count from the start of the file. `zipfile` finds no older archive in zeros.
    content = io.BytesIO(bytes(len(flatbuffer)))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, date_time=_ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # always Unix: same bytes everywhere
            archive.writestr(entry, file)
        archive.comment = bytes(_DIGEST)  # room for the digest
    signed = flatbuffer + content.getvalue()[len(flatbuffer) : -_DIGEST]
    return signed + digest(signed)


def write_model(path: Path, flatbuffer: bytes, card: Card) -> None:
    """Write a `.tflite` file with its card. Raises `InputError` when it could not be read back."""
    content = attach(flatbuffer, card)
    try:
        parse(content, str(path))
    except InputError as error:
        raise InputError(f"{path} was not written, because it could not be read back: {error}") from error
    write_bytes(path, content)


def read_model(path: Path) -> tuple[bytes, Card]:
    """Read the flatbuffer and the card of the `.tflite` file at `path`. Raises `InputError`."""
    return parse(read_tflite(path), str(path))


def read_tflite(path: Path) -> bytes:
    """Read a `.tflite` file, with or without a card. Raises `InputError` when it is another file or cut short."""
    try:
        content = read_bytes(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if content[4:8] != _TFLITE_IDENTIFIER:
        advice = "give a .tflite file that har-edge convert wrote"
        if path.suffix.lower() in _CONVERTIBLE:
            advice = "'har-edge convert FILE --quantize' converts it"
        raise InputError(f"{path} is not a TFLite model: {advice}")
    if not _has_archive(content):
        try:
            read_graphs(content)
        except ValueError as error:
            raise InputError(f"{path} is incomplete ({error}): copy or convert it again") from error
    return content


def strip(content: bytes, source: str = "the model") -> bytes:
    """Return the flatbuffer in `content`; `source` names it in the `InputError` that changed bytes raise."""
    if not _has_archive(content):
        return content
    if digest(content[:-_DIGEST]) != content[-_DIGEST:]:
        raise InputError(f"{source} is damaged: copy or convert it again")
    with Archive(io.BytesIO(content), f"the archive in {source}") as archive:
        return content[: archive.start]


def parse(content: bytes, source: str) -> tuple[bytes, Card]:
    """Read the flatbuffer and the card in `content`; `source` names it in the `InputError` that is raised."""
    flatbuffer = strip(content, source)
    if flatbuffer == content:
        raise InputError(no_card(source))
    with Archive(io.BytesIO(content), f"the archive in {source}") as archive:
        text = archive.read(_CARD, _LARGEST_CARD)
    try:
        card = Card.from_json(text.decode(), f"the card inside {source}")
    except UnicodeDecodeError as error:
        raise InputError(f"the card inside {source} is not text ({error}): convert the model again") from error
    if dict(card.file) != _file_facts(flatbuffer):
        raise InputError(f"the card in {source} belongs to another model: convert the model again")
    return flatbuffer, card


def no_card(source: object) -> str:
    """Say that the model `source` has no card, and how to make one."""
    return f"{source} has no model card: make one with 'har-edge card {source} --labels A,B --signals X,Y --rate HZ'"


def _has_archive(content: bytes) -> bool:
    """Tell whether `content` ends with a zip's end record (APPNOTE.TXT 4.3.16) and a digest."""
    end = content[-22 - _DIGEST : -_DIGEST]
    return end[:4] == b"PK\x05\x06" and end[20:] == _DIGEST.to_bytes(2, "little")


def digest(content: bytes) -> bytes:
    """Compute the archive's comment: the hexadecimal SHA-256 of all bytes before it."""
    return hashlib.sha256(content).hexdigest().encode()


def _file_facts(flatbuffer: bytes) -> dict[str, Any]:
    return {"bytes": len(flatbuffer), "sha256": hashlib.sha256(flatbuffer).hexdigest()}
