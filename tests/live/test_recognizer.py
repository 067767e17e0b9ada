"""Live recognition: the answers of the published windows, whatever the chunks, and a word on what is wrong."""

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from programs import python
from streams import delivered

from edge_runtime.data import dataset, loading, uci_har
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.recognizer import WARM_UP_S, LiveRecognizer
from edge_runtime.live.recording_replay import follow
from edge_runtime.live.stream_scores import score
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.filters import FILTERS

RATE = 50
NOT_WORN = "the phone is lying still, not worn"


@cache
def classifier() -> Classifier:
    return Classifier(reference_model("edge", "int8"))


@cache
def recordings() -> tuple[dataset.Recording, ...]:
    return uci_har.recordings()


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
    """All 2947: each recording is fed sample after sample, and asked where a published window ends."""
    live = []
    for number, runs in uci_har.read_table()["test"].items():
        starts = np.concatenate([first + 64 * np.arange(count) for _, first, count in runs])
        answers = np.empty(len(starts), int)
        recognizer, fed = LiveRecognizer(classifier(), gentle=False), 0
        for row in np.argsort(starts):
            end = starts[row] + 128 + 1  # the median looks one sample ahead
            recognizer.push(recording(number).samples[fed:end])
            answers[row], fed = recognizer.latest().argmax(), end
        live += answers.tolist()
    assert len(live) == 2947
    np.testing.assert_array_equal(live, classifier().logits(loading.load_data(None).test.X).argmax(axis=1))


@given(st.lists(st.integers(1, 700), max_size=30), st.booleans(), st.sampled_from([16, None, 200]))
@example([1] * 6000, True, None)
@settings(max_examples=15)
def test_chunks_of_any_size_give_the_same_decisions_at_the_ends_of_windows(sizes, has_times, hop):
    samples = recording(3).samples[:6000]
    seconds = times(samples) if has_times else None
    in_chunks = watch(samples, seconds, sizes, hop)[0]
    assert answers(in_chunks) == answers(watch(samples, seconds, (), hop)[0])
    ends = np.arange(128, 6001, hop or 64)
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


@pytest.mark.parametrize("jump_s", [-50.0, 1.0, 2.0, 4000.0])
def test_before_and_after_a_gap_or_a_step_of_the_clock_the_decisions_are_those_of_two_streams(jump_s):
    samples = np.concatenate([recording(3).samples[:2000], recording(5).samples[9000:11000]])
    seconds = times(samples)
    seconds[2000:] += jump_s
    whole = watch(samples, seconds)[0]
    apart = [*watch(samples[:2000], seconds[:2000])[0], *watch(samples[2000:], seconds[2000:])[0]]
    assert answers(whole) == answers(apart)
    assert [x.seconds for x in decisions(whole)] == [x.seconds for x in decisions(apart)]


def test_lost_samples_jitter_repeats_and_disorder_cost_at_most_half_a_point():
    chosen = [recording(number) for number in (0, 1, 4, 5, 8, 9, 10, 11)]
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
    events, recognizer = watch(samples)
    assert recognizer.invalid == 0
    assert len(decisions(events)) == (1500 - 128) // 64 + 1


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


def test_a_long_run_of_samples_that_are_not_numbers_is_a_gap():
    samples = recording(3).samples[:1500].copy()
    samples[700:750] = np.nan
    assert [x.kind for x in notices(watch(samples)[0])] == ["invalid", "gap"]


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


def test_a_clock_that_steps_back_a_little_is_said():
    samples, seconds = recording(3).samples[:2000], times(recording(3).samples[:2000])
    seconds[1000:] -= 0.6
    events, recognizer = watch(samples, seconds)
    assert "went back by 0." in notices(events)[0].text
    assert recognizer.late > 20


def test_no_recording_of_the_data_set_looks_faulty():
    kinds = {x.kind for r in (recording(3), *recordings()[::6]) for x in notices(watch(r.samples)[0])}
    assert kinds == set()


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


def test_one_wrong_timestamp_is_left_out_and_nothing_begins_anew():
    samples = recording(3).samples[:2000]
    seconds = times(samples)
    clean, _ = watch(np.delete(samples, 1000, axis=0), np.delete(seconds, 1000))
    seconds[1000] = 1e9
    events, recognizer = watch(samples, seconds)
    assert answers(events) == answers(clean)
    assert (recognizer.late, notices(events)) == (1, [])


def test_a_clock_that_jumps_by_hours_is_called_another_clock():
    samples = recording(3).samples[:2000]
    seconds = times(samples)
    seconds[1000:] += 1.7e9
    (notice,) = notices(watch(samples, seconds)[0])
    assert notice.kind == "clock"
    assert "472222 h" in notice.text


