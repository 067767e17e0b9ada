"""The model card: what a model needs to be fed, what it answers, where it comes from.

`card.json` and `labels.txt` sit in a zip archive appended to the `.tflite` file, as TFLite Metadata does with
associated files: the interpreter ignores what follows the flatbuffer, any unzip program reads it. Files that another
program attached keep their place beside them. The archive's dates are fixed, so the same model and card give the same
bytes. Its comment is the SHA-256 of all bytes before it: a damaged model is refused before an interpreter sees it.
"""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.model.live_settings import Live
from edge_runtime.model.posture_correction import GRAVITY, PostureCorrection
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import Signal, Window
from edge_runtime.system.files import write_bytes, write_text

FORMAT = 2
_WITHOUT_KNEES = 1  # the format before: every signal linear
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
_CARD, _LABELS = "card.json", "labels.txt"
_LARGEST_CARD = 1 << 20
_DIGEST = 64  # a SHA-256 as hexadecimal text
_TFLITE_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every TFLite flatbuffer (schema.fbs: file_identifier)


@dataclass(frozen=True)
class Card:
    """A model card, format 2.

    `network`, `training`, `quantisation`, `parity` and `scores` are records; running a model needs none of them.
    Converting a run needs what `training` says about its data and its held-out subjects. `live` is how a stream of
    answers becomes one of activities, `personal` what was learnt about one person. `file` is written by `attach` and
    describes the flatbuffer the card travels with.
    """

    name: str
    labels: tuple[str, ...]
    signals: tuple[Signal, ...]
    window: Window
    normalisation: Normalisation
    temperature: float = 1.0
    live: Live = field(default_factory=Live)
    personal: PostureCorrection | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    quantisation: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    file: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple[int, int]:
        """`(samples, n_signals)` of one window."""
        return self.window.samples, len(self.signals)

    def to_json(self) -> str:
        """The card as JSON text."""
        return json.dumps({"format": FORMAT} | dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str) -> Card:
        """Read a card; `source` names it in the `InputError` raised when it is not a usable card."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{source} is not JSON ({error}); a model card is expected there") from error
        if not isinstance(content, dict) or "format" not in content:
            raise InputError(f"{source} is not a har-edge model card: it has no 'format'")
        version = content.pop("format")
        if version not in (_WITHOUT_KNEES, FORMAT):
            raise InputError(
                f"{source} has a card format other than {_WITHOUT_KNEES} and {FORMAT}: "
                "use the har-edge version that wrote it"
            )
        try:
            if version == _WITHOUT_KNEES:
                normalisation = content["normalisation"]
                content["normalisation"] = {**normalisation, "knee": [None] * len(normalisation["clip"])}
            card = _from_dict(content)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{source} is not a complete model card: {_reason(error)}") from error
        _check(card, source)
        return card


def load(path: Path) -> Card:
    """The card of a run folder's `card.json` or of any card file. Raises `InputError`."""
    try:
        return Card.from_json(Path(path).read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; a model card is expected there") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the model card {path}: {_reason(error)}") from error


def save(card: Card, path: Path) -> None:
    """Write `card` as JSON to `path`, whole or not at all."""
    write_text(path, card.to_json())


def attach(flatbuffer: bytes, card: Card, others: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of a `.tflite` file: `flatbuffer`, then a zip with the card, the labels and the files `others`.

    Of `others`, those that have the name of the card's own two files give way.
    """
    card = dataclasses.replace(card, file=_describe(flatbuffer))
    files = {_CARD: card.to_json().encode(), _LABELS: "".join(f"{x}\n" for x in card.labels).encode()}
    kept = {name: (others or {})[name] for name in sorted((others or {}).keys() - files)}
    # TFLite Metadata's readers refuse an archive with anything compressed in it.
    compression = zipfile.ZIP_STORED if kept else zipfile.ZIP_DEFLATED
    # The archive counts from the file's start; zeros there are surely no older archive that it would be added to.
    content = io.BytesIO(bytes(len(flatbuffer)))
    with zipfile.ZipFile(content, "a", compression, compresslevel=9) as archive:
        for name, file in (files | kept).items():
            entry = zipfile.ZipInfo(name, date_time=_ZIP_DATE)
            entry.compress_type = compression
            entry.create_system = 3  # Unix, whatever wrote it: same bytes everywhere
            archive.writestr(entry, file)
        archive.comment = bytes(_DIGEST)  # room for the digest of everything before it
    signed = flatbuffer + content.getvalue()[len(flatbuffer) : -_DIGEST]
    return signed + _digest(signed)


def write_model(path: Path, flatbuffer: bytes, card: Card, others: Mapping[str, bytes] | None = None) -> None:
    """Write a `.tflite` file with its card and the attached files `others`, whole or not at all.

    Raises `InputError`, and leaves `path` as it is, when what would be written could not be read again.
    """
    content = attach(flatbuffer, card, others)
    try:
        _parse(content, str(path))
    except InputError as error:
        raise InputError(f"{path} was not written, since it could not be read again: {error}") from error
    write_bytes(path, content)


def read_model(path: Path) -> tuple[bytes, Card]:
    """The flatbuffer and the card of the `.tflite` file at `path`.

    Raises `InputError` when the file is missing, is no TFLite model, is damaged or has no card.
    """
    return _parse(read_tflite(path), str(path))


def check_signature(content: bytes, source: str) -> None:
    """Raise `InputError` when `content` ends as a file with a card does, and is not what was written."""
    if _has_archive(content) and not _is_whole(content):
        raise InputError(_damaged(source))


def read_tflite(path: Path) -> bytes:
    """The bytes of a `.tflite` file, with or without a card. Raises `InputError` when it is not one."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {_reason(error)}") from error
    if content[4:8] != _TFLITE_IDENTIFIER:
        raise InputError(
            f"{path} is not a TFLite model (no TFL3 mark): give a .tflite file that har-edge convert wrote"
        )
    return content


