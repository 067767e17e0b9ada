"""What the app records is what the commands read."""

import json

import numpy as np
import pytest
from pictures import STANDARD_GRAVITY
from programs import har_edge

from edge_runtime.data import uci_har
from edge_runtime.model.model_paths import reference_model

# Of the training subjects: who is learned from here is nothing to choose by.
SUBJECTS = (1, 3, 5)


@pytest.fixture(scope="module")
def recordings(desktop, tmp_path_factory):
    """A folder with a recording of each subject that the app's own recorder wrote."""
    folder, samples_file = tmp_path_factory.mktemp("recordings"), tmp_path_factory.mktemp("samples") / "samples"
    for subject in SUBJECTS:
        recording = next(x for x in uci_har.recordings() if x.subject == subject)
        labels = np.where(recording.labels < len(uci_har.LABELS), recording.labels, -1)
        nanoseconds = 5_000_000_000 + 20_000_000 * np.arange(len(labels))
        samples = [recording.samples[:, :3] * STANDARD_GRAVITY, recording.samples[:, 3:]]
        np.column_stack([nanoseconds, *samples, labels]).astype("<f8").tofile(samples_file)
        names, model = ",".join(uci_har.LABELS), reference_model("edge", "int8")
        files = (samples_file, folder / f"{subject}.csv")
        desktop.run("haredge.jvm.Drive", "record", model, f"s{subject}", names, *files, cwd=folder)
    return folder


def test_a_network_is_trained_from_recordings_of_the_app(recordings, tmp_path):
    options = ("--network", "edge-small", "--epochs", 1, "--out", tmp_path / "run")
    result = har_edge("train", "--data", recordings, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    card = json.loads((tmp_path / "run/card.json").read_text())
    assert card["labels"] == list(uci_har.LABELS)
    assert (tmp_path / "run/model.keras").exists()


def test_recordings_of_the_app_are_streamed(recordings, tmp_path):
    first = next(x for x in uci_har.recordings() if x.subject == SUBJECTS[0])
    played = har_edge("stream", "edge", "--replay", 0, "--data", recordings, "--speed", 0, "--json", cwd=tmp_path)
    read = har_edge("stream", "edge", "--csv", recordings / f"{SUBJECTS[0]}.csv", "--json", cwd=tmp_path)
    for result in (played, read):
        assert result.returncode == 0, result.stderr
        decisions = [x for x in map(json.loads, result.stdout.splitlines()) if x["type"] == "decision"]
        assert abs(len(decisions) - len(first.samples) / 64) < 3
