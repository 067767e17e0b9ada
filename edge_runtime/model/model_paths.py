"""Find a model's file: by path, in a run folder, or by the name of a reference network."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import difflib
from contextlib import suppress
from pathlib import Path

from edge_runtime.errors import InputError

REFERENCE_NETWORKS = ("edge", "edge-small")
"""The networks whose models the package holds."""

_REFERENCE = Path(__file__).parents[1] / "models"


def reference_model(network: str, scheme: str) -> Path:
    """The reference model of one of `REFERENCE_NETWORKS`, float32 or int8."""
    return _REFERENCE / f"{network}_{scheme}.tflite"


def is_reference(path: Path) -> bool:
    """Tell whether `path` is no file but the name of a reference network."""
    return not path.exists() and str(path) in REFERENCE_NETWORKS


def is_shipped(path: Path) -> bool:
    """Tell whether `path` is the file of a model that comes with the package."""
    return path.resolve().parent == _REFERENCE.resolve()


def model_path(path: Path | str) -> Path:
    """The `.tflite` file that `path` names: itself, the int8 model of a run folder, or a reference network's.

    A run folder without an int8 model gives the mixed one, or another. Raises `InputError` when it has none, or `path`
    is nothing.
    """
    path = Path(path)
    if is_reference(path):
        return reference_model(str(path), "int8")
    if not path.exists():
        names = " or ".join(REFERENCE_NETWORKS)
        raise InputError(
            f"{path} does not exist: give a .tflite file, a run folder or a reference model, {names}{_near(path)}"
        )
    if not path.is_dir():
        return path
    preferred = [path / f"model_{scheme}.tflite" for scheme in ("int8", "mixed", "float32")]
    found = [x for x in preferred if x.exists()] or sorted(path.glob("model_*.tflite"))
    if not found:
        raise InputError(f"{path} has no converted model: run 'har-edge convert {path} --quantize'")
    return found[0]


def _near(path: Path) -> str:
    """A question after the one whose name is nearest to `path`, among the reference networks and what is beside it."""
    beside: list[Path] = []
    with suppress(OSError):  # no folder, or one that may not be read
        beside = sorted(path.parent.iterdir())
    known = {x.name: x for x in [*beside, *map(Path, REFERENCE_NETWORKS)]}
    near = difflib.get_close_matches(path.name, known, 1)
    return f"; did you mean {known[near[0]]}?" if near else ""
