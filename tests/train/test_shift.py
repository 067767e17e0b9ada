"""Windows at any offset are what would have been cut from the recordings there."""

import numpy as np
import pytest

from edge_runtime.data import uci_har as uci_har_module
from edge_runtime.data.dataset import Split, cut
from edge_runtime.signals import frontend
from train.fit.batches import Batches, Key
from train.fit.recipe import Recipe
from train.fit.shift import Shifts, find_continuations

HOP = 64


@pytest.fixture(scope="module")
def first_recording(uci_har):
    """The training windows of the first recording in the table, where each begins, and that recording's signals."""
    number, runs = next(iter(uci_har_module.read_table()["train"].items()))
    starts = np.concatenate([first + HOP * np.arange(count) for _, first, count in runs])
    train = uci_har.train
    return Split(*(x[: len(starts)] for x in (train.X, train.y, train.subject))), starts, number


def test_windows_continue_within_the_runs_of_the_recordings_and_nowhere_else(uci_har):
    runs = [run for runs in uci_har_module.read_table()["train"].values() for run in runs]
    expected = np.concatenate([np.arange(count) < count - 1 for _, _, count in runs])
    np.testing.assert_array_equal(find_continuations(uci_har.train, HOP), expected)


def test_shifted_windows_are_cut_from_the_recording(first_recording):
    split, starts, number = first_recording
    shifts = Shifts(split, HOP)
    rows = np.arange(len(split))
    offsets = shifts.draw(rows, np.random.default_rng(0))
    continued = find_continuations(split, HOP)
    assert (offsets[~continued] == 0).all()
    assert offsets.min() == 0
    assert offsets.max() == HOP - 1
    signals = frontend.signals(uci_har_module.recordings()[number].samples)
    np.testing.assert_allclose(shifts.cut(rows, offsets), cut(signals, starts + offsets), atol=1e-6)


@pytest.mark.parametrize("what", ["y", "subject"])
def test_nothing_is_cut_across_classes_or_subjects(what):
    signal = np.arange(256, dtype=np.float32).reshape(-1, 1)
    X = np.stack([signal[start : start + 128] for start in (0, 64, 128)])
    parts = {"y": np.zeros(3, np.uint8), "subject": np.ones(3, np.uint8)}
    assert find_continuations(Split(X, **parts), HOP).tolist() == [True, True, False]
    assert find_continuations(Split(X, **parts | {what: np.array([1, 1, 2], np.uint8)}), HOP).tolist() == [
        True,
        False,
        False,
    ]
    assert not find_continuations(Split(X[::2], np.zeros(2, np.uint8), np.ones(2)), HOP).any()


def test_soft_targets_move_with_the_window(first_recording):
    split, _, _ = first_recording
    shifts = Shifts(split, HOP)
    targets = np.stack([np.arange(len(split)), -np.arange(len(split))], 1).astype(np.float32)
    blended = shifts.blend(targets, np.array([0, 0, 5]), np.array([0, 32, 16]))
    np.testing.assert_allclose(blended, [[0, 0], [0.5, -0.5], [5.25, -5.25]])


def test_an_epoch_draws_the_same_offsets_whatever_was_drawn_before(first_recording):
    split, _, _ = first_recording
    shifted = Recipe(batch_size=16, shift=True)

    def of_epoch(epoch, recipe=shifted, hop=HOP):
        return np.stack([x.X for x in Batches(split, 6, recipe, Key(0, 0), hop, None).of_epoch(epoch)])

    np.testing.assert_array_equal(of_epoch(1), of_epoch(1))
    assert not np.array_equal(of_epoch(1), of_epoch(2))
    plain = of_epoch(1, Recipe(batch_size=16, shift=False))
    assert not np.array_equal(of_epoch(1), plain)
    np.testing.assert_array_equal(of_epoch(1, hop=0), plain)  # windows that do not overlap stay as they are
