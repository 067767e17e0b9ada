"""Build the app and run its own code on a desktop's JVM."""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import build_app
import pytest
from desktop import Desktop, prepare

from edge_runtime.model import model_card as cards
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.model_paths import reference_model


@dataclass(frozen=True)
class Jvm:
    """Runs the commands of `haredge.jvm.Drive`."""

    desktop: Desktop
    assets: Path
    folder: Path

    def drive(self, command: str, *files: Path | str) -> str:
        """Return the command's output; files without a folder are in `folder`."""
        return self.desktop.drive(command, *files, cwd=self.folder)


def walking_model() -> bytes:
    """The shipped network as if it were of the walking frame, which is near that of UCI HAR's phones."""
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    return cards.attach(flatbuffer, replace(card, frame="walking", alike=(IN_A_POCKET,)))


@pytest.fixture(scope="session")
def apk(tmp_path_factory) -> Path:
    """The app, built anew."""
    path = tmp_path_factory.mktemp("apk") / "app.apk"
    build_app.build(path)
    return path


@pytest.fixture(scope="session")
def desktop(apk, tmp_path_factory) -> Desktop:
    return prepare(apk, tmp_path_factory.mktemp("jvm"))


@pytest.fixture
def jvm(desktop, assets, tmp_path) -> Jvm:
    return Jvm(desktop, assets, tmp_path)


@pytest.fixture(scope="session")
def assets(apk, tmp_path_factory) -> Path:
    """Unpack the assets of the APK."""
    folder = tmp_path_factory.mktemp("assets")
    with zipfile.ZipFile(apk) as archive:
        for name in archive.namelist():
            if name.startswith("assets/"):
                (folder / Path(name).name).write_bytes(archive.read(name))
    return folder
