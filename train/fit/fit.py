"""One fit: a fixed number of epochs over windows, repeatable to the last bit and resumable after any epoch.

All randomness is keyed by (seed, stream, epoch, step), so that nothing depends on what was drawn before: a fit that was
stopped goes on exactly where the uninterrupted one would be.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.data.dataset import Split
from edge_runtime.errors import CheckFailedError
from edge_runtime.signals.normalisation import Normalisation
from train.fit.augment import augment
from train.fit.batches import Batches, Key
from train.fit.checkpoint import FitState
from train.fit.history import Epoch, Step
from train.fit.networks import build
from train.fit.objective import Objective
from train.fit.recipe import Recipe

N_LINEAR_SIGNALS = 3  # total acceleration comes last, after body acceleration and angular velocity


@dataclass(frozen=True)
class FitResult:
    """A trained network with the averaged weights in place, its normalisation and its history."""

    model: keras.Model
    normalisation: Normalisation
    history: list[Epoch]


def measure_normalisation(X: npt.NDArray[np.float32], recipe: Recipe) -> Normalisation:
    """Mean and standard deviation per signal of windows `[n, samples, n_signals]`, with the recipe's clip and knee."""
    mean, std = X.mean((0, 1), np.float64), X.std((0, 1), np.float64)
    knee = (recipe.knee or None,) * (X.shape[-1] - N_LINEAR_SIGNALS) + (None,) * N_LINEAR_SIGNALS
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
    coarse: Sequence[int] = (),
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
    coarse : the coarse class of each class, for recipes that learn those too.

    Raises `CheckFailedError` when the loss stops being finite, `InputError` for a checkpoint that cannot be used.
    """
    # The initial weights too: Keras draws them from this seed.
    keras.utils.set_random_seed(int(key.sequence().generate_state(1)[0]))
    network = build(recipe.network, train.X.shape[1:], n_classes)
    objective = Objective(recipe, coarse, distils=soft_targets is not None)
    model = objective.with_heads(network)
    normalisation = measure_normalisation(train.X, recipe)
    batches = Batches(train, n_classes, recipe, key, hop, soft_targets)
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, batches.steps * recipe.epochs)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=recipe.gradient_norm)
    optimizer.build(model.trainable_variables)
    average = [tf.Variable(x.value) for x in model.trainable_variables]
    state = FitState(model, optimizer, average, asked=f"{recipe} {key}")
    history = state.restore(checkpoint)
    train_step = _make_train_step(state, objective, normalisation)
    held_out_X = None if held_out is None else normalisation.apply(held_out.X)
    for epoch in range(len(history), recipe.epochs):
        _key_dropout(model, key.sequence(epoch))
        only_coarse = epoch < recipe.coarse_epochs
        losses, hits = [], []
        for step, batch in enumerate(batches.of_epoch(epoch)):
            decay = _decay(recipe, epoch * batches.steps + step)
            loss, accuracy = train_step(*map(tf.constant, batch), decay, only_coarse)
            losses.append(float(loss))
            if not np.isfinite(losses[-1]):
                raise CheckFailedError(
                    f"the {title} diverged in epoch {epoch + 1} (its loss is {losses[-1]}): check the data"
                )
            hits.append(float(accuracy))
            on_step(Step(epoch, step, batches.steps, float(np.mean(losses)), float(np.mean(hits))))
        held_out_scores = (np.nan, np.nan)
        if held_out is not None and held_out_X is not None:
            held_out_scores = _evaluate(state, objective, held_out_X, held_out.y, only_coarse)
        history.append(Epoch(epoch + 1, float(np.mean(losses)), float(np.mean(hits)), *held_out_scores))
        state.save(checkpoint, history)
    for variable, value in zip(model.trainable_variables, average, strict=True):
        variable.assign(value)
    return FitResult(network, normalisation, history)


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
    state: FitState, objective: Objective, normalisation: Normalisation
) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    model, optimizer = state.model, state.optimizer

    @tf.function(autograph=False)  # one graph for each value of `only_coarse`
    def train_step(
        X: tf.Tensor, y: tf.Tensor, soft: tf.Tensor, key: tf.Tensor, decay: tf.Tensor, only_coarse: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            answers = model(augment(X, key, objective.recipe, normalisation), training=True)
            loss = objective.loss(y, soft, answers, only_coarse)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        for mean, variable in zip(state.average, model.trainable_variables, strict=True):
            mean.assign(decay * mean + (1 - decay) * variable.value)
        classes, logits = objective.judged(y, answers, only_coarse)
        hits = tf.equal(tf.argmax(logits, 1), tf.cast(classes, tf.int64))
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

    compiled: Callable[..., tuple[tf.Tensor, tf.Tensor]] = train_step
    return compiled


def _evaluate(
    state: FitState, objective: Objective, X: npt.NDArray[np.float32], y: npt.NDArray[np.uint8], only_coarse: bool
) -> tuple[float, float]:
    """Cross-entropy (without label smoothing) and accuracy of the averaged weights."""
    answers, _ = state.model.stateless_call(state.average, state.model.non_trainable_variables, X, training=False)
    classes, logits = objective.judged(y, answers, only_coarse)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(classes, logits)
    return float(loss), float(np.mean(np.argmax(logits, axis=1) == np.asarray(classes)))
