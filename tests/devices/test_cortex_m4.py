"""An emulated Cortex-M4: its firmware answers as LiteRT does, and says what it takes."""

import json
from dataclasses import replace

import pytest
from home import Home
from programs import MODELS, assert_one_sentence, succeeded
from written_recordings import write_few

from edge_runtime.model import model_card as cards

M4 = "emulated:cortex-m4"


@pytest.mark.long
def test_bench_reports_flash_ram_and_instructions_of_models_with_and_without_a_stream(tmp_path):
    few, home, alone = write_few(tmp_path / "few"), Home(tmp_path), tmp_path / "alone_int8.tflite"
    flatbuffer, card = cards.read_model(MODELS["int8"])
    cards.write_model(alone, flatbuffer, replace(card, front_end=None))
    succeeded(home.run("bench", MODELS["int8"], alone, "--data", few, "--on", M4))
    report = json.loads((tmp_path / "bench-emulated-cortex-m4.json").read_text())
    assert (report["device"]["cpu"], report["device"]["emulated"]) == ("Cortex-M4F", True)
    assert [(result["runtime"], result["latency_ms"], result["accuracy"] > 0.9) for result in report["results"]] == [
        ("c", None, True)
    ] * 2
    with_stream, without = (
        (x["size_bytes"], x["ram_bytes"], x["instructions"]["per_inference"]) for x in report["results"]
    )
    for least, less, more, most in zip((5e4, 2e3, 5e5), without, with_stream, (68e3, 7e3, 1e6), strict=True):
        assert max(less, more) < most
        assert min(less, more) > least
    assert with_stream[1] < 5.8e3
    hops = [(x["instructions"]["per_hop"], x["instructions"]["longest_hop"]) for x in report["results"]]
    assert hops[1] == (None, None)
    assert with_stream[2] < hops[0][0] < hops[0][1] < 1.4e6
    assert hops[0][0] < 1.3e6


@pytest.mark.long
def test_a_device_worn_any_way_has_its_samples_resampled_and_its_mounting_sought(tmp_path):
    few, home = write_few(tmp_path / "few"), Home(tmp_path)
    succeeded(home.run("bench", "edge-anywhere", "--data", few, "--on", M4))
    (result,) = json.loads((tmp_path / "bench-emulated-cortex-m4.json").read_text())["results"]
    assert result["size_bytes"] < 76e3
    assert result["ram_bytes"] < 11.2e3
    assert result["instructions"]["per_hop"] < 1.6e6


def test_an_impossible_request_is_refused_in_one_sentence(tmp_path):
    few = write_few(tmp_path / "few")
    bench = ("bench", MODELS["float32"], "--data", few, "--on", M4)
    assert_one_sentence(Home(tmp_path).run(*bench, "--runtime", "litert"), 2, "--runtime")
    assert_one_sentence(Home(tmp_path).run(*bench), 2, "int8")
    assert_one_sentence(Home(tmp_path, PATH=str(few)).run("devices", M4), 3, "sudo apt install")
