"""Check that wheel and sdist hold everything, install, and give a working command."""

import json
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import tiny_models
from programs import ROOT, Finished, assert_one_sentence, run_program, succeeded

from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import REFERENCE_MODELS

DATA = (
    "edge_runtime/bench.schema.json",
    "edge_runtime/data/recordings.xz",
    "edge_runtime/data/windows.txt",
    "edge_runtime/devices/emulated/firmware/start.c",
    "edge_runtime/devices/emulated/start_board.sh",
    "edge_runtime/reports/page.html.j2",
)
MODELS = tuple(f"edge_runtime/models/{x}_{y}.tflite" for x in REFERENCE_MODELS for y in ("float32", "int8"))
HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib")
TYPED = tuple(f"{x}/py.typed" for x in ("edge_runtime", "train", "convert"))


def test_wheel_and_sdist_hold_the_packages_their_data_and_both_notices(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(x for x in names if x.endswith("METADATA"))).decode()
    assert {*DATA, *MODELS, *TYPED, "har_edge.py", "train/cli.py", "convert/cli.py"} <= set(names)
    assert not [x for x in names if x.startswith(("tests/", "tools/", "docs/"))]
    assert "License-Expression: MIT" in metadata
    assert "License-File: LICENSE" in metadata
    assert "License-File: DATA_NOTICE.md" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata
    with tarfile.open(built["sdist"]) as sdist:
        names = {x.partition("/")[2] for x in sdist.getnames()}
    assert {*DATA, *MODELS, *TYPED, "LICENSE", "DATA_NOTICE.md", "README.md", "pyproject.toml"} <= names


@pytest.mark.parametrize(("name", "most"), [("edge", 100_000), ("edge-small", 50_000), ("edge-anywhere", 80_000)])
def test_the_int8_models_are_small(name, most):
    sizes = {x: (ROOT / f"edge_runtime/models/{name}_{x}.tflite").stat().st_size for x in ("float32", "int8")}
    assert sizes["int8"] <= min(most, sizes["float32"] / 2)


@pytest.mark.parametrize("kind", ["wheel", pytest.param("sdist", marks=pytest.mark.long)])
def test_installed_it_gives_a_working_command(built, kind, tmp_path):
    """Third-party packages come from this environment, the project from what was built."""
    environment = tmp_path / "venv"
    venv.create(environment)
    python = environment / "bin" / "python"
    lent = Path(next(x for x in sys.path if x.endswith("site-packages")))
    site = Path(run_program(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).stdout.strip())
    install = ("-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    succeeded(run_program(sys.executable, *install, built[kind], cwd=tmp_path))
    # After the install, and at the end of the path: the installed project comes first.
    (site / "lent.pth").write_text(f"{lent}\n")
    folder = tmp_path / "work"
    (folder / "convert").mkdir(parents=True)
    (folder / "train.py").write_text("raise SystemExit('not this one')")
    (folder / "convert" / "__init__.py").write_text("raise SystemExit('nor this one')")
    for arguments in (["train", "--help"], ["convert", "--help"], ["data"], ["info", site / MODELS[1]]):
        succeeded(run_program(environment / "bin" / "har-edge", *arguments, cwd=folder))
    where = run_program(python, "-c", "import har_edge; print(har_edge.__file__)", cwd=tmp_path)
    assert where.stdout.strip() == str(site / "har_edge.py")


def test_the_notice_names_all_that_is_made_of_other_peoples_data():
    notice = (ROOT / "DATA_NOTICE.md").read_text()
    for name in ("edge_runtime/data/", "edge_runtime/models/", "tests/official_windows.npz"):
        assert (ROOT / name).exists()
        assert f"`{name}`" in notice


@pytest.mark.parametrize("path", MODELS)
def test_a_shipped_card_names_the_terms_of_other_data_sets_and_no_path_of_its_maker(path):
    data = cards.read_model(ROOT / path)[1].training["data"]
    assert "path" not in data
    assert data.get("terms", {}).keys() == ({*data["sources"]} if len(data.get("sources", [])) > 1 else set())


@pytest.mark.long
def test_without_an_extra_a_device_measures_recognises_and_adapts_and_is_told_what_trains(device_python, tmp_path):
    def on_device(program: str, *arguments: object) -> Finished:
        return run_program(device_python.with_name(program), *arguments, cwd=tmp_path)

    code = f"from importlib.util import find_spec; print([x for x in {HEAVY} if find_spec(x)])"
    assert on_device("python", "-c", code).stdout.strip() == "[]"
    succeeded(on_device("har-edge", "--help"))
    done = succeeded(on_device("har-edge", "bench", "--runs", 1))
    assert "instructions" not in done.stderr  # those of a real processor are not counted
    for result in json.loads((tmp_path / "bench-local.json").read_text())["results"]:
        assert result["accuracy"] > 0.96
        assert result["windows"] == 2947
    succeeded(on_device("har-edge", "stream", "edge", "--replay", 7, "--speed", 0))
    succeeded(on_device("har-edge", "personalise", "edge", "--data", "uci-har", "--subject", 2, "-o", "two.tflite"))
    cards.save(tiny_models.card(), tmp_path / "card.json")  # a folder that `convert` takes for a run
    for arguments in (["train"], ["convert", "."]):
        assert_one_sentence(on_device("har-edge", *arguments), 2, "pip install", "har-edge[train] @ ", ".whl")
