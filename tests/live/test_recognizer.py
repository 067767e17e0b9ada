"""Recognise streams: the answers equal the published windows' for chunks of any size, and faults are reported."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streams import decisions, feed, notices
from written_recordings import posture, recordings

from edge_runtime.data import loading, uci_har
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.recognizer import WARM_UP_S, LiveRecognizer
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.axes import BACKWARDS_AXES, Axes
from edge_runtime.signals.filters import FILTERS

RATE = 50
NOT_WORN = "the phone is lying still, not worn"


@cache
def classifier(hop: int = 64) -> Classifier:
    model = Classifier(reference_model("edge", "int8"))
    model.card = replace(model.card, window=replace(model.card.window, hop=hop))
    return model


def raw(number: int) -> np.ndarray:
    return recordings()[number].samples


def watch(samples, seconds=None, sizes=(), hop=64):
    """Feed samples in chunks of `sizes`, then the rest; return all decisions and notices."""
    return feed(LiveRecognizer(classifier(hop)), samples, seconds, sizes)


def answers(events):
    return [
        (x.activity, x.reason, x.window_probabilities.tobytes(), x.probabilities.tobytes()) for x in decisions(events)
    ]


def times(samples):
    return 100 + np.arange(len(samples)) / RATE


@pytest.mark.parametrize("axes", ["x,y,z", "-x,-y,z", "y,-x,z", "-y,x,z", "z,y,-x", "-z,y,x"])
def test_a_walk_with_another_axis_up_gets_advice_about_axes(axes):
    basis = np.concatenate([np.eye(3)] * 2, axis=1)
    turn = Axes(axes)(basis)[:, :3]  # of the board, which is orthogonal
    walked = posture("WALKING", 20)
    board = np.c_[walked[:, :3] @ turn.T, walked[:, 3:] @ turn.T]
    assert np.allclose(Axes(axes)(board), walked)
    advice = [notice.text for notice in notices(watch(board)) if notice.kind == "axes"]
    if axes == "x,y,z":
        assert not advice
    else:
        assert len(advice) == 1
        assert f"--axes {axes}" in advice[0]


def test_postures_with_another_axis_up_get_advice_unless_x_has_been_up():
    standing, upright = posture("STANDING", 40), posture("STANDING", 40)[:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1]
    for samples, n in ((upright, 1), (np.concatenate([standing[:500], upright]), 0)):
        advice = [notice.text for notice in notices(watch(samples)) if notice.kind == "axes"]
        assert ["lies" in text and "--axes y,-x,z" in text for text in advice] == n * [True]


@pytest.mark.parametrize("is_told", [False, True])
def test_a_device_that_faces_backwards_gets_advice_after_30_s_of_steps(is_told):
    back = Axes(BACKWARDS_AXES)(raw(0))
    for samples, n in ((raw(0), 0), (back, 1)):
        events = feed(LiveRecognizer(classifier(), mounting_is_told=is_told), samples)
        assert [BACKWARDS_AXES in notice.text for notice in notices(events) if notice.kind == "axes"] == n * [True]


def test_the_published_windows_get_the_answers_of_the_test_set():
    """Compare windows in the first 40 s of the test subjects' recordings, each the second of a stream."""
    live, X = {}, loading.load_data(None).test.X
    row = 0
    for number, runs in uci_har.read_table()["test"].items():
        for start in np.concatenate([first + 64 * np.arange(count) for _, first, count in runs]).tolist():
            if 0 < start < 2000 and row % 5 == 0:
                stream = LiveRecognizer(classifier(start), gentle=False)
                live[row] = decisions(stream.push(raw(number)[: start + 129]))[1].window_probabilities.argmax()
            row += 1
    assert row == 2947
    assert len(live) > 60
    assert [*live.values()] == classifier().predict(X[[*live]]).tolist()


