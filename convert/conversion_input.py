"""Load the networks of a job, each with its card, its calibration windows and its held-out windows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.conversion_job import ConversionJob
from convert.keras_files import load_network
from convert.network_borders import as_logits, fit_to_windows, samples_of
from convert.tensorflow_setup import hash_weights
from edge_runtime.data import loading
from edge_runtime.data.data_sources import sources
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.mistaken_options import better_options
from edge_runtime.data.names import default_held_out
from edge_runtime.data.scores import Classes, fit_temperature
from edge_runtime.errors import InputError
from edge_runtime.live.decider import with_reachable_smoothing
from edge_runtime.model.card_options import normalisation_of
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import Run, remembered_data
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import Window
from edge_runtime.system.dataclass_json import from_json

_LENGTHS = (16, 3000)  # samples: 0.32 to 60 s, as in `har-edge train --window`


@dataclass(frozen=True)
class ConversionInput:
    """A network to convert; unless `is_labelled`, the classes of `held_out` differ from the card's.

    `advice` names options with which its answers would be right more often, or is empty.
    """

    name: str
    model: Any
    card: Card
    seed: int
    calibration: Split
    held_out: Split
    is_labelled: bool = True
    arrangement: str | None = None
    advice: str = ""


def load_data(job: ConversionJob) -> Dataset:
    """Load the data of a job. Raises `InputError` if a run was trained on other data."""
    if not job.is_run:
        return loading.load_data(job.data)
    path = Run(job.source).card
    card = load(path)
    data = loading.load_data(job.data or remembered_data(job.network), card.window).as_for(card)
    if data.fingerprint != card.training_data["fingerprint"]:
        name = card.training_data["name"]
        raise InputError(f"{path} was trained on other data ({name}): give its folder with --data")
    return data


def load_networks(job: ConversionJob, data: Dataset) -> list[ConversionInput]:
    """Load the selection network and the final network of a run, or only the network of a file.

    Raises `InputError` if the files of a run, or a file, its options and the data, do not fit together.
    """
    return _of_run(job, data) if job.is_run else [_of_file(job, data)]


def _of_run(job: ConversionJob, data: Dataset) -> list[ConversionInput]:
    run = Run(job.source)
    card = load(run.card)
    named = {key: value for key, value in card.training_data.items() if key != "path"}
    card = replace(card, training={**card.training, "data": named})
    is_held_out = np.isin(data.train.subject, card.training["held_out_subjects"])
    fitting, held_out = data.train.select(~is_held_out), data.train.select(is_held_out)
    selection_card = replace(card, normalisation=from_json(Normalisation, card.training["selection_normalisation"]))
    networks = []
    for path, its_card, calibration in ((run.selection, selection_card, fitting), (run.model, card, data.train)):
        model = load_network(path)
        if (model.input_shape[1:], model.output_shape[1:]) != (card.input_shape, (len(card.labels),)):
            raise InputError(
                f"{path} takes {model.input_shape[1:]} and answers {model.output_shape[1:]}, but its card says "
                f"{card.input_shape} and {len(card.labels)} labels: the run folder is mixed up, train again"
            )
        networks.append(ConversionInput(path.stem, model, its_card, card.training["seed"], calibration, held_out))
    return networks


def _of_file(job: ConversionJob, data: Dataset) -> ConversionInput:
    """Load the network of a file, and make its card; the check is on held-out training subjects of the data."""
    path = job.source
    model = as_logits(load_network(path))
    layers = [type(layer).__name__ for layer in model.layers]
    data = _of_its_length(model, job, data)
    if job.signals is not None:
        data = data.select(job.signals)
    expected = (data.window.samples, len(data.signals))
    model, arrangement = fit_to_windows(model, *expected)
    if model.input_shape[1:] != expected:
        raise InputError(
            f"{path} takes {model.input_shape[1:]}, but windows of '{data.name}' are {expected}: give matching windows "
            "with --data windows.npz, or name the signals that it takes with --signals"
        )
    spelling = {_key(label): label for label in data.labels}
    labels = tuple(spelling.get(_key(label), label) for label in job.labels or data.labels)
    if model.output_shape[1:] != (len(labels),):
        raise InputError(
            f"{path} distinguishes {model.output_shape[-1]} classes, but there are {len(labels)} labels: name a label "
            "for each of its outputs with --labels, and two for a sigmoid"
        )
    card = Card(
        name=path.stem,
        labels=labels,
        signals=data.signals,
        window=data.window,
        normalisation=normalisation_of(job.normalisation, len(data.signals), data.train.X),
        front_end=data.front_end,
        network={"name": str(model.name), "parameters": int(model.count_params()), "layers": layers}
        | {"weights_sha256": hash_weights(model)}
        | ({"input": arrangement} if arrangement else {}),
    )
    train, is_labelled = _relabel(data, labels)
    is_held_out = held_out_windows(train)
    calibration, held_out = train.select(~is_held_out), train.select(is_held_out)
    advice = ""

    def predicted(option: str, order: Sequence[int]) -> Classes:
        with np.errstate(divide="ignore", invalid="ignore"):  # a signal may be constant
            windows = normalisation_of(option, len(order), data.train.X[..., order]).apply(held_out.X[..., order])
        return np.asarray(model(windows, training=False)).argmax(1)

    if is_labelled:  # on all windows: the network may have been trained on any, and the held-out people are few
        parts = np.array_split(card.normalisation.apply(train.X), 1 + len(train) // 1024)
        # Keras's predict refuses some names of layers.
        logits = np.concatenate([np.asarray(model(part, training=False)) for part in parts])
        card = replace(card, temperature=fit_temperature(logits, train.y))
        card = with_reachable_smoothing(card, logits, train.y)
        advice = better_options(predicted, held_out.y, labels, card.signal_names, job.normalisation)
    return ConversionInput("model", model, card, 0, calibration, held_out, is_labelled, arrangement, advice)


def held_out_windows(train: Split) -> npt.NDArray[np.bool_]:
    """Return a mask `[n]` of the training windows that the check is on, as `har-edge train` holds subjects out."""
    return np.isin(train.subject, default_held_out(train.subject.tolist()))


def _of_its_length(model: Any, job: ConversionJob, data: Dataset) -> Dataset:
    """Return the data in windows of the network's length, each of which shares half with the next."""
    samples = samples_of(model.input_shape[1:], len(job.signals or data.signals))
    if samples is None or samples == data.window.samples:
        return data
    if not loading.DataReader(sources(job.data)).has_recordings or not _LENGTHS[0] <= samples <= _LENGTHS[1]:
        raise InputError(
            f"{job.source} takes windows of {samples} samples, but '{data.name}' has {data.window}: give windows of "
            f"this length with --data or, for {_LENGTHS[0]} to {_LENGTHS[1]:,} samples, recordings"
        )
    return loading.load_data(job.data, Window(float(RATE_HZ), samples, samples // 2))


def _key(label: str) -> str:
    """Return the label without case and separators, in which data and options may differ."""
    return re.sub(r"[\s_-]+", "", label.casefold())


def _relabel(data: Dataset, labels: tuple[str, ...]) -> tuple[Split, bool]:
    """Return the training windows of classes in `labels` and True, or all windows and False if no names match."""
    shared = [label for label in data.labels if label in labels]
    if len(shared) < 2 or not {len(labels), len(data.labels)} & {len(shared)}:
        return data.train, False
    shared_windows = data.train.select(np.isin(data.train.y, [data.labels.index(label) for label in shared]))
    new_class = np.array([labels.index(label) if label in labels else 0 for label in data.labels], np.uint8)
    return replace(shared_windows, y=new_class[shared_windows.y]), True
