"""`make published` says what became of each network: refused, beyond the gate, or measured against its rivals."""

import json
import subprocess
import sys

import pytest

from convert.conversion_job import ConversionReport, FormReport, NetworkReport
from convert.converted_models import check
from convert.options import Options
from convert.parity import Parity
from tools import RESULTS, published
from tools.published import Kept
from tools.published_document import document

# Stands for `har-edge convert`: notes what it was asked; a form behind the gate ends with EXIT_CODE and SENTENCE.
COMMAND = """
import json, os, sys
from pathlib import Path
asked = Path(os.environ["ASKED"])
asked.write_text(json.dumps([*json.loads(asked.read_text()), sys.argv[1:]]))
sum(x * x for x in range(100_000))
print("Converting it\\nError: " + os.environ["SENTENCE"], file=sys.stderr)
gated = "--quantize" in sys.argv and "--max-drop" not in sys.argv
sys.exit(int(os.environ["EXIT_CODE"]) if gated else 0)
"""


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Kept:
    monkeypatch.setattr(published, "COMMAND", [sys.executable, "-c", COMMAND])
    monkeypatch.setenv("ASKED", str(tmp_path / "asked.json"))
    monkeypatch.setenv("SENTENCE", "the layer is unknown")
    (tmp_path / "asked.json").write_text("[]")
    folder = tmp_path / "gru-trio"
    folder.mkdir()
    return Kept(folder)


def asked(kept: Kept) -> list[list[str]]:
    return json.loads((kept.folder.parent / "asked.json").read_text())


def test_a_refused_network_is_a_result_with_its_sentence_and_an_accident_is_none(kept, monkeypatch):
    monkeypatch.setenv("EXIT_CODE", "2")
    found = published.convert(kept)
    assert (found["refused"], found["failed"]) == ("the layer is unknown", None)
    assert found["cpu_seconds"] > 0
    assert len(asked(kept)) == 1
    for code in ("3", "70", "130"):
        monkeypatch.setenv("EXIT_CODE", code)
        with pytest.raises(subprocess.CalledProcessError):
            published.convert(kept)


def test_a_network_beyond_the_gate_is_converted_without_it_to_the_form_that_failed(kept, monkeypatch):
    form = "mixed"
    parity = Parity(50, float32_accuracy=0.96, accuracy=0.9, agreement=0.9, worst_difference=1, snr_db=9)
    report = NetworkReport(True, 1, 50, "unrolled", "", 0.96, 0.0, {form: FormReport(parity, {})})
    sentence = check(ConversionReport(report), Options())[form]
    monkeypatch.setenv("EXIT_CODE", "1")
    monkeypatch.setenv("SENTENCE", sentence)
    kept.tflite("int8").write_bytes(b"of before")
    found = published.convert(kept)
    assert (found["refused"], found["failed"]) == (None, sentence)
    first, second, rivals = asked(kept)
    again = first.index("--quantize")
    assert second == [*first[:again], "--quantize-as", form, "--max-drop", "100", *first[again + 1 :]]
    assert "--rivals" in rivals
    assert kept.converted() == []


def test_the_published_table_is_that_of_its_numbers():
    content = json.loads((RESULTS / "published.json").read_text())
    assert (RESULTS / "published.md").read_text() == document(content), "run make published"
    refused = {"seconds": 1.0, "cpu_seconds": 1.0, "refused": "no such layer", "failed": None}
    content["transformer"] |= {"conversion": refused, "bench": None}
    assert "- `transformer`: no such layer\n" in document(content)
    assert f"- {len(content) - 1} of {len(content)} convert" in document(content)
