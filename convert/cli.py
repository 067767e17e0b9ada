"""`har-edge convert`."""

from collections.abc import Sequence
from pathlib import Path

import click

from convert.conversion import Conversion, Options, Trained, convert
from convert.seeds import convert_seeds
from edge_runtime import runs
from edge_runtime.errors import InputError
from edge_runtime.host import require_train_extra
from edge_runtime.runs import SCHEMES

QUANTISED = SCHEMES[1:]
"""The forms that may be asked for; float32 is always written."""

CALIBRATION = 504
"""Windows: of UCI HAR, four for each of six activities of each of 21 training subjects."""


@click.command(name="convert")
@click.argument("run_folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
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
    "--time-limit",
    type=click.FloatRange(1),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up a run after this.",
)
def command(
    run_folder: Path | None,
    quantize: bool,
    named: Sequence[str],
    io_type: str | None,
    calibration: int | None,
    max_drop: float,
    diagnose: bool,
    data: Path | None,
    time_limit: float,
) -> None:
    """Convert the networks of RUN (default: the latest) to TFLite.

    Writes model_float32.tflite into the run folder and, with --quantize, the full-integer model_int8.tflite; with
    --quantize-as, model_dynamic.tflite or model_float16.tflite. Each has its card inside. The network that was trained
    without the held-out subjects is converted as well: on those subjects each quantised form is compared with float32,
    and a loss beyond --max-drop fails with exit code 1.

    --diagnose writes diagnosis.csv and diagnosis.png, also of a model that fails.

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
    options = Options(schemes, io_type or "int8", calibration or CALIBRATION, max_drop, diagnose, data, time_limit)
    found = [Trained.of(run, options) for run in runs.find_all(run_folder)]
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
    from convert.parity_table import explanation, parity_table
    from edge_runtime.terminal import Console

    console = Console(markup=False)
    run, selection = conversion.trained.run, conversion.selection
    difference = max(x["float32_relative_difference"] for x in conversion.report.values())
    console.print(f"float32: logits equal Keras's within {difference:.1g} of the greatest\n")
    console.print(f"Models in {run.folder}:", soft_wrap=True)
    console.print(parity_table(run, selection))
    console.print()
    n_held_out = len(conversion.trained.training.held_out_subjects)
    console.print(explanation(n_held_out, selection["windows"], bool(selection["forms"])))
