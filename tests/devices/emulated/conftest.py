"""Emulated boards, set up once and kept in the user's cache folder (HAR_EDGE_CACHE) from run to run."""

import pytest
from edge_runtime.devices.emulated.disk import litert_disk, tflite_runtime_disk

from edge_runtime.devices.emulated.board import Board, open_board


@pytest.fixture(scope="session")
def a72() -> Board:
    """A Raspberry Pi 4's CPU and LiteRT."""
    return open_board("cortex-a72", litert_disk())


@pytest.fixture(scope="session")
def a76() -> Board:
    """A Raspberry Pi 5's CPU and LiteRT."""
    return open_board("cortex-a76", litert_disk())


@pytest.fixture(scope="session")
def older() -> Board:
    """A Raspberry Pi 4's CPU and the older runtime."""
    return open_board("cortex-a72", tflite_runtime_disk())


@pytest.fixture(scope="session")
def armv7() -> Board:
    """A 32-bit machine: a Raspberry Pi 2's CPU and the older runtime."""
    return open_board("cortex-a7", tflite_runtime_disk("armhf"))
