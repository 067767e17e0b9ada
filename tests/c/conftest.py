"""Compile the recogniser once, in double and in float, with cards at run time."""

import ctypes

import pytest
from c_recognizer import compiled


@pytest.fixture(scope="session")
def double(tmp_path_factory) -> ctypes.CDLL:
    return compiled(tmp_path_factory.mktemp("double") / "recogniser.so", "-DHAR_TABLE")


@pytest.fixture(scope="session")
def single(tmp_path_factory) -> ctypes.CDLL:
    return compiled(tmp_path_factory.mktemp("float") / "recogniser.so", "-DHAR_TABLE", "-DHAR_FLOAT")
