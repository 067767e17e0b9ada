"""Check how the command starts and ends: quick help, exit codes, one sentence for an error, completions."""

import json
import signal
import sys

import click
import pytest
from programs import (
    MODELS,
    ROOT,
    assert_one_sentence,
    finish,
    har_edge,
    in_shell,
    processes,
    python,
    run_program,
    start,
    succeeded,
    wait_until,
)
from written_windows import of_people, write_windows

import har_edge as front_door
from edge_runtime.cli import DEVICE_COMMANDS, make_command, run
from edge_runtime.commands import options
from edge_runtime.errors import CheckFailedError, DeviceError, ExitCode, InputError
from edge_runtime.system.installation import MissingExtraError

HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib", "scipy", "ai_edge_litert")


def group(error: BaseException) -> click.Group:
    def action() -> None:
        raise error

    command = make_command(DEVICE_COMMANDS)
    command.add_command(click.Command("act", callback=action))
    return command


@pytest.mark.parametrize(
    ("error", "code", "noun"),
    [
        (InputError("x.csv is empty"), 2, "x.csv"),
        (MissingExtraError("har-edge train", "tensorflow", "train"), 2, "[train]'"),
        (CheckFailedError("lost too much"), 1, "lost too much"),
        (DeviceError("pi is gone"), 3, "pi"),
        (PermissionError(13, "Permission denied", "/x/y"), 2, "/x/y"),
        (MemoryError(), 3, "memory"),
        (RuntimeError("std::bad_alloc"), 3, "memory"),
        (RuntimeError("oops"), 70, "RuntimeError"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (click.UsageError("no such option"), 2, "no such option"),
    ],
)
def test_every_error_is_one_sentence_with_its_exit_code(capsys, error, code, noun):
    assert run(group(error), ["act"]) == code
    errors = capsys.readouterr().err
    assert noun in errors
    assert "Traceback" not in errors


def test_an_interruption_waits_for_the_end_of_an_import(tmp_path):
    code = "import os, signal, time, click\nos.kill(os.getpid(), signal.SIGTERM)\nprint('whole')\n"
    (tmp_path / "slow.py").write_text(code + "command = click.Command('act', callback=lambda: time.sleep(60))\n")
    start = "import sys; from edge_runtime.cli import start; sys.argv = ['x', 'act']; start({'act': ('slow', '')})"
    done = run_program(sys.executable, "-c", start, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "whole\n", "Interrupted.")


def test_a_traceback_needs_debug(capsys):
    assert run(group(InputError("bad")), ["act", "--debug"]) == ExitCode.USAGE
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["bench", "--help"], ["info", str(MODELS["int8"])]])
def test_help_and_the_commands_of_a_device_import_no_tensorflow(arguments):
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


def test_a_typing_error_is_answered_with_a_command_or_option(har_edge_here):
    for arguments, meant in ((["trian"], "train"), (["train", "--epoch", "3"], "--epochs")):
        assert_one_sentence(har_edge_here(*arguments), 2, meant)


def test_times_may_have_their_unit():
    seconds = options.FiniteRange(0, units=options.SECONDS)
    assert [seconds.convert(text, None, None) for text in ("10", "10s", "1.5m")] == [10, 10, 90]
    with pytest.raises(click.BadParameter):
        seconds.convert("10 kB", None, None)


def test_the_users_own_train_and_convert_are_left_alone(tmp_path):
    """In a folder with a `train.py` and a `convert/`, and even with that folder on PYTHONPATH, ours are used."""
    (tmp_path / "convert").mkdir()
    for name in ("train.py", "convert/__init__.py", "edge_runtime.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong one')")
    for name in ("train", "convert"):
        result = succeeded(har_edge(name, "--help", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}))
        assert f"Usage: har-edge {name}" in result.stdout


