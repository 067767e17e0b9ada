"""Give each parser a fixed number of drawn inputs: a value or an error of the project comes."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import fuzzing
import pytest
import run_fuzz
from targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_gives_a_value_or_an_error_that_is_understood(name, tmp_path):
    target = TARGETS[name]
    with fuzzing.limited_memory():
        found = [fuzzing.execute(target, fuzzing.draw(target, seed), tmp_path) for seed in range(target.examples)]
    assert {x.place: x.text for x in found if x} == {}


@pytest.mark.parametrize("name", [x for x in TARGETS if x != "official-zip"])
def test_what_is_changed_would_be_read_to_its_end(name, tmp_path):
    """Else what comes behind an early refusal is never attacked."""
    left = TARGETS[name].read(TARGETS[name].seed(), tmp_path)
    assert not left, "said, but never heard"


def test_an_official_zip_is_read_up_to_its_signals(tmp_path):
    with pytest.raises(fuzzing.HarEdgeError, match="Inertial Signals"):
        TARGETS["official-zip"].read(TARGETS["official-zip"].seed(), tmp_path)


def test_a_crash_a_fault_of_our_own_and_an_endless_loop_are_found(tmp_path, monkeypatch):
    def crash(content, folder):
        raise KeyError("x")

    def fault(content, folder):
        raise fuzzing.HarEdgeError("never to be seen")

    def loop(content, folder):
        while True:
            with suppress(Exception):
                while True:
                    pass

    monkeypatch.setattr(fuzzing, "CPU_SECONDS", 0.1)
    target = TARGETS["card"]
    for read in (crash, fault, loop):
        broken = replace(target, read=read)
        assert fuzzing.execute(broken, fuzzing.draw(broken, 0), tmp_path)


def test_an_input_that_takes_too_much_memory_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(run_fuzz, "MEMORY_LIMIT_MB", 1)
    assert Path(run_fuzz.fuzz("bench-json", 0.01, 0, tmp_path)["findings"]["memory"]["file"]).is_file()


def test_the_table_says_how_long_each_parser_was_fuzzed():
    said = run_fuzz.described({"card": {"executions": 5, "peak_mb": 100, "findings": {"x": {}}}}, 600.0)
    assert "| card | 600 | 5 | 100 MB | 1 |" in said
