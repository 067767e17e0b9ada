"""Compile C: with $CC, cc or zig here, and for other processors with their gcc or zig."""

import ctypes
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.files import scratch_folder, write_text

LIBRARY = ("-shared", "-fPIC", "-s")
DOT_PRODUCTS: tuple[str, ...] = ("-march=armv8.2-a+dotprod",)
_OF_ZIG = {DOT_PRODUCTS: ("-mcpu=generic+v8_2a+dotprod",)}
_SECONDS = 240.0  # shorter than the silence after which a worker is stopped


def find_compiler(target: str = "") -> list[str] | None:
    """Return the command of a C compiler: $CC, cc or zig; for a `target`, such as aarch64-linux-gnu, its gcc or zig.

    Raises `InputError` when CC is not a command.
    """
    try:
        command = [] if target else shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise InputError(f"CC is not a command ({error}): set it to a C compiler") from error
    usual = f"{target}-gcc" if target else "cc"
    if command or shutil.which(usual):
        return command or [usual]
    zig = ["zig"] if shutil.which("zig") else [sys.executable, "-m", "ziglang"]
    if zig[0] == "zig" or importlib.util.find_spec("ziglang"):
        return [*zig, "cc", *(("-target", target) if target else ("-mcpu=baseline",))]
    return None


def has_dot_products() -> bool:
    """Tell whether this processor has the instructions that `DOT_PRODUCTS` needs."""
    is_arm64 = (
        platform.machine() == "aarch64" and sys.maxsize > 2**32
    )  # in a 32-bit program these bits have another meaning
    return is_arm64 and bool(ctypes.CDLL(None).getauxval(16) >> 20 & 1)  # HWCAP_ASIMDDP


def compile_library(
    source: Path,
    output: Path,
    target: str = "",
    processor: tuple[str, ...] = (),
    options: tuple[str, ...] = LIBRARY,
    level: str = "-O3",
) -> str:
    """Compile the C file `source` to `output`, a shared library unless `options` say otherwise, for here or `target`.

    `processor` are flags of the processor; x86 needs none, since the C code chooses at run time. Returns the compiler
    with its version and flags. Raises `DeviceError` when there is no compiler or it fails.
    """
    compiler = find_compiler(target)
    if compiler is None:
        where, other = (f" for {target}", "") if target else ("", ", or set CC to one")
        raise DeviceError(f"there is no C compiler{where} here: pip install ziglang{other}")
    is_zig = not {"zig", "ziglang"}.isdisjoint(Path(word).name for word in compiler)
    flags = ("-std=c99", level, *(_OF_ZIG.get(processor, processor) if is_zig else processor))
    if reason := _failure([*compiler, *flags, *options], source, output):
        name, advice = "zig" if is_zig else compiler[0], "" if target else ": set CC to another compiler"
        with scratch_folder() as folder:
            write_text(folder / "one.c", "int har_one(void) { return 1; }\n")
            is_refused = "#error" in reason  # by the C itself, for flags that change its answers
            if not is_refused and not _failure([*compiler, *flags, *options], folder / "one.c", folder / output.name):
                advice += f"{',' if advice else ':'} or report it, since it compiles other C"
        raise DeviceError(f"{name} does not compile {source.name} ({reason}){advice}")
    version = run_program([*compiler, "--version"], _SECONDS).stdout.partition("\n")[0]
    return f"{'zig, ' if is_zig else ''}{version}, {' '.join(flags)}"


def _failure(command: Sequence[str], source: Path, output: Path) -> str:
    """Compile `source` to `output`; return the reason why it failed, or an empty text."""
    try:
        done = run_program([*command, str(source), "-o", str(output)], _SECONDS)
    except FileNotFoundError:
        return f"no program {command[0]} was found"
    except OSError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"it takes over {_SECONDS:g} s"
    if done.returncode:
        lines = [*filter(None, done.stderr.splitlines()), f"exit code {done.returncode}"]
        return next((line for line in lines if "error" in line), lines[0])
    return "" if output.is_file() and output.stat().st_size else "it wrote no file"
