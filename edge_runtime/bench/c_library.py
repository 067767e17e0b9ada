"""Make the C of a model, and compile it for the device that measures it."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import edge_runtime
from edge_runtime import c
from edge_runtime.bench.measurement_job import Device, JobModel, MeasurementJob
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.model.model_file import ModelFile
from edge_runtime.system.c_compiler import DOT_PRODUCTS, compile_library, find_compiler
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.child_processes import run_command
from edge_runtime.system.progress import ignore_progress

_LONGEST_S = 600.0


def c_of(model: ModelFile, say: Callable[[str], object] = lambda notice: None) -> Path:
    """Return the C file of a `model`, made once by 'har-edge convert MODEL --c' and kept in the cache.

    Making it takes seconds; `say` announces it. Raises `InputError` when the model cannot be C, with the reason.
    """
    assert model.path is not None

    def make(folder: Path) -> None:
        say(f"Writing {model.title} as C, once.")
        try:
            fault = run_command(["convert", str(model.path), "--c", "--out", str(folder)], _LONGEST_S)
        except subprocess.TimeoutExpired as error:
            raise InputError(f"writing {model.title} as C took over {_LONGEST_S:g} s: use the .tflite file") from error
        if fault:
            raise InputError(fault)

    parts = (model.content, *(path.read_bytes() for path in c.FILES))  # the card's numbers are in the recogniser
    name = f"{hashlib.sha256(b''.join(parts)).hexdigest()[:24]}-{edge_runtime.__version__}"
    folder = cached_folder(cache_folder() / "c" / name, make)
    return c.model_in(folder)


def compile_for(device: Device, c_source: Path, job: JobModel, folder: Path) -> str:
    """Compile `c_source` to the library of `job` in `folder`; return compiler and flags.

    The device compiles it if it has a compiler, otherwise this machine. Raises `DeviceError` without a compiler.
    """
    library = folder / str(job.library)
    sources = library.with_suffix("")  # a folder, with the recogniser beside the model, for a firmware
    sources.mkdir(exist_ok=True)
    header = c_source.with_suffix(".h")
    recogniser = map(c_source.with_name, ("har_model.h", *(path.name for path in c.FILES)))
    for path in (c_source, header, *filter(Path.is_file, recogniser)):
        shutil.copy(path, sources)
    # One file, whose functions have the name of the library, since two models may have the same name.
    renamed = "".join(f"#define {c_source.stem}_{x} {library.stem}_{x}\n" for x in ("predict", "instruction_set"))
    text = c_source.read_text(encoding="utf-8").replace(f'#include "{header.name}"', header.read_text(encoding="utf-8"))
    source = library.with_suffix(".c")
    source.write_text(renamed + text, encoding="utf-8")
    compilation = MeasurementJob(f"{library.stem}-compile", "compile", (JobModel(source.name, job.title),))
    (answer,) = device.run(compilation, folder, ignore_progress)
    if isinstance(answer, Exception):
        raise answer
    binary = answer.arrays.get("library")
    if binary is not None:
        library.write_bytes(binary.tobytes())
        return str(answer.facts.get("compiler"))
    target = str(answer.facts.get("platform"))
    if not re.fullmatch(r"[a-z0-9_]+-linux-[a-z0-9]+", target) or not find_compiler(target):
        raise DeviceError(f"the device {device.name} has no C compiler: install gcc on it, or ziglang on this machine")
    return compile_library(source, library, target, DOT_PRODUCTS if answer.facts.get("dot_products") else ())
