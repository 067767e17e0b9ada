"""Check `har-edge convert` and `har-edge bench` of the folder that `train --seeds` leaves."""

import json
import shutil
from pathlib import Path
from statistics import mean, stdev

import pytest
from programs import assert_one_sentence, har_edge, succeeded
from training_fixtures import ruin_in_int8

from convert.conversion_job import ConversionReport, FormReport, NetworkReport
from convert.conversion_report import means_table
from convert.converted_models import Conversion
from convert.parity import Parity
from edge_runtime.model import model_card as cards
from edge_runtime.runs import Run
from edge_runtime.system.terminal import Console


@pytest.fixture
def two_seeds(trained_run, tmp_path) -> Path:
    """A folder with the same run for each of two seeds, not converted."""
    folder = tmp_path / "two"
    for name in ("seed-0", "seed-1"):
        shutil.copytree(trained_run.folder, folder / name)
    (folder / "seeds.json").write_text(json.dumps({"runs": ["seed-0", "seed-1"]}))
    return folder


@pytest.mark.long
def test_one_seed_that_fails_is_named_and_the_others_are_converted(two_seeds):
    ruin_in_int8(two_seeds / "seed-0" / "selection.keras")
    arguments = ("--quantize", "--calibration", 60, "--max-drop", 3)
    result = har_edge("convert", two_seeds, *arguments, cwd=two_seeds.parent, env={"COLUMNS": "80"})
    assert_one_sentence(result, 1, "seed-0", "int8", "--max-drop 3")
    spoiled, good = (Run(two_seeds / name) for name in ("seed-0", "seed-1"))
    assert spoiled.converted() == []
    assert good.converted() == [good.tflite("float32"), good.tflite("int8")]
    assert "seed-1" in result.stdout
    (row,) = (x.split() for x in result.stdout.splitlines() if x.startswith("int8 "))
    parity = cards.read_model(good.tflite("int8"))[1].parity["held_out"]
    assert row[1:3] == ["1", f"{100 * parity['accuracy']:.2f}"]

    runs = ("--runs", 1, "--rounds", 1, "--no-control", "--json", two_seeds.parent / "bench.json")
    refused = har_edge("bench", two_seeds, *runs, cwd=two_seeds.parent)
    assert_one_sentence(refused, 2, "seed-0")
    for path in good.converted():
        shutil.copy(path, spoiled.folder)
    benched = succeeded(har_edge("bench", two_seeds, *runs, cwd=two_seeds.parent))
    assert f"taking {spoiled.folder}" in benched.stderr
    files = [x["file"] for x in json.loads((two_seeds.parent / "bench.json").read_text())["results"]]
    assert files == [str(x) for x in spoiled.converted()]


def test_a_seed_that_cannot_be_converted_is_named_before_any_is(har_edge_here, two_seeds):
    (two_seeds / "seed-1" / "selection.keras").unlink()
    assert_one_sentence(har_edge_here("convert", two_seeds), 2, "seed-1/selection.keras")
    assert Run(two_seeds / "seed-0").converted() == []


def conversion(folder: Path, drop: float) -> Conversion:
    forms = {"int8": FormReport(Parity(100, 0.95, 0.95 - drop, 0.99, 0.1, 30.0), {})}
    report = NetworkReport(True, 4, 100, "unrolled", "", 0.95, 0.0, forms)
    return Conversion(Run(folder), ConversionReport(report))


def test_mean_and_standard_deviation_are_those_of_the_seeds(tmp_path, capsys):
    drops = (0.004, -0.002, 0.05)
    Console().print(means_table([conversion(tmp_path, x) for x in drops]))
    row = capsys.readouterr().out.splitlines()[1].split()
    lost = [100 * x for x in drops]
    expected = (95 - mean(lost), stdev(lost), mean(lost), stdev(lost))
    assert [x for x in row if x != "%"] == ["int8", "3", *(f"{x:.2f}" for x in expected)]
