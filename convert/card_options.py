"""The options that make the card of a network made elsewhere, from what was typed. Needs no TensorFlow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convert.conversion_job import FileOptions
from edge_runtime.errors import InputError

_FORM = '{"mean": [...], "std": [...]}, one number per signal'


def read(labels: str | None, signals: str | None, normalisation: str | None) -> FileOptions:
    """Read `--labels`, `--signals` and `--normalisation`. Raises `InputError` for what cannot be used."""
    return FileOptions(
        labels=_names("--labels", _lines(labels), 2) if labels is not None else None,
        signals=_names("--signals", signals.split(","), 1) if signals is not None else None,
        normalisation=_normalisation(normalisation or "none"),
    )


def _lines(text: str) -> list[str]:
    """The lines of the file that `text` names; if there is none, what stands between commas."""
    path = Path(text)
    if not path.is_file():
        if path.suffix == ".txt":
            raise InputError(f"--labels {text} does not exist: give a file with one label a line, or names, as A,B,C")
        return text.split(",")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"--labels {path} is no text: give a file with one label a line") from error


def _names(option: str, given: list[str], at_least: int) -> tuple[str, ...]:
    names = tuple(x.strip() for x in given if x.strip())
    if len(names) < at_least or len(set(names)) != len(names):
        raise InputError(f"{option} must name at least {at_least}, each once; it names {', '.join(names) or 'none'}")
    return names


def _normalisation(text: str) -> Mapping[str, Any] | str:
    if text in ("none", "data"):
        return text
    path = Path(text)
    if not path.is_file():
        raise InputError(f"--normalisation {text} is no file: give one with {_FORM}, or none, or data")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"--normalisation {path} is not JSON ({error}): it must hold {_FORM}") from error
    if isinstance(content, dict) and isinstance(content.get("normalisation"), dict):  # a card
        content = content["normalisation"]
    if not isinstance(content, dict) or not {"mean", "std"} <= set(content) <= {"mean", "std", "clip", "knee"}:
        raise InputError(f"--normalisation {path} must hold {_FORM}, and may hold clip and knee")
    return content
