"""Define `har-edge convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convert.options import CALIBRATED, CALIBRATION, IO_TYPES, LOWERINGS, MAX_SIZE, Options
from edge_runtime import runs
from edge_runtime.commands import options as shared
from edge_runtime.errors import InputError
from edge_runtime.model.model_paths import is_reference, model_path

if TYPE_CHECKING:
    from edge_runtime.data.data_sources import Sources

QUANTISED = runs.SCHEMES[1:]
"""The forms that may be asked for; float32 is always written."""


@click.command(
    name="convert",
    epilog=shared.examples(
        "convert --quantize",
        "convert runs/mine --quantize-as all",
        "convert my_network.keras --quantize --normalisation data -o models",
        "convert edge --c-array",
    ),
)
@click.argument("source", metavar="[RUN|MODEL.keras|MODEL]", required=False, type=shared.run_or_file(".keras"))
@click.option(
    "--quantize", is_flag=True, help="Write the int8 model too or, where it answers too much otherwise, the mixed one."
)
@click.option(
    "--quantize-as",
    "named",
    type=click.Choice([*QUANTISED, "all"]),
    multiple=True,
    help="Write this form too: float16 (half-precision weights), dynamic (int8 weights, other scales computed at run "
    "time), mixed (integers, but recurrent cells in float), int8 (integers throughout), or all of them. May be "
    "repeated.",
)
@click.option(
    "--lstm",
    type=click.Choice(LOWERINGS),
    default=LOWERINGS[0],
    show_default=True,
    help="Form of recurrent layers: loops, every step written out, or (auto) loops where there are many steps.",
)
@click.option(
    "--max-size",
    type=shared.FiniteRange(1),
    default=MAX_SIZE,
    show_default=True,
    metavar="KB",
    help="Fail when a model is larger.",
)
@click.option(
    "--io",
    "io_type",
    type=click.Choice(IO_TYPES),
    default=IO_TYPES[0],
    show_default=True,
    help="Input and output: raw models take windows in physical units as float32, prepare them in the graph and answer "
    "in float32; int8, for microcontrollers, leaves preparing and quantising windows to the caller, as the card says.",
)
@click.option(
    "--calibration",
    type=click.IntRange(1),
    metavar="N",
    help=f"Windows to measure the activation ranges of the int8 model on.  [default: {CALIBRATION}]",
)
@click.option(
    "--max-drop",
    type=shared.FiniteRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PP",
    help="Fail beyond this loss of accuracy on held-out subjects, in percentage points; where the true classes are not "
    "known, of agreement with float32.",
)
@click.option(
    "--rivals",
    is_flag=True,
    help="Write into the folder rivals, beside the models, what other tools make of the network, for 'har-edge bench "
    "--rivals': TensorFlow's converter as it is, TFLite's fused LSTM operator, ONNX Runtime. Needs the extra rivals.",
)
@click.option(
    "--c-array",
    is_flag=True,
    help="Write the int8 model as C++ source for microcontrollers too: an array, and a header of the card's numbers. "
    "The source takes int8 unless --io raw is given. Implies --quantize-as int8.",
)
@shared.data("The data to calibrate with.  [default: that of the run; of MODEL.keras the embedded data]")
@click.option(
    "--labels",
    metavar="NAMES|FILE",
    help="Of MODEL.keras: the labels of its outputs, as A,B,C or a file with one a line.  [default: those of the data]",
)
@click.option(
    "--signals",
    metavar="NAMES",
    help="Of MODEL.keras: its input signals among those of the data, as A,B,C.  [default: all]",
)
@click.option(
    "--normalisation",
    metavar="FILE.json|none|data",
    help="Of MODEL.keras: mean and std of each input signal; data measures them.  [default: none]",
)
@shared.out("FOLDER", "Of MODEL.keras or MODEL: folder for what is written.  [default: beside it]")
@click.option(
    "--time-limit",
    type=shared.FiniteRange(1),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop the conversion of a network after this time, and keep the forms that are finished.",
)
def command(
    source: Path | None,
    quantize: bool,
    named: Sequence[str],
    lstm: str,
    max_size: float,
    io_type: str,
    calibration: int | None,
    max_drop: float,
    rivals: bool,
    c_array: bool,
    data: "Sources | None",
    labels: str | None,
    signals: str | None,
    normalisation: str | None,
    out: Path | None,
    time_limit: float,
) -> None:
    """Convert the networks of RUN (default: the latest), or an external Keras network, to TFLite.

    Writes model_float32.tflite into the run folder and, with --quantize, the full-integer model_int8.tflite; with
    --quantize-as, model_dynamic.tflite or model_float16.tflite. Each has its card inside. The network that was trained
    without the held-out subjects is converted as well: on those subjects each quantised form of both is compared with
    float32, and a loss beyond --max-drop, of either network, fails with exit code 1.

    With --quantize, model_mixed.tflite is written in place of model_int8.tflite if int8 loses more than --max-drop
    points of agreement with float32 on the calibration windows, and mixed at most half as many: it keeps the sums over
    many steps, an LSTM's cell or a GRU's state, in float. --quantize-as int8 writes integers throughout or nothing.

    MODEL.keras, which may be an HDF5 file too, becomes MODEL_float32.tflite and so on, with a card made of --labels,
    --signals and --normalisation; it is calibrated and checked on training subjects of the data.

    MODEL, a .tflite file with its card or a reference model, 'edge', 'edge-small' or 'edge-anywhere', is converted
    already: --c-array writes it as C++ source.

    Of a training with several seeds every run is converted; at the end stand the means of those that passed.
    """
    c_array_type = (io_type if shared.is_given("--io") else "int8") if c_array else None
    if source is not None and (is_reference(source) or source.suffix == ".tflite"):
        _write_source(source, c_array_type, out)
        return
    from convert.conversion_report import complete, convert_seeds
    from convert.converted_models import NamedFiles, check_run, convert
    from convert.external_model import read_options
    from convert.keras_files import SUFFIXES, check_file
    from convert.tensorflow_setup import require_extra
    from edge_runtime.data.data_sources import EMBEDDED, data_texts
    from edge_runtime.system.files import check_folder

    named = (*named, "int8") if c_array else named
    wanted = {*named, *(("int8",) if quantize else ())}
    schemes = tuple(x for x in QUANTISED if x in wanted or "all" in wanted)
    if not {*CALIBRATED} & {*schemes}:
        of_int8 = ("--calibration", *(("--io",) if io_type == "int8" else ()))
        shared.refuse_options("is for the int8 model, which --quantize asks for", *of_int8)
    require_extra("har-edge convert", ("tensorflow",))
    if rivals:
        require_extra("har-edge convert --rivals", ("onnx", "onnxruntime", "tf2onnx", "tf_keras"), "rivals")
    options = Options(
        schemes,
        or_mixed=quantize and not {*CALIBRATED, "all"} & {*named},
        io_type=io_type,
        calibration=calibration or CALIBRATION,
        max_drop=max_drop,
        data=None if data is None else data_texts(data) or (EMBEDDED,),
        time_limit=time_limit,
        lstm=lstm,
        max_size=max_size,
        rivals=rivals,
        c_array=c_array_type,
    )

    if source is not None and (source.is_file() or source.suffix in SUFFIXES):
        file_options = read_options(labels, signals, normalisation)
        check_file(source)
        files = NamedFiles(out or source.parent, source.stem)
        check_folder(files.folder)
        complete(convert(source, files, options, file_options), options, files.folder, normalisation or "none")
        return
    shared.refuse_options(
        "is for a .keras file, whose card it makes", "--labels", "--signals", "--normalisation", "--out"
    )
    found = runs.find_runs(source)
    for run in found:
        check_run(run, options)
    if len(found) > 1:
        convert_seeds(found, options)
    else:
        (run,) = found
        complete(convert(run.folder, run, options), options, run.folder)


def _write_source(model: Path, c_array_type: str | None, out: Path | None) -> None:
    """Write a model that is converted already as C++ source, for which no more than these options can be given.

    `c_array_type` is as in `Options.c_array`.
    """
    from convert.c_array import write_c_array
    from edge_runtime.system.terminal import progress

    if not c_array_type:
        raise InputError(f"{model} is a converted model: give --c-array to have it as C++ source")
    mine = ("--io", "--c-array", "--out")
    others = [x.opts[0] for x in click.get_current_context().command.params if isinstance(x, click.Option)]
    shared.refuse_options(f"is not for {model}, a converted model", *(x for x in others if x not in mine and x != "-o"))
    folder = out or (Path() if is_reference(model) else model.parent)
    with progress() as on_progress:
        sources = write_c_array(model_path(model), folder, c_array_type == "int8", on_progress)
    for written in sources:
        click.echo(written)
