"""Check `har-edge report`: a result shown again, on the terminal and in files."""

import json
import shutil

from programs import MODELS, ROOT, assert_one_sentence, in_shell, python, succeeded

REAL = ROOT / "tests/bench/bench.json"


def test_report_shows_a_result_again_and_writes_the_forms_that_are_asked_for(tmp_path, har_edge_here):
    assert "latency p99" in succeeded(har_edge_here("report", REAL)).stdout
    paths = {form: tmp_path / f"x.{form}" for form in ("csv", "markdown", "html")}
    done = succeeded(har_edge_here("report", REAL, *(x for form, path in paths.items() for x in (f"--{form}", path))))
    assert done.stdout.splitlines() == [str(path) for path in paths.values()]
    for form, begin in (("html", "<!DOCTYPE html>"), ("markdown", "### "), ("csv", "created,")):
        assert paths[form].read_text().lstrip().startswith(begin)


def test_only_the_result_goes_to_standard_output(har_edge_here, tmp_path):
    done = succeeded(har_edge_here("report", REAL, "--markdown", "-", "--html", "x.html"))
    assert done.stdout.startswith("### ")
    assert (done.stderr, [x.name for x in tmp_path.iterdir()]) == ("x.html\n", ["x.html"])
    quick = ("--runs", 1, "--rounds", 1, "--no-control")
    done = succeeded(har_edge_here("bench", MODELS["int8"], *quick, "--json", "-"))
    assert json.loads(done.stdout)["results"][0]["quantization"] == "int8"
    assert "latency p50" in done.stderr
    assert [x.name for x in tmp_path.iterdir()] == ["x.html"]  # beside no JSON file there is no page


def test_report_takes_a_run_folder_or_the_last_result(tmp_path, har_edge_here):
    shutil.copy(REAL, tmp_path / "bench-local.json")
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    assert "latency p99" in succeeded(har_edge_here("report")).stdout
    assert_one_sentence(har_edge_here("report", run), 2, "runs/mine")
    shutil.copy(REAL, run / "bench-local.json")
    shown = succeeded(har_edge_here("report", "bench-local.json", "runs/mine")).stdout
    assert "runs/mine/bench-local.json" in "".join(shown.split())


def test_report_overwrites_no_file_that_it_reads_or_writes(tmp_path, har_edge_here):
    shutil.copy(REAL, tmp_path / "r.json")
    for arguments, name in (
        (("r.json", "--html", "r.json"), "r.json"),
        (("r.json", "--markdown", "-", "--csv", "-"), "csv"),
        (("no.json",), "no.json"),
    ):
        assert_one_sentence(har_edge_here("report", *arguments), 2, name)
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == {"r.json": REAL.read_bytes()}


def test_results_are_read_from_pipes_up_to_a_limit(tmp_path):
    succeeded(in_shell(f"compare <(cat {REAL}) <(sleep 0.5; cat {REAL})", tmp_path))
    assert_one_sentence(in_shell("report <(yes)", tmp_path), 2, "larger")


def test_only_the_page_needs_the_template_engine():
    python("import edge_runtime.commands.report, edge_runtime.commands.bench, sys; sys.exit('jinja2' in sys.modules)")
