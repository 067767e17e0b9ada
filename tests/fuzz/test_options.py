"""Give every command words that are wrong: one sentence comes, and exit code 2 or 3."""

import commands
import pytest
from files import ESCAPE

ODD = ("", "x", "-1", "0", "nan", "1e400", "9" * 5000, ESCAPE, "\u202ex", "../x", "/dev/null", "/proc/x", "\udcff")

# WORD takes the place of each of ODD, in turn.
LINES = (
    *("train --epochs WORD", "train --seed WORD.5", "train --seeds WORD", "train --network WORD", "train --data WORD"),
    *("crossval --folds WORD", "convert WORD", "convert --max-drop WORD", "convert --calibration WORD"),
    *("convert x.keras --labels WORD", "convert x.keras --signals WORD", "convert x.keras --normalisation WORD"),
    *("bench --runs WORD edge", "bench --rounds WORD edge", "bench --on WORD edge", "bench --on ssh://WORD edge"),
    *("bench --on python:WORD edge", "bench --on adb:WORD edge", "bench --runtime WORD edge", "bench WORD"),
    *("compare WORD WORD", "report WORD", "info WORD", "card WORD", "card edge --from WORD", "WORD", "info --WORD"),
    *("stream WORD", "stream edge --csv WORD", "stream edge --tcp WORD:1:1", "stream edge --serial WORD"),
    *("stream edge --i2c WORD", "stream edge --replay WORD.5", "stream edge --csv x --axes WORD", "data WORD"),
    *("evaluate WORD", "evaluate edge --hop WORD.5", "personalise edge --data WORD -o x", "predict edge WORD"),
    *("data --data WORD", "devices WORD", "devices clean WORD"),
)


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_word_is_answered_with_a_sentence(line, tmp_path, monkeypatch):
    monkeypatch.setenv("HAR_EDGE_ADB", "false")
    endings = {}
    for odd in ODD:
        words = [x.replace("WORD", odd) for x in line.split()]
        endings[odd[:20]] = commands.run(words, tmp_path)
    assert {odd: x.fault for odd, x in endings.items() if x.fault} == {}
    assert {odd: x.code for odd, x in endings.items() if x.code not in (2, 3)} == {}