@given(st.lists(st.integers(1, 700), max_size=20), st.booleans(), st.sampled_from([16, 64, 200]))
@example([1] * 1500, True, 64)
@settings(max_examples=6)
def test_chunks_of_any_size_give_the_same_decisions_at_the_ends_of_windows(sizes, has_times, hop):
    samples = raw(3)[:1500]
    seconds = times(samples) if has_times else None
    in_chunks = watch(samples, seconds, sizes, hop)
    assert answers(in_chunks) == answers(watch(samples, seconds, (), hop))
    ends = np.arange(128, 1501, hop)
    assert [x.seconds for x in decisions(in_chunks)] == pytest.approx((ends - 1) / RATE + (100 if has_times else 0))


def test_it_warms_up_at_the_start_and_after_a_gap():
    samples = raw(3)[:3000]
    seconds = times(samples)
    seconds[1500:] += 5
    events = watch(samples, seconds)
    warming = np.array([decision.seconds for decision in decisions(events) if decision.warming_up])
    assert len(warming)
    assert ((warming < 100 + WARM_UP_S) | ((warming >= 135) & (warming < 135 + WARM_UP_S))).all()
    (gap,) = notices(events)
    assert gap.kind == "gap"
    assert "5.02 s" in gap.text


def walking() -> np.ndarray:
    return raw(1)[10000:11000]


def wild() -> np.ndarray:
    return walking().mean(axis=0) + 4 * (walking() - walking().mean(axis=0))


def table(face=(0, 0, 1)) -> np.ndarray:
    return np.random.default_rng(0).normal([*face, 0, 0, 0], 0.003, (1500, 6))


@pytest.mark.parametrize(
    ("first", "second", "jump_s"), [(lambda: raw(3)[:1000], lambda: raw(5)[9000:10000], -50), (wild, walking, 5)]
)
def test_a_gap_or_a_step_of_the_clock_separates_two_streams(first, second, jump_s):
    one, other = first(), second()
    seconds = times([*one, *other])
    seconds[len(one) :] += jump_s
    whole = watch(np.concatenate([one, other]), seconds)
    separate = [*watch(one, seconds[: len(one)]), *watch(other, seconds[len(one) :])]
    assert answers(whole) == answers(separate)
    assert [x.seconds for x in decisions(whole)] == [x.seconds for x in decisions(separate)]


@pytest.mark.parametrize(
    ("channel", "value", "n_invalid", "n_notices"),
    [
        *((channel, value, 6, 2) for channel, value in ((2, np.nan), (0, np.inf), (2, -100.1), (3, 200.1))),
        *((channel, value, 0, 0) for channel, value in ((0, 100.0), (4, -200.0))),
    ],
)
def test_impossible_samples_are_left_out_with_a_notice_for_each_run(channel, value, n_invalid, n_notices):
    samples = raw(3)[:1000].copy()
    samples[[*range(700, 705), 900], channel] = value
    for seconds in (times(samples), None):
        recognizer = LiveRecognizer(classifier())
        events = feed(recognizer, samples, seconds, [100] * 10)
        assert recognizer.invalid == n_invalid
        assert [notice.kind for notice in notices(events)].count("invalid") == n_notices
        assert len(decisions(events)) == (1000 - 128) // 64 + 1
    samples[700:750, channel] = value
    assert ("gap" in [x.kind for x in notices(watch(samples))]) == bool(n_invalid)


def standing() -> np.ndarray:
    return raw(3)[:1500]


@pytest.mark.parametrize(
    ("make_samples", "kind", "words"),
    [
        (lambda: standing() * [9.80665, 9.80665, 9.80665, 1, 1, 1], "units", "m/s2"),
        (lambda: standing() / [9.80665, 9.80665, 9.80665, 1, 1, 1], "units", "m/s2"),
        (lambda: raw(3)[-9000:-6000] * np.repeat([1, 180 / np.pi], 3), "rotation units", "--gyro-units deg/s"),
        (lambda: posture("WALKING", 60) * np.repeat([1, np.pi / 180], 3), "rotation units", "--gyro-units rad/s"),
        (lambda: standing() - [*standing()[:, :3].mean(axis=0), 0, 0, 0], "units", "gravity"),
        (lambda: raw(1)[7000:9000] * [1, 1, 0, 1, 1, 1], "constant", "z of the accelerometer"),
        (lambda: np.clip(raw(0)[8400:9200] * 2 - [0.5, 0, 0, 0, 0, 0], -1.6, 1.6), "saturated", "limit"),
        (lambda: raw(3)[:12000, [0, 1, 2, 5, 3, 4]], "rotation axes", "in the order"),
        (lambda: raw(3)[:12000] * [1, 1, 1, -1, -1, -1], "rotation axes", "signs"),
        (lambda: raw(3)[:12000] * [1, 1, 1, 0.5, 0.5, 0.5], "rotation axes", "range"),
    ],
)
def test_a_fault_of_a_sensor_is_reported_once(make_samples, kind, words):
    (notice,) = notices(watch(make_samples(), None, [100] * 20))
    assert notice.kind == kind
    assert words in notice.text


