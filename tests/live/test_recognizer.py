"""Live recognition: the answers of the published windows, whatever the chunks, and a word on what is wrong."""

import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streams import delivered
from written_recordings import recordings

from edge_runtime.data import dataset, loading, uci_har
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.recognizer import WARM_UP_S, LiveRecognizer
from edge_runtime.live.recording_replay import follow
from edge_runtime.live.stream_scores import score
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.filters import FILTERS

RATE = 50
NOT_WORN = "the phone is lying still, not worn"


@cache
def classifier() -> Classifier:
    return Classifier(reference_model("edge", "int8"))


def recording(number: int) -> dataset.Recording:
    return recordings()[number]


def watch(samples, seconds=None, sizes=(), hop=None):
    """All decisions and notices about samples fed in chunks of `sizes`, then the rest."""
    recognizer = LiveRecognizer(classifier(), hop)
    events, start = [], 0
    for size in (*sizes, len(samples)):
        part = slice(start, start + size)
        events += recognizer.push(samples[part], None if seconds is None else seconds[part])
        start += size
    return [*events, *recognizer.flush()], recognizer


def decisions(events):
    return [x for x in events if isinstance(x, Decision)]


def notices(events):
    return [x for x in events if isinstance(x, Notice)]


def answers(events):
    return [
        (x.activity, x.reason, x.window_probabilities.tobytes(), x.probabilities.tobytes()) for x in decisions(events)
    ]


def times(samples):
    return 100 + np.arange(len(samples)) / RATE


def test_the_published_windows_get_the_answers_of_the_test_set():
    """Every fourth recording of the test subjects is fed, and asked where a published window ends."""
    live, wanted = [], []
    expected, first_row = classifier().logits(loading.load_data(None).test.X).argmax(axis=1), 0
    for i, (number, runs) in enumerate(uci_har.read_table()["test"].items()):
        rows = slice(first_row, first_row + sum(count for *_, count in runs))
        first_row = rows.stop
        if i % 4:
            continue
        starts = np.concatenate([first + 64 * np.arange(count) for _, first, count in runs])
        answers = np.empty(len(starts), int)
        recognizer, fed = LiveRecognizer(classifier(), gentle=False), 0
        for row in np.argsort(starts):
            end = starts[row] + 128 + 1  # the median looks one sample ahead
            recognizer.push(recording(number).samples[fed:end])
            answers[row], fed = recognizer.latest().argmax(), end
        live += answers.tolist()
        wanted += expected[rows].tolist()
    assert first_row == 2947
    assert len(live) > 600
    assert live == wanted


@given(st.lists(st.integers(1, 700), max_size=30), st.booleans(), st.sampled_from([16, None, 200]))
@example([1] * 2500, True, None)
@settings(max_examples=8)
def test_chunks_of_any_size_give_the_same_decisions_at_the_ends_of_windows(sizes, has_times, hop):
    samples = recording(3).samples[:2500]
    seconds = times(samples) if has_times else None
    in_chunks = watch(samples, seconds, sizes, hop)[0]
    assert answers(in_chunks) == answers(watch(samples, seconds, (), hop)[0])
    ends = np.arange(128, 2501, hop or 64)
    assert [x.seconds for x in decisions(in_chunks)] == pytest.approx((ends - 1) / RATE + (100 if has_times else 0))


def test_it_warms_up_at_the_start_and_after_a_gap():
    samples = recording(3).samples[:4000]
    seconds = times(samples)
    seconds[2000:] += 5
    events, _ = watch(samples, seconds)
    warming = [x.seconds for x in decisions(events) if x.warming_up]
    assert warming
    assert all(x < 100 + WARM_UP_S or 145 <= x < 145 + WARM_UP_S for x in warming)
    assert [x.kind for x in notices(events)] == ["gap"]
    assert "5.02 s" in notices(events)[0].text


def walking() -> np.ndarray:
    return recording(1).samples[10000:11000]


def wild() -> np.ndarray:
    return walking().mean(axis=0) + 4 * (walking() - walking().mean(axis=0))


def table(face=(0, 0, 1)) -> np.ndarray:
    return np.random.default_rng(0).normal([*face, 0, 0, 0], 0.003, (1500, 6))


