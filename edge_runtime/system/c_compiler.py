"""Compile C: with $CC, cc or zig here, and for other processors with their gcc or zig."""

import ctypes
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from edge_runtime.errors import DeviceError
from edge_runtime.system.child_processes import run_program

LIBRARY = ("-shared", "-fPIC", "-s")
DOT_PRODUCTS: tuple[str, ...] = ("-march=armv8.2-a+dotprod",)
_OF_ZIG = {DOT_PRODUCTS: ("-mcpu=generic+v8_2a+dotprod",)}
_SECONDS = 240.0  # shorter than the silence after which a worker is stopped


def find_compiler(target: str = "") -> list[str] | None:
    """Return the command of a C compiler: $CC, cc or zig; for a `target`, such as aarch64-linux-gnu, its gcc or zig."""
    command = [] if target else shlex.split(os.environ.get("CC", ""))
    usual = f"{target}-gcc" if target else "cc"
    if command or shutil.which(usual):
        return command or [usual]
    zig = ["zig"] if shutil.which("zig") else [sys.executable, "-m", "ziglang"]
    if zig[0] == "zig" or importlib.util.find_spec("ziglang"):
        return [*zig, "cc", *(("-target", target) if target else ("-mcpu=baseline",))]
    return None


def has_dot_products() -> bool:
    """Tell whether this processor has the instructions that `DOT_PRODUCTS` needs."""
    is_arm64 = platform.machine() == "aarch64" and sys.maxsize > 2**32  # 32-bit programs get other bits
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
        raise DeviceError(f"this machine has no C compiler{where}: pip install ziglang{other}")
    is_zig = not {"zig", "ziglang"}.isdisjoint(Path(word).name for word in compiler)
    flags = ("-std=c99", level, *(_OF_ZIG.get(processor, processor) if is_zig else processor))
    failure = f"{shlex.join(compiler)} does not compile {source.name}"
    try:
        done = run_program([*compiler, *flags, *options, str(source), "-o", str(output)], _SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"{failure} ({error}): use another compiler") from error
    if done.returncode:
        lines = [*filter(None, done.stderr.splitlines()), f"exit code {done.returncode}"]
        reason = next((line for line in lines if "error" in line), lines[0])
        raise DeviceError(f"{failure} ({reason}): use another compiler")
    version = run_program([*compiler, "--version"], _SECONDS).stdout.partition("\n")[0]
    return f"{'zig, ' if is_zig else ''}{version}, {' '.join(flags)}"
