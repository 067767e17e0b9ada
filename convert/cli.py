"""Define `har-edge convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convert.options import CALIBRATION, IO_TYPES, LOWERINGS, Options
from edge_runtime import runs
from edge_runtime.commands import options as shared
from edge_runtime.errors import InputError
from edge_runtime.model.model_paths import is_reference, model_path
from edge_runtime.model.scheme_names import CALIBRATED, INT8, SCHEMES

if TYPE_CHECKING:
    from edge_runtime.data.data_sources import Sources

QUANTISED = SCHEMES[1:]
"""The forms that may be asked for; float32 is always written."""


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
    help="Also write an int8 model, or a mixed one if int8 disagrees with float32 too often.",
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
    help="MODEL.keras only: its labels, as A,B,C or a file of lines.  [default: the data's]",
)
@click.option("--signals", metavar="NAMES", help="MODEL.keras only: its signals, as A,B,C.  [default: all of the data]")
@click.option(
    "--quantize-as",
    "named",
    type=click.Choice([*QUANTISED, "all"]),
    multiple=True,
    help="Also write this form: float16 (half-precision weights), dynamic (int8 weights), mixed (int8, but recurrent "
    "cells in float), int8, or all. May be repeated.",
)
@click.option(
    "--c",
    "c_file",
    is_flag=True,
    help="Also write the int8 or mixed model as one C99 file with LiteRT's answers, bit for bit, and a stream in C.",
)
@click.option(
    "--rivals",
    is_flag=True,
    help="Also write what other tools make of the network, for 'har-edge bench --rivals'. Needs the extra rivals.",
)
@click.option(
    "--max-drop",
    type=shared.FiniteRange(0, 100),
    default=1.0,
    metavar="PP",
    help="Fail beyond this loss of accuracy on held-out subjects, in points (or of agreement, without labels).",
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
    "--calibration", type=click.IntRange(1), default=CALIBRATION, metavar="N", help="Windows to calibrate int8 with."
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
    named: Sequence[str],
    c_file: bool,
    data: "Sources | None",
    labels: str | None,
    signals: str | None,
    normalisation: str | None,
    out: Path | None,
    **others: Any,
) -> None:
    """Convert the networks of RUN (default: the latest), or an external Keras network, to TFLite with a card inside.

    The network that was trained without the held-out subjects is converted as well. On these subjects each quantised
    form is compared with float32; a loss beyond --max-drop fails with exit code 1.

    MODEL.keras (or an HDF5 file) gets a card made of --labels, --signals and --normalisation. MODEL, a .tflite file or
    a reference model, is converted already: --c writes it as C.
    """
    if source is not None and (is_reference(source) or source.suffix == ".tflite"):
        _write_source(source, c_file, out)
        return
    from convert.conversion_report import complete, convert_seeds
    from convert.converted_models import NamedFiles, check_run, convert
    from convert.external_model import read_options
    from convert.keras_files import SUFFIXES, check_file
    from convert.tensorflow_setup import require_extra
    from edge_runtime.data.data_sources import EMBEDDED, data_texts
    from edge_runtime.system.files import check_folder

    quantize = quantize or (c_file and not {*CALIBRATED, "all"} & {*named})
    wanted = {*named, *((INT8,) if quantize else ())}
    schemes = tuple(x for x in QUANTISED if x in wanted or "all" in wanted)
    if not {*CALIBRATED} & {*schemes}:
        of_int8 = ("--calibration", *(("--io",) if others["io_type"] == "int8" else ()))
        shared.refuse_options("is for the int8 model, which --quantize asks for", *of_int8)
    or_mixed = quantize and not {*CALIBRATED, "all"} & {*named}
    given = None if data is None else data_texts(data) or (EMBEDDED,)
    options = Options(schemes, or_mixed, data=given, c_file=c_file, **others)
    require_extra("har-edge convert", ("tensorflow",))
    if options.rivals:
        require_extra("har-edge convert --rivals", ("onnx", "onnxruntime", "tf2onnx", "tf_keras"), "rivals")

    if source is not None and (source.is_file() or source.suffix in SUFFIXES):
        file_options = read_options(labels, signals, normalisation)
        check_file(source)
        files = NamedFiles(out or source.parent, source.stem)
        check_folder(files.folder)
        complete(convert(source, files, options, file_options), options, normalisation or "none")
        return
    shared.refuse_options("is for a .keras file, to make its card", "--labels", "--signals", "--normalisation", "--out")
    found = runs.find_runs(source)
    for run in found:
        check_run(run, options)
    if len(found) > 1:
        convert_seeds(found, options)
    else:
        complete(convert(found[0].folder, found[0], options), options)


def _write_source(model: Path, c_file: bool, out: Path | None) -> None:
    """Write a converted model as C; other options than `--out` are refused."""
    from convert.c_file import write_in_child
    from edge_runtime.system.terminal import progress

    if not c_file:
        raise InputError(f"{model} is a converted model: --c writes it as C")
    options = [x.opts[-1] for x in click.get_current_context().command.params if isinstance(x, click.Option)]
    others = [x for x in options if x not in ("--c", "--out")]
    shared.refuse_options(f"is not for {model}, a converted model", *others)
    folder = out or (Path() if is_reference(model) else model.parent)
    with progress() as on_progress:
        sources, checked = write_in_child(model_path(model), folder, on_progress)
    click.echo(checked, err=True)
    for written in sources:
        click.echo(written)
