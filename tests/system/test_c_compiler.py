"""Errors distinguish a broken compiler from C that the compiler refuses."""

import pytest

from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.c_compiler import compile_library, find_compiler


def test_a_cc_that_is_not_a_command_is_refused(monkeypatch):
    monkeypatch.setenv("CC", "gcc '")
    with pytest.raises(InputError, match="CC"):
        find_compiler()


@pytest.mark.parametrize(
    ("compiler", "source", "is_ours"), [("true", "int one;", False), ("cc", "int one = ;", True), ("false", "", False)]
)
def test_only_refused_c_is_to_be_reported_and_not_a_broken_compiler(tmp_path, monkeypatch, compiler, source, is_ours):
    monkeypatch.setenv("CC", compiler)
    (tmp_path / "model.c").write_text(source)
    with pytest.raises(DeviceError) as caught:
        compile_library(tmp_path / "model.c", tmp_path / "model.so")
    assert ("report" in str(caught.value)) == is_ours
