"""Errors name the compiler that failed."""

import pytest

from edge_runtime.errors import DeviceError
from edge_runtime.system.c_compiler import compile_library


@pytest.mark.parametrize(
    ("compiler", "reason"), [("cc", "model.c:1"), ("false", "exit code 1"), ("absent-cc", "No such")]
)
def test_a_compiler_that_fails_is_named_with_its_reason(tmp_path, monkeypatch, compiler, reason):
    monkeypatch.setenv("CC", compiler)
    (tmp_path / "model.c").write_text("int one = ;")
    with pytest.raises(DeviceError, match=f"{compiler} .*{reason}"):
        compile_library(tmp_path / "model.c", tmp_path / "model.so")
