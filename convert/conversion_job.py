"""Describe what a conversion is asked for: its source, the forms to write and how to write them."""

from dataclasses import dataclass
from pathlib import Path

from edge_runtime.runs import Run

LOWERINGS = ("auto", "looped", "unrolled")
"""How recurrent layers may be converted; `auto` chooses."""

IO_TYPES = ("raw", "int8")
"""Raw models take windows in physical units and give float32. With int8, the caller prepares and quantises windows."""

CALIBRATION = 504
"""Windows: in UCI HAR, four for each of the six activities of each of the 21 training subjects."""


@dataclass(frozen=True)
class ConversionJob:
    """The conversion of `source`, a run folder or a file, to float32 and the quantised forms `schemes`.

    `out`: the folder for the models, by default the source's. `or_mixed`: write mixed in place of int8 if int8 loses
    more than `max_drop` points of agreement in calibration. `c_file`: write int8 or mixed as C. `data` defaults to the
    data of the run or, for a file, the embedded data. `labels`, `signals` and `normalisation` (`none`, `data` or
    a file) make the card of a file.
    """

    source: Path
    schemes: tuple[str, ...] = ()
    out: Path | None = None
    or_mixed: bool = False
    io_type: str = IO_TYPES[0]
    calibration: int = CALIBRATION
    max_drop: float = 1.0  # percentage points
    data: tuple[str, ...] | None = None
    lstm: str = LOWERINGS[0]
    rivals: bool = False
    c_file: bool = False
    labels: tuple[str, ...] | None = None
    signals: tuple[str, ...] | None = None
    normalisation: str = "none"

    @property
    def is_run(self) -> bool:
        """Whether the source is a run folder."""
        return self.source.is_dir()

    @property
    def network(self) -> Path:
        """The file of the network: of a run, of its final network."""
        return Run(self.source).model if self.is_run else self.source

    @property
    def folder(self) -> Path:
        """The folder for the models."""
        return self.out or self.network.parent

    def tflite(self, scheme: str) -> Path:
        """Return the path of a converted form."""
        return self.folder / f"{self.network.stem}_{scheme}.tflite"