@pytest.mark.parametrize(
    ("first", "second", "jump_s"),
    [
        *((lambda: recording(3).samples[:2000], lambda: recording(5).samples[9000:11000], x) for x in (-50, 1, 4000)),
        (table, table, 5),
        (wild, walking, 5),
    ],
)
def test_before_and_after_a_gap_or_a_step_of_the_clock_the_decisions_are_those_of_two_streams(first, second, jump_s):
    one, other = first(), second()
    seconds = times([*one, *other])
    seconds[len(one) :] += jump_s
    whole = watch(np.concatenate([one, other]), seconds)[0]
    apart = [*watch(one, seconds[: len(one)])[0], *watch(other, seconds[len(one) :])[0]]
    assert answers(whole) == answers(apart)
    assert [x.seconds for x in decisions(whole)] == [x.seconds for x in decisions(apart)]


def test_lost_samples_jitter_repeats_and_disorder_cost_at_most_half_a_point():
    chosen = [recording(number) for number in (0, 4, 8, 10)]
    clean = [follow(x, LiveRecognizer(classifier())) for x in chosen]
    rough = [
        follow(x, LiveRecognizer(classifier()), delivered=delivered(len(x.samples), RATE, i))
        for i, x in enumerate(chosen)
    ]
    before, after = (score(tracks, 6, 128, RATE).live_accuracy for tracks in (clean, rough))
    assert before - after <= 0.005
    assert any(
        len(a.shown) != len(b.shown) or (a.answers != b.answers).any() for a, b in zip(clean, rough, strict=True)
    )


@pytest.mark.parametrize(
    ("channel", "impossible"),
    [(2, np.nan), (0, np.inf), (1, 1e39), (0, -1e308), (0, 100.1), (2, -100.1), (3, 200.1), (5, -1e39)],
)
def test_samples_that_no_sensor_measures_are_left_out_and_said_once(channel, impossible):
    samples = recording(3).samples[:1500].copy()
    samples[700:705, channel] = impossible
    samples[900, channel] = impossible
    for seconds in (times(samples), None):
        events, recognizer = watch(samples, seconds, [100] * 15)
        assert recognizer.invalid == 6
        assert [x.kind for x in notices(events)] == ["invalid", "invalid"]
        assert len(decisions(events)) == (1500 - 128) // 64 + 1


def test_the_largest_samples_that_a_sensor_may_measure_are_taken():
    samples = recording(3).samples[:1500].copy()
    samples[700] = [100.0, -100.0, 100.0, 200.0, -200.0, 200.0]
    assert watch(samples)[1].invalid == 0


def test_a_window_that_the_model_does_not_take_is_told_and_the_next_is_answered(monkeypatch):
    samples, whole = recording(3).samples[:1500], watch(recording(3).samples[:1500])[0]
    answer, calls = classifier().probabilities, []

    def refuse_the_third(windows):
        calls.append(windows)
        if len(calls) == 3:
            raise InputError("it does not take this")
        return answer(windows)

    monkeypatch.setattr(classifier(), "probabilities", refuse_the_third)
    events, _ = watch(samples)
    told = whole[2].seconds
    assert [(x.kind, x.seconds, x.text) for x in notices(events)] == [("refused", told, "it does not take this")]
    assert [x.seconds for x in decisions(events)] == [x.seconds for x in whole if x.seconds != told]
    calls.clear()
    with pytest.raises(InputError, match="it does not take this"):
        follow(recording(3), LiveRecognizer(classifier()))


