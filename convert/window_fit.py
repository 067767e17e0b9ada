"""Fit a network to windows `[samples, signals]` by a reshape or transpose in front, or a fixed length."""

from collections.abc import Sequence
from math import prod
from typing import Any


def fit_to_windows(model: Any, samples: int, n_signals: int) -> tuple[Any, str | None]:
    """Return the network for windows `[samples, n_signals]`, and words on what was done to its input; None for nothing.

    A network that takes neither these windows nor the same values in another arrangement is returned as it is.
    """
    import keras

    fixed, shape = _fixed(model, samples, n_signals)
    words = None if fixed is model else f"fixed at {list(shape)}"
    if shape == (samples, n_signals):
        return fixed, words
    # Axes of one value change nothing.
    axes = tuple(x for x in shape if x != 1)
    is_turned = axes == (n_signals, samples)
    in_parts = axes[-1:] == (n_signals,) and prod(axes[:-1]) == samples
    if not (is_turned or in_parts or axes == (samples * n_signals,)):
        return model, None
    windows = x = keras.Input((samples, n_signals))
    if is_turned:
        x = keras.layers.Permute((2, 1), name="windows_transposed")(x)
    if x.shape[1:] != shape:
        x = keras.layers.Reshape(shape, name="windows_reshaped")(x)
    arranged = f"windows are {'transposed' if is_turned else 'reshaped'} to {list(shape)} in front"
    return keras.Model(windows, fixed(x), name=model.name), f"{words}, and {arranged}" if words else arranged


def samples_of(shape: Sequence[int | None], n_signals: int) -> int | None:
    """The length of the windows that an input of this `shape`, without the batch, takes; None where it takes any.

    It is None too for an input that `fit_to_windows` can arrange no windows of `n_signals` for.
    """
    axes = [x for x in shape if x != 1]
    known = [x for x in axes if x is not None]
    if len(known) < len(axes) or not known:
        return None
    if n_signals in (known[-1], *(known[:1] if len(known) == 2 else [])) or (len(known) == 1 and n_signals == 1):
        return prod(known) // n_signals
    return known[0] // n_signals if len(known) == 1 and known[0] % n_signals == 0 else None


def _fixed(model: Any, samples: int, n_signals: int) -> tuple[Any, tuple[int, ...]]:
    """The network with a fixed length where it takes any, and the shape of its input without the batch."""
    import keras

    shape = tuple(model.input_shape[1:])
    if None not in shape:
        return model, shape
    known = prod(x for x in shape if x is not None)
    if shape == (None, None):
        shape = (samples, n_signals)
    elif shape.count(None) == 1 and samples * n_signals % known == 0:
        shape = tuple(samples * n_signals // known if x is None else x for x in shape)
    else:
        return model, shape
    copy = keras.models.clone_model(model, input_tensors=keras.Input(shape))
    copy.set_weights(model.get_weights())
    return copy, shape
