"""Recognise walking in a stream of a phone worn any way, and find and lose its mounting."""

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


def jogging() -> np.ndarray:
    return stretch(WALKING).mean(axis=0) + 4 * (stretch(WALKING) - stretch(WALKING).mean(axis=0))


def worn(samples: np.ndarray, seed: int) -> np.ndarray:
    rotation = Rotation.random(random_state=seed).as_matrix()
    return np.concatenate([samples[:, :3] @ rotation.T, samples[:, 3:] @ rotation.T], axis=1)


def watch(samples, seconds=None):
    return feed(LiveRecognizer(classifier()), samples, seconds)


def told(events) -> list[str]:
    return ["found" if "is known" in x.text else "lost" for x in notices(events) if x.kind == "mounting"]


def test_standing_is_unknown_until_a_few_steps_have_shown_the_mounting():
    samples = worn(np.concatenate([stretch(STANDING), stretch(WALKING), stretch(STANDING)]), 5)
    events = watch(samples)
    before = [x for x in decisions(events) if x.seconds < 14]
    assert {(x.activity, x.reason) for x in before} == {(UNKNOWN, UNKNOWN_MOUNTING)}
    (found,) = (x.seconds for x in notices(events) if x.kind == "mounting")
    assert 14 + 4 < found < 14 + 9
    after = [x.activity for x in decisions(events) if x.seconds > 32]
    assert after.count(STANDING) > len(after) / 2


@pytest.mark.parametrize("label", [UPSTAIRS, SITTING, STANDING, LAYING, "jogging"])
def test_other_activities_than_walking_show_no_mounting(label):
    assert told(watch(worn(jogging() if label == "jogging" else stretch(label, 1500), 2))) == []


@pytest.mark.parametrize(("gap_s", "expected"), [(2.0, ["found"]), (60.0, ["found", "lost"])])
def test_after_a_long_gap_the_mounting_is_found_anew_and_after_a_short_one_it_is_kept(gap_s, expected):
    samples = worn(np.concatenate([stretch(WALKING), stretch(STANDING)]), 3)
    seconds = np.arange(len(samples)) / 50
    seconds[700:] += gap_s
    events = watch(samples, seconds)
    assert told(events) == expected
    reasons = {x.reason for x in decisions(events) if x.seconds > 14 + gap_s + 3}
    assert (UNKNOWN_MOUNTING in reasons) == (expected[-1] == "lost")


def table() -> np.ndarray:
    return np.random.default_rng(0).normal([0, 0, 1, 0, 0, 0], 1e-3, (1500, 6))


OVER = np.array([-1.0, -1, 1, -1, -1, 1])
ASIDE = np.kron(np.eye(2), [[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: [stretch(WALKING, 1000), stretch(WALKING, 1000) @ ASIDE.T], ["found", "lost", "found"]),
        (lambda: [worn(stretch(WALKING), 1), table()], ["found", "lost"]),
        (lambda: [stretch(WALKING), jogging()], ["found"]),
        (lambda: [stretch(WALKING), jogging()[:150] * OVER, jogging()], ["found"]),
        (lambda: [stretch(WALKING), jogging() * OVER], ["found", "lost"]),
    ],
    ids=["worn elsewhere", "on a table", "jogging", "turned over shortly", "turned over"],
)
def test_a_mounting_is_lost_when_the_device_is_taken_off_or_turned(made, expected):
    events = watch(np.concatenate(made()))
    assert told(events) == expected


def windows_of(samples, hop=64):
    return np.stack([x for _, x in Windowing(dataset.WINDOW, hop, 0.0, gentle=True).add(samples)])


@pytest.mark.parametrize(("yaw", "walked_s"), [(1, 8), (-1, 20)])
def test_a_walk_that_points_back_turns_a_known_frame_round_only_if_it_is_long(yaw, walked_s):
    """Downstairs does, where it is taken for walking, and sways back; a phone turned round in a pocket does not."""
    windows = windows_of(stretch(WALKING, 2000))
    windows = mounting.turned(windows, NAMES, mounting.walking_frame(windows, NAMES, 50.0))
    search = MountingSearch(NAMES, dataset.WINDOW, 64)
    for x in windows[:5]:
        search.update(x, is_walking=True)
    before = search.rotation
    search.update(windows[5], is_walking=False)
    turned_round = []
    for x in mounting.turned(windows, NAMES, np.diag([1.0, -1.0, -1.0]))[:16]:
        search.update(x * [*[1] * 3, yaw, *[1] * 5], is_walking=True)
        turned_round.append(search.rotation[1] @ before[1] < 0)
    assert turned_round == [2.56 + 1.28 * i >= walked_s for i in range(16)]


@pytest.mark.parametrize(("yaw", "has_gyroscope", "walked_s"), [(1, True, 5), (-1, True, 20), (-1, False, 5)])
def test_steps_that_sway_as_if_walked_backwards_are_suspect_and_take_longer(yaw, has_gyroscope, walked_s):
    """A phone without a gyroscope cannot see that, and takes the frame as soon as any other."""
    columns = [i for i, x in enumerate(SIGNALS) if has_gyroscope or not x.is_rotation]
    search = MountingSearch([NAMES[i] for i in columns], dataset.WINDOW, 64)
    windows = windows_of(worn(stretch(WALKING, 1400) * [1, 1, 1, yaw, 1, 1], 3))
    news = [search.update(x[:, columns], is_walking=True) for x in windows]
    assert news.count("found") == 1
    assert walked_s <= 2.56 + 1.28 * news.index("found") < walked_s + 1.28


def test_postures_are_one_answer_where_the_placement_may_not_tell_them_apart():
    for placement, label, expected in (
        ("", STANDING, STANDING),
        ("chest", STANDING, ON_A_CHEST.name),
        ("chest", LAYING, LAYING),
        ("waist", LAYING, LAYING),
        ("", LAYING, IN_A_POCKET.name),
    ):
        samples = np.concatenate([stretch(WALKING), stretch(label, 1500)])
        recognizer = LiveRecognizer(classifier(alike=(IN_A_POCKET,)), placement=placement)
        found = [x for x in decisions(feed(recognizer, samples)) if x.seconds > 30]
        assert {x.activity for x in found} == {expected}
        assert expected in recognizer.answers
    last = found[-1]
    assert last.probability(last.activity) == pytest.approx(last.probability(LAYING) + last.probability(SITTING))


@pytest.mark.parametrize(("done", "is_told"), [(WALKING, False), (SITTING, False), (SITTING, True)])
def test_no_posture_is_told_before_the_mounting_is_known_however_sure_the_network_is(done, is_told):
    card = classifier().card
    nothing_is_novel = SimpleNamespace(movement=card.live.novelty.movement, detect=lambda _: Novelty.none(6))
    card = replace(card, live=replace(card.live, novelty=nothing_is_novel))
    sitting = np.eye(6)[card.labels.index(SITTING)]
    model = SimpleNamespace(card=card, probabilities=lambda X: np.tile(sitting, (len(X), 1)))
    found = decisions(feed(LiveRecognizer(model, mounting_is_told=is_told), stretch(done, 1500)))
    assert (UNKNOWN_MOUNTING in {x.reason for x in found}) == (done == SITTING and not is_told)
    assert is_told or {x.activity for x in found} == {UNKNOWN}
