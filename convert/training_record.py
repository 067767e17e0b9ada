"""What a run's card says about its training, as far as the conversion depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_json


@dataclass(frozen=True)
class TrainingRecord:
    """The data, the seed and the held-out subjects of a training, and the normalisation of its selection network."""

    data_name: str
    fingerprint: str
    seed: int
    held_out_subjects: tuple[int | str, ...]
    selection_normalisation: Normalisation

    @classmethod
    def of(cls, card: Card, path: Path) -> "TrainingRecord":
        """Read the record from the card at `path`; `InputError` when it is not that of a run."""
        try:
            return _read(card.training, len(card.signals))
        except (KeyError, TypeError, ValueError) as error:
            what = f"training.{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{path} is not the card of a run ({what}): copy it again, or train again") from error


def _read(training: Mapping[str, Any], n_signals: int) -> TrainingRecord:
    data, seed, held_out = training["data"], training["seed"], training["held_out_subjects"]
    normalisation = training["selection_normalisation"]
    if not isinstance(data, Mapping) or not isinstance(normalisation, Mapping):
        raise TypeError("training.data and training.selection_normalisation must be objects")
    if not isinstance(seed, int) or seed < 0:
        raise ValueError("training.seed must be a whole number from 0")
    if not isinstance(held_out, list) or not held_out or not all(isinstance(x, int | str) for x in held_out):
        raise ValueError("training.held_out_subjects must be a list of subjects")
    values = from_json(Normalisation, normalisation)
    if fault := values.fault(n_signals):
        raise ValueError(f"training.selection_normalisation {fault}")
    return TrainingRecord(str(data["name"]), str(data["fingerprint"]), seed, tuple(held_out), values)
