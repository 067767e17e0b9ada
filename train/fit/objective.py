"""What a fit minimises: cross-entropy with labels, with teachers' answers and, for some networks, coarse classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from train.fit.networks import SHARED
from train.fit.recipe import Recipe


@dataclass(frozen=True)
class Objective:
    """The loss of one fit. `coarse` is the coarse class of each class; empty where only the network's own are learnt.

    In the recipe's `coarse_epochs` the coarse classes are all that is learnt and judged: there `only_coarse` is true.
    """

    recipe: Recipe
    coarse: Sequence[int]
    distils: bool

    def with_heads(self, network: keras.Model) -> keras.Model:
        """The `network` as it is trained: with a second head, on its shared layer, where coarse classes are learnt."""
        if not self.coarse:
            return network
        head = keras.layers.Dense(max(self.coarse) + 1, name="coarse")
        (windows,), (logits,) = network.inputs, network.outputs
        return keras.Model(windows, [logits, head(network.get_layer(SHARED).output)])

    def loss(self, y: tf.Tensor, soft: tf.Tensor, answers: Any, only_coarse: bool) -> tf.Tensor:
        """Of the heads' `answers` to windows of classes `y` `[n]`, to which teachers answer `soft` `[n, n_classes]`."""
        if not self.coarse:
            return self._loss(y, soft, answers)
        fine, coarse = answers
        weight = 0.0 if only_coarse else 1.0  # not left out: every variable needs a gradient
        return self._from_labels(self._coarse(y), coarse) + weight * self._loss(y, soft, fine)

    def judged(self, y: tf.Tensor, answers: Any, only_coarse: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """The classes `[n]` and the logits by which this stage of the fit is judged."""
        if not self.coarse:
            return y, answers
        fine, coarse = answers
        return (self._coarse(y), coarse) if only_coarse else (y, fine)

    def _coarse(self, y: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(self.coarse), tf.cast(y, tf.int32))

    def _loss(self, y: tf.Tensor, soft: tf.Tensor, answers: tf.Tensor) -> tf.Tensor:
        hard_loss = self._from_labels(y, answers)
        if not self.distils:
            return hard_loss
        weight, temperature = self.recipe.distillation_weight, self.recipe.distillation_temperature
        # The gradients of softened answers are smaller by the temperature squared (Hinton et al. 2015, section 2).
        from_teachers = keras.losses.CategoricalCrossentropy(from_logits=True)
        soft_loss = temperature**2 * from_teachers(soft, answers / temperature)
        return (1 - weight) * hard_loss + weight * soft_loss

    def _from_labels(self, y: tf.Tensor, answers: tf.Tensor) -> tf.Tensor:
        cross_entropy = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.recipe.label_smoothing
        )
        return cross_entropy(tf.one_hot(y, answers.shape[-1]), answers)
