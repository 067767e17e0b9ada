"""Build a release, and install it in environments below `.venvs`, which stay from run to run."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import ROOT, run_program

ENVIRONMENTS = ROOT / ".venvs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[str, Path]:
    """The sdist, and its wheel."""
    source, folder = (tmp_path_factory.mktemp("built") / x for x in ("source", "dist"))
    # A build in the checkout would leave its traces there. Every line of .gitignore is a name, perhaps with *.
    ignored = [x.strip("/") for x in (ROOT / ".gitignore").read_text().split()]
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", *ignored))
    done = run_program(sys.executable, "-m", "build", "--outdir", folder, source, cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="session")
def device_python(built) -> Path:
    """An interpreter with this project as a device has it: `pip install WHEEL`, and none of the extras."""
    with _environment("device", PROJECT["dependencies"], CONSTRAINTS) as folder:
        return _installed(folder, built["wheel"])


@pytest.fixture(scope="session")
def tflite_runtime_python() -> Path:
    """An interpreter with the older runtime and nothing of this project."""
    extra = _older_runtime()
    with _environment("tflite-runtime", extra, _constraints_beside(extra)) as folder:
        if not (folder / "installed").exists():
            _pip(folder, "install", *extra)
            (folder / "installed").touch()
        return _python(folder)


def _older_runtime() -> list[str]:
    """The requirements of the extra; a test that needs it is skipped where it cannot be had."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("tflite-runtime has no release for this Python: run the tests with Python 3.11")
    return list(PROJECT["optional-dependencies"]["tflite-runtime"])


def _constraints_beside(requirements: Sequence[str]) -> list[str]:
    """The tested versions, without those that `requirements` name and ml_dtypes, which is for numpy 2."""
    named = {re.split(r"[^\w.-]", x)[0] for x in requirements} | {"ml_dtypes"}
    return [x for x in CONSTRAINTS if x.partition("==")[0] not in named]


def _installed(folder: Path, wheel: Path) -> Path:
    """The interpreter of the environment in `folder`, where pip has installed `wheel`."""
    mark = folder / "installed"
    with zipfile.ZipFile(wheel) as archive:
        content = hashlib.sha256(b"".join(x.encode() + archive.read(x) for x in sorted(archive.namelist()))).hexdigest()
    if not mark.exists() or mark.read_text() != content:
        mark.unlink(missing_ok=True)
        _pip(folder, "uninstall", "--yes", PROJECT["name"])  # pip takes another wheel of one version for the same
        _pip(folder, "install", str(wheel))
        mark.write_text(content)
    return _python(folder)


@contextmanager
def _environment(name: str, requirements: Sequence[str], constraints: Sequence[str]) -> Iterator[Path]:
    """A virtual environment below `.venvs`, locked for this process; made anew when its content is to change."""
    folder = ENVIRONMENTS / name
    made = folder / "made"  # written last: without it the environment is not whole
    key = "\n".join([sys.version, *requirements, "", *constraints])
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists() or made.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
            (folder / "constraints.txt").write_text("\n".join(constraints))
            made.write_text(key)
        yield folder


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _pip(folder: Path, command: str, *arguments: str) -> None:
    constraints = ("--constraint", folder / "constraints.txt") if command == "install" else ()
    quiet = ("--quiet", "--disable-pip-version-check")
    done = run_program(_python(folder), "-m", "pip", command, *quiet, *constraints, *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
