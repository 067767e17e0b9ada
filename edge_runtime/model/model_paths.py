"""Find a model's file: by path, in a run folder, or by the name of a reference model."""

from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.model.scheme_names import FLOAT32, INT8, MIXED

REFERENCE_MODELS = ("edge", "edge-small", "edge-tiny", "edge-anywhere")
"""The models in the package, each in float32 and int8."""

_REFERENCE = Path(__file__).parents[1] / "models"


def reference_model(name: str, scheme: str) -> Path:
    """Return the file of one of the `REFERENCE_MODELS`, float32 or int8."""
    return _REFERENCE / f"{name}_{scheme}.tflite"


def is_reference(path: Path) -> bool:
    """Tell whether `path` names a reference model, and not a file or a run folder, which has JSON files."""
    return str(path) in REFERENCE_MODELS and not path.is_file() and not any(path.glob("*.json"))


def is_shipped(path: Path) -> bool:
    """Tell whether `path` is the file of a model that comes with the package."""
    return path.resolve().parent == _REFERENCE.resolve()


def model_path(path: Path | str) -> Path:
    """Find the `.tflite` file that `path` names: a file, a reference model, or a run folder's model, int8 before mixed.

    Raises `InputError` when there is no such file.
    """
    path = Path(path)
    if is_reference(path):
        return reference_model(str(path), INT8)
    if not path.exists():
        names = ", ".join(REFERENCE_MODELS)
        raise InputError(f"{path} does not exist: give a .tflite file, a run folder or a reference model ({names})")
    if not path.is_dir():
        return path
    preferred = [path / f"model_{scheme}.tflite" for scheme in (INT8, MIXED, FLOAT32)]
    models = [model for model in preferred if model.exists()] or sorted(path.glob("model_*.tflite"))
    if models:
        return models[0]
    if (path / "card.json").exists():
        raise InputError(f"{path} has no converted model: run 'har-edge convert {path} --quantize'")
    raise InputError(f"{path} is not a run folder: it has no card.json")
