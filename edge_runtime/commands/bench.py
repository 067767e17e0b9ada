"""`har-edge bench`: measure latency, memory, size and accuracy of models."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_runtime import bench, runs
from edge_runtime.bench import Settings
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.interpreters import RUNTIMES
from edge_runtime.reports import outputs
from edge_runtime.runs import Run
from edge_runtime.summary import ModelFile

REFERENCE = Path(__file__).parents[1] / "models"
REFERENCE_NETWORKS = ("edge", "edge-small")


@click.command(name="bench")
@click.argument("paths", metavar="[MODEL|RUN ...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--data",
    "data_path",
    type=click.Path(path_type=Path),
    help="Official UCI HAR folder or zip, or a folder of CSV recordings.  [default: the embedded UCI HAR data]",
)
@click.option(
    "--on",
    "target",
    metavar="local|python:PATH",
    default="local",
    show_default=True,
    help="Where to measure: this Python, or another interpreter on this machine.",
)
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True, help="Which interpreter.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="For each inference.")
@click.option(
    "--runs",
    "n_runs",
    type=click.IntRange(min=1),
    help=f"Timed inferences per model.  [default: {bench.RUNS}, paced {bench.PACED_RUNS}]",
)
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time each model for so long in all, instead of --runs.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="Fresh processes per model, among which the timed inferences are divided.  "
    f"[default: {bench.ROUNDS}, paced {bench.PACED_ROUNDS}]",
)
@click.option("--paced", is_flag=True, help="Infer as often as windows come in use, asleep in between: cold caches.")
@click.option(
    "--control/--no-control", default=True, show_default=True, help="Measure the first model against itself as well."
)
@click.option("--profile", is_flag=True, help="Show what the operators of each model have to do.")
@outputs.option("json", "Where to write the result.  [default: bench-DEVICE.json in the run folder, else here]")
@outputs.option("csv", "Write a row per model too.")
@outputs.option("markdown", "Write a table to paste into an issue too.")
@outputs.option("html", "Where to write the page for people.  [default: beside the JSON file]")
def command(
    paths: Sequence[Path],
    data_path: Path | None,
    target: str,
    runtime: str,
    threads: int,
    n_runs: int | None,
    duration: float | None,
    rounds: int | None,
    paced: bool,
    control: bool,
    profile: bool,
    json_path: Path | None,
    csv_path: Path | None,
    markdown_path: Path | None,
    html_path: Path | None,
) -> None:
    """Measure models: latency, memory and size, and accuracy on all test windows.

    MODEL is a .tflite file with its card, RUN a folder that 'har-edge convert' has filled; 'edge' and 'edge-small' name
    the reference models that come with har-edge. Without any: the latest run or, when there is none, 'edge'.

    Models take turns in fresh processes. One whose process dies or hangs is left out, and the exit code is 3.
    """
    from edge_runtime import dataset
    from edge_runtime.devices import open_device
    from edge_runtime.reports import operators, terminal
    from edge_runtime.terminal import Console, progress

    if n_runs is not None and duration is not None:
        raise InputError("--runs and --duration say the same in two ways: give one of them")
    models, run = _find_models(paths)
    device = open_device(target, runtime)
    json_path = json_path or (run or Run(Path())).bench(device.name)
    written = {
        "json": json_path,
        "csv": csv_path,
        "markdown": markdown_path,
        "html": html_path or json_path.parent / f"{json_path.stem}.html",
    }
    outputs.check(written, inputs=[path for path in paths if path.is_file()])
    data = dataset.load(data_path)
    settings = Settings(runtime, threads, n_runs, rounds, duration, paced, control)
    with progress() as on_progress:
        result = bench.measure(models, data, device, settings, on_progress)
    try:
        files = outputs.write(result, written)  # before the table: a reader that goes away costs no file
    finally:
        terminal.show(result, Console())  # and a folder that cannot be written costs the files, not the measurement
        if profile:
            operators.show(result, Console())
    for path in files:
        click.echo(path)
    if result.failures:
        names = ", ".join(failure.file for failure in result.failures)
        raise DeviceError(f"not everything could be measured: {names}; the other results are complete")


def _find_models(paths: Sequence[Path]) -> tuple[list[ModelFile], Run | None]:
    """The models that `paths` name, and the run folder if they are those of exactly one."""
    if not paths and not runs.LATEST.exists():
        click.echo("There is no run here: measuring the reference models that come with har-edge.", err=True)
        return _reference_models("edge"), None
    models: list[ModelFile] = []
    run = None
    for path in paths or (None,):
        if path is None or path.is_dir():
            run = runs.find(path)
            converted = run.converted()
            if not converted:
                raise InputError(f"{run.folder} has no converted model: run 'har-edge convert {run.folder} --quantize'")
            models += map(bench.open_file, converted)
        elif not path.exists() and str(path) in REFERENCE_NETWORKS:
            models += _reference_models(str(path))
        else:
            models.append(bench.open_file(path))
    return models, run if len(paths) < 2 else None


def _reference_models(network: str) -> list[ModelFile]:
    names = [f"{network}_{scheme}.tflite" for scheme in ("float32", "int8")]
    return [bench.open_file(REFERENCE / name, f"{name} (reference)") for name in names]