def strip(content: bytes) -> bytes:
    """The flatbuffer alone: `content` without an appended card."""
    if not (_has_archive(content) and _is_whole(content)):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return content[: min(entry.header_offset for entry in archive.infolist())]


def _parse(content: bytes, source: str) -> tuple[bytes, Card]:
    """The flatbuffer and the card in `content`, a `.tflite` file; `source` names it in the `InputError` raised."""
    if not _has_archive(content):
        raise InputError(
            f"{source} has no model card (or was cut short): attach one with "
            f"'har-edge card {source} --from card.json', or copy the file again"
        )
    check_signature(content, source)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(_CARD).file_size > _LARGEST_CARD:
                raise InputError(f"the card inside {source} is too large to be one; convert the model again")
            text = archive.read(_CARD).decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, NotImplementedError) as error:
        raise InputError(f"{source} has no readable card ({_reason(error)}); convert the model again") from error
    card = Card.from_json(text, f"the card inside {source}")
    flatbuffer = strip(content)
    if dict(card.file) != _describe(flatbuffer):
        raise InputError(_damaged(source))
    return flatbuffer, card


def _damaged(source: str) -> str:
    return f"{source} is damaged: its bytes are not those it was written with; copy or convert it again"


def _has_archive(content: bytes) -> bool:
    """Whether `content` ends as `attach` ends it: a zip's end record (APPNOTE.TXT 4.3.16) with a digest as comment."""
    end = content[-22 - _DIGEST : -_DIGEST]
    return end[:4] == b"PK\x05\x06" and end[20:] == _DIGEST.to_bytes(2, "little")


def _is_whole(content: bytes) -> bool:
    return _digest(content[:-_DIGEST]) == content[-_DIGEST:]


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _describe(flatbuffer: bytes) -> dict[str, Any]:
    return {"bytes": len(flatbuffer), "sha256": hashlib.sha256(flatbuffer).hexdigest()}


def _from_dict(content: dict[str, Any]) -> Card:
    window, normalisation = content["window"], content["normalisation"]
    records = ("network", "training", "quantisation", "parity", "scores", "file")
    return Card(
        name=str(content["name"]),
        labels=_texts(content["labels"], "labels"),
        signals=tuple(Signal(str(x["name"]), str(x["unit"])) for x in content["signals"]),
        window=Window(float(window["rate_hz"]), int(window["samples"]), int(window["hop"])),
        normalisation=Normalisation.from_dict(normalisation),
        temperature=float(content.get("temperature", 1.0)),
        live=Live.from_dict(content.get("live", {})),
        personal=None if content.get("personal") is None else PostureCorrection.from_dict(content["personal"]),
        **{key: dict(content.get(key, {})) for key in records},
    )


def _check(card: Card, source: str) -> None:
    n_signals = len(card.signals)
    wrong: str | None = None
    if len(card.labels) < 2 or len(set(card.labels)) != len(card.labels):
        wrong = "needs at least two labels, each of its own name"
    elif not n_signals or len({x.name for x in card.signals}) != n_signals:
        wrong = "needs at least one signal, each of its own name"
    elif fault := card.normalisation.fault(n_signals):
        wrong = fault
    elif card.window.samples < 1 or card.window.hop < 1 or not card.window.rate_hz > 0:
        wrong = "needs a window with rate_hz, samples and hop above 0"
    elif fault := card.live.fault(len(card.labels)) or (
        card.personal.fault(len(card.labels)) if card.personal else None
    ):
        wrong = fault
    elif card.personal and not {x.name for x in card.signals} >= set(GRAVITY):
        wrong = "corrects for a person by gravity, which is not among its signals"
    elif not (np.isfinite(card.temperature) and card.temperature > 0):
        wrong = "needs a temperature above 0"
    if wrong:
        raise InputError(f"{source} {wrong}; mend the card and try again")


def _texts(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(x, str) and x for x in value):
        raise ValueError(f"'{key}' is not a list of names")
    return tuple(value)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing" if isinstance(error.args[0], str) else str(error)
    return str(getattr(error, "strerror", None) or error)
