"""A compact flatbuffer is the same model: same answers, in any runtime, in fewer bytes."""

import numpy as np
import pytest
from programs import MODELS
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from convert.quantise import compaction
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Preparation
from edge_runtime.model.interpreters import open_model


def parse(flatbuffer: bytes) -> schema.ModelT:
    return flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))


@pytest.fixture(params=["float32", "int8"])
def model(request):
    """A shipped model's card, and its flatbuffer written by TensorFlow's own code, each part in its own place."""
    flatbuffer, card = cards.read_model(MODELS[request.param])
    return card, flatbuffer_utils.convert_object_to_bytearray(parse(flatbuffer))


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
def test_it_answers_as_before_in_fewer_bytes(model, uci_har, runtime):
    card, plain = model
    small = compaction.write(parse(plain))
    # Most of what is saved is the quantisation of each activation, which is 30 kB of the int8 model.
    assert len(small) < len(plain) * (0.75 if card.quantisation["scheme"] == "int8" else 1)
    before, after = open_model(plain, runtime), open_model(small, runtime)
    prepare = Preparation(card.normalisation, before.input)
    for window in uci_har.train.X[::500]:
        np.testing.assert_array_equal(after.run(prepare(window)), before.run(prepare(window)))
    assert after.operators == before.operators


def test_writing_it_again_changes_nothing(model):
    small = compaction.write(parse(model[1]))
    assert compaction.write(parse(small)) == small


def test_weights_lie_where_the_schema_wants_them(model):
    small = np.frombuffer(compaction.write(parse(model[1])), np.uint8)
    tables = schema.Model.GetRootAsModel(small, 0)
    weights = [tables.Buffers(i).DataAsNumpy() for i in range(tables.BuffersLength())]
    offsets = [x.ctypes.data - small.ctypes.data for x in weights if isinstance(x, np.ndarray)]
    assert len(offsets) > 4
    assert not [x for x in offsets if x % 16]


def test_only_the_borders_keep_their_names(model):
    named = parse(model[1])
    for i, tensor in enumerate(named.subgraphs[0].tensors):
        tensor.name = f"StatefulPartitionedCall/sequential/{i}".encode()
    graph = parse(compaction.write(named)).subgraphs[0]
    names = {i: x.name for i, x in enumerate(graph.tensors) if x.name}
    assert names == {graph.inputs[0]: b"windows", graph.outputs[0]: b"logits"}
