"""Run the app's code on a Java virtual machine: the APK's dex, turned back into class files.

The core runs directly. Service and screen run in Robolectric's sandbox on Android's framework. As a program, this
module fetches the packages that both need.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import build_app
import jni_library
import toolchain

from edge_runtime.errors import DeviceError, HarEdgeError

SOURCES = build_app.DEMO / "jvm"


@dataclass(frozen=True)
class Desktop:
    """Runs the app's classes on this machine; `folder` holds its files."""

    class_path: str
    folder: Path

    def java(self, *options: str) -> list[str]:
        """Return the command that runs a class; Java finds libraries by name, as on a phone."""
        libraries = f"-Djava.library.path={self.folder / 'libraries'}"
        return ["java", "-Xmx1500m", libraries, "-cp", self.class_path, *options]

    def drive(self, *arguments: str | Path, cwd: Path) -> str:
        """Return the output of a command of `haredge.jvm.Drive`. Raises `DeviceError` with its errors when it fails."""
        command = self.java("haredge.jvm.Drive", *map(str, arguments))
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise DeviceError(f"{arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def sandbox(self, classes: Sequence[str], apk: Path, files: Path) -> Mapping[str, list[str]]:
        """Run all tests of `classes` with the resources of `apk`; tests read and write files in `files`.

        Returns the failures of each `Class.test` on all versions of Android. Raises `DeviceError` when no test runs.
        """
        config = files / "config/com/android/tools"
        config.mkdir(parents=True)
        manifest = build_app.MAIN / "AndroidManifest.xml"
        paths = {"resource_apk": apk, "merged_manifest": manifest, "merged_assets": self.folder / "assets"}
        lines = [f"android_{key}={path}\n" for key, path in paths.items()]
        (config / "test_config.properties").write_text("".join(lines) + "android_custom_package=haredge.demo\n")
        options = {
            "har-edge.files": files,
            "robolectric.offline": "true",
            "robolectric.dependency.dir": self.folder / "frameworks",
        }
        command = self.java(
            *(f"-D{key}={value}" for key, value in options.items()),
            *("-cp", f"{files / 'config'}:{self.class_path}", "haredge.jvm.Tests"),
            *(f"haredge.demo.{name}" for name in classes),
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        failures: dict[str, list[str]] = {}
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                outcome = json.loads(line)
                name = re.sub(r"\[\d+\]$", "", outcome["test"] or "")
                failed = failures.setdefault(f"{outcome['class']}.{name}", [])
                failed += [outcome["failure"]] if outcome["failure"] else []
        if not failures:
            raise DeviceError(f"the tests did not start: {done.stderr.strip()}")
        return failures


def prepare(apk: Path, folder: Path) -> Desktop:
    """Write all files that run the code of `apk` here into `folder`."""
    dex = folder / "dex.jar"
    subprocess.run(
        [sys.executable, "-O", "-m", "enjarify.main", "-f", "-o", dex, apk],
        env=os.environ | {"PYTHONPATH": str(toolchain.enjarify())},
        check=True,
        capture_output=True,
    )
    (folder / "libraries").mkdir()
    for name, library in toolchain.tflite_libraries("linux-x86_64").items():
        (folder / "libraries" / Path(name).name).write_bytes(library)
    jni_library.build(folder / "libraries/libhar.so", "x86_64", version=".6")
    tflite = [_without_resources(toolchain.artifact(library), folder) for library in toolchain.TFLITE]
    libraries = [*toolchain.robolectric(), *tflite]
    # Tests compile against class files from javac, since dex lacks some of the information for a compiler.
    app = build_app.compile_app(folder)
    ours = sorted(SOURCES.glob("**/*.java"))
    framework = toolchain.artifact(toolchain.FRAMEWORK)
    build_app.compile_java(folder / "drivers", ours, [app, *libraries, framework])
    (folder / "frameworks").mkdir()
    for instrumented in map(toolchain.artifact, toolchain.INSTRUMENTED_FRAMEWORKS):
        (folder / "frameworks" / instrumented.name).symlink_to(instrumented)
    # Libraries stand before the dex: enjarify drops the annotations by which JavaCPP finds native libraries.
    return Desktop(build_app.class_path([folder / "drivers", *libraries, dex, framework]), folder)


def fetch() -> None:
    """Fetch all that the build of an APK and `prepare` need. Raises `DeviceError` when something cannot be had."""
    toolchain.d8()
    toolchain.debian_command("zipalign")
    toolchain.enjarify()
    toolchain.robolectric()
    frameworks = (toolchain.FRAMEWORK, *toolchain.INSTRUMENTED_FRAMEWORKS)
    for artifact in (*frameworks, *toolchain.TFLITE, *chain(*toolchain.TFLITE_LIBRARIES.values())):
        toolchain.artifact(artifact)


def _without_resources(jar: Path, folder: Path) -> Path:
    """Write only the class files of `jar`, as an APK has them, into `folder`."""
    with zipfile.ZipFile(jar) as whole, zipfile.ZipFile(folder / jar.name, "w") as classes:
        for name in whole.namelist():
            if name.endswith(".class") and not name.startswith("META-INF/"):
                classes.writestr(name, whole.read(name))
    return folder / jar.name


if __name__ == "__main__":  # before pytest, which hides the progress
    try:
        fetch()
    except HarEdgeError as error:
        sys.exit(f"Error: {error}")
