"""Instructions per inference: exact, the same again, and fewer for int8 where the CPU has an int8 product."""

import numpy as np
import pytest
from programs import MODELS

from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.errors import DeviceError
from edge_runtime.model.interpreters import open_model


def counted(device: EmulatedDevice, scheme: str, seed: int = 0) -> int:
    """The instructions of one inference of a reference model with random values."""
    flatbuffer = MODELS[scheme].read_bytes()
    shape = open_model(flatbuffer).input.shape
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return device.count_instructions(flatbuffer, values).per_inference


def test_a_count_is_plausible_the_same_again_and_less_with_an_int8_product(a72, a76):
    float32, int8 = counted(a76, "float32"), counted(a76, "int8")
    # Nearly all of the network's 48 k parameters are used in each of 8 steps, 4 at a time.
    assert 48_000 * 8 / 4 < float32 < 48_000 * 8
    assert counted(a76, "int8", seed=1) == int8 <= 0.45 * float32
    assert counted(a72, "float32") == pytest.approx(float32, rel=0.01)


def test_a_model_that_does_not_run_there_is_one_sentence(a72):
    with pytest.raises(DeviceError, match="litert"):
        a72.count_instructions(b"no model" * 100, np.zeros((1, 128, 9), np.int8))
