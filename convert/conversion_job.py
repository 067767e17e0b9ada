"""Describe what the command asks of the conversion process, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NETWORKS = {"selection": "selection network", "model": "final network"}
"""The two networks of a run, by file name, in words; of a file there is the second alone."""

LOWERINGS = ("auto", "unrolled", "fused")
"""How recurrent layers may be converted; `auto` is one of the other two."""

MAX_SIZE = 2000
"""The greatest model that is written unless asked otherwise, in kB: twice an LSTM(64), unrolled over 128 steps."""


@dataclass(frozen=True)
class FileOptions:
    """What the card of a network made elsewhere is to say; `normalisation` is a card's, or one of none and data."""

    labels: tuple[str, ...] | None = None
    signals: tuple[str, ...] | None = None
    normalisation: Mapping[str, Any] | str = "none"


@dataclass(frozen=True)
class ConversionJob:
    """One conversion: of a run, its selection network, for the gate, and its final network; or of a `.keras` file.

    `source` is the run folder, or the file if `file` says what its card needs. `schemes` are the quantised forms to
    make beside float32, `io_type` and `calibration` are int8's. `lstm` is one of `LOWERINGS`, `max_size` in bytes.
    `output` is an empty folder: the process leaves `<network>_<scheme>.tflite` flatbuffers and `report.json` there.
    """

    source: str
    data: str | None
    schemes: tuple[str, ...]
    io_type: str
    calibration: int
    output: str
    diagnose: bool = False
    lstm: str = LOWERINGS[0]
    max_size: int = 1000 * MAX_SIZE
    file: FileOptions | None = None

    def flatbuffer(self, network: str, scheme: str) -> Path:
        """Where the process leaves the converted `network` (`selection` or `model`)."""
        return Path(self.output) / f"{network}_{scheme}.tflite"

    @property
    def report(self) -> Path:
        """Where the process leaves its report."""
        return Path(self.output) / "report.json"