@pytest.mark.parametrize(
    ("seconds", "kind", "words"),
    [
        (np.arange(1500) * 3 / RATE, "rate", "faster"),
        (np.zeros(1500), "clock", "own time"),
        (np.arange(1500) // 8 * 8 / RATE + np.arange(1500) % 8 * 0.0004, "clock", "own time"),
        (np.arange(1500) * 20, "rate", "20 s apart"),
        (np.arange(1500) / RATE / 1000, "clock", "unit"),
        (np.arange(1500) / RATE - 0.6 * (np.arange(1500) >= 700), "clock", "0."),
    ],
)
def test_a_fault_of_the_clock_is_reported_once(seconds, kind, words):
    (notice,) = [notice for notice in notices(watch(standing(), seconds, [100] * 20)) if notice.kind != "gap"]
    assert notice.kind == kind
    assert words in notice.text


def test_while_a_sensor_is_stuck_nothing_is_recognised():
    samples = raw(3)[:2600].copy()
    samples[600:1600] = samples[600]
    for start, seconds in ((100, times(samples)), (0, None)):
        events = watch(samples, seconds, [337] * 7)
        during = [x for x in decisions(events) if 1010 / RATE < x.seconds - start < 1595 / RATE]
        after = [x for x in decisions(events) if x.seconds - start > 2010 / RATE]
        assert {decision.activity for decision in during} == {UNKNOWN}
        assert all("accelerometer and the gyroscope" in decision.reason for decision in during)
        assert all("stuck" not in decision.reason for decision in after)
        assert answers(events) == answers(watch(samples, seconds))


def test_a_posture_that_changes_within_a_gap_is_not_compared_with_the_gyroscope():
    """Every 6 s somebody changes their lean, and turns about the upright axis shortly before and after."""
    place = np.arange(3000)
    lean, nearest = 0.35 * (place // 300 % 2), (place + 150) // 300
    up = np.stack([np.cos(lean), np.sin(lean), 0 * lean], axis=1)
    speed = np.where(np.abs(place - 300 * nearest) < 75, 0.5 - nearest % 2, 0)
    samples = np.c_[up, speed[:, np.newaxis] * up] + np.random.default_rng(0).normal(0, 0.003, (3000, 6))
    for gap_s, kinds in ((0, {"rotation axes"}), (5, {"gap"})):
        assert {x.kind for x in notices(watch(samples, times(samples) + gap_s * (place // 300)))} == kinds


def test_no_recording_of_the_data_set_looks_faulty_nor_does_the_fastest_sensor():
    assert not [x.kind for number in (3, 0, 30, 60) for x in notices(watch(raw(number)[:9000]))]
    seconds = (np.arange(20000) + 0.2 * np.random.default_rng(0).random(20000)) / 1000
    assert "clock" not in [x.kind for x in notices(watch(np.repeat(standing(), 20, axis=0)[:20000], seconds))]


@pytest.mark.parametrize("face", [*np.eye(3), *-np.eye(3)])
def test_a_phone_that_lies_on_any_face_is_not_worn_after_a_while(face):
    events = decisions(watch(table(face)))
    assert {(x.activity, x.reason) for x in events if x.seconds > 28} == {(UNKNOWN, NOT_WORN)}
    assert events[0].reason != NOT_WORN


def test_a_model_of_other_filters_is_refused():
    model = Classifier("edge")
    model.card = replace(model.card, front_end=replace(FILTERS, median=5))
    with pytest.raises(InputError, match="front_end"):
        LiveRecognizer(model)
