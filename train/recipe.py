"""What decides a training: the numbers of one recipe, fixed before it starts."""

import dataclasses
from dataclasses import dataclass

from edge_runtime.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """A fixed schedule: the number of epochs is set beforehand, nothing stops early.

    The clip is applied in training as it will be on the device, and the noise is of the size of an int8 step (0.024
    standard deviations at clip 3): the network meets in training what quantisation will do to it. Rotation, gain and
    noise were chosen by four-fold cross-validation over the 21 training subjects (results/recipe.md; no noise does
    as well in float).

    With `teachers`, each fit is preceded by as many others of the same recipe on the same windows, whose answers it
    learns beside the labels: knowledge distillation (Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural
    Network, 2015).
    """

    name: str = "default"
    network: str = "edge"
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 3e-3  # falls to 0 along a cosine
    weight_decay: float = 1e-2
    gradient_norm: float = 1.0  # clipped there
    averaging: float = 0.995  # decay of the exponential moving average of the weights
    label_smoothing: float = 0.1
    clip: float = 3.0  # standard deviations
    shift: bool = False  # windows begin at any sample between one official window and the next
    rotation: float = 0.2  # rad, standard deviation about each axis; larger ones destroy the gravity cue
    gain: float = 0.05  # standard deviation, per signal
    noise: float = 0.02  # standard deviations of the normalised signal
    teachers: int = 0
    teacher_network: str = ""  # empty: the same
    distillation_temperature: float = 2.0
    distillation_weight: float = 0.5  # of the teachers' answers; the rest is the labels'

    def steps_per_epoch(self, n_windows: int) -> int:
        """Full batches in one pass; the remainder waits for another epoch's shuffle."""
        return max(1, n_windows // self.batch_size)

    def for_teachers(self) -> "Recipe":
        """The recipe of this one's teachers."""
        return dataclasses.replace(self, network=self.teacher_network or self.network, teachers=0)


RECIPES = {recipe.name: recipe for recipe in (Recipe(), Recipe(name="best", teachers=3))}


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`. Raises `InputError` for a name that is not known."""
    if name not in RECIPES:
        raise InputError(f"there is no recipe '{name}': choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
