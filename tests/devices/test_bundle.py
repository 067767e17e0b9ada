"""The worker in one file holds what a measurement needs, in Python 3.9, and nothing else."""

import ast
import io
import sys
import zipfile

import pytest
from programs import python

from edge_runtime.devices.bundle import write_bundle
from edge_runtime.devices.emulated import qemu_log


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, str]:
    with zipfile.ZipFile(write_bundle(tmp_path_factory.mktemp("bundle"))) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def test_it_holds_what_the_worker_imports_and_that_needs_only_numpy(sources):
    alone, loaded = (
        set(python(f"import sys, {x}; print(*sys.modules)").split())
        for x in ("numpy", "edge_runtime.bench.measurement_worker")
    )
    names = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources}
    assert names - {"__main__"} == {x for x in loaded if x.partition(".")[0] == "edge_runtime"}
    assert {name.split(".")[1] for name in names if name.count(".") > 1} == {"bench", "model", "signals", "system"}
    packages, before = ({name.partition(".")[0] for name in x} for x in (loaded, alone))
    assert packages - before - sys.stdlib_module_names == {"edge_runtime"}


def test_it_is_python_3_9(sources):
    for name, source in sources.items():
        tree = ast.parse(source, feature_version=(3, 9))
        deferred = any(isinstance(x, ast.ImportFrom) and x.module == "__future__" for x in tree.body)
        unions = [x for x in ast.walk(tree) if isinstance(x, ast.BinOp) and isinstance(x.op, ast.BitOr)]
        assert deferred or not unions, f"{name} would evaluate 'A | B' annotations"


def test_the_same_sources_give_the_same_bytes_and_more_can_travel_with_them(tmp_path):
    def written(name: str, *modules: str) -> bytes:
        (tmp_path / name).mkdir()
        return write_bundle(tmp_path / name, *modules).read_bytes()

    one = written("one")
    assert one == written("two")
    small, large = (set(zipfile.ZipFile(io.BytesIO(x)).namelist()) for x in (one, written("more", qemu_log.__name__)))
    added = large - small
    assert "edge_runtime/devices/emulated/qemu_log.py" in added
    assert {x.split("/")[1] for x in added} <= {"devices", "model"}
