"""Recognise walking in a stream of a phone worn any way, and find and lose its mounting."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from written_recordings import longest

from edge_runtime.data import dataset, uci_har
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.mounting_search import UNKNOWN_MOUNTING, MountingSearch
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import mounting
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.windowing import Windowing

NAMES = [x.name for x in SIGNALS]
WALKING, UPSTAIRS, _, SITTING, STANDING, LAYING = uci_har.LABELS
SUBJECT = 14  # one of the training subjects


def classifier(**changes) -> Classifier:
    """The shipped network as if it were of the walking frame, near to which phones on UCI HAR's waists were worn."""
    found = Classifier(reference_model("edge", "int8"))
    found.card = replace(found.card, frame="walking", **changes)
    return found


@cache
def stretch(label: str, n: int = 700) -> np.ndarray:
    """The longest stretch of `label` of a training subject, to and fro for `n` samples."""
    piece = longest(label, SUBJECT)
    return np.resize(piece if "WALKING" in label else np.concatenate([piece, piece[::-1]]), (n, 6))


def worn(samples: np.ndarray, seed: int) -> np.ndarray:
    rotation = Rotation.random(random_state=seed).as_matrix()
    return np.concatenate([samples[:, :3] @ rotation.T, samples[:, 3:] @ rotation.T], axis=1)


def watch(samples, seconds=None, sizes=(), **changes):
    recognizer = LiveRecognizer(classifier(**changes))
    events, start = [], 0
    for size in (*sizes, len(samples)):
        part = slice(start, start + size)
        events += recognizer.push(samples[part], None if seconds is None else seconds[part])
        start += size
    return [*events, *recognizer.flush()]


def told(events) -> list[str]:
    return [
        "found" if "is known" in x.text else "lost" for x in events if isinstance(x, Notice) and x.kind == "mounting"
    ]


def decisions(events) -> list[Decision]:
    return [x for x in events if isinstance(x, Decision)]


def test_standing_is_unknown_until_a_few_steps_have_shown_the_mounting():
    samples = worn(np.concatenate([stretch(STANDING), stretch(WALKING), stretch(STANDING)]), 5)
    events = watch(samples)
    before = [x for x in decisions(events) if x.seconds < 14]
    assert {(x.activity, x.reason) for x in before} == {(UNKNOWN, UNKNOWN_MOUNTING)}
    assert told(events) == ["found"]
    found = next(x.seconds for x in events if isinstance(x, Notice) and x.kind == "mounting")
    assert 14 + 4 < found < 14 + 9
    after = [x.activity for x in decisions(events) if x.seconds > 32]
    assert after.count(STANDING) > len(after) / 2
    assert LAYING not in after
    chunked = watch(samples, sizes=(1, 7, 300, 64, 64, 555))
    assert told(chunked) == ["found"]
    assert [x.activity for x in decisions(chunked)] == [x.activity for x in decisions(events)]


def test_posture_counts_as_novel_only_once_the_mounting_is_known():
    """With postures that are typical of nothing, all that a known mounting shows is novel, and nothing before."""
    live = classifier().card.live
    nowhere = [replace(x, centres=((9.0, 9.0),)) for x in live.novelty.posture]
    live = replace(live, novelty=replace(live.novelty, posture=tuple(nowhere)))
    events = watch(worn(np.concatenate([stretch(WALKING), stretch(STANDING)]), 1), live=live)
    found = next(x.seconds for x in events if isinstance(x, Notice) and x.kind == "mounting")
    before, after = (
        {x.activity for x in decisions(events) if (x.seconds < found) == is_before} for is_before in (1, 0)
    )
    assert WALKING in before
    assert after == {UNKNOWN}


def test_a_turn_of_the_device_changes_no_decision():
    """But for rounding: a probability may differ by a step of int8."""
    samples = np.concatenate([stretch(WALKING), stretch(STANDING), stretch(LAYING)])
    first, *others = (watch(worn(samples, seed)) for seed in range(2))
    for other in others:
        same = [a.activity == b.activity for a, b in zip(decisions(first), decisions(other), strict=True)]
        assert np.mean(same) > 0.95
        assert told(other) == told(first) == ["found"]


