"""Check that the model of several data sets is shipped with their terms, and without its maker's paths."""

from dataclasses import replace

import pytest

from edge_runtime.model.model_card import read_model, write_model
from edge_runtime.model.model_paths import reference_model
from edge_runtime.runs import Run
from tools import reference


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """A run on several data sets, whose forms are those of `edge`; models are shipped to the folder above it."""
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    for scheme in reference.SCHEMES:
        flatbuffer, card = read_model(reference_model("edge", scheme))
        data = {"sources": ["GeoTec", "UCI HAR"], "path": ["uci-har", "geotec=/home/maker/geotec"]}
        write_model(run.tflite(scheme), flatbuffer, replace(card, training=card.training | {"data": data}))
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    monkeypatch.setattr(reference, "reference_model", lambda name, scheme: tmp_path / f"{name}_{scheme}.tflite")
    return run


def test_a_shipped_card_names_the_terms_of_each_data_set_and_no_path(run, tmp_path):
    reference.ship(run)
    for scheme in reference.SCHEMES:
        flatbuffer, card = read_model(tmp_path / f"edge-anywhere_{scheme}.tflite")
        assert flatbuffer == read_model(run.tflite(scheme))[0]
        assert card.name == "edge-anywhere"
        assert card.training["data"]["terms"] == {"GeoTec": "CC BY 4.0", "UCI HAR": "see DATA_NOTICE.md"}
        assert "/home" not in card.to_json()
