"""Where a command finds its model: a file, a run folder, or one that comes with har-edge."""

from pathlib import Path

import click

from edge_runtime import runs
from edge_runtime.errors import InputError
from edge_runtime.runs import Run

_REFERENCE = Path(__file__).parents[1] / "models"
REFERENCE_NETWORKS = ("edge", "edge-small")


def reference_model(network: str, scheme: str) -> Path:
    """The reference model of one of `REFERENCE_NETWORKS`, float32 or int8."""
    return _REFERENCE / f"{network}_{scheme}.tflite"


def is_reference(path: Path) -> bool:
    """Whether `path` is no file but the name of a reference network."""
    return not path.exists() and str(path) in REFERENCE_NETWORKS


def converted_models(run: Run) -> list[Path]:
    """All models of a run. Raises `InputError` when there is none."""
    found = run.converted()
    if not found:
        raise InputError(f"{run.folder} has no converted model: run 'har-edge convert {run.folder} --quantize'")
    return found


def find_model(path: Path | None) -> Path:
    """The one model that `path` names: a file, the int8 model of a run folder, or a reference network's.

    None is the latest run or, when there is none, `edge`; stderr then says which. Raises `InputError` when it is none.
    """
    if path is None and not runs.LATEST.exists():
        click.echo("There is no run here: taking the reference model 'edge' that comes with har-edge.", err=True)
        return reference_model("edge", "int8")
    if path is None or path.is_dir():
        found = converted_models(runs.find(path))
        chosen = next((x for x in found if x.stem.endswith("int8")), found[0])
        if path is None:
            click.echo(f"Taking {chosen}.", err=True)
        return chosen
    return reference_model(str(path), "int8") if is_reference(path) else path
