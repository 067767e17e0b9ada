"""`har-edge report`: a result again, on the terminal and in files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from training_fixtures import ROOT

import edge_runtime
from edge_runtime import cli
from edge_runtime.errors import ExitCode

INT8 = Path(edge_runtime.__file__).parent / "models" / "edge_int8.tflite"


def run(*arguments: object) -> int:
    return cli.run(cli.make_command(cli.DEVICE_COMMANDS), list(map(str, arguments)))


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """A real, short measurement of one model, so that a control is all it compares."""
    path = tmp_path_factory.mktemp("real") / "bench.json"
    assert run("bench", INT8, "--runs", 20, "--rounds", 2, "--json", path) == ExitCode.OK
    return path


def test_what_bench_writes_follows_the_schema(real):
    written = json.loads(real.read_text())
    schema = json.loads((ROOT / "edge_runtime" / "bench.schema.json").read_text())
    Draft202012Validator(schema).validate(written)
    assert written["control"]["p50_ratio"] > 0
    assert written["device"]["before"]["time"] < written["device"]["after"]["time"]
    assert written["data"]["period_s"] == 1.28


def test_report_shows_a_result_again(real, capsys):
    assert run("report", real) == ExitCode.OK
    assert "latency p99" in capsys.readouterr().out


def test_report_writes_the_forms_that_are_asked_for(real, tmp_path, capsys):
    paths = {form: tmp_path / f"x.{form}" for form in ("csv", "markdown", "html")}
    assert run("report", real, *(x for form, path in paths.items() for x in (f"--{form}", path))) == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [str(path) for path in paths.values()]
    assert "<!DOCTYPE html>" in paths["html"].read_text()
    assert paths["markdown"].read_text().startswith("### ")
    assert paths["csv"].read_text().startswith("created,")


def test_report_overwrites_nothing_it_reads_or_writes(real, tmp_path, capsys):
    before = real.read_bytes()
    for arguments, words in (
        ((real, "--html", real), "would overwrite"),
        ((real, "--csv", tmp_path / "x", "--html", tmp_path / "x"), "would overwrite"),
        ((real, "--markdown", tmp_path), "is a folder"),
        ((tmp_path / "no.json",), "does not exist"),
    ):
        assert run("report", *arguments) == ExitCode.USAGE
        assert words in capsys.readouterr().err
    assert real.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_only_the_page_needs_the_template_engine():
    code = "import edge_runtime.commands.report, edge_runtime.commands.bench, sys; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
