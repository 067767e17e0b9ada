"""Check that the model of several data sets is shipped with their terms, and without its maker's paths."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

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


@pytest.mark.parametrize("given", [["motionsense=x"], ["motionsense=x", "wisdm=y"], ["geotec=x", "geotec=y"], ["mine"]])
def test_other_data_than_that_of_the_model_is_refused_before_anything_is_trained(given, monkeypatch):
    monkeypatch.setattr(reference, "har_edge", None)
    done = CliRunner().invoke(reference.main, [x for path in given for x in ("--data", path)])
    assert done.exit_code == 2
