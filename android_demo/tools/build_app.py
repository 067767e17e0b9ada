"""Build the app's APK without Android Studio: `make android`.

aapt2 compiles resources, javac and D8 compile classes, and zig compiles the recogniser. Then the APK is aligned, signed
and checked. The same sources give the same bytes: dates are fixed, files are sorted, and the key is in `debug.p12`,
whose password is public.
"""

import hashlib
import re
import shlex
import shutil
import sys
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import jni_library
import toolchain
from toolchain import run

from edge_runtime.errors import CheckFailedError, HarEdgeError
from edge_runtime.system.files import atomic_path, scratch_folder

DEMO = Path(__file__).resolve().parents[1]
MAIN = DEMO / "app/src/main"
# Both libraries are used under Apache-2.0.
ASSETS = (
    "LICENSE-TensorFlow-Lite-and-JavaCPP",
    "../edge_runtime/models/edge-anywhere_int8.tflite",
    "../edge_runtime/models/edge_int8.tflite",
)
APK, LIBRARY = DEMO / "build/har-edge-demo.apk", DEMO / "build/har-edge.aar"
ARCHITECTURES = {"arm64-v8a": "aarch64", "x86_64": "x86_64"}
"""The processors of the app, by Android's names."""
LIBRARIES = {f"lib/{abi}/lib{name}.so" for abi in ARCHITECTURES for name in ("har", "jnijavacpp", "jnitensorflowlite")}
LARGEST_BYTES = 10_000_000
_NAMESPACE = "http://schemas.android.com/apk/res/android"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
JAVA_RELEASE = "11"


def build(apk: Path) -> None:
    """Write the app to `apk`, whole or not at all. Raises `HarEdgeError` when a tool or a check fails."""
    with scratch_folder() as folder:
        classes = compile_app(folder)
        _make_dex(folder, classes)
        _add_code(folder)
        with atomic_path(apk.with_name(LIBRARY.name)) as library:
            _write_library(folder, classes, library)
        with atomic_path(apk) as signed:
            align_and_sign(folder / "base.apk", signed)
            check(signed)


def align_and_sign(apk: Path, signed: Path) -> None:
    """Write `apk`, aligned and signed with the public key, to `signed`."""
    with scratch_folder() as folder:
        run(*toolchain.debian_command("zipalign"), "-f", "-p", "4", apk, folder / "aligned.apk")
        run(
            *(*toolchain.apksigner_command(), "sign", "--ks", DEMO / "debug.p12", "--ks-pass", "pass:android"),
            *("--min-sdk-version", minimum_sdk(), "--v4-signing-enabled", "false"),
            *("--out", signed, folder / "aligned.apk"),
        )


def check(apk: Path) -> None:
    """Raise `CheckFailedError` unless `apk` is signed, aligned, complete and small."""
    run(*toolchain.apksigner_command(), "verify", "--Werr", apk)
    run(*toolchain.debian_command("zipalign"), "-c", "-p", "4", apk)
    with scratch_folder() as folder, zipfile.ZipFile(apk) as archive:
        code = Path(archive.extract("classes.dex", folder))
        classes = re.findall(r"Class descriptor\s+: '(L[^']+);'", run(*toolchain.debian_command("dexdump"), code))
        required = {"Lharedge/demo/MainActivity", "Lorg/bytedeco/tensorflowlite/Interpreter", *LIBRARIES}
        missing = required - {*classes, *archive.namelist()}
    if missing:
        raise CheckFailedError(f"the APK is not complete: it lacks {', '.join(sorted(missing))}")
    if apk.stat().st_size > LARGEST_BYTES:
        raise CheckFailedError(f"the APK has {apk.stat().st_size} bytes, more than {LARGEST_BYTES}")


def minimum_sdk() -> str:
    """Read the oldest version of Android's interface that the manifest allows."""
    manifest = ET.parse(MAIN / "AndroidManifest.xml").getroot()
    return manifest.find("uses-sdk").attrib[f"{{{_NAMESPACE}}}minSdkVersion"]


