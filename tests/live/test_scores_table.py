"""Check the tables of live scores: nothing of what was not measured, and names in full."""

import io

import numpy as np
import pytest

from edge_runtime.data.uci_har import LABELS, TRANSITIONS
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.display import scores_table
from edge_runtime.live.scores_by_part import Reported, per_group
from edge_runtime.live.stream_scores import NO_DECISION, Track, score
from edge_runtime.system.terminal import Console


@pytest.fixture
def console():
    """A console of 80 columns that keeps what is printed."""
    console = Console()
    console.file, console.width = io.StringIO(), 80
    return console


def printed(console):
    return " ".join(console.file.getvalue().split())


def scores(labels, shown, novelty=None):
    """Of decisions every 4 samples about windows of as many, of two activities; a label of 2 is no activity."""
    ends = np.arange(4, len(labels) + 1, 4)
    shown = np.array(shown)
    return score([Track("a", np.array(labels), ends, np.zeros_like(ends), shown, novelty)], 2, 4, 1.0)


def show(console, found):
    scores_table.show_scores(found, 1, 1, console)
    return printed(console)


def test_of_what_was_not_measured_there_is_no_line(console):
    text = show(console, scores([0] * 8, [0, 0]))
    for name in ("accuracy, windows alone", "accuracy, live", "of every moment", "false changes", "unknown"):
        assert name in text
    for name in ("–", "nan", "delay", "in transitions", "not known", "several at once"):
        assert name not in text


def test_without_activities_there_is_only_what_is_not_known(console):
    text = show(console, scores([2] * 8, [0, NO_DECISION]))
    assert text.startswith("recordings 1 of 1 subject, 0.00 h of activities unknown ")
    assert "false answers an hour" in text
    for name in ("–", "nan", "accuracy", "moment", "in activities", "false changes", "AUROC"):
        assert name not in text


def test_what_is_never_reported_has_no_delay(console):
    text = show(console, scores([0] * 8 + [1] * 8, [0, 0, NO_DECISION, NO_DECISION]))
    assert "delay 1 of 1 new activity was never reported" in text
    assert "(median)" not in text


def test_a_delay_that_is_infinite_for_a_few_is_left_out(console):
    labels = np.repeat([0, 1, 0, 1], 8)
    text = show(console, scores(labels, [0, 0, 1, 1, 0, 0, NO_DECISION, NO_DECISION]))
    assert "delay 4.00 s until a new activity is reported (median); 1 of 3 were never reported" in text


def test_where_all_is_unknown_no_share_of_the_rest_is_given(console):
    assert "accuracy, live 0.00 %: all are unknown of every" in show(console, scores([0] * 8, [NO_DECISION] * 2))


def test_macro_f1_stands_beside_accuracy_of_all_and_of_each_part(console):
    # Four windows of the first activity and two of the second: the network always answers the first.
    text = show(console, scores([0] * 16 + [1] * 8, [0, 0, 0, 0, 1, NO_DECISION]))
    assert "66.67 %, macro F1 40.00 % of 6 windows wholly in one activity" in text
    assert "100.00 % of those that are not unknown; 83.33 %, macro F1 83.33 % of all" in text
    labels, ends = np.array([0] * 16 + [1] * 8), np.arange(4, 25, 4)
    track = Track("a", labels, ends, np.zeros_like(ends), np.array([0, 0, 0, 0, 1, NO_DECISION]))
    scores_table.show_parts("placement", per_group([track], ["waist"], 2, 4), console)
    assert "waist 6 66.7 % 40.0 % 83.3 % 83.3 % 16.7 %" in printed(console)
    assert "F1 is the mean over these activities." in printed(console)


def test_a_table_without_rows_is_left_out(console):
    scores_table.show_parts("subject", {}, console)
    scores_table.show_reported({}, {}, console)
    assert printed(console) == ""


def test_names_of_transitions_and_activities_are_whole_on_80_columns(console):
    labels = (*LABELS, "JOGGING", UNKNOWN)
    shares = dict.fromkeys(labels, 1 / len(labels))
    others = {"climbing_[b]over_a_low_fence": Reported(3, 1.0, {"SITTING": 0.004, UNKNOWN: 0.996})}
    scores_table.show_reported(dict.fromkeys(TRANSITIONS, Reported(18, 1.0, shares)), others, console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert [x.split()[0] for x in lines if x.split()[1:2] == ["18"]] == list(TRANSITIONS)
    for label in labels:
        assert printed(console).count(f"{label} 12") == len(TRANSITIONS)
    assert lines[-1].split() == ["climbing_[b]over_a_low_fence", "3", UNKNOWN, "100"]