def faulty(kind: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples of a fault, and their times where they are not at the model's rate."""
    standing = recording(3).samples[:1500]
    if kind == "too slow":
        return recording(3).samples[:3000:3], np.arange(1000) * 3 / RATE
    if kind == "a dead axis":
        return recording(1).samples[7000:9000] * [1, 1, 0, 1, 1, 1], None
    if kind == "at its limit":
        samples = recording(0).samples[8400:9200].copy()
        samples[:, 0] = np.clip(samples[:, 0] * 2 - 0.5, -1.6, 1.6)
        return samples, None
    return {
        "in m/s2": standing * [9.80665, 9.80665, 9.80665, 1, 1, 1],
        "in deg/s": recording(3).samples[-9000:-6000] * [1, 1, 1, 180 / np.pi, 180 / np.pi, 180 / np.pi],
        "a dead sensor": standing * [1, 1, 1, 0, 0, 0],
        "without gravity": standing - [*standing[:, :3].mean(axis=0), 0, 0, 0],
    }[kind], None


@pytest.mark.parametrize(
    ("kind", "told", "words"),
    [
        ("in m/s2", "units", "m/s2"),
        ("in deg/s", "rotation units", "--gyro-units deg/s"),
        ("without gravity", "units", "gravity"),
        ("a dead axis", "constant", "z of the accelerometer"),
        ("a dead sensor", "constant", "gyroscope"),
        ("at its limit", "saturated", "limit"),
        ("too slow", "rate", "faster"),
    ],
)
def test_a_fault_of_a_sensor_is_told_once(kind, told, words):
    (notice,) = notices(watch(*faulty(kind))[0])
    assert notice.kind == told
    assert words in notice.text


def test_while_a_sensor_is_stuck_nothing_is_recognised():
    samples = recording(3).samples[:3000].copy()
    samples[1000:2000] = samples[1000]
    for seconds in (times(samples), None):
        start = 0 if seconds is None else 100
        found = decisions(watch(samples, seconds, [37] * 80)[0])
        during = [x for x in found if 1410 / RATE < x.seconds - start < 1995 / RATE]
        after = [x for x in found if x.seconds - start > 2410 / RATE]
        assert {x.activity for x in during} == {UNKNOWN}
        assert all("accelerometer and the gyroscope" in x.reason for x in during)
        assert all("stuck" not in x.reason for x in after)
        assert answers(found) == answers(watch(samples, seconds)[0])


def test_a_fault_that_comes_and_goes_is_said_once():
    samples = np.tile(recording(3).samples[700:1100], (8, 1))
    for start in range(0, len(samples), 400):
        samples[start : start + 200] *= [1, 1, 1, 1000, 1000, 1000]
    assert [x.kind for x in notices(watch(samples)[0])] == ["rotation units"]


def test_what_is_short_at_a_high_rate_is_no_fault():
    """Blocks and plateaus are of time: constant for 1.25 s, and each value of a 50 Hz sensor read four times."""
    seconds = np.arange(2400) / 200
    standing = np.repeat(recording(3).samples[700:1300], 4, axis=0)
    samples = standing + np.random.default_rng(0).normal(0, 1e-4, standing.shape)
    samples[400:650] = samples[400]
    assert not notices(watch(samples, seconds)[0])
    walking = np.repeat(recording(1).samples[8000:9500], 4, axis=0)
    assert not notices(watch(walking, np.arange(6000) / 200)[0])


def test_a_clock_that_stands_still_or_counts_in_another_unit_is_said():
    samples = recording(3).samples[:2000]
    for seconds, kind, words in (
        (np.zeros(2000), "clock", "same time"),
        (np.arange(2000) // 50, "clock", "same time"),
        (np.arange(2000) / RATE / 1000, "rate", "50,000"),
    ):
        (notice,) = [x for x in notices(watch(samples, seconds, [100] * 20)[0]) if x.kind != "gap"]
        assert notice.kind == kind
        assert words in notice.text


@pytest.mark.parametrize(("jump_s", "number", "n_late"), [(-0.6, "0.", 20), (1.7e9, "472222", 0)])
def test_a_clock_that_steps_back_a_little_or_ahead_by_hours_is_said(jump_s, number, n_late):
    samples = recording(3).samples[:2000]
    seconds = times(samples)
    seconds[1000:] += jump_s
    events, recognizer = watch(samples, seconds)
    assert notices(events)[0].kind == "clock"
    assert number in notices(events)[0].text
    assert recognizer.late >= n_late


def test_no_recording_of_the_data_set_looks_faulty():
    kinds = {x.kind for r in (recording(3), *recordings()[::15]) for x in notices(watch(r.samples)[0])}
    assert kinds == set()


@pytest.mark.parametrize(
    ("samples", "seconds", "noun"),
    [(np.zeros((3, 5)), [0, 1, 2], "shape"), (np.zeros((3, 6)), [0, 1], "shape"), (np.zeros((3, 6)), None, "times")],
)
def test_samples_of_other_shapes_and_times_for_some_alone_are_refused(samples, seconds, noun):
    recognizer = LiveRecognizer(classifier())
    recognizer.push(np.zeros((3, 6)), [0.0, 0.02, 0.04])
    with pytest.raises(InputError, match=noun):
        recognizer.push(samples, seconds)


def test_worn_upside_down_standing_is_unknown():
    standing = recording(3).samples[700:1200]
    shown = [x for x in decisions(watch(standing * [-1, -1, 1, -1, -1, 1])[0]) if x.activity != UNKNOWN]
    assert not shown
    assert {x.activity for x in decisions(watch(standing)[0])} == {"STANDING"}


@pytest.mark.parametrize("face", [*np.eye(3), *-np.eye(3)])
def test_a_phone_on_any_face_of_a_table_is_unknown_since_it_is_not_worn(face):
    found = decisions(watch(table(face))[0])
    assert {(x.activity, x.reason) for x in found if not x.warming_up} == {(UNKNOWN, NOT_WORN)}
    assert found[0].reason != NOT_WORN  # not before it has lain for a while


def test_nobody_who_sits_stands_or_lies_is_taken_for_a_table():
    stillest = [next(x for x in recordings() if x.subject == subject) for subject in (11, 17, 30)]
    for still in stillest:
        assert NOT_WORN not in {x.reason for x in decisions(watch(still.samples)[0])}


def test_no_activity_is_announced_after_unknown_that_is_not_probable():
    announced = []
    for number in (0, 3):
        found = decisions(watch(recording(number).samples)[0])
        pairs = pairwise(found)
        announced += [x for before, x in pairs if before.activity == UNKNOWN != x.activity]
    assert len(announced) > 20
    assert min(x.probability(x.activity) for x in announced) >= classifier().card.live.smoothing.confidence


def test_a_gentle_start_is_closer_to_a_long_past():
    """In the first window of a stream that starts in the middle of a recording."""
    correct = {True: 0, False: 0}
    for number in (0, 4, 8, 14):
        samples = recording(number).samples
        past = LiveRecognizer(classifier())
        for start in range(1000, len(samples) - 1000, 1500):
            past.push(samples[start - 1000 if start == 1000 else start - 1500 + 129 : start + 129])
            for gentle in correct:
                fresh = LiveRecognizer(classifier(), gentle=gentle)
                fresh.push(samples[start : start + 129])
                correct[gentle] += fresh.latest().argmax() == past.latest().argmax()
    assert correct[True] > correct[False]


def test_a_probability_is_asked_for_by_its_label():
    found = decisions(watch(recording(3).samples[:500])[0])[-1]
    assert [found.probability(x) for x in classifier().card.labels] == found.probabilities.tolist()
    with pytest.raises(InputError, match="SITING"):
        found.probability("SITING")


@pytest.mark.parametrize("front_end", [None, replace(FILTERS, median=5)])
def test_a_model_of_other_filters_or_signals_is_refused(front_end):
    model = Classifier("edge")
    card, (first, *others) = model.card, model.card.signals
    for noun, changed in (
        ("front_end", replace(card, front_end=front_end)),
        ("altitude", replace(card, signals=(replace(first, name="altitude"), *others))),
    ):
        model.card = changed
        with pytest.raises(InputError, match=noun):
            LiveRecognizer(model)


def test_memory_does_not_grow():
    samples = np.concatenate([recording(0).samples[:5000]] * 3)
    rows, seconds = delivered(len(samples), RATE, 0)
    recognizer, held = LiveRecognizer(classifier()), []
    tracemalloc.start()
    try:
        for first in range(0, len(rows), 50):
            recognizer.push(samples[rows[first : first + 50]], seconds[first : first + 50])
            if first in (5000, 14000):
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 30_000  # bytes; the decisions of these three minutes are more, and so are the samples


def test_a_long_run_of_samples_that_are_not_numbers_is_a_gap():
    samples = recording(3).samples[:1500].copy()
    samples[700:750] = np.nan
    assert [x.kind for x in notices(watch(samples)[0])] == ["invalid", "gap"]


def test_vibration_beyond_what_the_rate_can_show_changes_no_activity():
    standing = recording(3).samples[700:1500]
    seconds = np.arange(4 * len(standing)) / 200
    calm = np.stack([np.interp(seconds, np.arange(len(standing)) / RATE, x) for x in standing.T], axis=1)
    shaken = calm.copy()
    shaken[:, 0] += 0.3 * np.sin(2 * np.pi * 45 * seconds)
    shaken[:, 2] += 0.3 * np.sin(2 * np.pi * 48 * seconds)
    found, wanted = ([x.activity for x in decisions(watch(x, seconds)[0])] for x in (shaken, calm))
    assert found == wanted
    assert wanted.count("STANDING") > 8