def compile_app(folder: Path) -> Path:
    """Fill `folder` with the parts of the APK; return the folder of class files."""
    (folder / "assets").mkdir()
    for asset in ASSETS:
        shutil.copy(DEMO / asset, folder / "assets")
    _link_resources(folder)
    sources = [*sorted(MAIN.glob("java/**/*.java")), *sorted(folder.glob("gen/**/*.java"))]
    libraries = [toolchain.artifact(library) for library in (*toolchain.TFLITE, toolchain.FRAMEWORK)]
    compile_java(folder / "classes", sources, libraries)
    return folder / "classes"


def compile_java(target: Path, sources: Sequence[Path], libraries: Sequence[Path]) -> None:
    """Compile `sources` against `libraries` into the folder `target`."""
    run(
        *(toolchain.java_tool("javac"), "--release", JAVA_RELEASE, "-encoding", "UTF-8", "-g", "-proc:none"),
        *("-Xlint:all,-path,-classfile,-options", "-Werror", "-cp", class_path(libraries), "-d", target),
        *sources,
    )


def class_path(libraries: Sequence[Path]) -> str:
    """Join `libraries` to Java's class path."""
    return ":".join(map(str, libraries))


def _link_resources(folder: Path) -> None:
    """Write `base.apk` with manifest, resources and assets, and `gen/` with the class R."""
    aapt2 = toolchain.aapt2()
    run(aapt2, "compile", "--dir", MAIN / "res", "-o", folder / "resources.zip")
    run(
        *(aapt2, "link", "-o", folder / "base.apk", "-I", toolchain.artifact(toolchain.FRAMEWORK)),
        *("--manifest", MAIN / "AndroidManifest.xml", "--java", folder / "gen", "-A", folder / "assets"),
        *("-0", "tflite", folder / "resources.zip"),
    )


def _make_dex(folder: Path, classes: Path) -> None:
    jar = folder / "app.jar"
    _write_zip(jar, {str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")})
    run(
        *(toolchain.java_tool("java"), "-cp", toolchain.d8(), "com.android.tools.r8.D8", "--release"),
        *("--min-api", minimum_sdk(), "--lib", toolchain.artifact(toolchain.FRAMEWORK), "--output", folder),
        *(jar, *(toolchain.artifact(library) for library in toolchain.TFLITE)),
    )


def _add_code(folder: Path) -> None:
    """Put dex and native libraries into `base.apk`, compressed from 25 MB."""
    files = {"classes.dex": (folder / "classes.dex").read_bytes()}
    for system in ("android-arm64", "android-x86_64"):
        files |= toolchain.tflite_libraries(system)
    for abi, architecture in ARCHITECTURES.items():
        jni_library.build(folder / f"{abi}.so", architecture)
        files[f"lib/{abi}/libhar.so"] = (folder / f"{abi}.so").read_bytes()
    _write_zip(folder / "base.apk", files)


def _write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Add `files` to the zip at `path`, in the order of their names and without dates."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])


def _write_library(folder: Path, classes: Path, library: Path) -> None:
    """Write the recogniser without the app, an Android archive (AAR) of its classes and native libraries."""
    jar = folder / "classes.jar"
    packages = (path for name in ("core", "live") for path in (classes / "haredge" / name).rglob("*.class"))
    _write_zip(jar, {str(path.relative_to(classes)): path.read_bytes() for path in packages})
    sdk = f'<uses-sdk android:minSdkVersion="{minimum_sdk()}"/>'
    manifest = f'<manifest xmlns:android="{_NAMESPACE}" package="haredge">{sdk}</manifest>'
    # C reads and writes these fields: R8 would drop them.
    kept = "-keep class haredge.core.HarCore { private <fields>; native <methods>; }\n"
    files = {"AndroidManifest.xml": manifest.encode(), "R.txt": b"", "proguard.txt": kept.encode()}
    files["classes.jar"] = jar.read_bytes()
    _write_zip(library, files | {f"jni/{abi}/libhar.so": (folder / f"{abi}.so").read_bytes() for abi in ARCHITECTURES})


def main() -> int:
    """Build the APK, and print its path and how to install it."""
    print(f"Building {APK.name}", file=sys.stderr)
    try:
        build(APK)
    except HarEdgeError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    digest = hashlib.sha256(APK.read_bytes()).hexdigest()
    print(f"{APK}: {APK.stat().st_size / 1e6:.2f} MB, SHA-256 {digest}")
    print(f"{LIBRARY}: the recogniser, for apps of your own")
    print(f"To install it on a phone with USB debugging: adb install -r {shlex.quote(str(APK))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
