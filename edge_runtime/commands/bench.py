"""`har-edge bench`: measure latency, memory, size and accuracy of models."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_runtime import bench, runs
from edge_runtime.bench import ModelFile, Settings
from edge_runtime.errors import InputError
from edge_runtime.interpreters import RUNTIMES
from edge_runtime.runs import Run

REFERENCE = Path(__file__).parents[1] / "models"


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
    "--runs", "n_runs", type=click.IntRange(min=1), default=bench.RUNS, show_default=True, help="Timed inferences."
)
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the result.  [default: bench-DEVICE.json in the run folder, else here]",
)
def command(
    paths: Sequence[Path],
    data_path: Path | None,
    target: str,
    runtime: str,
    threads: int,
    n_runs: int,
    json_path: Path | None,
) -> None:
    """Measure models: latency, memory and size, and accuracy on all test windows.

    MODEL is a .tflite file with its card, RUN a folder that 'har-edge convert' has filled. Without either: the latest
    run or, when there is none, the two reference models that come with har-edge.
    """
    from edge_runtime import dataset, report
    from edge_runtime.devices import open_device
    from edge_runtime.terminal import Console, progress

    models, run = _find_models(paths)
    device = open_device(target, runtime)
    output = json_path or (run or Run(Path())).bench(device.name)
    if output.is_dir():
        raise InputError(f"{output} is a folder: give a file name with --json")
    data = dataset.load(data_path)
    settings = Settings(runtime, threads, n_runs)
    with progress() as on_progress:
        result = bench.measure(models, data, device, settings, on_progress)
    report.show(result, Console())
    result.write(output)  # after the table: a folder that cannot be written costs the file, not the measurement
    click.echo(output)


def _find_models(paths: Sequence[Path]) -> tuple[list[ModelFile], Run | None]:
    """The models that `paths` name, and the run folder if they are those of exactly one."""
    if not paths and not runs.LATEST.exists():
        click.echo("There is no run here: measuring the reference models that come with har-edge.", err=True)
        names = ("edge_float32.tflite", "edge_int8.tflite")
        return [bench.open_file(REFERENCE / name, f"{name} (reference)") for name in names], None
    models: list[ModelFile] = []
    run = None
    for path in paths or (None,):
        if path is None or path.is_dir():
            run = runs.find(path)
            converted = run.converted()
            if not converted:
                raise InputError(f"{run.folder} has no converted model: run 'har-edge convert {run.folder} --quantize'")
            models += map(bench.open_file, converted)
        else:
            models.append(bench.open_file(path))
    return models, run if len(paths) < 2 else None
