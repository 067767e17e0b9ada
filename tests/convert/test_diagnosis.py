"""Check that the diagnosis has the int8 model's own arithmetic and finds its weakest place."""

import csv
import io
import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from keras import layers
from model_answers import logits_of, rms
from programs import ROOT

from convert.cli import command
from convert.diagnosis.diagnosis_report import csv_rows, plot, show, weakest
from convert.diagnosis.int8_arithmetic import Grid
from convert.diagnosis.noise_measurement import diagnose, int8_logits
from convert.diagnosis.precision import ACTIVATION, FUNCTION, WEIGHTS, Diagnosis, PlacePrecision, StepPrecision
from convert.lowering.network import Lowered, Node, lower
from convert.quantise.calibration import ActivationRange, observed_ranges
from convert.quantise.tflite_converter import to_int8
from edge_runtime.errors import InputError
from edge_runtime.system.terminal import Console


@pytest.fixture(scope="module")
def diagnosis(lowered, ranges, normalised_windows) -> Diagnosis:
    X = normalised_windows[:150]
    return diagnose(lowered, ranges, X, logits_of(to_int8(lowered, ranges), X), lambda done, of: None)


def test_the_arithmetic_is_that_of_the_model_that_was_written(lowered, ranges, normalised_windows):
    X = normalised_windows
    written, step = logits_of(to_int8(lowered, ranges), X), Grid.of(ranges["logits"]).scale
    differences = np.rint(np.abs(int8_logits(lowered, ranges, X) - written) / step)
    assert np.mean(differences <= 1) > 0.97
    assert np.mean(differences <= 2) > 0.99


def test_the_arithmetic_and_the_model_have_the_same_noise(diagnosis):
    assert diagnosis.logits_snr_db == pytest.approx(diagnosis.model_snr_db, abs=0.5)
    assert diagnosis.logits_snr_db == diagnosis.places[-1].steps[0].snr_db


def stack() -> list[layers.Layer]:
    return [layers.LSTM(8, return_sequences=True, go_backwards=True, name="first"), layers.LSTM(5, name="second")]


def convolution() -> list[layers.Layer]:
    first = [layers.Conv1D(7, 3, padding="causal", name="conv"), layers.Activation("relu6", name="cut")]
    return [*first, layers.LSTM(6, name="lstm")]


def functions() -> list[layers.Layer]:
    conv = layers.Conv1D(7, 3, activation="tanh", name="conv")
    return [conv, layers.LSTM(6, name="lstm"), layers.Dense(9, activation="sigmoid", name="dense")]


