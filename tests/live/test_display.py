"""Check the display of a stream: its log, lines and timeline."""

import csv
import io
import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streams import FakeClock, decision

from edge_runtime.data.recording import Mounting
from edge_runtime.data.uci_har import LABELS
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNCERTAIN, UNKNOWN
from edge_runtime.live.display.decision_log import Log
from edge_runtime.live.display.predictions import Prediction, Recorded, show_predictions
from edge_runtime.live.display.sinks import reason_text
from edge_runtime.live.display.timeline import Timeline, letters
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.system.terminal import Console


def test_each_decision_is_logged_at_once_and_later_runs_append(tmp_path):
    path = tmp_path / "new" / "log.csv"
    for _ in range(2):
        log = Log(path, LABELS)
        log.write(decision(2.56, "SITTING"))
        log.write(decision(3.84, UNKNOWN, reason="held, otherwise", warming_up=True))
        rows = list(csv.DictReader(path.open(newline="")))
        log.close()
        with path.open("a") as torn:
            torn.write("2026-01-01,5.0,SIT")  # as if the run was killed
    assert [row["seconds"] for row in rows] == ["2.560000", "3.840000", "5.0", "2.560000", "3.840000"]
    assert (rows[0]["activity"], rows[0]["p_SITTING"]) == ("SITTING", "0.90000")
    assert (rows[1]["activity"], rows[1]["reason"], rows[1]["warming_up"]) == (UNKNOWN, "held, otherwise", "1")


def test_a_row_that_a_full_disk_takes_half_of_is_missing_and_later_rows_are_whole(tmp_path):
    path = tmp_path / "log.csv"
    log = Log(path, LABELS)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, unlimited[1]))
    try:
        notices = [log.write(decision(2.56, "SITTING")) for _ in range(2)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    log.write(decision(3.84, "STANDING"))
    log.close()
    assert ([notice is not None for notice in notices], log.missed) == ([True, False], 2)
    assert [row["activity"] for row in csv.DictReader(path.open(newline=""))] == ["STANDING"]


def test_a_file_that_is_not_a_log_is_not_changed(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("chapter one")
    with pytest.raises(InputError, match="thesis"):
        Log(path, LABELS)
    assert path.read_text() == "chapter one"


def test_the_likeliest_activity_is_shown_if_no_activity_is_certain(capsys):
    uncertain, summary = decision(2.56, UNKNOWN, reason=UNCERTAIN), StreamSummary(LABELS, 1.28)
    assert "WALKING" in reason_text(uncertain)
    assert "WALKING" not in reason_text(replace(uncertain, probabilities=np.full(6, 1 / 6)))
    show_predictions([Prediction(Recorded(Path("a"), Mounting()), 0.0, [uncertain], [], [], summary)], None, False)
    assert "WALKING" in capsys.readouterr().out
    assert "WALKING" not in reason_text(decision(2.56, UNKNOWN, reason="stuck"))


def drawn() -> tuple[Console, StreamSummary, Timeline]:
    """Draw on a console in memory, of 80 columns."""
    console, summary = Console(), StreamSummary(LABELS, 1.28)
    console.file, console.size = io.StringIO(), (80, 40)
    return console, summary, Timeline(LABELS, "edge", summary, console, FakeClock())


def test_the_timeline_shows_gaps():
    console, summary, timeline = drawn()
    for seconds in [*range(60), *range(180, 300)]:
        summary.samples_came(seconds - np.arange(49, -1, -1) / 50)
        laying = decision(seconds, "LAYING")
        timeline.decision(laying, summary.add(laying), "")
    console.print(timeline.picture())
    assert re.search(r"^·*L{15,17}·{31,33}L{31,33}$", console.file.getvalue(), re.MULTILINE)


def test_the_timeline_shows_the_labels_of_a_replay_below_the_answers():
    console, summary, timeline = drawn()
    for seconds in range(300):
        summary.samples_came(seconds - np.arange(49, -1, -1) / 50)
        label = "STANDING" if seconds < 150 else "stand_to_lie" if seconds < 225 else "LAYING"
        timeline.decision(laying := decision(seconds, "LAYING"), summary.add(laying), label)
    console.print(timeline.picture())
    assert re.search(r"^·?L{79,80}\n·?T{39,41}·{19,21}L{19,21}$", console.file.getvalue(), re.MULTILINE)


def test_the_headline_agrees_with_the_bars_and_people_lie():
    console, _, timeline = drawn()
    for likeliest, headline in (("LAYING", "L Y I N G"), ("WALKING", "W A L K I N G ?")):
        timeline.decision(replace(decision(0, likeliest), activity="LAYING"), 0.0)
        console.print(timeline.picture())
        assert console.file.getvalue().split("\n")[-16:].count(headline.center(80).rstrip()) == 1
    assert "LAYING" not in console.file.getvalue()


def test_every_activity_has_a_different_letter():
    assert letters([*LABELS, UNKNOWN]) == [*"WUDSTL", "?"]
    names = ["WALKING", "WADING", "W", "w", "?", "\x1b", *map(str, range(20)), UNKNOWN]
    assert len(set(letters(names))) == len(names)