def jogging() -> np.ndarray:
    walking = stretch(WALKING)
    return walking.mean(axis=0) + 4 * (walking - walking.mean(axis=0))


@pytest.mark.parametrize("label", [UPSTAIRS, SITTING, STANDING, LAYING, "jogging"])
def test_other_activities_than_walking_show_no_mounting(label):
    assert told(watch(worn(jogging() if label == "jogging" else stretch(label, 1500), 2))) == []


def test_after_a_long_gap_the_mounting_is_found_anew_and_after_a_short_one_it_is_kept():
    samples = worn(np.concatenate([stretch(WALKING), stretch(STANDING)]), 3)
    for gap_s, expected in ((2.0, ["found"]), (60.0, ["found", "lost"])):
        seconds = np.arange(len(samples)) / 50
        seconds[700:] += gap_s
        events = watch(samples, seconds)
        assert told(events) == expected, gap_s
        reasons = {x.reason for x in decisions(events) if x.seconds > 14 + gap_s + 3}
        assert (UNKNOWN_MOUNTING in reasons) == (expected[-1] == "lost")


def test_walking_with_the_device_elsewhere_loses_the_mounting_and_finds_the_new_one():
    turned = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    walking = stretch(WALKING, 1000)
    samples = np.concatenate([walking, np.concatenate([walking[:, :3] @ turned.T, walking[:, 3:] @ turned.T], axis=1)])
    assert told(watch(samples)) == ["found", "lost", "found"]


def test_a_device_that_lies_on_a_table_is_not_worn_and_its_mounting_is_forgotten():
    rng = np.random.default_rng(0)
    table = np.concatenate([np.tile([0, 0, 1.0, 0, 0, 0], (2500, 1))]) + rng.normal(0, 1e-3, (2500, 6))
    events = watch(np.concatenate([worn(stretch(WALKING), 1), table]))
    assert told(events) == ["found", "lost"]
    assert {x.activity for x in decisions(events) if x.seconds > 14 + 20} == {UNKNOWN}
    assert {x.activity for x in decisions(watch(table))} == {UNKNOWN}


def test_the_frame_of_a_walk_is_that_of_its_windows_in_a_batch():
    """The search and a data set make the same frame of the same windows, however often the search is asked."""
    windowing = Windowing(dataset.WINDOW, 64, 0.0, gentle=True)
    windows = np.stack([x for _, x in windowing.add(worn(stretch(WALKING, 1200), 4))])
    search = MountingSearch(NAMES, dataset.WINDOW, 64)
    news = [search.update(x, is_walking=True) for x in windows]
    assert news == ["", "", "found", *[""] * (len(windows) - 3)]
    np.testing.assert_array_equal(search.rotation, mounting.walking_frame(windows, NAMES, 50.0))
    closer = MountingSearch(NAMES, dataset.WINDOW, 16)
    windowing = Windowing(dataset.WINDOW, 16, 0.0, gentle=True)
    for _, x in windowing.add(worn(stretch(WALKING, 1200), 4)):
        closer.update(x, is_walking=True)
    assert closer.rotation is not None
    np.testing.assert_allclose(closer.rotation, search.rotation, atol=0.02)


def test_a_walk_that_points_back_turns_a_known_frame_round_only_if_it_is_long():
    """Downstairs does, where it is taken for walking; a phone that was turned round in a pocket does too."""
    windowing = Windowing(dataset.WINDOW, 64, 0.0, gentle=True)
    windows = np.stack([x for _, x in windowing.add(stretch(WALKING, 2000))])
    windows = mounting.turned(windows, NAMES, mounting.walking_frame(windows, NAMES, 50.0))
    back = mounting.turned(windows, NAMES, np.diag([1.0, -1.0, -1.0]))
    search = MountingSearch(NAMES, dataset.WINDOW, 64)
    for x in windows[:5]:
        search.update(x, is_walking=True)
    before = search.rotation
    search.update(windows[5], is_walking=False)
    turned_round = []
    for x in back[:16]:
        search.update(x, is_walking=True)
        turned_round.append(search.rotation[1] @ before[1] < 0)
    assert turned_round == [2.56 + 1.28 * i >= 20 for i in range(16)]


