"""The slower copy that claims about the benchmark rest on gives the same answers for more work."""

import numpy as np
from programs import MODELS

from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.operator_costs import count
from tools.bench_claims import slower_copy


def test_a_slower_copy_answers_the_same_for_one_more_convolution():
    flatbuffer, card = cards.read_model(MODELS["float32"])
    model, slower = (open_model(x) for x in (flatbuffer, cards.strip(slower_copy(flatbuffer, card))))
    windows = np.random.default_rng(0).standard_normal((5, *model.input.shape)).astype(np.float32)
    for window in windows:
        assert np.array_equal(model.run(window), slower.run(window))
    costs, more = (count(x.nodes, x.tensors, x.input.index) for x in (model, slower))
    assert more["CONV_2D"]["macs"] == 2 * costs["CONV_2D"]["macs"]
    assert slower.operators.total == slower.operators.taken == model.operators.total + 2
