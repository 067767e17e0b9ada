"""Check `har-edge report`: a result shown again, on the terminal and in files."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from programs import MODELS, ROOT, assert_one_sentence, har_edge, in_shell, python, succeeded


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """A real, short measurement of one model, so that a control is all it compares."""
    path = tmp_path_factory.mktemp("real") / "bench.json"
    succeeded(har_edge("bench", MODELS["int8"], "--runs", 20, "--rounds", 2, "--json", path, cwd=path.parent))
    return path


def test_what_bench_writes_follows_the_schema(real):
    written = json.loads(real.read_text())
    schema = json.loads((ROOT / "edge_runtime" / "bench.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(written)
    assert written["control"]["p50_ratio"] > 0
    assert written["device"]["before"]["time"] < written["device"]["after"]["time"]
    assert written["data"]["period_s"] == 1.28


def test_report_shows_a_result_again_and_writes_the_forms_that_are_asked_for(real, tmp_path, har_edge_here):
    assert "latency p99" in succeeded(har_edge_here("report", real)).stdout
    paths = {form: tmp_path / f"x.{form}" for form in ("csv", "markdown", "html")}
    done = succeeded(har_edge_here("report", real, *(x for form, path in paths.items() for x in (f"--{form}", path))))
    assert done.stdout.splitlines() == [str(path) for path in paths.values()]
    assert "<!DOCTYPE html>" in paths["html"].read_text()
    assert paths["markdown"].read_text().startswith("### ")
    assert paths["csv"].read_text().startswith("created,")


def test_a_result_for_standard_output_is_alone_there(real, har_edge_here, tmp_path):
    """What is said to people goes to stderr then, and no file is named `-`."""
    done = succeeded(har_edge_here("report", real, "--markdown", "-", "--html", "x.html"))
    assert done.stdout.startswith("### ")
    assert (done.stderr, [x.name for x in tmp_path.iterdir()]) == ("x.html\n", ["x.html"])
    quick = ("--runs", 1, "--rounds", 1, "--no-control")
    done = succeeded(har_edge_here("bench", MODELS["int8"], *quick, "--json", "-"))
    assert json.loads(done.stdout)["results"][0]["quantization"] == "int8"
    assert "latency p50" in done.stderr
    assert [x.name for x in tmp_path.iterdir()] == ["x.html"]  # beside no JSON file there is no page
    succeeded(har_edge_here("bench", MODELS["int8"], *quick, "--json", "-", "--html", "y.html"))
    assert sorted(x.name for x in tmp_path.iterdir()) == ["x.html", "y.html"]


def test_report_takes_a_run_folder_or_the_last_result(real, tmp_path, har_edge_here):
    shutil.copy(real, tmp_path / "bench-local.json")
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    assert "latency p99" in succeeded(har_edge_here("report")).stdout
    assert_one_sentence(har_edge_here("report", run), 2, "runs/mine")
    shutil.copy(real, run / "bench-local.json")
    shown = succeeded(har_edge_here("report", "bench-local.json", "runs/mine")).stdout
    assert "runs/mine/bench-local.json" in "".join(shown.split())


def test_report_overwrites_nothing_it_reads_or_writes(real, tmp_path, har_edge_here):
    before = real.read_bytes()
    for arguments, name in (
        ((real, "--html", real), "bench.json"),
        ((real, "--markdown", "-", "--csv", "-"), "csv"),
        ((tmp_path / "no.json",), "no.json"),
    ):
        assert_one_sentence(har_edge_here("report", *arguments), 2, name)
    assert real.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_results_are_read_from_pipes_up_to_a_limit(real, tmp_path):
    assert "latency p99" in succeeded(in_shell(f"report <(cat {real})", tmp_path)).stdout
    succeeded(in_shell(f"compare <(cat {real}) <(sleep 0.5; cat {real})", tmp_path))
    assert_one_sentence(in_shell("report <(yes)", tmp_path), 2, "larger")
    assert_one_sentence(in_shell("info <(yes)", tmp_path), 2, "/dev/fd")


def test_only_the_page_needs_the_template_engine():
    python("import edge_runtime.commands.report, edge_runtime.commands.bench, sys; sys.exit('jinja2' in sys.modules)")