@pytest.mark.parametrize("middle", [stack, convolution, functions])
def test_other_networks_are_diagnosed_as_they_are_written(middle):
    keras.utils.set_random_seed(1)
    network = lower(keras.Sequential([keras.Input((8, 9)), *middle(), layers.Dense(6, name="logits")]))
    X = np.random.default_rng(0).uniform(-3, 3, (120, 8, 9)).astype(np.float32)
    ranges = observed_ranges(network, tf.constant(X))
    written = logits_of(to_int8(network, ranges), X)
    found = diagnose(network, ranges, X, written, lambda done, of: None)
    # A value that two roundings put on either side of a half goes its own way for the rest of its window; even so the
    # two models have most of their error in common.
    error = rms(written - network(tf.constant(X)).numpy())
    assert rms(int8_logits(network, ranges, X) - written) < 0.75 * error
    assert found.logits_snr_db == pytest.approx(found.model_snr_db, abs=1)
    steps = {x.name: [y.step for y in x.steps] for x in found.places}
    if middle is stack:
        # The input is rounded anew before it meets the state; that of the second layer need not be.
        assert steps["first+second/input"] == [None]
        # Both take their steps together, the second one after the first.
        assert steps["first+second/state"] == steps["first+second/tanh(cell)"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        assert steps["first+second/cell"] == [2, 3, 4, 5, 6, 7, 8, 9]
        assert "first+second/joined" not in steps
    elif middle is functions:
        conv = ["conv/tanh_input weights", "conv/tanh_input", "conv/tanh", "conv"]
        assert list(steps)[:5] == ["input", *conv]
        dense = ["dense/sigmoid_input weights", "dense/sigmoid_input", "dense/sigmoid", "dense"]
        assert list(steps)[-6:] == [*dense, "logits weights", "logits"]
    else:
        # ReLU6 has become a part of the convolution.
        assert list(steps)[:4] == ["input", "conv weights", "conv", "lstm/gates weights"]
        assert steps["conv"] == [None]


def test_every_rounding_of_the_network_has_a_name_and_a_step(diagnosis):
    lstm = [
        *("gates weights", "gates", "sigmoid(gates)", "candidate weights", "candidate", "tanh(candidate)"),
        *("update", "gated_cell", "cell", "tanh(cell)", "state"),
    ]
    assert [x.name for x in diagnosis.places] == [
        *("input", "steps weights", "steps", *(f"lstm/{x}" for x in lstm), "logits weights", "logits")
    ]
    for place in diagnosis.places:
        steps = [x.step for x in place.steps]
        if not place.name.startswith("lstm/"):
            assert steps == [None]
        else:
            first = 2 if place.name in ("lstm/gated_cell", "lstm/cell") else 1
            assert steps == list(range(first, 9))
    assert {x.kind for x in diagnosis.places} == {ACTIVATION, FUNCTION, WEIGHTS}


def test_eight_bit_weights_have_the_noise_of_eight_bits(diagnosis):
    """About 6.02 dB a bit, less the weights' peaks over their spread."""
    for place in (x for x in diagnosis.places if x.kind == WEIGHTS):
        assert 38 < place.median_snr_db < 50
        assert place.median_snr_db == place.rounding_snr_db


@pytest.mark.parametrize("point", ["lstm/candidate", "logits"])
def test_an_absurdly_wide_range_is_the_weakest_place(lowered, ranges, normalised_windows, point):
    X = normalised_windows[:40]
    absurd = ActivationRange(60 * ranges[point].low, 60 * ranges[point].high)
    found = diagnose(lowered, {**ranges, point: absurd}, X, X[:, 0, :6], lambda done, of: None)
    assert found.weakest.name == point
    assert found.weakest.gain_db > 3
    assert found.weakest.bits < 4


def flat(inputs, observe, _):
    """An operation that hands on what it gets."""
    (x,) = inputs
    return observe("input", tf.reshape(x, [x.shape[0], 6]))


BY_HAND = Lowered((6, 1), 6, (Node("flat", ("input",), flat),))
UNIFORM = np.random.default_rng(0).uniform(-1, 1, (20_000, 6, 1)).astype(np.float32)


def place_of(limits: ActivationRange, X: np.ndarray = UNIFORM) -> PlacePrecision:
    """The one place where a network rounds that hands on its input: what lies on a grid is not rounded to it again."""
    found = diagnose(BY_HAND, {"input": limits}, X, X[:, :, 0], lambda done, of: None)
    (place,) = found.places
    assert found.weakest is place
    return place


def test_uniform_noise_has_the_known_signal_to_noise():
    """Signal 1/3, noise step^2 / 12 with a step of 2/255: 48.1 dB, which is 8 bits of 6.02 dB."""
    place = place_of(ActivationRange(-1.0, 1.0))
    assert place.steps[0].snr_db == pytest.approx(20 * np.log10(255), abs=0.1)
    assert place.steps[0].rounding_snr_db == place.steps[0].snr_db
    assert place.steps[0].levels == 255  # 0 is one of 256, so the range's least value is not reached
    assert place.bits == pytest.approx(8, abs=0.02)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_each_bit_is_6_decibels(bits):
    whole, wide = (place_of(ActivationRange(-float(x), float(x))) for x in (1, 2**bits))
    assert whole.median_snr_db - wide.median_snr_db == pytest.approx(6.02 * bits, abs=0.2)
    assert whole.bits - wide.bits == pytest.approx(bits, abs=0.05)


@pytest.mark.parametrize(
    ("low", "high", "below", "above"), [(-0.5, 0.5, 0.25, 0.25), (-1, 0, 0, 0.5), (-0.8, 1, 0.1, 0)]
)
def test_the_share_that_is_cut_off_is_known(low, high, below, above):
    point = place_of(ActivationRange(low, high)).steps[0]
    assert point.saturated_low == pytest.approx(below, abs=0.01)
    assert point.saturated_high == pytest.approx(above, abs=0.01)
    assert (point.low, point.high) == pytest.approx((low, high), abs=0.01)


def test_values_that_int8_holds_exactly_have_no_noise():
    X = np.round(127 * UNIFORM[:100]) / 127
    assert place_of(ActivationRange(-128 / 127, 1.0), X.astype(np.float32)).median_snr_db > 120
    assert place_of(ActivationRange(-1.0, 1.0), np.zeros_like(X)).median_snr_db == float("inf")


def point(step: int | None, snr: float, **more) -> StepPrecision:
    values = {"place": "a", "kind": ACTIVATION, "low": -1.0, "high": 1.0, "rounding_snr_db": snr}
    values |= {"saturated_low": 0.01, "saturated_high": 0.02, "levels": 200, "bits": 7.0, "step": step, "snr_db": snr}
    return StepPrecision(**values | more)


def by_hand(gain: float, n_steps: int) -> Diagnosis:
    steps = tuple(point(x, 40.0 - x, place="layer/cell") for x in range(1, n_steps + 1))
    places = (
        PlacePrecision("a $ign", ACTIVATION, (point(None, float("inf"), place="a $ign"),), float("nan")),
        PlacePrecision("layer/cell", ACTIVATION, steps, gain),
    )
    return Diagnosis(10, places, 30.0, 30.2)


def test_the_weakest_place_is_named_with_its_worst_step():
    assert weakest(by_hand(3.0, 16)) == (
        "The weakest place is layer/cell (24.0 dB in step 16): if it stayed in float, the logits' SNR would rise from "
        "30.0 to 33.0 dB."
    )
    assert weakest(by_hand(0.4, 16)).startswith("No place stands out. The costliest is layer/cell (24.0 dB in step 16)")


def test_the_csv_file_has_a_line_for_each_place_and_step_and_its_columns_are_documented():
    names, *values = csv_rows(by_hand(3.0, 16))
    rows = [dict(zip(names, x, strict=True)) for x in values]
    assert len(rows) == 17
    assert [x["step"] for x in rows] == ["", *map(str, range(1, 17))]
    assert {x["logits_gain_db"] for x in rows[1:]} == {"3"}
    assert rows[0]["snr_db"] == "inf"
    documented = (ROOT / "docs" / "formats.md").read_text()
    assert not [x for x in rows[0] if f"`{x}`" not in documented]


@pytest.mark.parametrize("n_steps", [1, 16, 40])
def test_the_picture_is_drawn_whatever_the_number_of_steps(tmp_path, n_steps):
    plot(by_hand(3.0, n_steps), "any $title", tmp_path / "diagnosis.png")
    assert [x.name for x in tmp_path.iterdir()] == ["diagnosis.png"]
    assert (tmp_path / "diagnosis.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_its_width(diagnosis, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    show(diagnosis, "final network, 512 windows of 4 held-out subjects", Console())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.startswith("lstm/") for line in lines) == 11
    assert not [line for line in lines if "\x1b" in line or "…" in line]


def test_the_command_leaves_table_and_picture_beside_the_models(converted_run):
    rows = list(csv.DictReader(io.StringIO(converted_run.diagnosis(".csv").read_text())))
    assert {x["step"] for x in rows if x["place"] == "lstm/cell"} == {str(x) for x in range(2, 9)}
    assert converted_run.diagnosis(".png").read_bytes().startswith(b"\x89PNG")
    assert converted_run.tflite("int8").exists()


def test_a_picture_without_matplotlib_is_refused_before_anything_is_loaded(trained_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = CliRunner().invoke(command, [str(trained_run.folder), "--diagnose"])
    assert isinstance(result.exception, InputError)
    said = str(result.exception)
    assert re.fullmatch(r"a picture needs matplotlib, which is not installed here: .*pip install matplotlib", said)
