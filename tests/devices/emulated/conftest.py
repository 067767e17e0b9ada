"""Emulated boards, set up once and kept in the user's cache folder (HAR_EDGE_CACHE) from run to run."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.system.progress import ignore_progress


def prepared(cpu: str) -> Iterator[EmulatedDevice]:
    with closing(EmulatedDevice(cpu, "auto")) as device:
        device.prepare(ignore_progress)
        yield device


@pytest.fixture(scope="session")
def a72() -> Iterator[EmulatedDevice]:
    """A Raspberry Pi 4's CPU."""
    yield from prepared("cortex-a72")


@pytest.fixture(scope="session")
def a76() -> Iterator[EmulatedDevice]:
    """A Raspberry Pi 5's CPU, which has an int8 product."""
    yield from prepared("cortex-a76")
