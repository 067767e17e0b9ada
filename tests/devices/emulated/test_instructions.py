"""Instructions per inference: exact, the same again, and what int8 gains where a CPU has instructions for it."""

from functools import cache

import numpy as np
import pytest
from programs import MODELS

from edge_runtime.devices.emulated.board import Board
from edge_runtime.devices.emulated.instructions import count_instructions
from edge_runtime.errors import DeviceError
from edge_runtime.model.interpreters import open_model


@cache
def counted(board: Board, scheme: str, n: int = 1, seed: int = 0) -> int:
    """The instructions of one inference of a reference model with random values."""
    flatbuffer = MODELS[scheme].read_bytes()
    tensor = open_model(flatbuffer).input
    values = np.random.default_rng(seed).normal(size=tensor.shape).astype(np.float32)
    return count_instructions(board, flatbuffer, values, n=n).per_inference


def test_int8_takes_less_than_half_of_float_where_the_cpu_has_an_int8_product(a76):
    assert counted(a76, "int8") <= 0.45 * counted(a76, "float32")


def test_a_count_is_the_same_again_with_more_inferences_and_other_values(a76):
    assert counted(a76, "int8", n=3, seed=1) == counted(a76, "int8")


def test_float_does_not_gain_from_the_int8_product(a72, a76):
    assert counted(a76, "float32") == pytest.approx(counted(a72, "float32"), rel=0.01)


def test_a_count_is_plausible(a76):
    # The products alone: of the network's 48 k parameters nearly all are used in each of 8 steps, 4 at a time.
    assert 48_000 * 8 / 4 < counted(a76, "float32") < 48_000 * 8


def test_the_older_runtime_is_counted_too(armv7):
    flatbuffer = MODELS["int8"].read_bytes()
    done = count_instructions(armv7, flatbuffer, np.zeros((1, 128, 9), np.float32), n=1)
    assert done.per_inference > 100_000
    assert "log of executed blocks" in done.method


def test_a_model_that_does_not_run_there_is_one_sentence(a72):
    with pytest.raises(DeviceError, match=r"could not run the model: .*litert"):
        count_instructions(a72, b"no model" * 100, np.zeros((1, 128, 9), np.int8))
