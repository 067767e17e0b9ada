"""What decides a training: the numbers of one recipe, fixed before it starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A fixed schedule: the number of epochs is set beforehand, nothing stops early.

    The clip is applied in training as it will be on the device, and the noise is of the size of an int8 step (0.024
    standard deviations at clip 3): the network meets in training what quantisation will do to it. Rotation, gain and
    noise were chosen by four-fold cross-validation over the 21 training subjects (results/recipe.md; no noise does
    as well in float).
    """

    network: str = "edge"
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 3e-3  # falls to 0 along a cosine
    weight_decay: float = 1e-2
    gradient_norm: float = 1.0  # clipped there
    averaging: float = 0.995  # decay of the exponential moving average of the weights
    label_smoothing: float = 0.1
    clip: float = 3.0  # standard deviations
    rotation: float = 0.2  # rad, standard deviation about each axis; larger ones destroy the gravity cue
    gain: float = 0.05  # standard deviation, per signal
    noise: float = 0.02  # standard deviations of the normalised signal
