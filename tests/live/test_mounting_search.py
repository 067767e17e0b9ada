"""Recognise walking in the stream of a phone worn any way, and find and lose its mounting."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from streams import decisions, feed, notices
from written_recordings import longest

from edge_runtime.data import dataset, uci_har
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.mounting_search import UNKNOWN_MOUNTING, MountingSearch
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.alike_labels import IN_A_POCKET, ON_A_CHEST
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.novelty import Novelty
from edge_runtime.signals import mounting
from edge_runtime.signals.frontend import SIGNALS, FrontEnd
from edge_runtime.signals.windowing import Windowing

NAMES = [x.name for x in SIGNALS]
WALKING, UPSTAIRS, _, SITTING, STANDING, LAYING = uci_har.LABELS
SUBJECT = 14  # one of the training subjects
OVER = np.array([-1.0, -1, 1, -1, -1, 1])
ASIDE = np.kron(np.eye(2), [[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])


def classifier(**changes) -> Classifier:
    """Use the shipped network as if it were of the walking frame, which is close to the frame of UCI HAR's phones."""
    model = Classifier(reference_model("edge", "int8"))
    model.card = replace(model.card, frame="walking", **changes)
    return model


@cache
def stretch(label: str, n: int = 700) -> np.ndarray:
    """Repeat the longest stretch of `label` of a training subject, forwards and backwards, for `n` samples."""
    piece = longest(label, SUBJECT)
    return np.resize(piece if "WALKING" in label else np.concatenate([piece, piece[::-1]]), (n, 6))


def jogging() -> np.ndarray:
    return stretch(WALKING).mean(axis=0) + 4 * (stretch(WALKING) - stretch(WALKING).mean(axis=0))


def worn(samples: np.ndarray, seed: int) -> np.ndarray:
    return samples @ np.kron(np.eye(2), Rotation.random(random_state=seed).as_matrix().T)


def watch(samples, seconds=None):
    return feed(LiveRecognizer(classifier()), samples, seconds)


def news(events) -> list[str]:
    return ["found" if "is known" in x.text else "lost" for x in notices(events) if x.kind == "mounting"]


def test_standing_is_unknown_until_a_few_steps_have_shown_the_mounting():
    samples = worn(np.concatenate([stretch(STANDING), stretch(WALKING), stretch(STANDING)]), 5)
    events = watch(samples)
    answers = {(x.activity, x.reason) for x in decisions(events) if x.seconds < 14}
    assert answers == {(UNKNOWN, UNKNOWN_MOUNTING)}
    (found_s,) = (notice.seconds for notice in notices(events) if notice.kind == "mounting")
    assert 14 + 4 < found_s < 14 + 9
    after = [decision.activity for decision in decisions(events) if decision.seconds > 32]
    assert after.count(STANDING) > len(after) / 2


@pytest.mark.parametrize(("gap_s", "expected"), [(2.0, ["found"]), (60.0, ["found", "lost"])])
def test_the_mounting_survives_a_short_gap_but_not_a_long_gap(gap_s, expected):
    samples = worn(np.concatenate([stretch(WALKING), stretch(STANDING)]), 3)
    seconds = np.arange(len(samples)) / 50
    seconds[700:] += gap_s
    events = watch(samples, seconds)
    assert news(events) == expected
    reasons = {x.reason for x in decisions(events) if x.seconds > 14 + gap_s + 3}
    assert (UNKNOWN_MOUNTING in reasons) == (expected[-1] == "lost")


def table() -> np.ndarray:
    return np.random.default_rng(0).normal([0, 0, 1, 0, 0, 0], 1e-3, (1500, 6))


@pytest.mark.parametrize(
    ("make_parts", "expected"),
    [
        (lambda: [worn(stretch(UPSTAIRS, 1500), 2)], ["found"]),
        *((lambda label=label: [worn(stretch(label, 1500), 2)], []) for label in (SITTING, STANDING, LAYING)),
        (lambda: [worn(jogging(), 2)], []),
        (lambda: [stretch(WALKING, 190), stretch(STANDING, 300), stretch(WALKING, 190)], ["found"]),
        (lambda: [stretch(WALKING, 190), stretch(STANDING, 300), stretch(WALKING, 190) @ ASIDE.T], []),
        (lambda: [stretch(WALKING, 1000), stretch(WALKING, 1000) @ ASIDE.T], ["found", "lost", "found"]),
        (lambda: [worn(stretch(WALKING), 1), table()], ["found", "lost"]),
        (lambda: [stretch(WALKING), jogging()], ["found"]),
        (lambda: [stretch(WALKING), jogging()[:150] * OVER, jogging()], ["found"]),
        (lambda: [stretch(WALKING), jogging() * OVER], ["found", "lost"]),
    ],
    ids=[
        *("stairs", "sitting", "standing", "lying", "only jogging", "two short walks", "two walks worn differently"),
        *("worn elsewhere", "on a table", "jogging", "turned over briefly", "turned over"),
    ],
)
def test_walks_show_the_mounting_which_is_lost_when_the_device_is_taken_off_or_turned(make_parts, expected):
    assert news(watch(np.concatenate(make_parts()))) == expected


