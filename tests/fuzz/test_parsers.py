"""Check that each parser answers good, crafted and changed files with a result or one sentence."""

import os
import time
from itertools import count
from pathlib import Path

import commands
import files
import pytest
from targets import TARGETS

each = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """Keep records of changed models out of the user's cache."""
    monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path_factory.mktemp("cache")))


@each
def test_every_seed_is_read_to_its_end(target, tmp_path):
    """A refusal would hide the rest of the parser from the changes."""
    for name, content in target.seeds.items():
        for ending in target.run(content, tmp_path):
            assert ending.code == 0, (name, ending)


@each
def test_a_broken_file_is_refused_by_its_name_and_an_odd_one_does_no_harm(target, tmp_path):
    every = [*target.seeds.values(), *target.broken().values(), *target.odd().values()]
    assert len({*every}) == len(every), "a change finds nothing to change"
    faults, stem = {}, Path(target.name).stem
    with commands.limited("AS", commands.ADDRESS_SPACE):
        for name, content in target.broken().items():
            endings = target.run(content, tmp_path)
            if any(ending.fault for ending in endings) or endings[0].code != 2 or stem not in endings[0].error:
                faults[name] = endings
        for name, content in target.odd().items():
            endings = target.run(content, tmp_path)
            if any(ending.fault for ending in endings):
                faults[name] = endings
    assert faults == {}
    assert not list(tmp_path.parent.rglob("PLANTED"))


@each
def test_a_changed_file_does_no_harm(target, tmp_path):
    """Draw `examples` changes; `make fuzz` goes on for SECONDS."""
    end, faults = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", 0)), {}
    for seed in count():
        if seed >= target.examples and time.monotonic() >= end:
            break
        with commands.limited("AS", commands.ADDRESS_SPACE):
            endings = target.run(target.draw(seed), tmp_path)
        faults |= {(seed, ending.fault): ending for ending in endings if ending.fault}
    assert faults == {}
    assert not list(tmp_path.parent.rglob("PLANTED"))


ODD = ("", "-1", "nan", "9" * 5000, files.ESCAPE, "../x", "/dev/null", "\udcff")

# Each text of ODD takes the place of WORD.
LINES = (
    *("train --epochs WORD", "train --seeds WORD", "train --data WORD"),
    *("crossval --folds WORD", "convert WORD", "convert --max-drop WORD", "convert x.keras --normalisation WORD"),
    *("bench --until WORD edge", "bench --on WORD edge", "bench --on ssh://WORD edge", "bench --on python:WORD edge"),
    *("bench --on adb:WORD edge", "bench WORD", "compare WORD WORD", "report WORD", "info WORD", "card WORD"),
    *("card edge --from WORD", "WORD", "stream WORD", "stream edge --csv WORD", "stream edge --tcp WORD:1:1"),
    *("stream edge --serial WORD", "stream edge --i2c WORD", "stream edge --csv x --axes WORD", "evaluate WORD"),
    *("personalise edge --data WORD -o x", "predict edge WORD", "data --data WORD", "devices WORD"),
    *("page WORD -o x", "page -o x --port WORD"),
)


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_word_is_answered_with_a_sentence(line, tmp_path, monkeypatch):
    monkeypatch.setenv("HAR_EDGE_ADB", "false")
    endings = {odd[:20]: commands.run([word.replace("WORD", odd) for word in line.split()], tmp_path) for odd in ODD}
    assert {odd: end for odd, end in endings.items() if end.fault or end.code not in (2, 3)} == {}
