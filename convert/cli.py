"""Define `har-edge convert`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convert.conversion_job import CALIBRATION, IO_TYPES, LOWERINGS, ConversionJob
from edge_runtime import runs
from edge_runtime.commands import options as shared
from edge_runtime.errors import InputError
from edge_runtime.model.card_options import read_labels, read_signals
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
        "convert my_network.onnx --quantize",
        "convert edge --c",
    ),
)
@click.argument("source", metavar="[RUN|FILE|MODEL]", required=False, type=shared.RUN_OR_FILE)
@click.option(
    "--quantize",
    is_flag=True,
    help="Also write an int8 model, or a mixed model if int8 disagrees with float32 too often.",
)
@shared.out("FOLDER", "Folder to write into.  [default: the run, or beside the file]")
@shared.data("Data to calibrate with.  [default: the run's; for FILE the embedded data]")
@click.option(
    "--normalisation",
    metavar="FILE.json|none|data",
    help="FILE only: mean and std of each input signal; data measures them.  [default: none]",
)
@click.option(
    "--labels",
    metavar="NAMES|FILE",
    help="FILE only: its labels, as A,B,C or a file with a label per line.  [default: the data's]",
)
@click.option("--signals", metavar="NAMES", help="FILE only: its signals, as A,B,C.  [default: all of the data]")
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
    help="Also write the int8 or mixed model as one C99 file, bit-equal to LiteRT, and live recognition in C.",
)
@click.option("--arduino", is_flag=True, help="With --c, for a converted model: write a library for Arduino's IDE.")
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
    arduino: bool,
    rivals: bool,
    max_drop: float,
    io_type: str,
    lstm: str,
    calibration: int,
) -> None:
    """Convert the networks of RUN, or an external network, to TFLite with a card inside.

    RUN is the latest by default, and the first of several seeds.
    The network that was trained without the held-out subjects is converted as well. On these subjects each quantised
    form is compared with float32; if a form loses more than --max-drop, the exit code is 1.

    FILE is a network of your own: .keras, HDF5 of Keras, or .onnx, for example from PyTorch. It gets a card from
    --labels, --signals and --normalisation. MODEL, a .tflite file or a reference model, is already converted: --c
    writes it as C. For a RUN that is converted, --c without other options does the same.
    """
    parameters = click.get_current_context().command.params
    options = [option.opts[-1] for option in parameters if isinstance(option, click.Option)]
    for_conversion = [option for option in options if option not in ("--c", "--arduino", "--out")]
    if arduino and not c_file:
        raise InputError("--arduino is a form of C: add --c")
    if source is not None and (is_reference(source) or source.suffix == ".tflite"):
        if not c_file:
            raise InputError(f"{source} is a converted model: --c writes it as C")
        shared.refuse_options(f"is not for {source}, a converted model", *for_conversion)
        _write_as_c([model_path(source)], out or (Path() if is_reference(source) else source.parent), arduino)
        return
    from convert.keras_files import ONNX, SUFFIXES
    from convert.tensorflow_setup import require_extra
    from edge_runtime.data.data_sources import EMBEDDED, data_texts

    forms = {*SCHEMES[1:]} if "all" in named else {*named}
    or_mixed = (quantize or c_file) and not forms & {*CALIBRATED}
    if quantize or or_mixed:
        forms.add(INT8)
    if source is not None and (source.is_file() or source.suffix in SUFFIXES):
        path = source
    else:
        if source is not None and (source / "saved_model.pb").exists():
            raise InputError(f"{source} is a SavedModel: load it in Python, and save the network as .keras")
        shared.refuse_options("is for a file, to make its card", "--labels", "--signals", "--normalisation")
        run = runs.find_run(source, partial(click.echo, err=True))
        path, converted = run.folder, [model for model in map(run.tflite, CALIBRATED) if model.exists()]
        if c_file and converted and not any(map(shared.is_given, for_conversion)):
            _write_as_c(converted, out or path, arduino)
            return
    if arduino:
        raise InputError("--arduino takes a converted model: convert with --quantize first")
    job = ConversionJob(
        source=path,
        out=out,
        schemes=tuple(scheme for scheme in SCHEMES if scheme in forms),
        or_mixed=or_mixed,
        io_type=io_type,
        calibration=calibration,
        max_drop=max_drop,
        data=None if data is None else data_texts(data) or (EMBEDDED,),
        lstm=lstm,
        rivals=rivals,
        c_file=c_file,
        labels=read_labels(labels) if labels is not None else None,
        signals=read_signals(signals) if signals is not None else None,
        normalisation=normalisation or "none",
    )
    require_extra("har-edge convert", ("tensorflow",))
    if path.suffix == ONNX:
        require_extra(f"har-edge convert {path}", ("onnx", "onnxruntime"), "onnx")
    if rivals:
        require_extra("har-edge convert --rivals", ("onnx", "onnxruntime", "tf2onnx", "tf_keras"), "rivals")
    from convert.conversion import check, convert
    from convert.conversion_report import show
    from edge_runtime.system.terminal import progress

    check(job)
    click.echo(f"Converting {job.source}", err=True)
    with progress() as on_progress:
        conversion = convert(job, on_progress)
    show(conversion)
    conversion.check()


def _write_as_c(models: Sequence[Path], folder: Path, arduino: bool) -> None:
    """Write converted models as C into `folder`, as libraries for Arduino if asked."""
    from convert.c_file import write_in_child, write_library
    from edge_runtime.system.terminal import progress

    for model in models:
        with progress() as on_progress:
            files, checked = (write_library if arduino else write_in_child)(model, folder, on_progress)
        click.echo(checked, err=True)
        for path in files:
            click.echo(path)