def test_times_are_given_for_all_samples_or_none():
    recognizer = LiveRecognizer(classifier())
    recognizer.push(np.zeros((3, 6)), [0.0, 0.02, 0.04])
    with pytest.raises(InputError, match="times"):
        recognizer.push(np.zeros((3, 6)))


@pytest.mark.parametrize(("samples", "seconds"), [(np.zeros((3, 5)), None), (np.zeros((3, 6)), [0.0, 1.0])])
def test_other_shapes_are_refused(samples, seconds):
    with pytest.raises(InputError, match="shape"):
        LiveRecognizer(classifier()).push(samples, seconds)


def test_worn_upside_down_standing_is_unknown():
    standing = recording(3).samples[700:1200]
    shown = [x for x in decisions(watch(standing * [-1, -1, 1, -1, -1, 1])[0]) if x.activity != UNKNOWN]
    assert not shown
    assert {x.activity for x in decisions(watch(standing)[0])} == {"STANDING"}


def test_a_phone_on_any_face_of_a_table_is_unknown_since_it_is_not_worn():
    rng = np.random.default_rng(0)
    for face in np.concatenate([np.eye(3), -np.eye(3)]):
        found = decisions(
            watch(np.column_stack([face + rng.normal(0, 0.003, (1500, 3)), rng.normal(0, 0.003, (1500, 3))]))[0]
        )
        assert {(x.activity, x.reason) for x in found if not x.warming_up} == {(UNKNOWN, NOT_WORN)}


def test_nobody_who_sits_stands_or_lies_is_taken_for_a_table():
    stillest = [x for x in recordings() if x.subject in (11, 17, 30)]
    for still in stillest[::2]:
        assert NOT_WORN not in {x.reason for x in decisions(watch(still.samples)[0])}


def test_no_activity_is_announced_after_unknown_that_is_not_probable():
    announced = []
    for number in (0, 3, 7):
        found = decisions(watch(recording(number).samples)[0])
        pairs = pairwise(found)
        announced += [x for before, x in pairs if before.activity == UNKNOWN != x.activity]
    assert len(announced) > 40
    assert min(x.probability(x.activity) for x in announced) >= classifier().card.live.smoothing.confidence


def test_after_a_stuck_sensor_an_activity_is_announced_once_it_is_probable():
    samples = recording(3).samples[1000:4000].copy()
    samples[1000:1600] = samples[1000]
    found = decisions(watch(samples)[0])
    stuck = [i for i, x in enumerate(found) if x.reason.endswith("switched off")]
    again = next(x for x in found[stuck[-1] :] if x.activity != UNKNOWN)
    assert again.probability(again.activity) >= classifier().card.live.smoothing.confidence


def test_persistence_begins_anew_after_a_gap():
    samples = np.random.default_rng(0).normal([0, 0, 1, 0, 0, 0], 0.003, (2000, 6))
    seconds = times(samples)
    seconds[1000:] += 5
    not_worn = [x.seconds for x in decisions(watch(samples, seconds)[0]) if x.reason == NOT_WORN]
    assert 100 < min(not_worn) < 115
    assert not [x for x in not_worn if 120 <= x < 131]


def test_movement_unlike_every_activity_is_forgotten_at_a_gap():
    walking = recording(1).samples[10000:11000]
    wild = walking.mean(axis=0) + 4 * (walking - walking.mean(axis=0))
    samples = np.concatenate([wild, walking])
    seconds = times(samples)
    seconds[1000:] += 5
    found = decisions(watch(samples, seconds)[0])
    assert {x.activity for x in found if 110 < x.seconds < 120} == {UNKNOWN}
    after = [x.activity for x in found if x.seconds > 125]
    assert after == [x.activity for x in decisions(watch(walking)[0])]
    assert after[0] == "WALKING"


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
def test_a_model_of_other_filters_is_refused(tmp_path, front_end):
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    cards.write_model(tmp_path / "m.tflite", flatbuffer, replace(card, front_end=front_end))
    with pytest.raises(InputError, match="front_end"):
        LiveRecognizer(Classifier(tmp_path / "m.tflite"))


def test_a_signal_that_is_not_live_is_named_on_one_line():
    classifier = Classifier("edge")
    first, *others = classifier.card.signals
    classifier.card = replace(classifier.card, signals=(replace(first, name="a\nb"), *others))
    with pytest.raises(InputError, match=r"'a\\nb'"):
        LiveRecognizer(classifier)


def test_memory_does_not_grow_over_an_hour():
    held = json.loads(python((Path(__file__).parent / "long_stream.py").read_text(), 1))
    assert len(held) == 10
    assert max(held) - held[0] < 500_000  # its decisions alone would be more, were they kept
