"""`make networks` and `make published`: a refusal is a result, an accident is an error."""

import json
import subprocess
import sys

import pytest

from edge_runtime.runs import Run
from tools import measure_networks, published
from tools.published import Kept

# Stands for `har-edge`: records its arguments, and ends with EXIT_CODE the first time.
COMMAND = """
import json, os, sys
from pathlib import Path
asked = Path(os.environ["ASKED"])
earlier = json.loads(asked.read_text())
asked.write_text(json.dumps([*earlier, sys.argv[1:]]))
code = 0 if earlier else int(os.environ["EXIT_CODE"])
print("Converting it\\nError: " + os.environ["SENTENCE"], file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    run = Run(tmp_path / "runs" / "seed-3")
    for tool in (measure_networks, published):
        monkeypatch.setattr(tool, "COMMAND", [sys.executable, "-c", COMMAND])
    monkeypatch.setenv("ASKED", str(tmp_path / "asked.json"))
    monkeypatch.setenv("SENTENCE", "the layer is unknown")
    (tmp_path / "asked.json").write_text("[]")
    return run


@pytest.fixture
def kept(run, tmp_path) -> Kept:
    (tmp_path / "gru-trio").mkdir()
    return Kept(tmp_path / "gru-trio")


@pytest.mark.parametrize(("code", "is_result"), [(2, True), (3, False), (70, False), (130, False)])
def test_a_refused_network_is_a_result_with_its_sentence_and_an_accident_is_an_error(
    run, kept, monkeypatch, tmp_path, code, is_result
):
    monkeypatch.setenv("EXIT_CODE", str(code))
    for convert in (
        lambda: measure_networks.convert(run, with_rivals=True),
        lambda: published.convert(kept)["refused"],
    ):
        if is_result:
            assert convert() == "the layer is unknown"
        else:
            with pytest.raises(subprocess.CalledProcessError):
                convert()
        assert len(json.loads((tmp_path / "asked.json").read_text())) == 1
        (tmp_path / "asked.json").write_text("[]")
