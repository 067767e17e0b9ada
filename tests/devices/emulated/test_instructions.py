"""Instructions per inference: exact, the same again, and what int8 gains where a CPU has instructions for it."""

import numpy as np
import pytest
from edge_runtime.devices.emulated.instructions import count_instructions
from programs import MODELS

from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.errors import DeviceError
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.child_processes import Stoppable


def count(device: EmulatedDevice, flatbuffer: bytes, values: np.ndarray) -> int:
    board, site = device.transport, device.site
    return count_instructions(board, site, flatbuffer, values, Stoppable()).per_inference


def counted(device: EmulatedDevice, scheme: str, seed: int = 0) -> int:
    """The instructions of one inference of a reference model with random values."""
    flatbuffer = MODELS[scheme].read_bytes()
    shape = open_model(flatbuffer).input.shape
    return count(device, flatbuffer, np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_a_count_is_plausible_the_same_again_and_less_with_an_int8_product(a72, a76):
    float32, int8 = counted(a76, "float32"), counted(a76, "int8")
    # The products alone: of the network's 48 k parameters nearly all are used in each of 8 steps, 4 at a time.
    assert 48_000 * 8 / 4 < float32 < 48_000 * 8
    assert counted(a76, "int8", seed=1) == int8 <= 0.45 * float32
    assert counted(a72, "float32") == pytest.approx(float32, rel=0.01)


def test_a_model_that_does_not_run_there_is_one_sentence(a72):
    with pytest.raises(DeviceError, match="litert"):
        count(a72, b"no model" * 100, np.zeros((1, 128, 9), np.int8))
