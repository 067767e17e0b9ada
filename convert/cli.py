"""Define `har-edge convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convert.conversion_job import CALIBRATION, IO_TYPES, LOWERINGS, FileOptions, Options
from edge_runtime import runs
from edge_runtime.commands import options as shared
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model.model_paths import is_reference, model_path
from edge_runtime.model.scheme_names import CALIBRATED, INT8, SCHEMES

if TYPE_CHECKING:
    from edge_runtime.data.data_sources import Sources


@click.command(
    name="convert",
    epilog=shared.examples(
        "convert --quantize",
        "convert runs/mine --quantize-as all",
        "convert my_network.keras --quantize --normalisation data -o models",
        "convert edge --c",
    ),
)
@click.argument("source", metavar="[RUN|MODEL.keras|MODEL]", required=False, type=shared.RUN_OR_FILE)
@click.option(
    "--quantize",
    is_flag=True,
    help="Also write an int8 model, or a mixed model if int8 disagrees with float32 too often.",
)
@shared.out("FOLDER", "MODEL.keras or MODEL only: folder to write into.  [default: beside it]")
@shared.data("Data to calibrate with.  [default: the run's; for MODEL.keras the embedded data]")
@click.option(
    "--normalisation",
    metavar="FILE.json|none|data",
    help="MODEL.keras only: mean and std of each input signal; data measures them.  [default: none]",
)
@click.option(
    "--labels",
    metavar="NAMES|FILE",
    help="MODEL.keras only: its labels, as A,B,C or a file with a label per line.  [default: the data's]",
)
@click.option("--signals", metavar="NAMES", help="MODEL.keras only: its signals, as A,B,C.  [default: all of the data]")
@click.option(
    "--quantize-as",
    "named",
    type=click.Choice([*SCHEMES[1:], "all"]),
    multiple=True,
    help="Also write this form: float16 (half-precision weights), dynamic (int8 weights), mixed (int8, but recurrent "
    "cells in float), int8, or all. May be repeated.",
)
@click.option(
    "--c",
    "c_file",
    is_flag=True,
    help="Also write the int8 or mixed model as one C99 file, bit-equal to LiteRT, and a stream in C.",
)
@click.option(
    "--rivals",
    is_flag=True,
    help="Also convert the network with other tools, for 'har-edge bench --rivals'. Needs the extra rivals.",
)
@click.option(
    "--max-drop",
    type=shared.FiniteRange(0, 100),
    default=1.0,
    metavar="PP",
    help="Fail if a form loses more accuracy on held-out subjects (without labels: agreement), in percentage points.",
)
@click.option(
    "--io",
    "io_type",
    type=click.Choice(IO_TYPES),
    default=IO_TYPES[0],
    help="raw: float32 windows in physical units. int8: the caller prepares and quantises windows, as the card says.",
)
@click.option(
    "--lstm",
    type=click.Choice(LOWERINGS),
    default=LOWERINGS[0],
    help="Write recurrent layers as loops or unrolled; auto unrolls up to 32 steps.",
)
@click.option(
    "--calibration", type=click.IntRange(1), default=CALIBRATION, metavar="N", help="Windows that calibrate int8."
)
@click.option(
    "--time-limit",
    type=shared.FiniteRange(1),
    default=600.0,
    metavar="SECONDS",
    help="Stop a conversion after this time, and keep the finished forms.",
)
def command(
    source: Path | None,
    quantize: bool,
    out: Path | None,
    data: "Sources | None",
    normalisation: str | None,
    labels: str | None,
    signals: str | None,
    named: Sequence[str],
    c_file: bool,
    rivals: bool,
    max_drop: float,
    io_type: str,
    lstm: str,
    calibration: int,
    time_limit: float,
) -> None:
    """Convert the networks of RUN (default: the latest), or an external Keras network, to TFLite with a card inside.

    The network that was trained without the held-out subjects is converted as well. On these subjects each quantised
    form is compared with float32; if a form loses more than --max-drop, the exit code is 1.

    MODEL.keras (or an HDF5 file) gets a card from --labels, --signals and --normalisation. MODEL, a .tflite file or a
    reference model, is already converted: --c writes it as C.
    """
    if source is not None and (is_reference(source) or source.suffix == ".tflite"):
        _write_model_as_c(source, c_file, out)
        return
    from convert.conversion import check_run
    from convert.external_model import read_options
    from convert.keras_files import SUFFIXES, check_file
    from convert.tensorflow_setup import require_extra
    from edge_runtime.data.data_sources import EMBEDDED, data_texts
    from edge_runtime.system.files import check_folder

    forms = {*SCHEMES[1:]} if "all" in named else {*named}
    or_mixed = (quantize or c_file) and not forms & {*CALIBRATED}
    if quantize or or_mixed:
        forms.add(INT8)
    if not forms & {*CALIBRATED}:
        of_int8 = ("--calibration", *(("--io",) if io_type == "int8" else ()))
        shared.refuse_options("is for the int8 model, which --quantize asks for", *of_int8)
    options = Options(
        schemes=tuple(scheme for scheme in SCHEMES if scheme in forms),
        or_mixed=or_mixed,
        io_type=io_type,
        calibration=calibration,
        max_drop=max_drop,
        data=None if data is None else data_texts(data) or (EMBEDDED,),
        time_limit=time_limit,
        lstm=lstm,
        rivals=rivals,
        c_file=c_file,
    )
    require_extra("har-edge convert", ("tensorflow",))
    if rivals:
        require_extra("har-edge convert --rivals", ("onnx", "onnxruntime", "tf2onnx", "tf_keras"), "rivals")

    if source is not None and (source.is_file() or source.suffix in SUFFIXES):
        file_options = read_options(labels, signals, normalisation)
        check_file(source)
        folder = out or source.parent
        check_folder(folder)
        _convert(source, options, file_options, folder, normalisation or "none")
        return
    shared.refuse_options("is for a .keras file, to make its card", "--labels", "--signals", "--normalisation", "--out")
    folders = [run.folder for run in runs.find_runs(source)]
    for folder in folders:
        check_run(runs.Run(folder), options)
    if len(folders) == 1:
        _convert(folders[0], options)
    else:
        _convert_seeds(folders, options)


def _convert(
    source: Path,
    options: Options,
    file_options: FileOptions | None = None,
    folder: Path | None = None,
    normalisation: str | None = None,
) -> None:
    """Convert a run or a Keras file, write the C and print both. Raises `HarEdgeError` if a form is missing."""
    from convert.c_file import write_in_child
    from convert.conversion import convert
    from convert.conversion_report import show
    from edge_runtime.system.terminal import progress

    click.echo(f"Converting {source}", err=True)
    with progress() as on_progress:
        conversion = convert(source, options, file_options, folder, on_progress)
    show(conversion, normalisation)
    for scheme in conversion.result.schemes:
        if options.c_file and scheme in CALIBRATED:
            with progress() as on_progress:
                files, checked = write_in_child(conversion.tflite(scheme), conversion.folder, on_progress)
            click.echo(f"As C: {', '.join(path.name for path in files)}. {checked}")
    conversion.check()


def _convert_seeds(folders: Sequence[Path], options: Options) -> None:
    """Convert the runs of a training; the first failure is raised again at the end."""
    from edge_runtime.system.child_processes import error_with

    failure: HarEdgeError | None = None
    for folder in folders:
        try:
            _convert(folder, options)
        except HarEdgeError as error:
            click.echo(f"{folder.name} failed: {error}", err=True)
            failure = failure or error_with(error.exit_code, f"{folder.name}: {error}")
    if failure:
        raise failure


def _write_model_as_c(model: Path, c_file: bool, out: Path | None) -> None:
    """Write a converted model as C; other options than `--out` are refused."""
    from convert.c_file import write_in_child
    from edge_runtime.system.terminal import progress

    if not c_file:
        raise InputError(f"{model} is a converted model: --c writes it as C")
    parameters = click.get_current_context().command.params
    options = [option.opts[-1] for option in parameters if isinstance(option, click.Option)]
    others = [option for option in options if option not in ("--c", "--out")]
    shared.refuse_options(f"is not for {model}, a converted model", *others)
    folder = out or (Path() if is_reference(model) else model.parent)
    with progress() as on_progress:
        files, checked = write_in_child(model_path(model), folder, on_progress)
    click.echo(checked, err=True)
    for path in files:
        click.echo(path)
