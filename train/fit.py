"""One fit: a fixed number of epochs over windows, repeatable to the last bit and resumable after any epoch.

All randomness is keyed by (seed, stream, epoch, step), so that nothing depends on what was drawn before: a fit that was
stopped goes on exactly where the uninterrupted one would be.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.dataset import Split
from edge_runtime.errors import CheckFailedError
from edge_runtime.normalisation import Normalisation
from train.augment import augment
from train.batches import Batches, Key
from train.checkpoint import FitState
from train.history import Epoch, Step
from train.networks import build
from train.recipe import Recipe

N_BODY_SIGNALS = 6  # body acceleration and angular velocity come first, total acceleration follows


@dataclass(frozen=True)
class FitResult:
    """A trained network with the averaged weights in place, its normalisation and its history."""

    model: keras.Model
    normalisation: Normalisation
    history: list[Epoch]


def measure_normalisation(X: npt.NDArray[np.float32], recipe: Recipe) -> Normalisation:
    """Mean and standard deviation per signal of windows `[n, samples, 9]`, with the recipe's clip and knee."""
    mean, std = X.mean((0, 1), np.float64), X.std((0, 1), np.float64)
    knee = (recipe.knee or None,) * N_BODY_SIGNALS + (None,) * (X.shape[-1] - N_BODY_SIGNALS)
    return Normalisation(tuple(map(float, mean)), tuple(map(float, std)), (recipe.clip,) * X.shape[-1], knee)


def fit(
    title: str,
    train: Split,
    held_out: Split | None,
    n_classes: int,
    recipe: Recipe,
    key: Key,
    checkpoint: Path,
    on_step: Callable[[Step], None],
    hop: int = 0,
    soft_targets: npt.NDArray[np.float32] | None = None,
) -> FitResult:
    """Train the recipe's network, going on from `checkpoint` when it exists.

    Parameters
    ----------
    title : the fit in words, for sentences.
    train, held_out : windows in physical units; `held_out` is only ever evaluated.
    key : of all that is random; fits with different keys draw different numbers.
    on_step : called after each batch.
    hop : samples from one training window to the next of the same recording, for recipes that shift.
    soft_targets : `[n, n_classes]`, what teachers answer to the training windows, as probabilities at the recipe's
        temperature; None learns from the labels alone.

    Raises `CheckFailedError` when the loss stops being finite, `InputError` for a checkpoint that cannot be used.
    """
    # The initial weights too: Keras draws them from this seed.
    keras.utils.set_random_seed(int(key.sequence().generate_state(1)[0]))
    model = build(recipe.network, train.X.shape[1:], n_classes)
    normalisation = measure_normalisation(train.X, recipe)
    batches = Batches(train, n_classes, recipe, key, hop, soft_targets)
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, batches.steps * recipe.epochs)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=recipe.gradient_norm)
    optimizer.build(model.trainable_variables)
    average = [tf.Variable(x.value) for x in model.trainable_variables]
    state = FitState(model, optimizer, average, asked=f"{recipe} {key}")
    history = state.restore(checkpoint)
    train_step = _make_train_step(state, recipe, normalisation, n_classes, distils=soft_targets is not None)
    held_out_X = None if held_out is None else normalisation.apply(held_out.X)
    for epoch in range(len(history), recipe.epochs):
        _key_dropout(model, key.sequence(epoch))
        losses, hits = [], []
        for step, batch in enumerate(batches.of_epoch(epoch)):
            loss, accuracy = train_step(*map(tf.constant, batch), _decay(recipe, epoch * batches.steps + step))
            losses.append(float(loss))
            if not np.isfinite(losses[-1]):
                raise CheckFailedError(
                    f"the {title} diverged in epoch {epoch + 1} (its loss is {losses[-1]}): check the data"
                )
            hits.append(float(accuracy))
            on_step(Step(epoch, step, batches.steps, float(np.mean(losses)), float(np.mean(hits))))
        held_out_scores = (np.nan, np.nan)
        if held_out is not None and held_out_X is not None:
            held_out_scores = _evaluate(state, held_out_X, held_out.y)
        history.append(Epoch(epoch + 1, float(np.mean(losses)), float(np.mean(hits)), *held_out_scores))
        state.save(checkpoint, history)
    for variable, value in zip(model.trainable_variables, average, strict=True):
        variable.assign(value)
    return FitResult(model, normalisation, history)


def logits(model: keras.Model, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Logits `[n, n_classes]` of normalised windows, in batches."""
    return np.concatenate([np.asarray(model(X[i : i + 1024], training=False)) for i in range(0, len(X), 1024)])


def hash_weights(model: keras.Model) -> str:
    """SHA-256 over the weights, in Keras's order: equal for two trainings that went the same way."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _key_dropout(model: keras.Model, sequence: np.random.SeedSequence) -> None:
    """Give every random layer a seed that only depends on `sequence`; Keras counts it up with each step."""
    generators = [x.seed_generator for x in model.layers if getattr(x, "seed_generator", None) is not None]
    for generator, state in zip(generators, sequence.spawn(len(generators)), strict=True):
        generator.state.assign(state.generate_state(2))


def _decay(recipe: Recipe, step: int) -> tf.Tensor:
    """The average's decay: short at first, so that it does not remember the initial weights."""
    return tf.constant(min(recipe.averaging, (1 + step) / (10 + step)), tf.float32)


def _make_train_step(
    state: FitState, recipe: Recipe, normalisation: Normalisation, n_classes: int, distils: bool
) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    model, optimizer = state.model, state.optimizer
    from_labels = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    from_teachers = keras.losses.CategoricalCrossentropy(from_logits=True)
    weight, temperature = recipe.distillation_weight, recipe.distillation_temperature

    def loss_function(y: tf.Tensor, soft: tf.Tensor, answers: tf.Tensor) -> tf.Tensor:
        hard_loss = from_labels(tf.one_hot(y, n_classes), answers)
        if not distils:
            return hard_loss
        # The gradients of softened answers are smaller by the temperature squared (Hinton et al. 2015, section 2).
        soft_loss = temperature**2 * from_teachers(soft, answers / temperature)
        return (1 - weight) * hard_loss + weight * soft_loss

    @tf.function(autograph=False)
    def train_step(
        X: tf.Tensor, y: tf.Tensor, soft: tf.Tensor, key: tf.Tensor, decay: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            answers = model(augment(X, key, recipe, normalisation), training=True)
            loss = loss_function(y, soft, answers)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        for mean, variable in zip(state.average, model.trainable_variables, strict=True):
            mean.assign(decay * mean + (1 - decay) * variable.value)
        hits = tf.equal(tf.argmax(answers, 1), tf.cast(y, tf.int64))
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

    compiled: Callable[..., tuple[tf.Tensor, tf.Tensor]] = train_step
    return compiled


def _evaluate(state: FitState, X: npt.NDArray[np.float32], y: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Cross-entropy (without label smoothing) and accuracy of the averaged weights."""
    answers, _ = state.model.stateless_call(state.average, state.model.non_trainable_variables, X, training=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, answers)
    return float(loss), float(np.mean(np.argmax(answers, axis=1) == y))
