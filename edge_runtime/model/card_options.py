"""Read the options that make a card: labels, signals and normalisation."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.outside_files import parse_json, read_text


def read_labels(text: str) -> tuple[str, ...]:
    """Return the labels in the file `text` or, if there is no such file, between commas. Raises `InputError`."""
    path = Path(text)
    if path.is_file() or path.suffix == ".txt":
        return _names("--labels", read_text(path, "a list of labels").splitlines(), 2)
    return _names("--labels", text.split(","), 2)


def read_signals(text: str) -> tuple[str, ...]:
    """Return the names of signals between the commas of `--signals`. Raises `InputError`."""
    return _names("--signals", text.split(","), 1)


def _names(option: str, texts: list[str], at_least: int) -> tuple[str, ...]:
    """Return the names that the `texts` of an `option` give. Raises `InputError` for too few, or two equal names."""
    stripped = tuple(text.strip() for text in texts if text.strip())
    if len(stripped) < at_least or len(set(stripped)) != len(stripped):
        raise InputError(f"{option} is '{', '.join(stripped)}': give at least {at_least} different names")
    return stripped


def read_normalisation(path: str) -> Normalisation:
    """Return the normalisation in the JSON file of `--normalisation`, which may be a card. Raises `InputError`."""
    try:
        content = parse_json(read_text(Path(path), "a normalisation"))
        content = content.get("normalisation", content)
        if content.get("knee") and "clip" not in content:  # a knee bends values, but leaves the clip where it is
            raise ValueError("a knee needs a clip")
        n_signals = len(content["mean"])
        content = {"clip": [NO_CLIP] * n_signals, "knee": [None] * n_signals, **content}
        return from_json(Normalisation, content, known_keys_only=True)
    except (OSError, ValueError, AttributeError, LookupError, TypeError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(
            f'--normalisation {path} cannot be used ({reason}): give none, data, or a file with {{"mean": [...], '
            '"std": [...]}, one number per signal'
        ) from error


def normalisation_of(option: str, n_signals: int, windows: npt.NDArray[np.floating] | None) -> Normalisation:
    """Return the normalisation that `none`, `data` or a file names; `data` measures `windows` `[..., n_signals]`.

    Raises `InputError` for a file that cannot be used, and for `data` without windows.
    """
    no_clip, no_knee = (NO_CLIP,) * n_signals, (None,) * n_signals
    if option == "none":
        return Normalisation((0.0,) * n_signals, (1.0,) * n_signals, no_clip, no_knee)
    if option == "data":
        if windows is None:
            raise InputError("--normalisation data needs --data")
        values = windows.reshape(-1, n_signals).astype(np.float64)
        return Normalisation(tuple(map(float, values.mean(0))), tuple(map(float, values.std(0))), no_clip, no_knee)
    normalisation = read_normalisation(option)
    if fault := normalisation.fault(n_signals):
        raise InputError(f"--normalisation {fault}")
    return normalisation
