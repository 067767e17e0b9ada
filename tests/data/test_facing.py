"""Check that windows of walking show whose devices face backwards."""

from dataclasses import replace

import numpy as np

from edge_runtime.data.facing import common_heading, facing_back, headings
from edge_runtime.data.loading import load_data
from edge_runtime.model.model_card import read_model
from edge_runtime.model.model_paths import reference_model


def test_people_whose_devices_face_backwards_are_named():
    data = load_data()
    train = data.train.select(np.isin(data.train.subject, [1, 3, 5]))
    signs = np.where(train.subject == 3, -1, 1)[:, np.newaxis, np.newaxis] * [0, 1, 1] * 1.0 + [1, 0, 0]
    turned = replace(train, X=(train.X * np.tile(signs, 3)).astype(np.float32))
    ahead = read_model(reference_model("edge", "int8"))[1].live.ahead
    assert facing_back(headings(data, train), ahead) == []
    assert facing_back(headings(data, turned), ahead) == [3]
    assert common_heading(headings(data, train))[1] == []
    assert common_heading(headings(data, turned)) == (None, [3])


def test_the_shipped_models_know_where_ahead_is():
    data = load_data()
    ahead, _ = common_heading(headings(data, data.train))
    for name in ("edge", "edge-small", "edge-tiny"):
        assert read_model(reference_model(name, "int8"))[1].live.ahead == ahead
