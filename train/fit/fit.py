"""Fit one network: a fixed number of epochs over windows, repeatable to the last bit and resumable after any epoch.

All randomness is keyed by (seed, stream, epoch, step): no number depends on what was drawn before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.tensorflow_setup import hash_weights
from edge_runtime.data.dataset import Split
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.system.files import atomic_path
from train.fit.augment import Shifts, augment
from train.fit.fit_job import Epoch, FitJob, FitOutcome
from train.fit.named_networks import build
from train.fit.signal_normalisation import measure_normalisation

NEVER = -1e4  # the logit of a class that is not possible


def fit(
    job: FitJob, train: Split, held_out: Split | None, on_epoch: Callable[[Epoch], None]
) -> tuple[keras.Model, FitOutcome]:
    """Train the network of the job's recipe on windows in physical units, from the job's checkpoint on if it exists.

    `held_out` is only evaluated; `on_epoch` hears of each epoch. Returns the network with the averaged weights.
    Raises `CheckFailedError` if the loss stops being finite, `InputError` for the checkpoint of another fit.
    """
    recipe, steps = job.recipe, job.recipe.steps_per_epoch(len(train))
    # The initial weights too: Keras draws them from this seed.
    keras.utils.set_random_seed(int(job.sequence().generate_state(1)[0]))
    model = build(recipe.network, train.X.shape[1:], job.n_classes)
    normalisation = measure_normalisation(train.X, recipe, job.signals)
    shifts = Shifts(train, job.hop) if recipe.shift and job.hop else None
    if held_out is not None:
        held_out = replace(held_out, X=normalisation.apply(held_out.X))

    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps * recipe.epochs)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=recipe.gradient_norm)
    optimizer.build(model.trainable_variables)
    average = [tf.Variable(variable.value) for variable in model.trainable_variables]
    variables = [*model.variables, *optimizer.variables, *average]  # all that changes, in Keras's own order

    @tf.function(autograph=False)
    def train_step(
        X: tf.Tensor, y: tf.Tensor, possible: tf.Tensor, key: tf.Tensor, decay: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = model(augment(X, key, recipe, normalisation, job.signals), training=True)
            loss = training_loss(y, logits, possible, recipe.label_smoothing)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        for mean, variable in zip(average, model.trainable_variables, strict=True):
            mean.assign(decay * mean + (1 - decay) * variable.value)
        hits = tf.equal(tf.argmax(logits, 1), tf.cast(y, tf.int64))
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

    def evaluate(split: Split) -> tuple[float, float]:
        """Compute cross-entropy, without label smoothing, and accuracy of the averaged weights."""
        logits, _ = model.stateless_call(average, model.non_trainable_variables, split.X, training=False)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(split.y, logits)
        return float(loss), float(np.mean(np.argmax(logits, axis=1) == split.y))

    identity = f"{recipe}, seed {job.seed}, stream {job.stream}"
    history = restore_checkpoint(job.checkpoint, identity, variables)
    for epoch in range(len(history), recipe.epochs):
        _key_dropout(model, job.sequence(epoch))
        losses, hits = [], []
        for step, batch in enumerate(batches(train, shifts, job, epoch)):
            done = epoch * steps + step
            # The average decays fast at first, so that it forgets the initial weights.
            decay = tf.constant(min(recipe.averaging, (1 + done) / (10 + done)), tf.float32)
            loss, accuracy = train_step(*map(tf.constant, batch), decay)
            losses.append(float(loss))
            if not np.isfinite(losses[-1]):
                raise CheckFailedError(f"the {job.title} diverged in epoch {epoch + 1} ({losses[-1]}): check the data")
            hits.append(float(accuracy))
        held_out_scores = (np.nan, np.nan) if held_out is None else evaluate(held_out)
        history.append(Epoch(epoch + 1, float(np.mean(losses)), float(np.mean(hits)), *held_out_scores))
        on_epoch(history[-1])
        save_checkpoint(job.checkpoint, identity, variables, history)

    for variable, value in zip(model.trainable_variables, average, strict=True):
        variable.assign(value)
    return model, FitOutcome(
        normalisation=normalisation,
        history=history,
        weights_sha256=hash_weights(model),
        parameters=model.count_params(),
        layers=[f"{layer.name}: {type(layer).__name__}" for layer in model.layers],
        versions={"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
    )


def batches(
    train: Split, shifts: Shifts | None, job: FitJob, epoch: int
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.bool_], npt.NDArray[np.int32]]]:
    """Yield the batches of one epoch, shuffled: windows, classes, possible classes, and the key of the augmentation.

    Windows `[batch, samples, n_signals]` are in physical units, classes `[batch]`. Possible classes
    `[batch, n_classes]` are the classes of a window's placement, or all. The key is an int32 pair.
    """
    recipe = job.recipe
    sequence, steps = job.sequence(epoch), recipe.steps_per_epoch(len(train))
    order = np.random.default_rng(sequence).permutation(len(train))
    keys = sequence.generate_state(2 * steps).view(np.int32).reshape(steps, 2)
    generator, of_postures = (np.random.default_rng(job.sequence(epoch, part)) for part in (1, 2))
    mountings = np.zeros(len(train), np.int32) if train.mounting is None else train.mounting
    classes = np.arange(job.n_classes)
    by_mounting = job.placement_labels or [classes] * (1 + mountings.max())
    possible = np.array([np.isin(classes, labels) for labels in by_mounting])
    for step in range(steps):
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        X = train.X[rows] if shifts is None else shifts.cut(rows, shifts.draw(rows, generator))
        y = train.y[rows]
        for posture in job.made_postures:
            X, y = posture.apply(X, y, mountings[rows], job.signals, of_postures)
        yield X, y, possible[mountings[rows]], keys[step]


def training_loss(y: tf.Tensor, logits: tf.Tensor, possible: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    """Compute the cross-entropy of `logits` for windows of classes `y` `[n]`, with smoothed labels.

    The softmax is over the `possible` classes `[n, n_classes]`.
    """
    among = tf.cast(possible, tf.float32)
    smooth = label_smoothing * among / tf.reduce_sum(among, axis=1, keepdims=True)
    target = (1 - label_smoothing) * tf.one_hot(y, logits.shape[-1]) + smooth
    return keras.losses.CategoricalCrossentropy(from_logits=True)(target, tf.where(possible, logits, NEVER))


def _key_dropout(model: keras.Model, sequence: np.random.SeedSequence) -> None:
    """Give every random layer a seed of `sequence`; Keras increments it at each step."""
    generators = [layer.seed_generator for layer in model.layers if getattr(layer, "seed_generator", None) is not None]
    for generator, state in zip(generators, sequence.spawn(len(generators)), strict=True):
        generator.state.assign(state.generate_state(2))


def save_checkpoint(path: Path, identity: str, variables: Sequence[Any], history: Sequence[Epoch]) -> None:
    """Write a checkpoint (`.npz`), whole or not at all; `identity` is the fit's."""
    arrays: dict[str, Any] = {f"variable_{i}": np.asarray(x) for i, x in enumerate(variables)}
    rows = np.array([astuple(epoch) for epoch in history], np.float64)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, asked=np.array(identity), history=rows, **arrays)


def restore_checkpoint(path: Path, identity: str, variables: Sequence[Any]) -> list[Epoch]:
    """Assign the checkpoint at `path`, if there is one, to `variables`, and return the history so far.

    Raises `InputError` if the checkpoint belongs to another fit.
    """
    if not path.exists():
        return []
    with np.load(path, allow_pickle=False) as content:
        if content["asked"] != identity:
            raise InputError(f"the checkpoint {path} belongs to another training; delete it to repeat this fit")
        for i, variable in enumerate(variables):
            variable.assign(content[f"variable_{i}"])
        return [Epoch(int(epoch), *map(float, rest)) for epoch, *rest in content["history"]]
