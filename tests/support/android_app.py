"""Build the app and run its own code on a desktop's JVM."""

from dataclasses import dataclass
from pathlib import Path

import build_app
import pytest
from desktop import Desktop, prepare


@dataclass(frozen=True)
class Jvm:
    """Runs the commands of `haredge.jvm.Drive`."""

    desktop: Desktop
    folder: Path

    def drive(self, command: str, *files: Path | str) -> str:
        """Return the command's output; files without a folder are in `folder`."""
        return self.desktop.drive(command, *files, cwd=self.folder)


@pytest.fixture(scope="session")
def apk(tmp_path_factory) -> Path:
    """Build the app."""
    path = tmp_path_factory.mktemp("apk") / "app.apk"
    build_app.build(path)
    return path


@pytest.fixture(scope="session")
def desktop(apk, tmp_path_factory) -> Desktop:
    return prepare(apk, tmp_path_factory.mktemp("jvm"))


@pytest.fixture
def jvm(desktop, tmp_path) -> Jvm:
    return Jvm(desktop, tmp_path)
