"""Measure latency, memory, size and accuracy of models: `har-edge bench`."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import click

from edge_runtime.bench import measurement
from edge_runtime.bench.c_library import c_of
from edge_runtime.bench.measurement_job import Device
from edge_runtime.bench.results import AbsentRival, Report
from edge_runtime.bench.rounds import DURATION_S, UNTIL, MeasurementSettings
from edge_runtime.commands import options
from edge_runtime.commands.model_arguments import data_for, warn_of_axes
from edge_runtime.data import evaluation_data
from edge_runtime.data.data_sources import Sources
from edge_runtime.data.dataset import Dataset
from edge_runtime.devices.emulated.cortex_m4 import CortexM4
from edge_runtime.devices.targets import open_device
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model.c_model import C
from edge_runtime.model.interpreters import RUNTIMES
from edge_runtime.model.model_file import ModelFile, open_model_file
from edge_runtime.model.model_paths import is_reference, is_shipped, model_path, reference_model
from edge_runtime.model.rivals import read_record, read_rival, record_of
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32, INT8
from edge_runtime.reports import outputs
from edge_runtime.runs import LATEST, Run, find_run, keep_result
from edge_runtime.system.installation import pip_install


@click.command(
    name="bench",
    epilog=options.examples(
        "bench", "bench edge --csv edge.csv --markdown -", "bench runs/latest --on ssh://pi@raspberrypi.local"
    ),
)
@options.model("[MODEL|RUN ...]", several=True)
@click.option(
    "--on",
    "target",
    metavar="TARGET",
    default="local",
    help="Device: local (this Python), python:PATH, ssh://[USER@]HOST[:PORT], adb://SERIAL (a phone; adb: for the only "
    "one) or emulated:CPU.",
)
@options.data(options.DATA_OF_RUN)
@click.option(
    "--rivals",
    is_flag=True,
    help="Also measure, in the same rounds, other tools' forms of the network ('har-edge convert --rivals').",
)
@outputs.option(
    "json",
    "Where to write the result; - is standard output, for each form.  [default: bench-DEVICE.json in the run folder, "
    "else here]",
)
@outputs.option("html", "Where to write the page for people.  [default: beside the JSON file]")
@outputs.option("markdown", "Also write a table to paste into an issue.")
@outputs.option("csv", "Also write a CSV file with a row per model.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", default=1, help="Threads per inference.")
@click.option(
    "--runtime",
    type=click.Choice((*RUNTIMES, C)),
    default="auto",
    help="Interpreter to use. auto and c also measure int8 and mixed models as C, compiled for the device.",
)
@click.option(
    "--until",
    type=options.FiniteRange(0, min_open=True, units={"%": 1}),
    metavar="PERCENT",
    default=f"{100 * UNTIL:g}%",
    show_default=True,
    help="Measure until every ratio of times is this precise: half of its 95 % interval.",
)
@click.option(
    "--duration",
    "duration_s",
    type=options.FiniteRange(0, min_open=True, units=options.SECONDS),
    metavar="SECONDS",
    default=DURATION_S,
    show_default=True,
    help="End after this time, even if ratios are less precise.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure exactly this many rounds, each in fresh processes, instead of --until and --duration.",
)
@click.option(
    "--paced", is_flag=True, help="Infer as often as windows come in real use, and sleep in between: cold caches."
)
@click.option("--control/--no-control", default=True, help="Measure the first model twice.")
def command(
    models: Sequence[Path],
    data: Sources | None,
    target: str,
    rivals: bool,
    json_path: Path | None,
    csv_path: Path | None,
    markdown_path: Path | None,
    html_path: Path | None,
    threads: int,
    runtime: str,
    until: float,
    duration_s: float,
    rounds: int | None,
    paced: bool,
    control: bool,
) -> None:
    """Measure latency, memory and size of models, and accuracy on people who were not in their training.

    Models take turns in fresh processes until their ratios are precise enough. If a process dies, its model is left
    out and the exit code is 3. An older result in the run folder is kept, with its date in its name.
    """
    if rounds:
        options.refuse_options("is not for a fixed number of --rounds", "--until", "--duration")
    device = open_device(target, runtime)
    files, run = _find_models(models)
    absent = None
    if rivals:
        others, absent = _find_rivals(files)
        files += others
    result = json_path or (run or Run(Path())).bench(device.name)
    page = None if result == outputs.STDOUT else result.parent / f"{result.stem}.html"
    written = {"json": result, "csv": csv_path, "markdown": markdown_path, "html": html_path or page}
    outputs.check_written(written, [path for path in models if path.is_file()])
    loaded, without_c = _load_data(files, data), None
    if runtime in ("auto", C):  # last, since a conversion takes seconds
        forms, without_c = _as_c(files, is_requested=runtime == C)
        files += forms
    settings = MeasurementSettings(
        runtime, threads, until / 100, duration_s, rounds, paced, control, absent, without_c, runtime == C
    )
    report = _measure(device, files, loaded, settings)
    _write_and_show(report, written, keeps_older=json_path is None)


def _load_data(models: Sequence[ModelFile], given: Sources | None) -> Dataset:
    """Load the data of --data, or the training data of the `models`; only people new to all models are tested."""
    cards = [model.card for model in models]
    if adapted := next((model for model in models if model.card.personal_correction), None):
        raise InputError(f"{adapted.title} is adapted to one person: measure the original model")
    if other := next((model for model in models if model.card.window != cards[0].window), None):
        raise InputError(
            f"{models[0].title} and {other.title} take different windows: measure them one after the other"
        )
    chosen = data_for([model.path for model in models if model.path and not model.rival], given)
    data, notices = evaluation_data.scored_windows(cards, chosen, is_remembered=given is None)
    outputs.say(*(finding.text for finding in notices))
    for card in {card.name: card for card in cards}.values():
        warn_of_axes(card, data.mountings)
    return data


def _measure(device: Device, models: Sequence[ModelFile], data: Dataset, settings: MeasurementSettings) -> Report:
    """Measure the `models` that `device` can run, and close it."""
    from edge_runtime.system.terminal import progress

    measurable = [model for model in models if model.c_source or not isinstance(device, CortexM4)]
    if not measurable:
        raise InputError(settings.without_c or f"{device.name} measures C: name an int8 or mixed model")
    with closing(device), progress() as on_progress:
        device.prepare(lambda share, stage: on_progress(0.0, stage), any(model.is_onnx for model in measurable))
        return measurement.measure(measurable, data, device, settings, on_progress)


def _write_and_show(report: Report, written: Mapping[str, Path | None], keeps_older: bool) -> None:
    from edge_runtime.reports.report_content import gather
    from edge_runtime.reports.report_forms import show_report
    from edge_runtime.system.terminal import Console

    reports, files = {report.device.name: report}, []
    try:
        if keeps_older and (result := written["json"]):
            keep_result(result)
        files = outputs.write_report(reports, written)
    finally:  # show the report even if its files cannot be written
        show_report(gather(reports), Console())
    for path in files:
        click.echo(path)
    if report.failures:
        names = ", ".join(failure.file for failure in report.failures)
        raise DeviceError(f"some measurements failed: {names}; all others are complete")


def _find_models(paths: Sequence[Path]) -> tuple[list[ModelFile], Run | None]:
    """Find the models that `paths` name, and their run folder if they have one in common."""
    if not paths and not LATEST.exists():
        click.echo("No run here: measuring the reference models of har-edge.", err=True)
        paths = [Path("edge")]
    models: list[ModelFile] = []
    run = None
    for path in paths or (None,):
        if path and is_reference(path):
            shipped = [reference_model(str(path), scheme) for scheme in (FLOAT32, INT8)]
            models += [open_model_file(path, f"{path.name} (reference)") for path in shipped]
        elif path and not path.is_dir():
            models.append(open_model_file(model_path(path)))
        else:
            run = find_run(path, outputs.say)
            models += map(open_model_file, run.converted() or [model_path(run.folder)])
    return models, run if len(paths) < 2 else None


def _as_c(models: Sequence[ModelFile], is_requested: bool) -> tuple[list[ModelFile], str | None]:
    """Return the `models` that can be C, as C, and why another model cannot; raise the reason if C `is_requested`."""
    quantised = [model for model in models if not model.rival and model.scheme in CALIBRATED]
    if not quantised and is_requested:
        raise InputError("--runtime c needs an int8 or mixed model: make one with 'har-edge convert --quantize'")
    forms, without_c = [], None
    for model in quantised:
        try:
            forms.append(replace(model, title=f"{model.title} as C", c_source=c_of(model, outputs.say)))
        except HarEdgeError as error:
            if is_requested:
                raise
            without_c = str(error)
            outputs.say(f"Without {model.title} as C: {without_c}")
    return forms, without_c


def _find_rivals(models: Sequence[ModelFile]) -> tuple[list[ModelFile], tuple[AbsentRival, ...]]:
    """Find the rivals of the `models`, and the rivals that could not be made."""
    models_of_rivals: list[ModelFile] = []
    absent: list[AbsentRival] = []
    if any(model.path and is_shipped(model.path) for model in models):
        raise InputError("reference models have no rivals: run 'har-edge train', then 'har-edge convert --rivals'")
    for path, of in {record_of(model.path): model.card for model in models if model.path}.items():
        record = read_record(path, of)
        card = record.read_card(path)
        for rival in record.rivals:
            file = path.with_name(rival.file)
            model = ModelFile(str(file), read_rival(file, rival), card, file, rival)
            if model.is_onnx and not find_spec("onnx"):
                absent.append(AbsentRival(rival.name, f"the package onnx is missing: {pip_install('onnx')}"))
            else:
                models_of_rivals.append(model)
        absent += [AbsentRival(name, reason) for name, reason in record.absent.items()]
    return models_of_rivals, tuple(absent)
