"""Build networks of a family, whose numbers a trial of Optuna suggests, and name each network by its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from train.fit.networks import strided

if TYPE_CHECKING:
    import keras

Family: TypeAlias = Callable[[Any, tuple[int, int], int], "keras.Model"]
"""Takes a trial of Optuna or a `Chosen`, (samples, n_signals) of a window, and the number of classes."""


_WIDTHS = (8, 16, 32, 48)  # beyond 8, multiples of 16: the C file pads to these


def strided_network(trial: Any, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build one or two strided convolutions, and an LSTM or GRU over 4 to 16 steps, as `edge` and `edge-tiny`."""
    numbers = range(trial.suggest_int("convolutions", 1, 2))
    filters = [trial.suggest_categorical(f"filters_{i + 1}", _WIDTHS) for i in numbers]
    overlaps = [trial.suggest_float(f"overlap_{i + 1}", 1.0, 2.25, step=0.25) for i in numbers]
    cell, units = trial.suggest_categorical("cell", ("lstm", "gru")), trial.suggest_categorical("units", _WIDTHS)
    dropout = trial.suggest_float("dropout", 0.0, 0.3, step=0.1)
    return strided("strided", input_shape, n_classes, [*zip(filters, overlaps, strict=True)], cell, units, dropout)


FAMILIES: dict[str, Family] = {"strided": strided_network}


def name_of(family: str, numbers: Mapping[str, Any]) -> str:
    """Return the name of a network for `--network`: `FAMILY@NAME=NUMBER,...`."""
    return f"{family}@{','.join(f'{key}={value}' for key, value in numbers.items())}"


class Chosen:
    """Suggests, as a trial does, the numbers in the name of a network."""

    def __init__(self, network: str) -> None:
        self._numbers = dict(pair.partition("=")[::2] for pair in network.partition("@")[2].split(","))

    def suggest_int(self, name: str, *_: Any, **__: Any) -> int:
        """Return the number in the name."""
        return int(self._numbers[name])

    def suggest_float(self, name: str, *_: Any, **__: Any) -> float:
        """Return the number in the name."""
        return float(self._numbers[name])

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the choice in the name."""
        return {str(choice): choice for choice in choices}[self._numbers[name]]
