"""Give each parser good, crafted and changed files: an answer or one sentence comes, and nothing else."""

import signal
import sys

import commands
import files
import pytest
from commands import Ending
from programs import run_program
from targets import TARGETS

each = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


def faults(endings: dict[str, list[Ending]]) -> dict[str, str]:
    return {name: x.fault for name, found in endings.items() for x in found if x.fault}


@each
def test_what_is_changed_would_be_read_to_its_end(target, tmp_path):
    """Else what comes behind an early refusal is never attacked."""
    for name, content in target.seeds().items():
        for ending in target.run(content, tmp_path):
            assert ending.code == (2 if target.refuses_seeds else 0), (name, ending)
            assert target.refuses_seeds in ending.error


@each
def test_a_broken_file_is_refused_by_its_name(target, tmp_path):
    endings = {name: target.run(x, tmp_path) for name, x in target.broken().items()}
    assert faults(endings) == {}
    assert {name for name, found in endings.items() if {x.code for x in found} != {2}} == set()
    named = target.named or target.name.rpartition("/")[2]
    assert {name for name, found in endings.items() if not all(named in x.error for x in found)} == set()


@each
def test_an_odd_file_does_no_harm(target, tmp_path):
    with commands.limited_memory():
        assert faults({name: target.run(x, tmp_path) for name, x in target.odd().items()}) == {}
    assert not list(tmp_path.parent.rglob("PLANTED"))


@each
def test_a_changed_file_does_no_harm(target, tmp_path):
    with commands.limited_memory():
        assert faults({str(x): target.run(target.draw(x), tmp_path) for x in range(target.examples)}) == {}


def test_hostile_text_is_text_on_a_page(tmp_path):
    TARGETS["result"].run(files.odd_results()["markup everywhere"], tmp_path)
    page = (tmp_path / "x.html").read_text()
    assert not [x for x in ("<script>alert", "<img src=x", '" onmouseover=alert') if x in page]


@pytest.mark.parametrize("line", ["info x.tflite", "stream x.tflite --csv x.csv", "bench x.tflite --runs 2 --rounds 1"])
def test_a_model_that_kills_its_interpreter_ends_in_a_sentence(line, tmp_path):
    (tmp_path / "x.tflite").write_bytes(files.crashing_model())
    (tmp_path / "x.csv").write_bytes(files.samples()["csv"])
    ending = commands.run(line, tmp_path)
    assert (ending.code, ending.fault) == (3, "")
    assert "SIGSEGV" in ending.error


def test_that_model_kills_a_bare_interpreter(tmp_path):
    """So that the test before this one says something."""
    (tmp_path / "x.tflite").write_bytes(files.crashing_model())
    code = """
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter("x.tflite")
interpreter.allocate_tensors()
interpreter.invoke()"""
    assert run_program(sys.executable, "-c", code, cwd=tmp_path).returncode == -signal.SIGSEGV


def test_a_crash_an_endless_loop_and_a_control_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "CPU_SECONDS", 0.2)

    def fails(*_: object) -> int:
        raise KeyError("x")

    def loops(*_: object) -> int:
        while True:
            pass

    def shows(*_: object) -> int:
        print(files.ESCAPE)
        return 0

    for does in (loops, shows, lambda *_: 70, lambda *_: 2):
        monkeypatch.setattr(commands.cli, "run", does)
        assert commands.run("info edge", tmp_path).fault
