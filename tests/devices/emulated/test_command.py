"""`har-edge bench` and `har-edge devices` on an emulated board, as a user starts them."""

import json

import pytest
from home import Home
from programs import MODELS, succeeded
from written_recordings import write_few

ONCE = ("--runs", "4", "--rounds", "1", "--no-control")


@pytest.mark.usefixtures("a72")
def test_an_emulated_board_answers_as_this_machine_and_shows_instructions_and_no_times(tmp_path):
    few, home = write_few(tmp_path / "recordings"), Home(tmp_path)
    succeeded(home.run("bench", *MODELS.values(), "--data", few, *ONCE))
    here = json.loads((tmp_path / "bench-local.json").read_text())["results"]
    succeeded(home.run("bench", *MODELS.values(), "--data", few, "--on", "emulated:cortex-a72", *ONCE))
    report = json.loads((tmp_path / "bench-emulated-cortex-a72.json").read_text())
    assert report["device"]["machine"] == "aarch64"
    assert report["device"]["emulated"]
    results = report["results"]
    assert [x["confusion"] for x in results] == [x["confusion"] for x in here]
    assert [x["latency_ms"] for x in results] == [None, None]
    float32, int8 = (x["instructions"]["per_inference"] for x in results)
    assert 0.6 < int8 / float32 < 1
    looked = succeeded(home.run("devices", "emulated:cortex-a72")).stdout
    for noun in ("times mean nothing", "aarch64", "litert on Python 3.13"):
        assert noun in looked
    assert "spoil" not in looked
