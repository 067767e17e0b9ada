"""Check how the command starts and ends: quick help, exit codes, one sentence for an error."""

import json
import sys
import tomllib

import click
import pytest
from programs import MODELS, ROOT, assert_one_sentence, har_edge, in_shell, python, run_program, succeeded

from edge_runtime.cli import DEVICE_COMMANDS, make_command, run
from edge_runtime.errors import CheckFailedError, DeviceError, ExitCode, InputError
from edge_runtime.system.installation import MissingExtraError

HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib", "scipy", "ai_edge_litert")


def group(action) -> click.Group:
    command = make_command(DEVICE_COMMANDS)
    command.add_command(click.Command("act", callback=action))
    return command


def fail(error: BaseException):
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code", "noun"),
    [
        (InputError("x.csv is empty"), 2, "x.csv"),
        (MissingExtraError("har-edge train", "tensorflow", "train"), 2, "[train]'"),
        (CheckFailedError("lost too much"), 1, "lost too much"),
        (DeviceError("pi is gone"), 3, "pi"),
        (PermissionError(13, "Permission denied", "/x/y"), 2, "/x/y"),
        (MemoryError(), 3, "memory"),
        (OSError(12, "Cannot allocate memory"), 3, "memory"),
        (ImportError("x.so: failed to map segment from shared object"), 3, "memory"),
        (RuntimeError("std::bad_alloc"), 3, "memory"),
        (RuntimeError("oops"), 70, "RuntimeError"),
        (KeyError("oops"), 70, "KeyError"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (SystemExit("boom"), 70, "boom"),
        (EOFError("half"), 70, "EOFError"),
        (InputError("a\x1b]0;b\x9b31m\u202e\ud800\nError: c"), 2, r"Error: a\x1b]0;b\x9b31m\u202e\ud800\nError: c"),
        (click.UsageError("no such option"), 2, "no such option"),
    ],
)
def test_every_error_is_one_sentence_with_its_exit_code(capsys, error, code, noun):
    assert run(group(fail(error)), ["act"]) == code
    captured = capsys.readouterr()
    assert noun in captured.err
    assert "Traceback" not in captured.err


def test_a_traceback_only_with_debug(capsys):
    assert run(group(fail(InputError("bad"))), ["act", "--debug"]) == ExitCode.USAGE
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["bench", "--help"],
        ["info", str(MODELS["int8"])],
        ["data"],
    ],
)
def test_help_and_what_a_device_needs_import_no_tensorflow(arguments):
    code = f"""
import sys
sys.argv = ["har-edge", *{arguments!r}]
import har_edge
try:
    har_edge.main()
finally:
    print(*[x for x in {HEAVY!r} if x in sys.modules])
"""
    loaded = python(code).splitlines()[-1].split()
    assert not {"tensorflow", "keras", "sklearn", "matplotlib"} & set(loaded)
    if arguments[-1] == "--help":
        assert loaded == []


@pytest.mark.parametrize("name", ["train", "convert", *DEVICE_COMMANDS])
def test_every_command_has_help_that_fits_80_columns(name, tmp_path):
    result = succeeded(har_edge(name, "--help", cwd=tmp_path, env={"COLUMNS": "80"}))
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_the_version_is_the_installed_one(tmp_path):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert har_edge("--version", cwd=tmp_path).stdout.strip() == f"har-edge, version {version}"


def test_a_slip_is_answered_with_what_was_meant(har_edge_here):
    for arguments, meant in ((["trian"], "train"), (["train", "--epoch", "3"], "--epochs"), (["fly"], "--help")):
        assert_one_sentence(har_edge_here(*arguments), 2, meant)


def test_the_users_own_train_and_convert_are_left_alone(tmp_path):
    """In a folder with a `train.py` and a `convert/`, and even with that folder on PYTHONPATH, ours are used."""
    (tmp_path / "train.py").write_text("raise SystemExit('the wrong train')")
    (tmp_path / "convert").mkdir()
    (tmp_path / "convert" / "__init__.py").write_text("raise SystemExit('the wrong convert')")
    (tmp_path / "edge_runtime.py").write_text("raise SystemExit('the wrong edge_runtime')")
    for name in ("train", "convert"):
        result = succeeded(har_edge(name, "--help", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}))
        assert f"Usage: har-edge {name}" in result.stdout


def test_what_a_command_writes_and_judges_is_for_others_than_a_reader_that_goes_away(tmp_path):
    result = (ROOT / "tests/bench/bench.json").read_bytes()
    for name in ("old.json", "new.json"):
        (tmp_path / name).write_bytes(result)
    line = "compare old.json new.json --fail-if 'p50>-5%' --json changes.json | true"
    assert_one_sentence(in_shell(line, tmp_path), 1, "p50>-5%")
    assert json.loads((tmp_path / "changes.json").read_text())["failures"]
    for line in ("report old.json --csv - | true", "report old.json | true"):
        assert succeeded(in_shell(line, tmp_path)).stderr == ""


def test_a_stream_without_end_stops_when_nobody_reads_it(tmp_path):
    source = "--csv <(yes 0,0,1,0,0,0) --units g --gyro-units rad/s"
    done = succeeded(in_shell(f"stream edge-small {source} --jsonl | head -1", tmp_path))
    assert (done.stdout[:7], done.stderr) == ('{"type"', "")


@pytest.mark.parametrize("line", ["card edge >/dev/full", "--help >&-", "report bench.json >/dev/full 2>&1"])
def test_output_that_cannot_be_written_is_said(tmp_path, line):
    (tmp_path / "bench.json").write_bytes((ROOT / "tests/bench/bench.json").read_bytes())
    result = in_shell(line, tmp_path)
    if "2>&1" in line:  # nobody can be told
        assert (result.returncode, result.stderr) == (2, "")
    else:
        assert_one_sentence(result, 2, "standard output")
        assert len(result.stderr.splitlines()) == 1


def test_a_closed_output_is_not_written_into_the_next_file_that_is_opened(tmp_path):
    (tmp_path / "bench.json").write_bytes((ROOT / "tests/bench/bench.json").read_bytes())
    assert in_shell("report bench.json --csv out.csv >&- 2>&-", tmp_path).returncode == 2
    assert (tmp_path / "out.csv").read_text().startswith("created,")
    assert "edge" in succeeded(in_shell("report bench.json 2>&- <&-", tmp_path)).stdout


def test_python_m_edge_runtime_works_where_only_that_package_is(tmp_path):
    (tmp_path / "edge_runtime").symlink_to(ROOT / "edge_runtime")
    result = succeeded(run_program(sys.executable, "-m", "edge_runtime", "--help", cwd=tmp_path))
    assert "bench" in result.stdout
    assert "train " not in result.stdout
    asked = run_program(sys.executable, "-m", "edge_runtime", "convert", "runs/mine", cwd=tmp_path)
    assert_one_sentence(asked, 2, "har-edge convert")
