"""Write a model as C, and compile it for the device that measures it."""

import re
from pathlib import Path

from edge_runtime.bench.measurement_job import Device, MeasurementJob
from edge_runtime.errors import DeviceError
from edge_runtime.system.c_compiler import DOT_PRODUCTS, compile_library
from edge_runtime.system.child_processes import run_in_child
from edge_runtime.system.progress import ignore_progress


def compile_for(device: Device, model: Path, job: MeasurementJob, folder: Path) -> str:
    """Write the library of `job`, NAME.so for the `.tflite` file NAME, into `folder`; return compiler and flags.

    The device compiles it if it has a compiler, otherwise this machine. Raises `InputError` for a model without C, and
    `CheckFailedError` when its answers differ from LiteRT's; `DeviceError` without a compiler.
    """
    library = folder / str(job.library)
    source = library.with_suffix(".c")
    written = library.with_suffix("")  # a folder, with har_stream beside the model
    written.mkdir(exist_ok=True)
    # In a child, as rivals and conversions are made: this package imports nothing from `convert`.
    run_in_child(f"the C of {job.title}", "close other programs", "convert.c_file.c_source", str(model), str(written))
    text, header = ((written / f"{library.stem}{suffix}").read_text(encoding="utf-8") for suffix in (".c", ".h"))
    source.write_text(text.replace(f'#include "{library.stem}.h"', header), encoding="utf-8")
    compilation = MeasurementJob(name=f"{library.stem}-compile", task="compile", model=source.name, title=job.title)
    answer = device.run(compilation, folder, ignore_progress)
    binary = answer.arrays.get("library")
    if binary is not None:
        library.write_bytes(binary.tobytes())
        return str(answer.facts.get("compiler"))
    target = str(answer.facts.get("platform"))
    if not re.fullmatch(r"[a-z0-9_]+-linux-[a-z0-9]+", target):
        raise DeviceError(f"this machine cannot compile for {device.name}: sudo apt install gcc there")
    try:
        return compile_library(source, library, target, DOT_PRODUCTS if answer.facts.get("dot_products") else ())
    except DeviceError as error:
        raise DeviceError(f"{device.name} has no C compiler (sudo apt install gcc there), and {error}") from error
