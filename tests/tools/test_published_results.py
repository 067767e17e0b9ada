"""`make published` says what became of each network: refused, beyond the gate, or measured against its rivals."""

import json
import subprocess
import sys

import pytest

from convert.conversion_job import ConversionReport, FormReport, NetworkReport
from convert.converted_models import check
from convert.options import Options
from convert.parity import Parity
from edge_runtime.errors import CheckFailedError
from tools import published
from tools.published import Kept
from tools.published_document import document

# Stands for `har-edge convert`: notes what it was asked; a form behind the gate ends with EXIT_CODE and SENTENCE.
COMMAND = """
import json, os, sys
from pathlib import Path
asked = Path(os.environ["ASKED"])
asked.write_text(json.dumps([*json.loads(asked.read_text()), sys.argv[1:]]))
sum(x * x for x in range(1_000_000))
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


def row(form: str, p50_us: float, is_rival: bool = False, accuracy: float = 0.93):
    numbers = {"p50_us": p50_us, "bytes": 43_400, "accuracy": accuracy, "operators": 120}
    return {"form": form, "is_rival": is_rival} | numbers


def network(form: str = "int8", p50_us: float = 50, accuracy: float = 0.9475, has_rivals: bool = True):
    rows = [row("float32", 110), row(form, p50_us, accuracy=0.92)]
    if has_rivals:
        rows.append(row("ONNX Runtime float32", 80, is_rival=True))
    return {
        "source": "somebody",
        "input_shape": [128, 9],
        "training": {"parameters": 2040, "epochs": 15},
        "conversion": {
            **{"seconds": 12.4, "cpu_seconds": 20.1, "refused": None, "failed": None},
            **{"form": form, "lowering": "looped"},
            "held_out": {"float32_accuracy": 0.95, "accuracy": accuracy, "agreement": 0.99},
            "bytes": {"float32": 120_000, form: 43_400},
        },
        "bench": {"cpu": "a processor", "load_average_before": 0.1, "rows": rows, "absent_rivals": {}},
    }


def refused(sentence: str):
    conversion = {"seconds": 1.0, "cpu_seconds": 1.0, "refused": sentence, "failed": None}
    return network() | {"conversion": conversion, "bench": None}


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


@pytest.mark.parametrize("form", ["int8", "mixed"])
def test_a_network_beyond_the_gate_is_converted_without_it_to_the_form_that_failed(kept, monkeypatch, form):
    parity = Parity(50, float32_accuracy=0.96, accuracy=0.9, agreement=0.9, worst_difference=1, snr_db=9)
    report = NetworkReport(True, 1, 50, "unrolled", "", 0.96, 0.0, {form: FormReport(parity, {})})
    with pytest.raises(CheckFailedError) as failure:
        check(ConversionReport(report), Options())
    monkeypatch.setenv("EXIT_CODE", "1")
    monkeypatch.setenv("SENTENCE", str(failure.value))
    kept.tflite("int8").write_bytes(b"of before")
    found = published.convert(kept)
    assert (found["refused"], found["failed"]) == (None, str(failure.value))
    first, second, rivals = asked(kept)
    again = first.index("--quantize")
    assert second == [*first[:again], "--quantize-as", form, "--max-drop", "100", *first[again + 1 :]]
    assert "--rivals" in rivals
    assert kept.converted() == []


def test_the_table_counts_what_converts_what_loses_little_and_what_is_faster_than_every_rival():
    networks = {
        "gru-trio": network(),
        "lstm-cnn": network("mixed", p50_us=90, accuracy=0.9),
        "residual-bidir-lstm": network(has_rivals=False) | {"bench": None},
        "transformer": refused("no such layer"),
    }
    text = document(networks)
    assert "- 3 of 4 convert.\n- 2 of them lose at most 0.5 points" in text
    assert "- 1 of the 2 that were measured are faster" in text
    row = "| `gru-trio` | int8, looped | 95.0 (93.0) | 0.25, 99.0 % (1.00) | 120 / 43 | 110 / 50 "
    assert f"{row}| 0.62 ONNX Runtime float32 | 12 (20) |\n" in text
    assert "- `transformer`: no such layer\n" in text
    assert "- 0 of the 1 that were measured" in document({"gru-trio": network(has_rivals=False)})