TRAINING = """
import sys, train, har_edge
from edge_runtime.errors import HarEdgeError
folder = har_edge.train("runs/mine", data=[sys.argv[1]], network="edge-small", epochs=1, test_subjects=["anna", "carl"])
print(har_edge.convert(folder, quantize_as=["int8", "dynamic"], max_drop=100, rivals=False))
print(train.__file__)
"""
REFUSALS = """
import har_edge
from edge_runtime.errors import HarEdgeError
for options in ({"resume": True, "seed": 5}, {"colour": "red"}):
    try:
        har_edge.train("runs/other", **options)
    except HarEdgeError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.long
def test_python_trains_and_converts_beside_the_users_own_modules(tmp_path):
    for name in ("train.py", "convert.py"):
        (tmp_path / name).touch()
    lines = python(TRAINING, write_windows(tmp_path / "own.npz", of_people()), cwd=tmp_path).splitlines()
    run = tmp_path / "runs/mine"
    assert {path.name for path in run.glob("*.tflite")} == {f"model_{x}.tflite" for x in ("float32", "int8", "dynamic")}
    assert json.loads((run / "card.json").read_text())["training"]["test_subjects"] == ["anna", "carl"]
    assert lines[-1] == str(tmp_path / "train.py")


def test_python_gets_a_refusal_as_an_error_in_pythons_words(tmp_path):
    of_resume, of_option = python(REFUSALS, cwd=tmp_path).splitlines()
    assert of_resume.startswith("InputError runs/other")
    assert of_option.startswith("InputError")
    assert "colour" in of_option
    assert "--" not in of_option


def test_python_shows_what_is_not_utf_8(monkeypatch, capsys):
    monkeypatch.setattr(front_door, "_CHILD", r"import os; os.write(1, b'caf\xe9\n')")
    front_door._run("train")
    assert capsys.readouterr().out == "caf\N{REPLACEMENT CHARACTER}\n"


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_training_from_python_ends_with_it_and_can_go_on(tmp_path, number):
    data, run = write_windows(tmp_path / "own.npz", of_people()), tmp_path / "run"
    code = f"import sys, har_edge; har_edge.train({str(run)!r}, data=sys.argv[1], epochs=10_000)"
    with start(sys.executable, "-c", code, data, env={"PYTHONPATH": str(ROOT)}) as process:
        wait_until(lambda: [*run.glob("checkpoint/*.npz")])
        process.send_signal(number)
        assert ("--resume" in finish(process).stdout) == (number == signal.SIGINT)
    wait_until(lambda: not processes(run))


def test_a_stream_without_end_stops_when_nobody_reads_it(tmp_path):
    source = "--csv <(yes 0,0,1,0,0,0) --units g --gyro-units rad/s"
    done = succeeded(in_shell(f"stream edge-small {source} --jsonl | head -1", tmp_path))
    assert (done.stdout[:7], done.stderr) == ('{"type"', "")


@pytest.mark.parametrize("command", ["card edge-small", "info edge-small", "--help"])
def test_a_command_ends_quietly_when_nobody_reads_its_output(tmp_path, command):
    assert succeeded(in_shell(f"{command} | true", tmp_path)).stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_does_its_work_without_its_standard_streams(tmp_path, closed):
    """No file takes their place: what a library writes there does not get into the file."""
    assert succeeded(in_shell(f"card edge-small {closed}", tmp_path)).stderr == ""
    code = "with escaped_streams(), open('data', 'w'): [os.write(number, b'noise') for number in (1, 2)]"
    code = f"import os; from edge_runtime.system.standard_streams import *\n{code}"
    succeeded(
        run_program(
            "bash", "-c", f'{sys.executable} -c "$0" {closed}', code, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}
        )
    )
    assert (tmp_path / "data").read_bytes() == b""


def test_unwritable_output_is_an_error(tmp_path):
    assert_one_sentence(in_shell("card edge >/dev/full", tmp_path), 2, "space")


def test_python_m_edge_runtime_works_with_only_this_package(tmp_path):
    (tmp_path / "edge_runtime").symlink_to(ROOT / "edge_runtime")
    result = succeeded(run_program(sys.executable, "-m", "edge_runtime", "--help", cwd=tmp_path))
    assert "bench" in result.stdout
    assert "train " not in result.stdout
