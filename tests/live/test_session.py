"""Check how sessions count and time samples, with a clock that the tests set."""

import numpy as np
import pytest
from streams import FakeClock, decision, notices, standing

from edge_runtime.data.uci_har import LABELS
from edge_runtime.live.decider import UNKNOWN, Notice
from edge_runtime.live.session import Session, Timestamps
from edge_runtime.live.sources import Chunk, Event
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.signals.axes import Axes


class Recorder:
    """A recogniser that records its samples and decides once a second."""

    def __init__(self) -> None:
        self.answers = LABELS
        self.hop_s, self.rate_hz = 1.0, 50.0
        self.duplicates, self.late, self.invalid = 0, 2, 3
        self.samples: list[np.ndarray] = []
        self.seconds: list[float] = []

    def restart(self, gentle):
        self.samples, self.seconds = [], []

    def push(self, samples, seconds=None):
        before = len(self.seconds)
        self.samples.extend(samples)
        self.seconds.extend(seconds)
        return [decision(self.seconds[i], "STANDING") for i in range(before, len(self.seconds)) if i % 50 == 49]

    def flush(self):
        return [Notice(self.seconds[-1], "flushed", "the end")]


def run(items, axes="x,y,z"):
    """Run a session; return it, its recogniser, and the events with their times in the stream."""
    recognizer = Recorder()
    live = Session(recognizer, Axes(axes), clock=FakeClock())
    return live, recognizer, [event for events in live.run(items) for event in events]


def test_events_stay_in_order_and_the_end_is_flushed():
    chunk = Chunk(np.arange(100) / 50, standing())
    events = [event for event, _ in run([Event("opened", "here"), chunk, Event("lost", "gone")])[2]]
    kinds = [getattr(event, "kind", "decision") for event in events]
    assert kinds == ["opened", "decision", "decision", "lost", "flushed"]
    assert events[3].seconds == 1.98


def test_the_summary_counts_decisions_samples_and_lines():
    live, *_ = run([Chunk(np.arange(200) / 50, standing(200), left_out=5)])
    content = live.summary.to_dict()
    assert content["minutes"]["STANDING"] == pytest.approx(4 / 60, abs=1e-3)
    counts = {"decisions": 4, "samples": 200, "duplicates": 0, "gaps": 0}
    assert content == content | counts | {"late": 2, "invalid": 3, "malformed_lines": 5}
    assert live.summary.rate_hz == pytest.approx(50)


def test_unknown_between_two_activities_is_not_a_change():
    summary = StreamSummary(LABELS, 1.0)
    for i, name in enumerate(["SITTING", UNKNOWN, "SITTING", "STANDING", UNKNOWN, "WALKING"]):
        summary.samples_came(np.array([float(i)]))
        summary.add(decision(i, name))
    summary.add(Notice(0, "gap", "a gap"))
    assert (summary.changes, summary.gaps, summary.windows[UNKNOWN]) == (2, 1, 2)


@pytest.mark.parametrize("size", [10, 260])
def test_times_count_from_the_first_sample_in_chunks_of_any_size(size):
    times = 1000 + np.arange(260) / 50
    items = [Chunk(times[i : i + size], standing(len(times[i : i + size]))) for i in range(0, 260, size)]
    live, _, events = run([Event("opened", "here"), *items, Event("lost", "gone")])
    assert [elapsed_s for _, elapsed_s in events] == pytest.approx([0, *np.arange(0.98, 5), 5.18, 5.18])
    assert live.summary.elapsed_s == pytest.approx(5.18)
    assert live.began == 1000


@pytest.mark.parametrize("size", [1, 97, 2500])
@pytest.mark.parametrize("begin", [9000.0, 3.0, 1015.0])
def test_a_change_of_the_clock_adds_no_time(begin, size):
    """The clock goes ahead by hours, or back; decisions of the old clock come after samples of the new clock."""
    summary, shown = StreamSummary(LABELS, 1.28), []
    times = np.concatenate([np.arange(1000, 1020, 0.02), np.arange(begin, begin + 10, 0.02)])
    for i in range(0, len(times), size):
        summary.samples_came(times[i : i + size])
        shown.append(summary.elapsed_s)
        assert summary.elapsed_s == pytest.approx(min(0.02 * (i + size), 29.98), abs=0.05)
    assert shown == sorted(shown)
    assert summary.add(Notice(begin + 5, "gap", "a gap")) == pytest.approx(25, abs=0.05)
    assert summary.add(decision(begin + 9, "SITTING")) == pytest.approx(29, abs=0.05)


@pytest.mark.parametrize(("n", "n_samples", "n_shown"), [(10, 1500, 10), (10, 3050, 10), (10, 50, 3), (100, 1, 3)])
def test_a_repeated_notice_is_shown_three_times_a_minute_and_counted(n, n_samples, n_shown):
    chunk = Chunk(np.arange(n_samples) / 50, standing(n_samples))
    live, _, events = run([item for i in range(n) for item in (Event("gap", f"gap {i}"), chunk)])
    texts = [notice.text for notice in notices(event for event, _ in events) if notice.kind == "gap"]
    assert texts == [f"gap {i}" for i in range(n_shown)]
    assert live.summary.gaps == live.summary.to_dict()["notices"]["gap"] == n


def test_a_sentence_that_repeats_is_shown_once_a_minute():
    chunk = Chunk(np.arange(500) / 50, standing(500))
    _, _, events = run([item for _ in range(10) for item in (Event("invalid", "too large"), chunk)])
    assert [notice.kind for notice in notices(event for event, _ in events)].count("invalid") == 2


def test_samples_in_another_unit_start_the_recogniser_anew_and_no_count_is_lost():
    early, later = Chunk(np.arange(50) / 50, standing(50)), Chunk(1 + np.arange(50) / 50, standing(50), anew=True)
    live, recognizer, _ = run([early, later])
    assert (len(recognizer.samples), live.summary.samples) == (50, 100)
    assert (live.summary.late, live.summary.invalid) == (4, 6)


def follow(timestamps, clock, size, n, step_s):
    """Return the times of `n` chunks that come `step_s` apart, and the events about them."""
    times, events = [], []
    for _ in range(n):
        clock.now += step_s
        seconds, new = timestamps.seconds(Chunk(None, standing(size)))
        times.append(seconds)
        events += new
    return np.concatenate(times), events


class TestTimestamps:
    @pytest.mark.parametrize("has_waited", [True, False])
    def test_a_pause_of_the_source_shows_in_the_times_but_a_pause_of_the_reader_does_not(self, has_waited):
        clock = FakeClock()
        timestamps = Timestamps(50.0, clock)
        before, _ = follow(timestamps, clock, 5, 20, 0.1)
        if has_waited:
            timestamps.nothing_came()
        after, _ = follow(timestamps, clock, 5, 1, 3.1)
        assert after[0] - before[-1] == pytest.approx(3.02 if has_waited else 0.02, abs=0.15 if has_waited else 1e-9)

    @pytest.mark.parametrize(("size", "kinds"), [(10, ["rate", "rate"]), (5, ["rate"])])
    def test_a_rate_that_is_far_from_the_assumed_rate_is_reported_once(self, size, kinds):
        clock = FakeClock()
        _, events = follow(Timestamps(50.0, clock), clock, size, 300, 0.1)
        assert [event.kind for event in events] == kinds
        assert ("--rate 100" in events[-1].text) == (size == 10)
