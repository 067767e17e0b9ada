"""Check that the wheel and the sdist are complete and install a working command."""

import json
import signal
import ssl
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest
import tiny_models
from programs import ROOT, Finished, assert_one_sentence, finish, run_program, start, succeeded

from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import REFERENCE_MODELS

DATA = (
    "convert/page/page.c",
    "convert/page/static/index.html",
    "convert/page/static/page.css",
    "edge_runtime/bench.schema.json",
    "edge_runtime/data/recordings.xz",
    "edge_runtime/data/windows.txt",
    "edge_runtime/devices/emulated/firmware/start.c",
    "edge_runtime/devices/emulated/start_board.sh",
    "edge_runtime/reports/report.html.j2",
)
MODELS = tuple(f"edge_runtime/models/{name}_{form}.tflite" for name in REFERENCE_MODELS for form in ("float32", "int8"))
MODULES = tuple(f"convert/page/modules/{name}_int8.wasm" for name in REFERENCE_MODELS)
HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib")
TYPED = ("edge_runtime/py.typed", "train/py.typed", "convert/py.typed")


def test_wheel_and_sdist_hold_the_packages_their_data_and_both_notices(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert {*DATA, *MODELS, *MODULES, *TYPED, "har_edge.py", "train/cli.py", "convert/cli.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "tools/", "docs/"))]
    assert "License-Expression: MIT" in metadata
    assert "License-File: LICENSE" in metadata
    assert "License-File: DATA_NOTICE.md" in metadata
    assert "Requires-Python: <3.15,>=3.11" in metadata
    with tarfile.open(built["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {*DATA, *MODELS, *MODULES, *TYPED, "LICENSE", "DATA_NOTICE.md", "README.md", "pyproject.toml"} <= names


@pytest.mark.parametrize("kind", ["wheel", pytest.param("sdist", marks=pytest.mark.long)])
def test_the_installed_command_works(built, kind, tmp_path):
    """Third-party packages come from this environment, and the project from the built file."""
    venv.create(tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    python = programs / "python"
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    site = Path(run_program(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).stdout.strip())
    install = ("-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    succeeded(run_program(sys.executable, *install, built[kind], cwd=tmp_path))
    # After the install, and at the end of the path: the installed project comes first.
    (site / "packages.pth").write_text(f"{packages}\n")
    folder = tmp_path / "work"
    (folder / "convert").mkdir(parents=True)
    (folder / "train.py").write_text("raise SystemExit('not this one')")
    (folder / "convert" / "__init__.py").write_text("raise SystemExit('nor this one')")
    for arguments in (["train", "--help"], ["convert", "--help"], ["data"], ["info", site / MODELS[1]]):
        succeeded(run_program(programs / "har-edge", *arguments, cwd=folder))
    where = run_program(python, "-c", "import har_edge; print(har_edge.__file__)", cwd=tmp_path)
    assert where.stdout.strip() == str(site / "har_edge.py")
    nothing = {"PATH": "", "CC": "", "HAR_EDGE_CACHE": str(tmp_path / "cache")}
    page = start(programs / "har-edge", "page", "--port", 0, cwd=folder, env=nothing)
    address = page.stdout.readline().split()[1]
    for name in ("edge", "edge-anywhere"):
        module = urlopen(f"{address}{name}.wasm", context=ssl._create_unverified_context()).read()
        assert module == (site / f"convert/page/modules/{name}_int8.wasm").read_bytes()
    page.send_signal(signal.SIGINT)
    succeeded(finish(page))
    assert not (tmp_path / "cache").exists()  # nothing was compiled


def test_the_notice_names_all_files_made_from_other_people_s_data():
    notice = (ROOT / "DATA_NOTICE.md").read_text()
    for name in ("edge_runtime/data/", "edge_runtime/models/", "convert/page/modules/", "tests/official_windows.npz"):
        assert (ROOT / name).exists()
        assert f"`{name}`" in notice


@pytest.mark.parametrize("path", MODELS)
def test_a_shipped_card_names_the_terms_of_its_data_sets_and_no_path_of_its_maker(path):
    data = cards.read_model(ROOT / path)[1].training["data"]
    assert "path" not in data
    assert data.get("terms", {}).keys() == ({*data["sources"]} if len(data.get("sources", [])) > 1 else set())


@pytest.mark.long
def test_without_extras_a_device_measures_recognises_and_adapts_and_names_the_extra_that_trains(
    device_python, tmp_path
):
    def on_device(program: str, *arguments: object) -> Finished:
        return run_program(device_python.with_name(program), *arguments, cwd=tmp_path)

    code = f"from importlib.util import find_spec; print([x for x in {HEAVY} if find_spec(x)])"
    assert on_device("python", "-c", code).stdout.strip() == "[]"
    succeeded(on_device("har-edge", "--help"))
    done = succeeded(on_device("har-edge", "bench", "--rounds", 1))
    assert "instructions" not in done.stderr  # a real processor counts none
    for result in json.loads((tmp_path / "bench-local.json").read_text())["results"]:
        assert result["accuracy"] > 0.96
        assert result["windows"] == 2947
    succeeded(on_device("har-edge", "stream", "edge", "--replay", 7, "--speed", 0))
    succeeded(on_device("har-edge", "personalise", "edge", "--data", "uci-har", "--subject", 10, "-o", "ten.tflite"))
    cards.save(tiny_models.card(), tmp_path / "card.json")  # makes the folder a run for `convert`
    for arguments in (["train"], ["convert", "."]):
        assert_one_sentence(on_device("har-edge", *arguments), 2, "pip install", "har-edge[train] @ ", ".whl")
