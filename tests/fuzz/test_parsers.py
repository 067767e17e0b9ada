"""Give each parser good, crafted and changed files: an answer or one sentence comes, and nothing else."""

import os
import time
from itertools import count
from pathlib import Path

import commands
import files
import pytest
import tiny_models
from targets import TARGETS

from edge_runtime.model import model_card

each = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """Changed models that pass leave no marks in the user's cache."""
    monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path_factory.mktemp("cache")))


@each
def test_what_is_changed_would_be_read_to_its_end(target, tmp_path):
    """Else an early refusal would hide what comes behind it."""
    for name, content in target.seeds.items():
        for ending in target.run(content, tmp_path):
            assert ending.code == 0, (name, ending)


@each
def test_a_broken_file_is_refused_by_its_name_and_fault_and_an_odd_one_does_no_harm(target, tmp_path):
    every = [*target.seeds.values(), *target.broken().values(), *target.odd().values()]
    assert len({*every}) == len(every), "a change finds nothing to change"
    faults, named = {}, Path(target.name).stem
    with commands.limited("AS", commands.ADDRESS_SPACE):
        for name, content in target.broken().items():
            found = target.run(content, tmp_path)
            is_told = named in found[0].error and files.FAULTS.get(name, "") in found[0].error
            if any(x.fault for x in found) or found[0].code != 2 or not is_told:
                faults[name] = found
        for name, content in target.odd().items():
            found = target.run(content, tmp_path)
            if any(x.fault for x in found):
                faults[name] = found
    assert faults == {}
    assert not list(tmp_path.parent.rglob("PLANTED"))


@each
def test_a_changed_file_does_no_harm(target, tmp_path):
    """Those of the first seeds; `make fuzz` goes on for SECONDS."""
    end, faults = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", 0)), {}
    for seed in count():
        if seed >= target.examples and time.monotonic() >= end:
            break
        with commands.limited("AS", commands.ADDRESS_SPACE):
            endings = target.run(target.draw(seed), tmp_path)
        faults |= {(seed, x.fault): x for x in endings if x.fault}
    assert faults == {}
    assert not list(tmp_path.parent.rglob("PLANTED"))


def test_a_model_that_kills_its_interpreter_ends_in_a_sentence(tmp_path):
    model_card.write_model(tmp_path / "x.tflite", tiny_models.crashing((128, 2)), tiny_models.card())
    (tmp_path / "x.csv").write_bytes(files.samples()["csv"])
    for line in ("info x.tflite", "stream x.tflite --csv x.csv"):
        ending = commands.run(line, tmp_path)
        assert (ending.code, ending.fault) == (3, "")
        assert "SIGSEGV" in ending.error


ODD = ("", "-1", "nan", "9" * 5000, files.ESCAPE, "../x", "/dev/null", "\udcff")

# WORD takes the place of each of ODD, in turn.
LINES = (
    *("train --epochs WORD", "train --seeds WORD", "train --data WORD"),
    *("crossval --folds WORD", "convert WORD", "convert --max-drop WORD", "convert x.keras --normalisation WORD"),
    *("bench --runs WORD edge", "bench --on WORD edge", "bench --on ssh://WORD edge", "bench --on python:WORD edge"),
    *("bench --on adb:WORD edge", "bench WORD", "compare WORD WORD", "report WORD", "info WORD", "card WORD"),
    *("card edge --from WORD", "WORD", "stream WORD", "stream edge --csv WORD", "stream edge --tcp WORD:1:1"),
    *("stream edge --serial WORD", "stream edge --i2c WORD", "stream edge --csv x --axes WORD", "evaluate WORD"),
    *("personalise edge --data WORD -o x", "predict edge WORD", "data --data WORD", "devices WORD"),
    *("page WORD -o x", "page -o x --port WORD"),
)


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_word_is_answered_with_a_sentence(line, tmp_path, monkeypatch):
    monkeypatch.setenv("HAR_EDGE_ADB", "false")
    endings = {x[:20]: commands.run([y.replace("WORD", x) for y in line.split()], tmp_path) for x in ODD}
    assert {odd: (x.code, x.fault) for odd, x in endings.items() if x.fault or x.code not in (2, 3)} == {}
