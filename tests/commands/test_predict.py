"""Check `har-edge predict`: its decisions equal a stream's, joined to segments."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny_models
from described_recordings import sensors
from programs import assert_one_sentence, succeeded
from streams import csv_lines
from written_recordings import posture, recordings

from edge_runtime.data.layout_recordings import exported_by
from edge_runtime.data.loading import load_recordings
from edge_runtime.model import model_card
from edge_runtime.signals.types import Window

HEADER = "t[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]"
LAYOUT = f"""\
placement = "waist"
device = "watch"
rate = 50
{sensors()}[labels]
stand = "STANDING"
walk = "WALKING"
"""
THEIRS = ("edge-anywhere", "mine.toml=theirs")


@pytest.fixture
def walk(tmp_path):
    """Two minutes of several activities with times, and half a minute that is missing in the middle."""
    seconds = 1000 + 0.02 * np.arange(6000)
    seconds[3000:] += 30
    path = tmp_path / "walk.csv"
    path.write_text(csv_lines(recordings()[7].samples[:6000], HEADER, seconds))
    return path


@pytest.fixture
def worn_once(tmp_path):
    """Somebody stands, walks and stands again, in a file each; the device stays as it is worn."""
    (tmp_path / "mine.toml").write_text('files = "{subject}/{label}_{trial}.txt"\n' + LAYOUT)
    (tmp_path / "theirs/01").mkdir(parents=True)
    for file, label, seconds in (("stand_1", "STANDING", 15), ("walk_2", "WALKING", 20), ("stand_3", "STANDING", 15)):
        (tmp_path / f"theirs/01/{file}.txt").write_text(csv_lines(posture(label, seconds)))
    return tmp_path / "theirs"


@pytest.fixture
def predict(har_edge_here, tmp_path):
    """The finished command and its JSON."""

    def call(*arguments):
        done = succeeded(har_edge_here("predict", *arguments, "--json", "found.json", env={"COLUMNS": "120"}))
        return done, json.loads((tmp_path / "found.json").read_text())

    return call


def rows(path) -> list[dict]:
    return list(csv.DictReader(path.open(newline="")))


def test_the_decisions_are_those_of_a_stream(har_edge_here, walk, tmp_path):
    succeeded(har_edge_here("stream", "edge", "--csv", walk, "--log", "log.csv"))
    succeeded(har_edge_here("predict", "edge", walk, "-o", "decisions.csv"))
    logged, predicted = rows(tmp_path / "log.csv"), rows(tmp_path / "decisions.csv")
    assert len(predicted) > 80
    same = [key for key in logged[0] if key not in ("time", "inference_ms")]
    assert [[row[key] for key in same] for row in predicted] == [[row[key] for key in same] for row in logged]


def test_segments_cover_the_decisions_and_end_at_a_gap(predict, walk, tmp_path):
    done, content = predict("edge", "walk.csv", "-o", "decisions.csv")  # the model first, as everywhere
    (recording,) = content["recordings"]
    segments, decisions = recording["segments"], rows(tmp_path / "decisions.csv")
    assert recording["file"] == walk.name
    covered = [
        [segment["activity"] for segment in segments if segment["start"] < float(decision["seconds"]) <= segment["end"]]
        for decision in decisions
    ]
    assert covered == [[decision["activity"]] for decision in decisions]
    lengths = sum(segment["end"] - segment["start"] for segment in segments)
    assert lengths == pytest.approx(1.28 * len(decisions))
    assert sum(recording["minutes"].values()) == pytest.approx(lengths / 60, abs=1e-3)
    assert not [segment for segment in segments if segment["start"] < 1061 < segment["end"]]
    assert len({segment["activity"] for segment in segments}) > 2
    assert all((segment["probability"] is None) == (segment["activity"] == "unknown") for segment in segments)
    # Notices are shown from the first sample on, and written in the clock of the recording, as segments are.
    assert "walk.csv: 1:30 " in done.stderr
    (gap,) = [x for x in recording["notices"] if x["kind"] == "gap"]
    assert gap["seconds"] == pytest.approx(1090)


def test_a_mounting_found_in_one_recording_holds_for_the_later_ones(har_edge_here, predict, worn_once, tmp_path):
    done, content = predict(*THEIRS, "-o", "found.csv")
    files = [f"theirs/01/{x}.txt" for x in ("stand_1", "walk_2", "stand_3")]
    assert [x["file"] for x in content["recordings"]] == files
    before, _, after = ({y["activity"] for y in x["segments"]} for x in content["recordings"])
    assert before == {"unknown"}
    assert any("STANDING" in x for x in after)
    decisions = rows(tmp_path / "found.csv")
    assert {
        (decision["file"], decision["subject"], decision["placement"], decision["device"], decision["label"])
        for decision in decisions
    } >= {(files[1], "01", "waist", "watch", "WALKING")}
    # As many are right as `evaluate --live` says, without postures before the first walk.
    live = ("evaluate", "edge-anywhere", "--live", "--data", THEIRS[1])
    succeeded(har_edge_here(*live, "--json", "scores.json"))
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert (content["right"], content["mounting_not_known"]) == (scores["live_accuracy"], scores["mounting_not_known"])
    assert 0 < content["right"] < 1
    assert 0 < content["mounting_not_known"] < 0.5
    assert f"{100 * content['right']:.2f} %" in done.stdout
    _, content = predict(*THEIRS, "--axes", "x,y,z")  # postures need no walk
    assert content["mounting_not_known"] == 0


def test_a_stated_placement_goes_before_the_layouts(predict, worn_once, tmp_path):
    del worn_once
    done, content = predict(*THEIRS, "--placement", "trouser pocket", "-o", "found.csv")
    assert "waist" not in done.stdout + done.stderr
    assert {x["placement"] for x in content["recordings"]} == {"trouser pocket"}
    walked = [row for row in rows(tmp_path / "found.csv") if "walk" in row["file"]]
    assert {row["placement"] for row in walked} == {"trouser pocket"}


SENSOR_LOGGER = ("TotalAcceleration", "Metadata", "time,seconds_elapsed,x,y,z", "7,{},{},{},{}", ".")
PHYPHOX = ("Accelerometer", "meta/device", '"Time (s)","X (a)","Y (a)","Z (a)"', "{},{},{},{}", ".")
WITH_COMMAS = (*PHYPHOX[:2], *(x.replace(",", ";") for x in PHYPHOX[2:4]), ",")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("app", [SENSOR_LOGGER, PHYPHOX, WITH_COMMAS], ids=["Sensor Logger", "phyphox", "commas"])
def test_exports_of_phone_apps_are_taken_by_their_content(app, packed, har_edge_here, predict, tmp_path):
    acceleration, other, header, form, point = app
    sent = recordings()[7].samples[:3000]
    (tmp_path / "export" / other).parent.mkdir(parents=True)
    (tmp_path / f"export/{other}.csv").write_text("version\n3\n")
    for name, values, late_s in ((acceleration, sent[:, :3] * 9.80665, 0), ("Gyroscope", sent[:, 3:], 0.003)):
        lines = [form.format(*x).replace(".", point) for x in np.c_[np.arange(3000) / 50 + late_s, values].tolist()]
        (tmp_path / f"export/{name}.csv").write_text("\n".join([header, *lines, ""]))
    export = shutil.make_archive(tmp_path / "packed", "zip", tmp_path / "export") if packed else tmp_path / "export"
    for labelled in ("walk/anna", "sit/bert"):
        (tmp_path / "mine" / labelled).mkdir(parents=True)
        place = tmp_path / "mine" / labelled / "1"
        shutil.copy(export, f"{place}.zip") if packed else shutil.copytree(export, place)
    recordings_of_app = load_recordings(f"{'sensor-logger' if app is SENSOR_LOGGER else 'phyphox'}={tmp_path / 'mine'}")
    assert [(*x.classes, x.subject) for x in recordings_of_app] == [("sit", "walk", "bert"), ("sit", "walk", "anna")]
    shown = succeeded(har_edge_here("data", "--data", export)).stdout
    assert ("Gravity has a size of 1" in shown, "left out" in shown) == (True, False)
    _, content = predict("edge", export)
    (tmp_path / "same.csv").write_text(csv_lines(sent, HEADER, np.arange(3000) / 50))
    _, expected = predict("edge", "same.csv")
    activities = [[x["activity"] for x in answer["recordings"][0]["segments"]] for answer in (content, expected)]
    assert activities[0] == activities[1]
    streamed = succeeded(har_edge_here("stream", "edge", "--csv", export)).stdout
    assert all(activity in streamed for activity in {*activities[1]})
    (tmp_path / "export/Gyroscope.csv").unlink()
    assert_one_sentence(har_edge_here("predict", "edge", "export"), 2, "Gyroscope.csv")
    (tmp_path / f"export/{acceleration}.csv").unlink()
    assert exported_by(tmp_path / "export") == "", "any folder may have a Metadata.csv"


def test_a_file_with_labels_is_scored_and_a_faulty_one_is_left_out(har_edge_here, walk, tmp_path):
    header, *samples = walk.read_text().splitlines()
    lines = [f"{header},label,subject", *(f"{row},STANDING,ann" for row in samples)]
    (tmp_path / "labelled.csv").write_text("\n".join(lines))
    (tmp_path / "faulty.csv").write_text("\n".join([*lines[:300], "no, sample", *lines[300:]]))
    (tmp_path / "words.csv").write_text("to be\nor not\n")
    done = har_edge_here("predict", "edge", ".", "-o", "decisions.csv")
    assert_one_sentence(done, 1, "2 inputs")
    assert all(name in done.stderr for name in ("faulty.csv", "words.csv"))
    assert "answered right" in done.stdout
    decisions = rows(tmp_path / "decisions.csv")
    assert {(x["file"], x["subject"], x["label"]) for x in decisions if x["label"]} == {
        ("labelled.csv", "ann", "STANDING")
    }
    assert "walk.csv" in {x["file"] for x in decisions}


def test_labels_that_no_score_counts_are_named(predict, walk, tmp_path):
    header, *samples = walk.read_text().splitlines()
    (tmp_path / "foreign.csv").write_text(
        "\n".join([f"{header},Label,Subject", *(f"{row},STAND,ann" for row in samples)])
    )
    done, _ = predict("edge", "foreign.csv")
    assert "answered right" not in done.stdout
    assert "STAND, since" in " ".join(done.stderr.split())
    done, _ = predict("edge", "foreign.csv", "--rate", "50")
    assert "foreign.csv are not read" in " ".join(done.stderr.split())


def test_a_single_file_is_taken_where_its_path_fits_the_layout(predict, worn_once, tmp_path):
    del worn_once
    layout = (tmp_path / "mine.toml").read_text()
    for placement, is_warned in (("wrist", True), ("waist", False)):
        (tmp_path / "mine.toml").write_text(layout.replace("waist", placement))
        done, content = predict("edge", "mine.toml=theirs/01/walk_2.txt")
        assert ("'edge'" in done.stderr) == is_warned
    assert [x["file"] for x in content["recordings"]] == ["theirs/01/walk_2.txt"]


def test_a_rate_that_is_not_live_is_refused_before_recordings_are_brought_to_it(har_edge_here, tmp_path):
    card = replace(tiny_models.card(samples=4, signals=("ax", "ay", "az")), window=Window(1e6, 4, 2))
    model_card.write_model(tmp_path / "m.tflite", tiny_models.dense(np.ones((2, 12), np.float32), (4, 3)), card)
    assert_one_sentence(har_edge_here("predict", "m.tflite", "motionsense=absent"), 2, "1,000 Hz")


def test_a_refusal_names_the_file_or_option_and_writes_nothing(har_edge_here, tmp_path):
    (tmp_path / "theirs/wlk_7").mkdir(parents=True)
    (tmp_path / "theirs/wlk_7/sub_1.csv").touch()
    (tmp_path / "short.csv").write_text(csv_lines(recordings()[7].samples[:127], HEADER.removeprefix("t[s],")))
    (tmp_path / "words.csv").write_text("to be\nor not\n")
    (tmp_path / "mine.keras").write_bytes(b"PK\x03\x04")
    for arguments, words in (
        ([], "FILE.csv"),
        (["theirs"], "theirs"),
        (["short.csv"], "2.56 s"),
        (["words.csv"], "words.csv"),
        (["short.csv", "-o", "short.csv"], "short.csv"),
        (["motionsense=theirs", "--units", "g"], "--units"),
        (["edge-anywhere"], "recording is missing"),
        (["edge-anywhere", "none.csv"], "none.csv"),
        (["mine.keras", "short.csv"], "edge-small"),
        (["edge-smal", "short.csv"], "edge-small"),
    ):
        assert_one_sentence(har_edge_here("predict", *arguments, "--json", "out.json"), 2, words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "short.csv", "theirs", "words.csv"]
