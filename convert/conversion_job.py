"""Describe what a conversion is asked for: its source, the forms to write and how to write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.runs import Run
from edge_runtime.system.outside_files import parse_json, read_text

LOWERINGS = ("auto", "looped", "unrolled")
"""How recurrent layers may be converted; `auto` chooses."""

IO_TYPES = ("raw", "int8")
"""Raw models take windows in physical units and give float32. With int8, the caller prepares and quantises windows."""

CALIBRATION = 504
"""Windows: in UCI HAR, four for each of the six activities of each of the 21 training subjects."""


@dataclass(frozen=True)
class ConversionJob:
    """The conversion of `source`, a run folder or a Keras file, to float32 and the quantised forms `schemes`.

    `out`: the folder for the models, by default the source's. `or_mixed`: write mixed in place of int8 if int8 loses
    more than `max_drop` points of agreement in calibration. `c_file`: write int8 or mixed as C. `data` defaults to the
    data of the run or, for a Keras file, the embedded data. `labels`, `signals` and `normalisation` (`none`, `data` or
    a file) make the card of a Keras file.
    """

    source: Path
    schemes: tuple[str, ...] = ()
    out: Path | None = None
    or_mixed: bool = False
    io_type: str = IO_TYPES[0]
    calibration: int = CALIBRATION
    max_drop: float = 1.0  # percentage points
    data: tuple[str, ...] | None = None
    time_limit: float = 600.0  # seconds
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


def read_labels(text: str) -> tuple[str, ...]:
    """Return the labels in the file `text` or, if there is no such file, between commas. Raises `InputError`."""
    path = Path(text)
    if not path.is_file() and path.suffix != ".txt":
        return names("--labels", text.split(","), 2)
    try:
        return names("--labels", read_text(path, "a list of labels").splitlines(), 2)
    except OSError as error:
        raise InputError(f"--labels {path} ({error.strerror}): give a text file with one label per line") from error


def names(option: str, texts: list[str], at_least: int) -> tuple[str, ...]:
    """Return the names that the `texts` of an `option` give. Raises `InputError` for too few, or two equal names."""
    stripped = tuple(text.strip() for text in texts if text.strip())
    if len(stripped) < at_least or len(set(stripped)) != len(stripped):
        raise InputError(f"{option} is '{', '.join(stripped)}': give at least {at_least} different names")
    return stripped


def read_normalisation(path: str) -> Mapping[str, Any]:
    """Return a card's object from the JSON file of `--normalisation`, which may be a card. Raises `InputError`."""
    try:
        content = parse_json(read_text(Path(path), "a normalisation"))
        if isinstance(content.get("normalisation"), dict):  # a card
            content = content["normalisation"]
        if not {"mean", "std"} <= content.keys() <= {"mean", "std", "clip", "knee"}:
            raise ValueError("it needs mean and std, and may have clip and knee")
        if content.get("knee") and "clip" not in content:  # a knee bends values, but leaves the clip where it is
            raise ValueError("a knee needs a clip")
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(
            f'--normalisation {path} cannot be used ({reason}): give none, data, or a file with {{"mean": [...], '
            '"std": [...]}, one number per signal'
        ) from error
    return dict(content)