@pytest.mark.parametrize(("yaw", "walked_s"), [(1, 5), (-1, 20)])
def test_steps_that_sway_as_if_walked_backwards_are_suspect_and_take_longer(yaw, walked_s):
    """A phone without a gyroscope cannot see that, and takes the frame as soon as any other."""
    samples = worn(stretch(WALKING, 1400) * [1, 1, 1, yaw, 1, 1], 3)
    windows = [x for _, x in Windowing(dataset.WINDOW, 64, 0.0, gentle=True).add(samples)]
    acceleration = [i for i, x in enumerate(SIGNALS) if not x.is_rotation]
    for columns, least_s in ((list(range(9)), walked_s), (acceleration, 5)):
        search = MountingSearch([NAMES[i] for i in columns], dataset.WINDOW, 64)
        news = [search.update(x[:, columns], is_walking=True) for x in windows]
        assert news.count("found") == 1
        assert least_s <= 2.56 + 1.28 * news.index("found") < least_s + 1.28


def test_a_device_that_is_turned_over_is_noticed_though_nobody_walks():
    """By movement such as jogging, for 5 s: not by who turns over in bed."""
    walking, over = stretch(WALKING), np.array([-1.0, -1, 1, -1, -1, 1])
    assert told(watch(np.concatenate([walking, jogging()]))) == ["found"]
    assert told(watch(np.concatenate([walking, jogging()[:150] * over, jogging()]))) == ["found"]
    assert told(watch(np.concatenate([walking, jogging() * over]))) == ["found", "lost"]


def test_sitting_and_lying_are_one_answer_where_the_placement_may_not_tell_them_apart():
    samples = np.concatenate([stretch(WALKING), stretch(LAYING, 1500)])
    answers = {}
    for placement in ("", "waist"):
        recognizer = LiveRecognizer(classifier(alike=(IN_A_POCKET,)), placement=placement)
        events = [*recognizer.push(samples), *recognizer.flush()]
        answers[placement] = [x for x in decisions(events) if x.seconds > 30]
    assert {x.activity for x in answers["waist"]} == {LAYING}
    assert {x.activity for x in answers[""]} == {IN_A_POCKET.name}
    last = answers[""][-1]
    assert last.probability(last.activity) == pytest.approx(last.probability(LAYING) + last.probability(SITTING))


def test_the_mounting_is_not_found_from_running():
    walking = stretch(WALKING, 3000)
    times = np.arange(0, len(walking) - 1, 1.8)
    running = np.stack([np.interp(times, np.arange(len(walking)), x) for x in walking.T], axis=1)
    assert told(watch(worn(walking, 0)))[:1] == ["found"]
    events = watch(worn(running, 0))
    assert told(events) == []
    assert {x.activity for x in decisions(events) if x.seconds > 10} == {UNKNOWN}


def decided(samples, answer, **worn):
    """The decisions of a recogniser whose network always gives one answer."""
    model = classifier()
    recognizer = LiveRecognizer(
        SimpleNamespace(card=model.card, probabilities=lambda X: np.tile(np.eye(6)[answer], (len(X), 1))), **worn
    )
    return [x for x in [*recognizer.push(samples), *recognizer.flush()] if isinstance(x, Decision)]


@pytest.mark.parametrize("done", ["WALKING", "SITTING"])
def test_no_posture_is_told_before_the_mounting_is_known_however_sure_the_network_is(done):
    labels, samples = classifier().card.labels, stretch(done, 1500)
    found = decided(samples, labels.index("SITTING"))
    assert {x.activity for x in found} == {UNKNOWN}
    assert (UNKNOWN_MOUNTING in {x.reason for x in found}) == (done == "SITTING")
    if done == "SITTING":
        known = decided(samples, labels.index("SITTING"), mounting_is_told=True)
        assert UNKNOWN_MOUNTING not in {x.reason for x in known}
