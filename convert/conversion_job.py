"""Describe what a conversion is asked for: its source, the forms to write and how to write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOWERINGS = ("auto", "looped", "unrolled")
"""How recurrent layers may be converted; `auto` chooses."""

IO_TYPES = ("raw", "int8")
"""Raw models take windows in physical units and give float32. With int8, the caller prepares and quantises windows."""

CALIBRATION = 504
"""Windows: in UCI HAR, four for each of the six activities of each of the 21 training subjects."""


@dataclass(frozen=True)
class FileOptions:
    """Parts of the card of an external model; `normalisation` is a card's object, `none` or `data`."""

    labels: tuple[str, ...] | None = None
    signals: tuple[str, ...] | None = None
    normalisation: Mapping[str, Any] | str = "none"


@dataclass(frozen=True)
class Options:
    """Options of a conversion: the quantised forms `schemes` beside float32.

    `or_mixed`: write mixed in place of int8 if int8 loses more than `max_drop` points of agreement in calibration.
    `c_file`: write int8 or mixed as C. `data` defaults to the data of the run or, for a Keras file, the embedded data.
    """

    schemes: tuple[str, ...] = ()
    or_mixed: bool = False
    io_type: str = IO_TYPES[0]
    calibration: int = CALIBRATION
    max_drop: float = 1.0  # percentage points
    data: tuple[str, ...] | None = None
    time_limit: float = 600.0  # seconds
    lstm: str = LOWERINGS[0]
    rivals: bool = False
    c_file: bool = False


@dataclass(frozen=True)
class ConversionJob:
    """The conversion of a run folder or, with `file`, of a Keras file; `output` is an empty folder for the process."""

    source: Path
    output: Path
    options: Options
    file: FileOptions | None = None

    def flatbuffer(self, network: str, scheme: str) -> Path:
        """Return the path of the converted `network` (`selection` or `model`)."""
        return self.output / f"{network}_{scheme}.tflite"

    @property
    def result(self) -> Path:
        """The path of the `ConversionResult`."""
        return self.output / "result.json"
