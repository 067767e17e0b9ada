"""Read the rivals of a network: its forms by other tools, in a folder beside its models.

`har-edge convert --rivals` writes `rivals/<network>.json` and the files that it names. Rivals take windows in physical
units.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.system.dataclass_json import from_json, to_text
from edge_runtime.system.files import sha256, write_text
from edge_runtime.system.outside_files import file_name, parse_json, read_bytes, read_text

FORMAT = 1
STOCK, FUSED, ONNX = "TensorFlow stock", "fused LSTM", "ONNX Runtime"
"""TensorFlow's converter on the unchanged network; TFLite's own LSTM operator, from a Keras 2 layer; ONNX."""


@dataclass(frozen=True)
class Rival:
    """A form that another `tool` made: `scheme` is its quantisation, `file` its file name beside the record."""

    tool: str
    scheme: str
    file: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """Return the name in reports, for example `ONNX Runtime float32`."""
        return f"{self.tool} {self.scheme}"


@dataclass(frozen=True)
class RivalRecord:
    """The rivals of the Keras file with the digest `network_sha256`; `absent` gives the reasons for missing rivals."""

    network_sha256: str
    card: Mapping[str, Any]
    rivals: tuple[Rival, ...]
    absent: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        write_text(path, to_text(self, format=FORMAT) + "\n")

    def read_card(self, path: Path) -> Card:
        """Read the card of the network; `path` names the record in the `InputError` that is raised."""
        return Card.from_json(json.dumps(self.card), str(path))


def record_path(folder: Path, stem: str) -> Path:
    """Return the record of the network `stem` (`model` in a run) whose models are in `folder`."""
    return folder / "rivals" / f"{stem}.json"


def record_of(model: Path) -> Path:
    """Find the record of the network behind the file `model`: `mine` for `mine_int8.tflite`. Raises `InputError`."""
    stem, _, scheme = model.stem.rpartition("_")
    if not stem or not scheme:
        raise InputError(f"cannot tell which rivals belong to {model}: name it as 'har-edge convert' does")
    return record_path(model.parent, stem)


def read_record(path: Path, of: Card) -> RivalRecord:
    """Read the record at `path` of the rivals of the model whose card is `of`. Raises `InputError`."""
    network = path.parent.parent / f"{path.stem}.keras"
    again = "make them by 'har-edge convert --rivals'"
    try:
        content = parse_json(read_text(path, "a record of rivals"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"it has no format {FORMAT}")
        record = from_json(RivalRecord, content)
        for rival in record.rivals:
            file_name(rival.file)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the record of rivals {path} ({error}): {again}") from error
    card = record.read_card(path)
    fields = ("name", "labels", "signals", "window", "normalisation")
    is_same = all(getattr(card, field) == getattr(of, field) for field in fields)
    if not is_same or (network.is_file() and sha256(network) != record.network_sha256):
        raise InputError(f"the rivals in {path.parent} belong to another network or to other options: {again}")
    return record


def read_rival(file: Path, rival: Rival) -> bytes:
    """Read the `file` of a rival. Raises `InputError` when it is missing or changed."""
    content = read_bytes(file, "a rival's model") if file.exists() else b""
    if hashlib.sha256(content).hexdigest() != rival.sha256:
        raise InputError(f"{file} is missing or changed: make the rivals again")
    return content
