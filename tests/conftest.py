"""Environments that tests share."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest_plugins = ["no_skips", "training_fixtures"]

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".venvs"


@pytest.fixture(scope="session")
def tflite_runtime_python() -> Path:
    """An interpreter with tflite-runtime, the older runtime, and nothing of this project."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("tflite-runtime has no release for this Python: run the tests with Python 3.11")
    return _environment("tflite-runtime", ["tflite-runtime==2.14.0", "numpy<2"])


@pytest.fixture(scope="session")
def device_python(tmp_path_factory) -> Path:
    """An interpreter with this project as a device has it: `pip install .` and none of the extras."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requirements = project["project"]["dependencies"] + project["build-system"]["requires"]
    python = _environment("device", requirements)
    # From a copy, since a build leaves traces; without isolation, since setuptools is already there.
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", "DATA_NOTICE.md", "har_edge.py"):
        shutil.copy2(ROOT / name, source)
    for name in ("edge_runtime", "train", "convert"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    _pip(python, "--no-deps", "--no-build-isolation", "--force-reinstall", str(source))
    return python


def _environment(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of a virtual environment below `.venvs`, made anew when its requirements change."""
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    made = folder / "made"  # written last: without it the environment is not whole
    key = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()
    ENVIRONMENTS.mkdir(exist_ok=True)
    with _lock(ENVIRONMENTS / f"{name}.lock"):
        if not made.exists() or made.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
            _pip(python, *requirements)
            made.write_text(key)
    return python


def _pip(python: Path, *arguments: str) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=600)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
