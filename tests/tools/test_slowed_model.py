"""The slowed copy that the claims about the benchmark rest on: the same answers for more work."""

from pathlib import Path

import numpy as np
from programs import MODELS

from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.operator_costs import count

TOOLS = Path(__file__).parents[2] / "tools"


def test_a_slowed_copy_answers_the_same_for_one_more_convolution(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    from slowed import slowed

    flatbuffer, card = cards.read_model(MODELS["float32"])
    model, slower = (open_model(x) for x in (flatbuffer, cards.strip(slowed(flatbuffer, card))))
    windows = np.random.default_rng(0).standard_normal((5, *model.input.shape)).astype(np.float32)
    for window in windows:
        assert np.array_equal(model.run(window), slower.run(window))
    costs, more = (count(x.nodes, x.tensors, x.input.index) for x in (model, slower))
    assert more["CONV_2D"]["macs"] == 2 * costs["CONV_2D"]["macs"]
    assert slower.operators.total == slower.operators.taken == model.operators.total + 2
