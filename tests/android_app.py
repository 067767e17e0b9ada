"""The app's own code on a desktop's JVM: the APK's dex, turned back into class files."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "android_demo"
sys.path.insert(0, str(DEMO / "tools"))  # as Python does when it runs one of them


@dataclass(frozen=True)
class Jvm:
    """Runs the commands of `haredge.jvm.Drive` and the scenes of `haredge.demo.Scenes`."""

    class_path: str
    assets: Path
    folder: Path

    def drive(self, command: str, *files: Path | str) -> str:
        """What the command prints; files without a folder are in `folder`."""
        return self.run("haredge.jvm.Drive", command, *files)

    def run(self, main: str, *arguments: Path | str, options: Sequence[str] = ()) -> str:
        """What the class `main` prints."""
        command = ["java", "-Xmx1g", *options, "-cp", self.class_path, main, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def apk(tmp_path_factory) -> Path:
    """The app, built anew."""
    import build_app

    path = tmp_path_factory.mktemp("apk") / "app.apk"
    build_app.build(path)
    return path


@pytest.fixture(scope="session")
def class_path(apk, tmp_path_factory) -> str:
    """The APK's classes after fakes of what only a phone has, and before Android's own."""
    import build_app
    import toolchain

    folder = tmp_path_factory.mktemp("jvm")
    dex = folder / "dex.jar"
    subprocess.run(
        [sys.executable, "-O", "-m", "enjarify.main", "-f", "-o", dex, apk],
        env=os.environ | {"PYTHONPATH": str(toolchain.enjarify())},
        check=True,
        capture_output=True,
    )
    desktop = [toolchain.artifact(x) for x in toolchain.DESKTOP_TFLITE]
    # Against class files that javac made, since dex does not keep all that a compiler reads.
    app = build_app.compile_app(folder)
    libraries = [app, *folder.glob("a*/classes.jar"), *desktop]
    build_app.compile_java(folder / "drivers", sorted(DEMO.glob("jvm/**/*.java")), libraries)
    framework = toolchain.artifact(toolchain.FRAMEWORK)
    return ":".join(map(str, (folder / "drivers", dex, framework, *desktop)))


@pytest.fixture
def jvm(class_path, assets, tmp_path) -> Jvm:
    return Jvm(class_path, assets, tmp_path)


@pytest.fixture(scope="session")
def assets(apk, tmp_path_factory) -> Path:
    """What the APK carries with it."""
    folder = tmp_path_factory.mktemp("assets")
    with zipfile.ZipFile(apk) as archive:
        for name in archive.namelist():
            if name.startswith("assets/"):
                (folder / Path(name).name).write_bytes(archive.read(name))
    return folder
