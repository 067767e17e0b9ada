"""`har-edge convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from convert.card_options import read
from convert.conversion import Conversion, Options, Trained, convert
from convert.conversion_job import LOWERINGS, MAX_SIZE
from convert.external_model import FileConversion, convert_file, explanation
from convert.model_files import ModelFiles
from convert.seed_conversions import convert_seeds
from edge_runtime import runs
from edge_runtime.errors import InputError
from edge_runtime.host.tensorflow_setup import require_train_extra
from edge_runtime.runs import SCHEMES

QUANTISED = SCHEMES[1:]
"""The forms that may be asked for; float32 is always written."""

CALIBRATION = 504
"""Windows: of UCI HAR, four for each of six activities of each of 21 training subjects."""


@click.command(name="convert")
@click.argument("source", metavar="[RUN|MODEL.keras]", required=False, type=click.Path(path_type=Path))
@click.option("--quantize", is_flag=True, help="Write the int8 model too: the same as --quantize-as int8.")
@click.option(
    "--quantize-as",
    "named",
    type=click.Choice([*QUANTISED, "all"]),
    multiple=True,
    help="Write this form too: float16 (half-precision weights), dynamic (int8 weights alone), int8 (integer "
    "throughout), or all of them. May be repeated.",
)
@click.option(
    "--lstm",
    type=click.Choice(LOWERINGS),
    default=LOWERINGS[0],
    show_default=True,
    help="Unroll recurrent layers, leave LSTM layers to TFLite's fused operator, or take the faster of both.",
)
@click.option(
    "--max-size",
    type=click.FloatRange(1),
    default=MAX_SIZE,
    show_default=True,
    metavar="KB",
    help="Write no model that is larger.",
)
@click.option(
    "--io",
    "io_type",
    type=click.Choice(["int8", "float32"]),
    help="Input and output type of the int8 model.  [default: int8]",
)
@click.option(
    "--calibration",
    type=click.IntRange(1),
    metavar="N",
    help=f"Windows from which the activation ranges of the int8 model are measured.  [default: {CALIBRATION}]",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PP",
    help="Fail beyond this loss of accuracy on held-out subjects, in percentage points.",
)
@click.option(
    "--diagnose",
    is_flag=True,
    help="Show where the int8 model loses precision, layer by layer and step by step. Implies --quantize.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data the run was trained on.  [default: the embedded UCI HAR data]",
)
@click.option(
    "--labels",
    metavar="NAMES|FILE",
    help="Of MODEL.keras: what its outputs mean, as A,B,C or a file with one a line.  [default: those of the data]",
)
@click.option(
    "--signals",
    metavar="NAMES",
    help="Of MODEL.keras: the signals of the data that it takes, as A,B,C.  [default: all]",
)
@click.option(
    "--normalisation",
    metavar="FILE.json|none|data",
    help="Of MODEL.keras: mean and std of its input, by signal; data measures them.  [default: none]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Of MODEL.keras: where its models go.  [default: beside it]",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(1),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up a run after this.",
)
def command(
    source: Path | None,
    quantize: bool,
    named: Sequence[str],
    lstm: str,
    max_size: float,
    io_type: str | None,
    calibration: int | None,
    max_drop: float,
    diagnose: bool,
    data: Path | None,
    labels: str | None,
    signals: str | None,
    normalisation: str | None,
    out: Path | None,
    time_limit: float,
) -> None:
    """Convert the networks of RUN (default: the latest), or a Keras network made elsewhere, to TFLite.

    Writes model_float32.tflite into the run folder and, with --quantize, the full-integer model_int8.tflite; with
    --quantize-as, model_dynamic.tflite or model_float16.tflite. Each has its card inside. The network that was trained
    without the held-out subjects is converted as well: on those subjects each quantised form is compared with float32,
    and a loss beyond --max-drop fails with exit code 1.

    --diagnose writes diagnosis.csv and diagnosis.png, also of a model that fails.

    MODEL.keras becomes MODEL_float32.tflite and so on, with a card made of --labels, --signals and --normalisation; it
    is calibrated and checked on training subjects of the data.

    Of a training with several seeds every run is converted; the table at the end has a row for each, and the mean
    of those that passed.
    """
    schemes = _schemes(quantize or diagnose, named)
    for option, value in (("--io", io_type), ("--calibration", calibration)):
        if value is not None and "int8" not in schemes:
            raise InputError(
                f"{option} {value} is for the int8 model, which is not asked for: add --quantize, or omit {option}"
            )
    require_train_extra("har-edge convert", ("tensorflow", "matplotlib") if diagnose else ("tensorflow",))
    options = Options(
        *(schemes, io_type or "int8", calibration or CALIBRATION, max_drop, diagnose, data, time_limit, lstm, max_size)
    )
    of_file = {"--labels": labels, "--signals": signals, "--normalisation": normalisation, "--out": out}
    if source is not None and (source.is_file() or source.suffix == ".keras"):
        conversion = convert_file(source, read(labels, signals, normalisation), out, options)
        _show_file(conversion, normalisation or "none")
        return
    for option, given in of_file.items():
        if given is not None:
            raise InputError(f"{option} is for a .keras file, whose card it makes: name one, or omit {option}")
    _convert_runs(source, options)


def _convert_runs(source: Path | None, options: Options) -> None:
    found = [Trained.of(run, options) for run in runs.find_all(source)]
    if len(found) > 1:
        convert_seeds(found, options)
        return
    conversion = convert(found[0], options)
    if conversion.failure:
        raise conversion.failure
    _show(conversion)


def _schemes(quantize: bool, named: Sequence[str]) -> tuple[str, ...]:
    """The quantised forms that are asked for, each once."""
    wanted = {*named, *(("int8",) if quantize else ())}
    return tuple(x for x in QUANTISED if x in wanted or "all" in wanted)


def _show(conversion: Conversion) -> None:
    from convert.parity_table import explanation as explain

    run, selection = conversion.trained.run, conversion.selection
    n_held_out = len(conversion.trained.training.held_out_subjects)
    text = explain(n_held_out, selection["windows"], bool(selection["forms"]))
    difference = max(x["float32_relative_difference"] for x in conversion.report.values())
    _print(run, str(run.folder), selection, difference, text)


def _show_file(conversion: FileConversion, normalisation: str) -> None:
    report = conversion.report
    text = explanation(report, normalisation, bool(report["forms"]))
    _print(conversion.files, str(conversion.files.folder), report, report["float32_relative_difference"], text)


def _print(files: ModelFiles, folder: str, report: dict[str, Any], difference: float, text: str) -> None:
    from convert.parity_table import parity_table
    from edge_runtime.system.terminal import Console

    console = Console(markup=False)
    console.print(f"float32: logits equal Keras's within {difference:.1g} of the greatest")
    console.print(f"Recurrent layers {report['lowering']}: {report['lowering_reason']}\n")
    console.print(f"Models in {folder}:", soft_wrap=True)
    console.print(parity_table(files, report))
    console.print()
    console.print(text)
