"""Give every command words that are wrong: one sentence comes, and exit code 2 or 3."""

import commands
import pytest
from files import ESCAPE

ODD = ("", "-1", "nan", "9" * 5000, ESCAPE, "../x", "/dev/null", "\udcff")

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
