"""A device has this project without any extra, so without TensorFlow, scikit-learn and matplotlib."""

import json

import pytest
import tiny_models
from programs import Finished, assert_one_sentence, run_program, succeeded

from edge_runtime.model import model_card as cards

pytestmark = pytest.mark.long  # environments are made

HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib")


def test_without_an_extra_a_device_measures_recognises_and_adapts_and_is_told_what_trains(device_python, tmp_path):
    def on_device(program: str, *arguments: object) -> Finished:
        return run_program(device_python.with_name(program), *arguments, cwd=tmp_path)

    code = f"from importlib.util import find_spec; print([x for x in {HEAVY} if find_spec(x)])"
    assert on_device("python", "-c", code).stdout.strip() == "[]"
    succeeded(on_device("har-edge", "--help"))
    done = succeeded(on_device("har-edge", "bench", "--runs", 1))
    assert "instructions" not in done.stderr  # those of a real processor are not counted
    for result in json.loads((tmp_path / "bench-local.json").read_text())["results"]:
        assert result["accuracy"] > 0.96
        assert result["windows"] == 2947
    succeeded(on_device("har-edge", "stream", "edge", "--replay", 7, "--speed", 0))
    succeeded(on_device("har-edge", "personalise", "edge", "--evaluate"))
    cards.save(tiny_models.card(), tmp_path / "card.json")  # a folder that `convert` takes for a run
    for arguments in (["train"], ["convert", "."]):
        assert_one_sentence(on_device("har-edge", *arguments), 2, "pip install", "har-edge[train] @ ", ".whl")
