"""Live recognition: the answers of the published windows, whatever the chunks, and a word on what is wrong."""

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
from edge_runtime.live.sources.axes import Axes
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.filters import FILTERS

RATE = 50
NOT_WORN = "the phone is lying still, not worn"


@cache
def classifier() -> Classifier:
    return Classifier(reference_model("edge", "int8"))


def raw(number: int) -> np.ndarray:
    return recordings()[number].samples


def watch(samples, seconds=None, sizes=(), hop=None):
    """All decisions and notices about samples fed in chunks of `sizes`, then the rest."""
    return feed(LiveRecognizer(classifier(), hop), samples, seconds, sizes)


def answers(events):
    return [
        (x.activity, x.reason, x.window_probabilities.tobytes(), x.probabilities.tobytes()) for x in decisions(events)
    ]


def times(samples):
    return 100 + np.arange(len(samples)) / RATE


@pytest.mark.parametrize("axes", ["x,y,z", "-x,-y,z", "y,-x,z", "-y,x,z", "z,y,-x", "-z,y,x"])
def test_someone_who_walks_with_another_axis_up_is_told_the_axes_to_give(axes):
    basis = np.concatenate([np.eye(3)] * 2, axis=1)
    turn = Axes(axes)(basis)[:, :3]  # of the board, which is orthogonal
    walked = posture("WALKING", 20)
    board = np.c_[walked[:, :3] @ turn.T, walked[:, 3:] @ turn.T]
    assert np.allclose(Axes(axes)(board), walked)
    said = [x.text for x in notices(watch(board)) if x.kind == "axes"]
    assert [f"--axes {axes}" in x for x in said] == [True] * (axes != "x,y,z")


def test_the_published_windows_get_the_answers_of_the_test_set():
    """Every sixth recording of the test subjects is fed, and asked where a published window ends."""
    live, wanted, first_row, X = [], [], 0, loading.load_data(None).test.X
    for i, (number, runs) in enumerate(uci_har.read_table()["test"].items()):
        rows = slice(first_row, first_row + sum(count for *_, count in runs))
        first_row = rows.stop
        if i % 6:
            continue
        starts = np.concatenate([first + 64 * np.arange(count) for _, first, count in runs])
        found = np.empty(len(starts), int)
        recognizer, fed = LiveRecognizer(classifier(), gentle=False), 0
        for row in np.argsort(starts):
            end = starts[row] + 128 + 1  # the median looks one sample ahead
            recognizer.push(raw(number)[fed:end])
            found[row], fed = recognizer.latest().argmax(), end
        live += found.tolist()
        wanted += classifier().logits(X[rows]).argmax(axis=1).tolist()
    assert first_row == 2947
    assert len(live) > 400
    assert live == wanted


@given(st.lists(st.integers(1, 700), max_size=20), st.booleans(), st.sampled_from([16, None, 200]))
@example([1] * 1500, True, None)
@settings(max_examples=6)
def test_chunks_of_any_size_give_the_same_decisions_at_the_ends_of_windows(sizes, has_times, hop):
    samples = raw(3)[:1500]
    seconds = times(samples) if has_times else None
    in_chunks = watch(samples, seconds, sizes, hop)
    assert answers(in_chunks) == answers(watch(samples, seconds, (), hop))
    ends = np.arange(128, 1501, hop or 64)
    assert [x.seconds for x in decisions(in_chunks)] == pytest.approx((ends - 1) / RATE + (100 if has_times else 0))


@pytest.mark.parametrize(("hop", "told_s"), [(64, 2.54), (16, 3.5)])
def test_windows_that_overlap_are_less_evidence(hop, told_s):
    found = decisions(watch(raw(3)[700:1200], hop=hop))
    assert next(x.seconds for x in found if x.activity != UNKNOWN) == pytest.approx(told_s)


def test_it_warms_up_at_the_start_and_after_a_gap():
    samples = raw(3)[:3000]
    seconds = times(samples)
    seconds[1500:] += 5
    events = watch(samples, seconds)
    warming = [x.seconds for x in decisions(events) if x.warming_up]
    assert warming
    assert all(x < 100 + WARM_UP_S or 135 <= x < 135 + WARM_UP_S for x in warming)
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
def test_before_and_after_a_gap_or_a_step_of_the_clock_the_decisions_are_those_of_two_streams(first, second, jump_s):
    one, other = first(), second()
    seconds = times([*one, *other])
    seconds[len(one) :] += jump_s
    whole = watch(np.concatenate([one, other]), seconds)
    apart = [*watch(one, seconds[: len(one)]), *watch(other, seconds[len(one) :])]
    assert answers(whole) == answers(apart)
    assert [x.seconds for x in decisions(whole)] == [x.seconds for x in decisions(apart)]


@pytest.mark.parametrize(
    ("channel", "value", "is_invalid"),
    [
        *((2, np.nan, True), (0, np.inf, True), (0, 100.1, True), (2, -100.1, True), (3, 200.1, True)),
        *((0, 100.0, False), (4, -200.0, False)),
    ],
)
def test_samples_that_no_sensor_measures_are_left_out_and_said_once(channel, value, is_invalid):
    samples = raw(3)[:1000].copy()
    samples[[*range(700, 705), 900], channel] = value
    for seconds in (times(samples), None):
        recognizer = LiveRecognizer(classifier())
        events = feed(recognizer, samples, seconds, [100] * 10)
        assert recognizer.invalid == 6 * is_invalid
        assert [x.kind for x in notices(events)].count("invalid") == 2 * is_invalid
        assert len(decisions(events)) == (1000 - 128) // 64 + 1


