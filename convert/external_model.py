"""Load an external model: a Keras file that har-edge did not make, with options for its card."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.conversion_job import ConversionJob, FileOptions
from convert.keras_files import load_network
from convert.network_borders import as_logits, fit_to_windows, samples_of
from convert.run_networks import ConversionInput
from edge_runtime.data import loading
from edge_runtime.data.data_sources import sources
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.scores import fit_temperature
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.signals.types import Window
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.outside_files import parse_json, read_text

_LENGTHS = (16, 3000)  # samples: 0.32 to 60 s, as in `har-edge train --window`
_HELD_OUT_EVERY = 4  # every fourth training subject is held out for the check


def read_options(labels: str | None, signals: str | None, normalisation: str | None) -> FileOptions:
    """Read `--labels`, `--signals` and `--normalisation`. Raises `InputError` for values that cannot be used."""
    return FileOptions(
        labels=_names("--labels", _lines(labels), 2) if labels is not None else None,
        signals=_names("--signals", signals.split(","), 1) if signals is not None else None,
        normalisation=_read_normalisation(normalisation or "none"),
    )


def _lines(text: str) -> list[str]:
    """Return the lines of the file `text` or, if there is no such file, the names between commas."""
    path = Path(text)
    if not path.is_file() and path.suffix != ".txt":
        return text.split(",")
    try:
        return read_text(path, "a list of labels").splitlines()
    except OSError as error:
        raise InputError(f"--labels {path} ({error.strerror}): give a text file with one label per line") from error


def _names(option: str, texts: list[str], at_least: int) -> tuple[str, ...]:
    names = tuple(text.strip() for text in texts if text.strip())
    if len(names) < at_least or len(set(names)) != len(names):
        raise InputError(f"{option} is '{', '.join(names)}': give at least {at_least} different names")
    return names


def _read_normalisation(text: str) -> Mapping[str, Any] | str:
    if text in ("none", "data"):
        return text
    try:
        content = parse_json(read_text(Path(text), "a normalisation"))
        if isinstance(content.get("normalisation"), dict):  # a card
            content = content["normalisation"]
        if not {"mean", "std"} <= content.keys() <= {"mean", "std", "clip", "knee"}:
            raise ValueError("it needs mean and std, and may have clip and knee")
        if content.get("knee") and "clip" not in content:  # a knee bends values, but leaves the clip where it is
            raise ValueError("a knee needs a clip")
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(
            f'--normalisation {text} cannot be used ({reason}): give none, data, or a file with {{"mean": [...], '
            '"std": [...]}, one number per signal'
        ) from error
    return dict(content)


def of_file(job: ConversionJob, data: Dataset) -> list[ConversionInput]:
    """Load the network of a Keras file, and make its card; the check is on held-out training subjects of the data.

    Raises `InputError` if the file, its options and the data do not fit each other.
    """
    assert job.file is not None
    path = job.source
    model = as_logits(load_network(path))
    layers = [type(layer).__name__ for layer in model.layers]
    data = _of_its_length(model, job, data)
    if job.file.signals is not None:
        data = data.select(job.file.signals)
    expected = (data.window.samples, len(data.signals))
    model, arrangement = fit_to_windows(model, *expected)
    if model.input_shape[1:] != expected:
        raise InputError(
            f"{path} takes {model.input_shape[1:]}, but windows of '{data.name}' are {expected}: give matching windows "
            "with --data windows.npz, or name the signals that it takes with --signals"
        )
    labels = job.file.labels or data.labels
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
        normalisation=_normalisation(job.file, data),
        front_end=data.front_end,
        network={"name": str(model.name), "parameters": int(model.count_params()), "layers": layers}
        | ({"input": arrangement} if arrangement else {}),
    )
    train, is_labelled = _relabel(data, labels)
    is_held_out = held_out_windows(train)
    if is_held_out.all():
        raise InputError(f"the data '{data.name}' has only one training subject, and the check needs another: add data")
    calibration, held_out = train.select(~is_held_out), train.select(is_held_out)
    if is_labelled:  # on all windows: the network may have been trained on any, and the held-out people are few
        parts = np.array_split(card.normalisation.apply(train.X), 1 + len(train) // 1024)
        logits = np.concatenate([np.asarray(model(part, training=False)) for part in parts])
        card = replace(card, temperature=fit_temperature(logits, train.y))
    return [ConversionInput("model", model, card, 0, calibration, held_out, is_labelled, arrangement)]


def held_out_windows(train: Split) -> npt.NDArray[np.bool_]:
    """Return a mask `[n]` of the training windows that the check is on: the windows of one in four subjects."""
    return np.isin(train.subject, np.unique(train.subject)[::_HELD_OUT_EVERY])


def _of_its_length(model: Any, job: ConversionJob, data: Dataset) -> Dataset:
    """Return the data in windows of the network's length, each of which shares half with the next."""
    assert job.file is not None
    samples = samples_of(model.input_shape[1:], len(job.file.signals or data.signals))
    if samples is None or samples == data.window.samples:
        return data
    if not loading.DataReader(sources(job.options.data)).has_recordings or not _LENGTHS[0] <= samples <= _LENGTHS[1]:
        raise InputError(
            f"{job.source} takes windows of {samples} samples, but '{data.name}' has {data.window}: give windows of "
            f"this length with --data or, for {_LENGTHS[0]} to {_LENGTHS[1]:,} samples, recordings"
        )
    return loading.load_data(job.options.data, Window(float(RATE_HZ), samples, samples // 2))


def _normalisation(options: FileOptions, data: Dataset) -> Normalisation:
    n = len(data.signals)
    no_clip, no_knee = (NO_CLIP,) * n, (None,) * n
    if options.normalisation == "none":
        return Normalisation((0.0,) * n, (1.0,) * n, no_clip, no_knee)
    if options.normalisation == "data":
        X = data.train.X.reshape(-1, n).astype(np.float64)
        return Normalisation(tuple(map(float, X.mean(0))), tuple(map(float, X.std(0))), no_clip, no_knee)
    assert not isinstance(options.normalisation, str)
    content = {"clip": list(no_clip), "knee": list(no_knee)} | dict(options.normalisation)
    normalisation = from_json(Normalisation, content)
    if fault := normalisation.fault(n):
        raise InputError(f"--normalisation {fault}")
    return normalisation


def _relabel(data: Dataset, labels: tuple[str, ...]) -> tuple[Split, bool]:
    """Return the training windows of classes in `labels` and True, or all windows and False if no names match."""
    shared = [label for label in data.labels if label in labels]
    if len(shared) < 2 or not {len(labels), len(data.labels)} & {len(shared)}:
        return data.train, False
    shared_windows = data.train.select(np.isin(data.train.y, [data.labels.index(label) for label in shared]))
    new_class = np.array([labels.index(label) if label in labels else 0 for label in data.labels], np.uint8)
    return replace(shared_windows, y=new_class[shared_windows.y]), True
