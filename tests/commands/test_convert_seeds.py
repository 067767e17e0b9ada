"""Check `har-edge convert` and `har-edge bench` of the folder that `train --seeds` leaves."""

import json
import shutil
from pathlib import Path
from statistics import mean, stdev

import pytest
from programs import assert_one_sentence, har_edge, succeeded
from training_fixtures import ruin_in_int8

from convert.conversion_job import ConversionReport, FormReport, NetworkReport
from convert.conversion_report import seeds_table
from convert.converted_models import Conversion
from convert.parity import Parity
from edge_runtime.errors import CheckFailedError
from edge_runtime.model import model_card as cards
from edge_runtime.runs import Run
from edge_runtime.system.terminal import Console


@pytest.fixture
def two_seeds(trained_run, tmp_path) -> Path:
    """A folder with the same run for each of two seeds, not converted."""
    folder = tmp_path / "two"
    for name in ("seed-0", "seed-1"):
        shutil.copytree(trained_run.folder, folder / name, ignore=shutil.ignore_patterns("*.tflite"))
    (folder / "seeds.json").write_text(json.dumps({"runs": ["seed-0", "seed-1"]}))
    return folder


def rows_of(output: str) -> dict[str, str]:
    """The cells right of the first column, which two spaces separate from it."""
    return {line.partition("  ")[0]: " ".join(line.partition("  ")[2].split()) for line in output.splitlines()}


@pytest.mark.long
def test_one_seed_that_fails_is_named_and_the_others_are_converted(two_seeds):
    ruin_in_int8(two_seeds / "seed-0" / "selection.keras")
    arguments = ("--quantize", "--calibration", 60, "--max-drop", 3)
    result = har_edge("convert", two_seeds, *arguments, cwd=two_seeds.parent, env={"COLUMNS": "80"})
    assert_one_sentence(result, 1, "seed-0", "int8", "--max-drop 3")
    spoiled, good = (Run(two_seeds / name) for name in ("seed-0", "seed-1"))
    assert spoiled.converted() == []
    assert good.converted() == [good.tflite("float32"), good.tflite("int8")]
    assert max(map(len, result.stdout.splitlines())) <= 80
    rows = rows_of(result.stdout)
    assert rows["seed-0"].endswith(" –")
    parity = cards.read_model(good.tflite("int8"))[1].parity["held_out"]
    cells = [f"{100 * parity[key]:.2f} %" for key in ("float32_accuracy", "accuracy", "agreement")]
    size = f"{good.tflite('int8').stat().st_size / 1e3:.1f} kB"
    assert [x in rows["seed-1"] for x in (*cells, size)] == [True] * 4
    assert rows["mean of 1"].endswith(size)

    runs = ("--runs", 1, "--rounds", 1, "--no-control", "--json", two_seeds.parent / "bench.json")
    refused = har_edge("bench", two_seeds, *runs, cwd=two_seeds.parent)
    assert_one_sentence(refused, 2, "seed-0")
    for path in good.converted():
        shutil.copy(path, spoiled.folder)
    benched = succeeded(har_edge("bench", two_seeds, *runs, cwd=two_seeds.parent))
    assert f"taking {spoiled.folder}" in benched.stderr
    files = [x["file"] for x in json.loads((two_seeds.parent / "bench.json").read_text())["results"]]
    assert files == [str(x) for x in spoiled.converted()]


def test_a_seed_that_cannot_be_converted_is_named_before_any_is(two_seeds):
    (two_seeds / "seed-1" / "selection.keras").unlink()
    assert_one_sentence(har_edge("convert", two_seeds, cwd=two_seeds), 2, "seed-1/selection.keras")
    assert Run(two_seeds / "seed-0").converted() == []


def conversion(folder: Path, parity: Parity, size: int | None) -> Conversion:
    run = Run(folder)
    folder.mkdir()
    if size is not None:
        run.tflite("int8").write_bytes(bytes(size))
    forms = {"int8": FormReport(parity, {})}
    report = NetworkReport(True, 4, parity.windows, "unrolled", "", parity.float32_accuracy, 0.0, forms)
    return Conversion(run, ConversionReport(report), CheckFailedError("lost") if size is None else None)


def test_mean_and_standard_deviation_are_those_of_the_rows(tmp_path, capsys):
    drops = (0.004, -0.002, 0.05, -1e-5)
    made = {
        f"seed-{i}": conversion(tmp_path / f"seed-{i}", Parity(100, 0.95, 0.95 - drop, 0.99, 0.1, 30.0), size)
        for i, (drop, size) in enumerate(zip(drops, (150_000, 151_000, None, None), strict=True))
    }
    Console().print(seeds_table(made | {"seed-4": None}, "int8"))
    rows = rows_of(capsys.readouterr().out)
    assert rows["seed-1"] == "95.00 % 95.20 % 0.20 gained 99.00 % 151.0 kB"
    assert rows["seed-2"] == "95.00 % 90.00 % 5.00 99.00 % –"
    assert rows["seed-3"] == "95.00 % 95.00 % 0.00 99.00 % –"
    assert rows["seed-4"] == "– – – – –"
    lost = [100 * x for x in drops[:2]]
    assert rows["mean of 2"] == f"95.00 % {95 - mean(lost):.2f} % {mean(lost):.2f} 99.00 % 150.5 kB"
    assert rows["standard deviation"] == f"0.00 % {stdev(lost):.2f} % {stdev(lost):.2f} 0.00 % 0.7 kB"
