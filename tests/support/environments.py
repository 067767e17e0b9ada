"""Build a release, and install it in environments below `.venvs`, which later runs reuse."""

import fcntl
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import ROOT, run_program, succeeded

ENVIRONMENTS = ROOT / ".venvs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[str, Path]:
    """Build the sdist and its wheel; return their paths."""
    source, folder = (tmp_path_factory.mktemp("built") / name for name in ("source", "dist"))
    # A build would leave files in the checkout. Every line of .gitignore is a name or a pattern.
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", *ignored))
    succeeded(run_program(sys.executable, "-m", "build", "--outdir", folder, source, cwd=source))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="session")
def device_python(built) -> Path:
    """Return an interpreter with this project as a device has it: `pip install WHEEL` without extras."""
    with _environment("device", PROJECT["dependencies"], CONSTRAINTS) as python:
        _pip(python, "--no-deps", "--force-reinstall", str(built["wheel"]))
        return python


@pytest.fixture(scope="session")
def tflite_runtime_python() -> Path:
    """Return an interpreter with the older runtime and without this project."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("tflite-runtime has no release for this Python: run the tests with Python 3.11")
    extra = PROJECT["optional-dependencies"]["tflite-runtime"]
    # ml_dtypes is for numpy 2.
    others = {"ml_dtypes", *(re.split(r"[^\w.-]", requirement)[0] for requirement in extra)}
    constraints = [line for line in CONSTRAINTS if line.partition("==")[0] not in others]
    with _environment("tflite-runtime", extra, constraints) as python:
        return python


@contextmanager
def _environment(name: str, requirements: Sequence[str], constraints: Sequence[str]) -> Iterator[Path]:
    """Lock a virtual environment below `.venvs` for this process, and yield its interpreter.

    It is made again when its requirements change.
    """
    folder = ENVIRONMENTS / name
    marker, python = folder / "made", folder / "bin" / "python"
    key = "\n".join([sys.version, *requirements, "", *constraints])
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
            (folder / "constraints.txt").write_text("\n".join(constraints))
            _pip(python, "--constraint", folder / "constraints.txt", *requirements)
            marker.write_text(key)  # written last, so that the environment is complete
        yield python


def _pip(python: Path, *arguments: object) -> None:
    quiet = ("--quiet", "--disable-pip-version-check")
    succeeded(run_program(python, "-m", "pip", "install", *quiet, *arguments, cwd=python.parent))
