"""Check that the reader of ONNX files reads or refuses whatever it is given."""

from contextlib import suppress
from random import Random

import onnx_graphs
import pytest
from mutation import changed_bytes

from convert.onnx_reader.reader import read
from edge_runtime.errors import InputError

CONTENT = onnx_graphs.conv_gru().SerializeToString()


@pytest.mark.parametrize("seed", range(30))
def test_a_changed_onnx_file_is_read_or_refused(tmp_path, seed):
    path = tmp_path / "given.onnx"
    path.write_bytes(changed_bytes(Random(seed), CONTENT))
    with suppress(InputError):
        read(path)
