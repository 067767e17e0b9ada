"""The display of a stream: its log, its lines and its picture on a terminal."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import FakeClock, decision

from edge_runtime.data.uci_har import LABELS
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.display.decision_log import Log
from edge_runtime.live.display.sinks import Changes
from edge_runtime.live.display.timeline import Timeline, letters
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.system.terminal import Console

HOSTILE = "held \x1b[31m[bold]otherwise"


class TestLog:
    def test_each_decision_is_in_the_file_at_once_and_later_runs_append(self, tmp_path):
        path = tmp_path / "new" / "log.csv"
        for _ in range(2):
            log = Log(path, LABELS)
            log.write(decision(2.56, "SITTING"))
            log.write(decision(3.84, UNKNOWN, reason="held, otherwise", warming_up=True))
            rows = list(csv.DictReader(path.open(newline="")))
            log.close()
            with path.open("a") as torn:
                torn.write("2026-01-01,5.0,SIT")  # of a run that was killed
        assert [x["seconds"] for x in rows] == ["2.560000", "3.840000", "5.0", "2.560000", "3.840000"]
        assert (rows[0]["activity"], rows[0]["p_SITTING"]) == ("SITTING", "0.90000")
        assert (rows[1]["activity"], rows[1]["reason"], rows[1]["warming_up"]) == (UNKNOWN, "held, otherwise", "1")

    def test_another_file_is_not_touched(self, tmp_path):
        path = tmp_path / "thesis.txt"
        path.write_text("chapter one")
        with pytest.raises(InputError, match="thesis"):
            Log(path, LABELS)
        assert path.read_text() == "chapter one"


def test_a_line_for_each_change_and_what_happened_on_stderr(capsys):
    lines = Changes()
    for i, name in enumerate(["SITTING", "SITTING", "WALKING_UPSTAIRS"]):
        lines.decision(decision(1000 + 60 * i, name), 60 * i, "stand_to_sit")
    shares = np.array([0.0, 0, 0, 0.81, 0.19, 0])  # sitting is likelier, standing is still reported
    lines.decision(Decision(0.0, "STANDING", LABELS, shares, shares, False, "", 0.5), 190)
    lines.decision(decision(1200, UNKNOWN, HOSTILE, warming_up=True), 200)
    lines.notice(Notice(1200, "malformed", "a line is no sample: '\x1b]0;evil\x07'"), 200)
    shown = capsys.readouterr()
    assert [" ".join(x.split()) for x in shown.out.splitlines()] == [
        "0:00 SITTING 90 % labelled stand to sit",
        "2:00 WALKING UPSTAIRS 90 % labelled stand to sit",
        "3:10 STANDING 19 %",
        "3:20 unknown (held \\x1b[31m[bold]otherwise) (warming up)",
    ]
    assert "evil" in shown.err
    assert "\x1b" not in shown.err


class Screen:
    """A timeline on a console without colours that writes into memory."""

    def __init__(self, width: int = 80, height: int = 40, labels=LABELS) -> None:
        self._console = Console()
        self._console.file, self._console.size = io.StringIO(), (width, height)
        self.summary = StreamSummary(labels, 1.28)
        self._timeline = Timeline(labels, "edge_int8   --replay 7", self.summary, self._console, FakeClock())

    def add(self, found: Decision | Notice, label: str = "") -> None:
        """Give a decision or notice to the timeline, as a session does: a decision after its samples."""
        if isinstance(found, Notice):
            self._timeline.notice(found, self.summary.add(found))
            return
        self.summary.samples_came(found.seconds - np.arange(49, -1, -1) / 50)
        self._timeline.decision(found, self.summary.add(found), label)

    def lines(self) -> list[str]:
        """Draw the timeline as it is now."""
        self._console.file = io.StringIO()
        self._console.print(self._timeline.picture())
        return self._console.file.getvalue().splitlines()

    def picture(self) -> str:
        return "\n".join(self.lines())


class TestTimeline:
    @pytest.mark.parametrize("width", [40, 80])
    def test_the_picture_fits_and_says_all_without_colour(self, width):
        screen = Screen(width)
        assert "W A I T I N G" in screen.picture()
        for i in range(200):
            screen.add(decision(1.28 * i, "SITTING" if i < 100 else "WALKING_UPSTAIRS"))
        screen.add(Notice(0, "gap", "no samples for 2 s"))
        lines = screen.lines()
        assert max(map(len, lines)) <= width
        large = "W A L K I N G   U P S T A I R S" if width >= 80 else "WALKING UPSTAIRS"
        for text in (large, "U WALKING UPSTAIRS", "90 %", "no samples for 2 s"):
            assert text in "\n".join(lines)
        band = next(x for x in lines if re.fullmatch(r"·*S+U+", x))
        assert band.count("S") == pytest.approx(band.count("U"), abs=2)

    def test_a_gap_is_a_gap_in_the_band(self):
        screen = Screen()
        for seconds in [*range(60), *range(180, 300)]:
            screen.add(decision(seconds, "LAYING"))
        assert any(re.fullmatch(r"·*L{15,17}·{31,33}L{31,33}", x) for x in screen.lines())

    def test_a_label_stands_beside_the_answer_unknown_says_why_and_hostile_text_is_harmless(self):
        screen = Screen()
        screen.add(decision(4, "SITTING"), "stand_to_sit")
        assert "labelled stand to sit" in screen.picture()
        screen.add(decision(5, UNKNOWN, HOSTILE))
        screen.add(Notice(5, "malformed", "'\x1b]0;evil\x07[/x]' " * 100))
        text = screen.picture()
        assert "held \\x1b[31m[bold]otherwise" in text
        assert "labelled" not in text
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 80

    @pytest.mark.parametrize("activity", ["WALKING", "SITTING or LAYING"])
    def test_the_bars_are_all_of_the_probability_once_where_an_answer_stands_for_two(self, activity):
        screen = Screen(labels=(*LABELS, "SITTING or LAYING"))
        shares = np.array([0.03, 0, 0, 0.5, 0.0, 0.47]) if "or" in activity else np.array([0.9, 0, 0, 0.06, 0, 0.04])
        screen.add(Decision(1.0, activity, LABELS, shares, shares, False, "", 0.5))
        assert sum(map(int, re.findall(r"(\d+) %", screen.picture()))) == 100

    @pytest.mark.parametrize(("width", "height"), [(80, 10), (80, 24), (20, 24)])
    def test_a_small_screen_has_no_bars(self, width, height):
        screen = Screen(width, height)
        for seconds in range(20):
            screen.add(decision(seconds, "LAYING"))
        for number in range(3):
            screen.add(Notice(20, "gap", f"no. {number}: no samples for a while, as it happens now and then"))
        lines = screen.lines()
        assert len(lines) <= height
        assert max(map(len, lines)) <= width
        assert any("LAYING" in x.replace(" ", "") for x in lines)
        assert any(re.fullmatch(r"·*L+", x) for x in lines)
        assert "no. 2" in "\n".join(lines)
        assert any(x.startswith("W WALKING") for x in lines) == ((width, height) == (80, 24))

    def test_times_count_from_the_first_sample(self):
        screen = Screen()
        seconds = 1000 + np.arange(84 * 50) / 50
        screen.summary.samples_came(seconds[:1])
        for end in np.arange(2.56, 81, 1.28):
            screen.add(decision(1000 + end, "SITTING"))
        screen.summary.samples_came(seconds[seconds > 1080])
        screen.add(Notice(1082, "gap", "no samples for a while"))
        *_, facts, notice = screen.lines()
        assert facts.startswith("1:23   ")  # of samples; the last decision came at 1:20
        assert notice == "! 1:22  no samples for a while"

    @settings(max_examples=20)
    @given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=30, unique=True))
    def test_every_activity_has_a_letter_of_its_own(self, names):
        found = letters([*names, UNKNOWN])
        assert found[-1] == "?"
        assert len(set(found)) == len(found)
        assert letters([*LABELS, UNKNOWN]) == [*"WUDSTL", "?"]
