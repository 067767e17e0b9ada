"""Hold the options of a conversion, and what they may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOWERINGS = ("auto", "looped", "unrolled")
"""How recurrent layers may be converted; `auto` chooses."""

IO_TYPES = ("raw", "int8")
"""Raw models take windows in physical units and give float32; the others take prepared windows, int8 models as int8."""

CALIBRATION = 504
"""Windows: of UCI HAR, four for each of six activities of each of 21 training subjects."""


@dataclass(frozen=True)
class FileOptions:
    """Parts of the card of an external model; `normalisation` is a card's, or one of none and data."""

    labels: tuple[str, ...] | None = None
    signals: tuple[str, ...] | None = None
    normalisation: Mapping[str, Any] | str = "none"


@dataclass(frozen=True)
class Options:
    """Options of a conversion: the quantised forms `schemes` beside float32.

    `or_mixed`: write mixed in place of int8 where int8 loses more than `max_drop` points of agreement in calibration.
    `c_file`: write int8 or mixed as C. Without `data` it is the embedded data, or that of the run.
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
