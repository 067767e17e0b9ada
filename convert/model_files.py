"""Where the results of a conversion go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class ModelFiles(Protocol):
    """The results of one network; a run is such."""

    def tflite(self, scheme: str) -> Path:
        """The converted model of one of the schemes."""

    def diagnosis(self, suffix: str) -> Path:
        """Where the int8 model loses precision: `.csv` or `.png`."""


@dataclass(frozen=True)
class NamedFiles:
    """Results named after a network's file."""

    folder: Path
    stem: str

    def tflite(self, scheme: str) -> Path:
        """The converted model of one of the schemes."""
        return self.folder / f"{self.stem}_{scheme}.tflite"

    def diagnosis(self, suffix: str) -> Path:
        """Where the int8 model loses precision: `.csv` or `.png`."""
        return self.folder / f"{self.stem}_diagnosis{suffix}"