def windows_of(samples, window=dataset.WINDOW):
    return np.stack([x for _, x in Windowing(window, 0.0, FrontEnd(gentle=True)).add(samples)])


@pytest.mark.parametrize(("yaw", "walked_s"), [(1, 8), (-1, 20)])
def test_only_a_long_walk_that_points_back_turns_a_settled_frame_round(yaw, walked_s):
    """Stairs down, mistaken for walking, point and sway back; a phone turned round in a pocket only points back."""
    windows = windows_of(stretch(WALKING, 2000))
    windows = mounting.turned(windows, NAMES, mounting.walking_frame(mounting.Motion.of(windows, NAMES, 50.0)))
    search = MountingSearch(NAMES, dataset.WINDOW)
    for window in windows[:8]:
        assert not search.is_settled
        search.update(window, True, True)
    assert search.is_settled
    before = search.rotation
    search.update(windows[8], False, False)
    turned_round = []
    for window in mounting.turned(windows, NAMES, np.diag([1.0, -1.0, -1.0]))[:16]:
        search.update(window * [1, 1, 1, yaw, 1, 1, 1, 1, 1], True, True)
        turned_round.append(search.rotation[1] @ before[1] < 0)
    assert turned_round == [2.56 + 1.28 * i >= walked_s for i in range(16)]


@pytest.mark.parametrize("hop", [64, 16])
@pytest.mark.parametrize(
    ("yaw", "has_gyroscope", "is_walking", "walked_s"),
    [(1, True, False, 5), (-1, True, False, 20), (-1, True, True, 5), (-1, False, False, 5)],
)
def test_steps_that_sway_backwards_must_last_longer_to_find_the_mounting(yaw, has_gyroscope, is_walking, walked_s, hop):
    """Unless they certainly are of walking. A phone without a gyroscope cannot see the sway."""
    columns = [i for i, x in enumerate(SIGNALS) if has_gyroscope or not x.is_rotation]
    window = replace(dataset.WINDOW, hop=hop)
    search = MountingSearch([NAMES[i] for i in columns], window)
    windows = windows_of(worn(stretch(WALKING, 1400) * [1, 1, 1, yaw, 1, 1], 3), window)
    changes = [search.update(window[:, columns], True, is_walking) for window in windows]
    assert changes.count("found") == 1
    assert walked_s <= 2.56 + hop / 50 * changes.index("found") < walked_s + hop / 50


def test_windows_of_walking_turn_a_frame_round_that_was_found_from_stairs():
    search, windows = MountingSearch(NAMES, dataset.WINDOW), windows_of(stretch(WALKING, 2000))
    for window in mounting.turned(windows, NAMES, np.diag([1.0, -1.0, -1.0]))[:3]:
        news = search.update(window, True, False)
    assert news == "found"
    stairs = search.rotation
    search.update(windows[0], True, False)  # more stairs
    assert search.rotation is stairs
    for window in windows[1:4]:
        search.update(windows[9], False, False)
        search.update(window, True, True)
    assert search.rotation[1] @ stairs[1] < 0


@pytest.mark.parametrize(
    ("placement", "label", "expected"),
    [
        ("", STANDING, STANDING),
        ("chest", STANDING, ON_A_CHEST.name),
        ("chest", LAYING, LAYING),
        ("waist", LAYING, LAYING),
        ("waist", SITTING, SITTING),
        ("", LAYING, IN_A_POCKET.name),
    ],
)
def test_postures_that_look_alike_at_the_placement_are_one_answer(placement, label, expected):
    samples = np.concatenate([stretch(WALKING), stretch(label, 1500)])
    recognizer = LiveRecognizer(classifier(alike=(IN_A_POCKET,)), placement=placement)
    answers = [x for x in decisions(feed(recognizer, samples)) if x.seconds > 30]
    assert {decision.activity for decision in answers} == {expected}
    assert expected in recognizer.answers
    if expected == IN_A_POCKET.name:
        both = answers[-1].probability(LAYING) + answers[-1].probability(SITTING)
        assert answers[-1].probability(expected) == pytest.approx(both)


@pytest.mark.parametrize(("activity", "is_told"), [(WALKING, False), (SITTING, False), (SITTING, True)])
def test_no_posture_is_reported_before_the_mounting_is_known_even_if_the_network_is_sure(activity, is_told):
    card = classifier().card
    nothing_is_novel = SimpleNamespace(movement=card.live.novelty.movement, detect=lambda _: Novelty.none(6))
    card = replace(card, live=replace(card.live, novelty=nothing_is_novel))
    sitting = np.eye(6)[card.labels.index(SITTING)]
    model = SimpleNamespace(card=card, probabilities=lambda X: np.tile(sitting, (len(X), 1)))
    answers = decisions(feed(LiveRecognizer(model, mounting_is_told=is_told), stretch(activity, 1500)))
    reasons = {decision.reason for decision in answers}
    assert (UNKNOWN_MOUNTING in reasons) == (activity == SITTING and not is_told)
    assert is_told or {decision.activity for decision in answers} == {UNKNOWN}