def faulty(kind: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples with a fault, and their times where they are not at the model's rate."""
    standing, seconds = raw(3)[:1500], times(raw(3)[:1500])
    return {
        "in m/s2": (standing * [9.80665, 9.80665, 9.80665, 1, 1, 1], None),
        "in deg/s": (raw(3)[-9000:-6000] * [1, 1, 1, 180 / np.pi, 180 / np.pi, 180 / np.pi], None),
        "without gravity": (standing - [*standing[:, :3].mean(axis=0), 0, 0, 0], None),
        "a dead axis": (raw(1)[7000:9000] * [1, 1, 0, 1, 1, 1], None),
        "at its limit": (np.clip(raw(0)[8400:9200] * 2 - [0.5, 0, 0, 0, 0, 0], -1.6, 1.6), None),
        "other axes": (raw(3)[:12000, [0, 1, 2, 5, 3, 4]], None),
        "mirrored": (raw(3)[:12000] * [1, 1, 1, -1, -1, -1], None),
        "too slow": (raw(3)[:3000:3], np.arange(1000) * 3 / RATE),
        "no clock": (standing, np.zeros(1500)),
        "thousandths": (standing, np.arange(1500) / RATE / 1000),
        "back a little": (standing, np.where(np.arange(1500) < 700, seconds, seconds - 0.6)),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "told", "words"),
    [
        ("in m/s2", "units", "m/s2"),
        ("in deg/s", "rotation units", "--gyro-units deg/s"),
        ("without gravity", "units", "gravity"),
        ("a dead axis", "constant", "z of the accelerometer"),
        ("at its limit", "saturated", "limit"),
        ("other axes", "rotation axes", "in the order"),
        ("mirrored", "rotation axes", "with the signs"),
        ("too slow", "rate", "faster"),
        ("no clock", "clock", "same time"),
        ("thousandths", "rate", "50,000"),
        ("back a little", "clock", "0."),
    ],
)
def test_a_fault_of_a_sensor_or_clock_is_told_once(kind, told, words):
    samples, seconds = faulty(kind)
    (notice,) = [x for x in notices(watch(samples, seconds, [100] * 20)) if x.kind != "gap"]
    assert notice.kind == told
    assert words in notice.text


def test_while_a_sensor_is_stuck_nothing_is_recognised():
    samples = raw(3)[:2600].copy()
    samples[600:1600] = samples[600]
    for start, seconds in ((100, times(samples)), (0, None)):
        found = decisions(watch(samples, seconds, [337] * 7))
        during = [x for x in found if 1010 / RATE < x.seconds - start < 1595 / RATE]
        after = [x for x in found if x.seconds - start > 2010 / RATE]
        assert {x.activity for x in during} == {UNKNOWN}
        assert all("accelerometer and the gyroscope" in x.reason for x in during)
        assert all("stuck" not in x.reason for x in after)
        assert answers(found) == answers(watch(samples, seconds))


def test_a_posture_that_changes_within_a_gap_shows_no_axes_of_the_gyroscope():
    """Every 6 s somebody leans another way, and turns about the upright axis shortly before and after."""
    place = np.arange(3000)
    lean, nearest = 0.35 * (place // 300 % 2), (place + 150) // 300
    up = np.stack([np.cos(lean), np.sin(lean), 0 * lean], axis=1)
    speed = np.where(np.abs(place - 300 * nearest) < 75, 0.5 - nearest % 2, 0)
    samples = np.c_[up, speed[:, np.newaxis] * up] + np.random.default_rng(0).normal(0, 0.003, (3000, 6))
    for gap_s, kinds in ((0, {"rotation axes"}), (5, {"gap"})):
        assert {x.kind for x in notices(watch(samples, times(samples) + gap_s * (place // 300)))} == kinds


def test_no_recording_of_the_data_set_looks_faulty():
    assert not [x.kind for number in (3, 0, 30, 60) for x in notices(watch(raw(number)[:9000]))]


def test_worn_upside_down_standing_is_unknown():
    standing = raw(3)[700:1200]
    assert {x.activity for x in decisions(watch(standing * [-1, -1, 1, -1, -1, 1]))} == {UNKNOWN}
    assert {x.activity for x in decisions(watch(standing))} == {"STANDING"}


@pytest.mark.parametrize("face", [*np.eye(3), *-np.eye(3)])
def test_a_phone_on_any_face_of_a_table_is_unknown_since_it_is_not_worn(face):
    found = decisions(watch(table(face)))
    assert {(x.activity, x.reason) for x in found if x.seconds > 28} == {(UNKNOWN, NOT_WORN)}
    assert found[0].reason != NOT_WORN  # not before it has lain for a while


def test_a_model_of_other_filters_is_refused():
    model = Classifier("edge")
    model.card = replace(model.card, front_end=replace(FILTERS, median=5))
    with pytest.raises(InputError, match="front_end"):
        LiveRecognizer(model)


def test_a_long_run_of_samples_that_are_not_numbers_is_a_gap():
    samples = raw(3)[:1000].copy()
    samples[700:750] = np.nan
    assert [x.kind for x in notices(watch(samples))] == ["invalid", "gap"]
