"""Load the networks of a run, each with its card, its calibration windows and its held-out windows."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.conversion_job import ConversionJob
from convert.keras_files import load_network
from edge_runtime.data import loading
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import Run
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_json


@dataclass(frozen=True)
class DataRecord:
    """The data that a run was trained on."""

    name: str
    fingerprint: str


@dataclass(frozen=True)
class TrainingRecord:
    """The part about training in a run's card that conversion needs."""

    data: DataRecord
    seed: int
    held_out_subjects: tuple[int | str, ...]
    selection_normalisation: Normalisation

    @classmethod
    def of(cls, card: Card, path: Path) -> "TrainingRecord":
        """Read the record from the card at `path`. Raises `InputError` if it is not a run's card."""
        try:
            record = from_json(cls, card.training)
            fault = record.selection_normalisation.fault(len(card.signals))
            if fault or not record.held_out_subjects or record.seed < 0:
                raise ValueError(fault or "it needs held-out subjects and a seed")
        except ValueError as error:
            raise InputError(f"{path} is not the card of a run (training: {error}): train again") from error
        return record


@dataclass(frozen=True)
class ConversionInput:
    """A network to convert; unless `is_labelled`, the classes of `held_out` differ from the card's."""

    name: str
    model: Any
    card: Card
    seed: int
    calibration: Split
    held_out: Split
    is_labelled: bool = True
    arrangement: str | None = None


def load_run_data(job: ConversionJob) -> Dataset:
    """Load the data of a job. Raises `InputError` if a run was trained on other data."""
    if job.file is not None:
        return loading.load_data(job.options.data)
    path = Run(job.source).card
    card = load(path)
    data = loading.load_data(job.options.data, card.window).as_for(card)
    training = TrainingRecord.of(card, path)
    if data.fingerprint != training.data.fingerprint:
        raise InputError(f"{path} was trained on other data ({training.data.name}): give its folder with --data")
    return data


def of_run(job: ConversionJob, data: Dataset) -> list[ConversionInput]:
    """Load both networks of a run. Raises `InputError` if its files do not fit together."""
    run = Run(job.source)
    card = load(run.card)
    training = TrainingRecord.of(card, run.card)
    named = {key: value for key, value in card.training["data"].items() if key != "path"}
    card = replace(card, training={**card.training, "data": named})
    is_held_out = np.isin(data.train.subject, training.held_out_subjects)
    fitting, held_out = data.train.select(~is_held_out), data.train.select(is_held_out)
    selection_card = replace(card, normalisation=training.selection_normalisation)
    networks = []
    for path, its_card, calibration in ((run.selection, selection_card, fitting), (run.model, card, data.train)):
        model = load_network(path)
        if (model.input_shape[1:], model.output_shape[1:]) != (card.input_shape, (len(card.labels),)):
            raise InputError(
                f"{path} takes {model.input_shape[1:]} and answers {model.output_shape[1:]}, but its card says "
                f"{card.input_shape} and {len(card.labels)} labels: the run folder is mixed up, train again"
            )
        networks.append(ConversionInput(path.stem, model, its_card, training.seed, calibration, held_out))
    return networks
