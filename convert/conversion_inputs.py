"""The networks of a job, each with its card, the windows to calibrate it with and those to check it on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convert.conversion_job import ConversionJob, FileOptions
from convert.training_record import TrainingRecord
from edge_runtime.data import loading
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import Run
from edge_runtime.signals.frontend import filters_of
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_json

if TYPE_CHECKING:
    import keras

NO_CLIP = 1000.0
"""Beyond all that recordings may hold, in g, rad/s or standard deviations."""

_EVERY = 4  # one in so many training subjects is kept for the check


@dataclass(frozen=True)
class Network:
    """A network to convert.

    `is_labelled` says whether the classes of `held_out` are those of the card; else answers are only compared.
    """

    name: str
    path: Path
    model: "keras.Model"
    card: Card
    seed: int
    calibration: Split
    held_out: Split
    is_labelled: bool = True

    @property
    def windows(self) -> npt.NDArray[np.float32]:
        """The windows to check it on, as it takes them."""
        return self.card.normalisation.apply(self.held_out.X)


def load_data(job: ConversionJob) -> Dataset:
    """The data that the job is about: of a run, the signals and classes that it was trained on.

    Raises `InputError` when a run was trained on other data.
    """
    data = loading.load_data(Path(job.data) if job.data else None)
    if job.file is not None:
        return data
    path = Run(Path(job.source)).card
    card = load(path)
    data = data.as_for(card)
    training = TrainingRecord.of(card, path)
    if data.fingerprint != training.fingerprint:
        where = job.data or "embedded in the package"
        raise InputError(
            f"the run was trained on other data ({training.data_name}) than that {where}: give its folder with --data"
        )
    return data


def of_run(job: ConversionJob, data: Dataset) -> list[Network]:
    """The selection network and the final network of a run; TensorFlow must be there.

    Raises `InputError` when the run's files do not belong together.
    """
    run = Run(Path(job.source))
    card = load(run.card)
    training = TrainingRecord.of(card, run.card)
    held = np.isin(data.train.subject, training.held_out_subjects)
    fitting, held_out = data.train.select(~held), data.train.select(held)
    selection_card = replace(card, normalisation=training.selection_normalisation)
    return [
        _of_run("selection", run.selection, selection_card, training.seed, fitting, held_out),
        _of_run("model", run.model, card, training.seed, data.train, held_out),
    ]


def _of_run(name: str, path: Path, card: Card, seed: int, calibration: Split, held_out: Split) -> Network:
    from convert.keras_files import load_network

    model = load_network(path)
    if (model.input_shape[1:], model.output_shape[1:]) != (card.input_shape, (len(card.labels),)):
        raise InputError(
            f"{path} takes {model.input_shape[1:]} and answers {model.output_shape[1:]}, but its card says "
            f"{card.input_shape} and {len(card.labels)} labels: the run folder is mixed up, train again"
        )
    return Network(name, path, model, card, seed, calibration, held_out)


def of_file(job: ConversionJob, data: Dataset) -> list[Network]:
    """The network in a `.keras` file made elsewhere, with a card of its own; TensorFlow must be there.

    One in four training subjects of the data is kept for the check; whether the network was trained on them, only its
    maker knows. Raises `InputError` when the file, its options and the data do not fit each other.
    """
    from convert.keras_files import as_logits, load_network

    assert job.file is not None
    path = Path(job.source)
    model = as_logits(load_network(path))
    data = _with_signals(path, model, job.file, data)
    labels = _labels(path, model, job.file, data)
    card = Card(
        name=path.stem,
        labels=labels,
        signals=data.signals,
        window=data.window,
        normalisation=_normalisation(job.file, data),
        front_end=filters_of(data.signals, data.window.rate_hz),
        network={
            "name": str(model.name),
            "parameters": int(model.count_params()),
            "layers": [type(x).__name__ for x in model.layers],
        },
    )
    train, is_labelled = _relabel(data, labels)
    held = np.isin(train.subject, np.unique(train.subject)[::_EVERY])
    if held.all():
        raise InputError(f"the data '{data.name}' has one training subject: calibration and check need one each")
    return [Network("model", path, model, card, 0, train.select(~held), train.select(held), is_labelled)]


def _with_signals(path: Path, model: Any, options: FileOptions, data: Dataset) -> Dataset:
    if options.signals is not None:
        data = data.select(options.signals)
    expected = (data.window.samples, len(data.signals))
    if len(model.input_shape) != 3 or model.input_shape[1:] != expected:
        named = (
            "that --signals names" if options.signals is not None else "of the data: name those it takes with --signals"
        )
        raise InputError(
            f"{path} takes {_shape(model.input_shape)}, and windows are [{expected[0]}, {expected[1]}]: "
            f"{expected[0]} samples at {data.window.rate_hz:g} Hz of the {expected[1]} signals {named}"
        )
    return data


def _labels(path: Path, model: Any, options: FileOptions, data: Dataset) -> tuple[str, ...]:
    labels = options.labels or data.labels
    if model.output_shape[1:] != (len(labels),):
        given = "--labels names" if options.labels else f"the data '{data.name}' has"
        raise InputError(
            f"{path} answers {_shape(model.output_shape)}, and {given} {len(labels)} classes: "
            "name one for each of its outputs with --labels"
        )
    return labels


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if x is None else str(x) for x in shape[1:])}]"


def _normalisation(options: FileOptions, data: Dataset) -> Normalisation:
    n = len(data.signals)
    no_clip, no_knee = (NO_CLIP,) * n, (None,) * n
    if options.normalisation == "none":
        return Normalisation((0.0,) * n, (1.0,) * n, no_clip, no_knee)
    if options.normalisation == "data":
        X = data.train.X.reshape(-1, n).astype(np.float64)
        return Normalisation(tuple(map(float, X.mean(0))), tuple(map(float, X.std(0))), no_clip, no_knee)
    assert not isinstance(options.normalisation, str)
    given = from_json(Normalisation, {"clip": list(no_clip), "knee": list(no_knee)} | dict(options.normalisation))
    if fault := given.fault(n):
        raise InputError(f"--normalisation {fault}")
    return given


def _relabel(data: Dataset, labels: tuple[str, ...]) -> tuple[Split, bool]:
    """The training windows with classes counted in `labels`, without those of other classes; all, if names differ."""
    shared = [x for x in data.labels if x in labels]
    if len(shared) < 2 or not {len(labels), len(data.labels)} & {len(shared)}:
        return data.train, False
    kept = data.train.select(np.isin(data.train.y, [data.labels.index(x) for x in shared]))
    place = np.array([labels.index(x) if x in labels else 0 for x in data.labels], np.uint8)
    return replace(kept, y=place[kept.y]), True
