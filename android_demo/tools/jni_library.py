"""Build `libhar.so`, the recogniser in C for Java, with zig and without an NDK.

zig has no libc of Android. The C is compiled against musl's headers, and linked against stubs that have only the names
of Android's libraries and their functions.
"""

import sys
from functools import partial
from pathlib import Path

import toolchain

from edge_runtime import c
from edge_runtime.system.files import scratch_folder

SHELL = Path(__file__).parents[1] / "app/src/main/jni/har_jni.c"
PAGE_BYTES = 16384  # of Android 15 and later; smaller pages divide it
_LIBRARIES = {
    "libm.so": "".join(f"double {name}(double x) {{ return x; }}" for name in ("ceil", "exp", "log", "rint")),
    "libc.so": "".join(f"void *{name}(void) {{ return 0; }}" for name in ("memcpy", "memmove", "memset")),
}
_C_FLAGS = ("-std=c99", "-O3", "-fPIC", "-fvisibility=hidden", "-DHAR_TABLE", "-Wall", "-Wextra", "-Werror")
_LINK_FLAGS = ("-shared", "-nostdlib", "-s", "-Wl,-z,defs")


def build(library: Path, architecture: str, version: str = "") -> None:
    """Write `library` for `architecture`, such as aarch64; glibc on a desktop has libraries of the `version` .6.

    Raises `DeviceError` when zig fails, and `InputError` without a JDK.
    """
    zig = partial(toolchain.run, sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-musl")
    jdk = Path(toolchain.java_tool("javac")).resolve().parents[1] / "include"
    with scratch_folder() as folder:
        for name, functions in _LIBRARIES.items():
            (folder / f"{name}.c").write_text(functions)
            soname = f"-Wl,-soname,{name}{version}"
            zig(*_LINK_FLAGS, "-fPIC", "-fno-builtin", soname, "-o", folder / name, folder / f"{name}.c")
        sources = [SHELL, *(path for path in c.FILES if path.suffix == ".c")]
        objects = [folder / f"{source.stem}.o" for source in sources]
        for source, compiled in zip(sources, objects, strict=True):
            includes = (f"-I{c.FOLDER}", f"-I{jdk}", f"-I{jdk / 'linux'}")
            zig(*_C_FLAGS, *includes, "-c", "-o", compiled, source)
        pages = f"-Wl,-z,max-page-size={PAGE_BYTES}"
        zig(*_LINK_FLAGS, "-Wl,-soname,libhar.so", pages, "-o", library, *objects, *map(folder.joinpath, _LIBRARIES))
