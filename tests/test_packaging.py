"""What is built is what was meant: wheel and sdist hold everything, install, and give a working command."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from training_fixtures import ROOT

DATA = (
    "edge_runtime/bench.schema.json",
    "edge_runtime/data/recordings.xz",
    "edge_runtime/data/windows.txt",
    "edge_runtime/reports/bench.html.j2",
)
MODELS = tuple(f"edge_runtime/models/edge_{x}.tflite" for x in ("float32", "int8"))
TYPED = tuple(f"{x}/py.typed" for x in ("edge_runtime", "train", "convert"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """The sdist, and the wheel built from it, as for a release."""
    folder = tmp_path_factory.mktemp("dist")
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    source = tmp_path_factory.mktemp("source")  # a build in the checkout would leave its traces there
    for name in tracked.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", folder, source], check=True, capture_output=True, timeout=300
    )
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def test_the_wheel_holds_the_packages_their_data_and_both_notices(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(x for x in names if x.endswith("METADATA"))).decode()
    assert {*DATA, *MODELS, *TYPED, "har_edge.py", "train/cli.py", "convert/cli.py"} <= set(names)
    assert not [x for x in names if x.startswith(("tests/", "tools/", "docs/"))]
    assert "License-Expression: MIT" in metadata
    assert "License-File: LICENSE" in metadata
    assert "License-File: DATA_NOTICE.md" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata


def test_the_sdist_holds_the_same(built):
    with tarfile.open(built["sdist"]) as sdist:
        names = {x.partition("/")[2] for x in sdist.getnames()}
    assert {*DATA, *MODELS, *TYPED, "LICENSE", "DATA_NOTICE.md", "README.md", "pyproject.toml"} <= names


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_installed_it_gives_a_working_command(built, kind, tmp_path):
    """Without the third-party packages anew: they come from this environment, the project from what was built."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    lent = Path(next(x for x in sys.path if x.endswith("site-packages")))
    site = Path(
        subprocess.run(
            [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", built[kind]]
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(install, env=clean, check=True, timeout=300)
    # After the install, and at the end of the path: the installed project comes first.
    (site / "lent.pth").write_text(f"{lent}\n")
    folder = tmp_path / "work"
    (folder / "convert").mkdir(parents=True)
    (folder / "train.py").write_text("raise SystemExit('not this one')")
    (folder / "convert" / "__init__.py").write_text("raise SystemExit('nor this one')")
    for arguments in (["--version"], ["train", "--help"], ["convert", "--help"], ["data"], ["info", site / MODELS[1]]):
        command = [environment / "bin" / "har-edge", *arguments]
        result = subprocess.run(
            command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120, check=False
        )
        assert result.returncode == 0, result.stderr
    where = subprocess.run(
        [python, "-c", "import har_edge; print(har_edge.__file__)"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.strip() == str(site / "har_edge.py")
