"""A device has this project without any extra, so without TensorFlow, scikit-learn and matplotlib."""

import json

import pytest
import tiny_models
from programs import MODELS, Finished, assert_one_sentence, run_program, succeeded

from edge_runtime.model import model_card as cards

pytestmark = pytest.mark.long  # environments are made

HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib")


@pytest.fixture
def on_device(device_python, tmp_path):
    """Runs a program of the device's environment in an empty folder."""

    def run(program: str, *arguments: object) -> Finished:
        return run_program(device_python.with_name(program), *arguments, cwd=tmp_path)

    return run


def test_nothing_heavy_is_installed_and_help_works(on_device):
    code = f"from importlib.util import find_spec; print([x for x in {HEAVY} if find_spec(x)])"
    assert on_device("python", "-c", code).stdout.strip() == "[]"
    for arguments in (["--help"], ["bench", "--help"], ["train", "--help"]):
        assert on_device("har-edge", *arguments).returncode == 0


def test_bench_works_with_the_reference_models(on_device, tmp_path):
    done = succeeded(on_device("har-edge", "bench", "--runs", 1))
    assert "instructions" not in done.stderr  # those of a real processor are not counted
    for result in json.loads((tmp_path / "bench-local.json").read_text())["results"]:
        assert result["accuracy"] > 0.96
        assert result["windows"] == 2947


def test_live_recognition_and_adaptation_need_no_extra(on_device):
    succeeded(on_device("har-edge", "stream", "edge", "--replay", 7, "--speed", 0))
    succeeded(on_device("har-edge", "personalise", "edge", "--evaluate"))
    assert '"labels"' in succeeded(on_device("har-edge", "card", "edge")).stdout


@pytest.mark.parametrize("arguments", [["train"], ["convert", "."]])
def test_what_needs_tensorflow_says_which_extra_is_missing(on_device, tmp_path, arguments):
    cards.save(tiny_models.card(), tmp_path / "card.json")  # a folder that `convert` takes for a run
    assert_one_sentence(on_device("har-edge", *arguments), 2, "pip install", "-py3-none-any.whl[train]'")


def test_the_older_runtimes_extra_brings_it_and_what_it_runs_with(older_device_python, tmp_path):
    har_edge = older_device_python.with_name("har-edge")
    succeeded(run_program(har_edge, "bench", MODELS["int8"], "--runs", 1, "--runtime", "tflite-runtime", cwd=tmp_path))
    (result,) = json.loads((tmp_path / "bench-local.json").read_text())["results"]
    assert (result["runtime"], result["runtime_version"]) == ("tflite-runtime", "2.14.0")
    assert result["accuracy"] > 0.96
