"""Fix the numbers of a training: schedule, losses and augmentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_runtime.signals.types import Frame


@dataclass(frozen=True)
class Recipe:
    """The numbers of a fixed schedule; nothing stops early.

    The optimiser's numbers are the usual ones. The others were chosen by cross-validation over the 21 training
    subjects and, for the walking frame, by two other data sets (docs/results). The noise has the size of an int8 step
    (0.024 at clip 3).
    """

    network: str = "edge"
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 3e-3  # falls to 0 along a cosine
    weight_decay: float = 1e-2
    gradient_norm: float = 1.0  # larger gradients are clipped
    averaging: float = 0.995  # decay of the exponential moving average of the weights
    label_smoothing: float = 0.1
    clip: float = 3.0  # standard deviations
    knee: float = 0.25  # standard deviations, of body signals; total acceleration stays linear, because of gravity
    shift: bool = True  # windows begin at any sample between one official window and the next
    turn: float = 0.5  # rad, standard deviation of the rotation about x, which is upright on the waist of UCI HAR
    rotation: float = 0.2  # rad, the same about y and z; a larger rotation destroys the gravity cue
    intensity: float = 0.2  # standard deviation of the logarithm of a factor on all signals but gravity
    swing: float = 0.0  # the same for a factor on the rotation: a thigh turns more than a pelvis
    pace: float = 0.0  # the same for a factor on time
    gain: float = 0.05  # standard deviation, per signal
    noise: float = 0.02  # standard deviations of the normalised signal
    mirror: float = 0.0  # share of windows with left and right exchanged; where z points to a side
    turning: float = 0.0  # share of windows of movement with a made turn: in public data only stairs turn
    hidden: float = 0.0  # share of signals, drawn for each window, that are 0 once normalised
    made_lying: float = 0.0  # windows made for each still window of a trouser pocket (`made_postures`)
    rolled_lying: float = 0.0  # share of windows of lying that are rolled over, to the belly too
    made_sitting: float = 0.0  # share of windows of sitting in a trouser pocket that are turned as at the waist
    own_labels: bool = False  # only classes of a window's placement are possible (`plan_placement_labels`)

    def steps_per_epoch(self, n_windows: int) -> int:
        """Count the full batches in one pass; the remainder waits for another epoch's shuffle."""
        return max(1, n_windows // self.batch_size)


_OF_NETWORK: Mapping[str, Mapping[str, Any]] = {
    "edge-tiny": {"epochs": 100},
    "strided": {"epochs": 100},
    # Larger batches keep a training over 128 steps within 15 minutes.
    "stacked-lstm": {"batch_size": 256},
    "residual-bidir-lstm": {"batch_size": 256, "epochs": 30},
}
"""By network or family, the numbers that differ."""

_OF_FRAME: Mapping[Frame, Mapping[str, Any]] = {
    "device": {},
    # A heading from a few steps is not exact.
    "walking": {
        "epochs": 150,
        "turn": 0.3,
        "intensity": 0.4,
        "mirror": 0.5,
        "swing": 0.5,
        "turning": 0.8,
        "pace": 0.12,
        "hidden": 0.2,
        "made_lying": 0.1,
        "rolled_lying": 0.3,
        "made_sitting": 0.35,
        "own_labels": True,
    },
}
"""By frame of the windows, the numbers that differ."""


def choose_recipe(network: str, frame: Frame = "device", **numbers: float | None) -> Recipe:
    """Return the recipe of `network` for windows in the `frame`; `numbers` that are not None replace the recipe's."""
    its_own = _OF_NETWORK.get(network.partition("@")[0], {})
    chosen = {name: number for name, number in numbers.items() if number is not None}
    return Recipe(network, **{**_OF_FRAME[frame], **its_own, **chosen})
