"""What the command asks of the conversion process, and what it gets back."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

NETWORKS = {"selection": "selection network", "model": "final network"}
"""The two networks of a run, by file name, in words."""


@dataclass(frozen=True)
class Job:
    """One conversion of a run: its selection network, for the gate, and its final network.

    `schemes` are the quantised forms to make beside float32, `io_type` and `calibration` are int8's. `output` is an
    empty folder: the process leaves `<network>_<scheme>.tflite` flatbuffers and `report.json` there.
    """

    run: str
    data: str | None
    schemes: tuple[str, ...]
    io_type: str
    calibration: int
    output: str
    diagnose: bool = False

    def to_json(self) -> str:
        """For the command line of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The inverse of `to_json`."""
        content = json.loads(text)
        return cls(**content | {"schemes": tuple(content["schemes"])})

    def flatbuffer(self, network: str, scheme: str) -> Path:
        """Where the process leaves the converted `network` (`selection` or `model`)."""
        return Path(self.output) / f"{network}_{scheme}.tflite"

    @property
    def report(self) -> Path:
        """Where the process leaves its report."""
        return Path(self.output) / "report.json"
