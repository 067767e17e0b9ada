"""Load an external model, a `.keras` file not made by har-edge, with options that make its card."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.conversion_inputs import ConversionInput
from convert.conversion_job import ConversionJob, FileOptions
from convert.keras_files import as_logits, load_network
from convert.window_fit import fit_to_windows, samples_of
from edge_runtime.data import loading
from edge_runtime.data.data_sources import sources
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.signals.types import Window
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.outside_files import parse_json, read_text

_LENGTHS = (16, 3000)  # samples: of windows that are worth cutting, 0.32 to 60 s as of `har-edge train --window`
_HELD_OUT_EVERY = 4  # one in so many training subjects is held out for the check
_FORM = '{"mean": [...], "std": [...]}, one number per signal'


def read_options(labels: str | None, signals: str | None, normalisation: str | None) -> FileOptions:
    """Read `--labels`, `--signals` and `--normalisation`. Raises `InputError` for values that cannot be used."""
    return FileOptions(
        labels=_names("--labels", _lines(labels), 2) if labels is not None else None,
        signals=_names("--signals", signals.split(","), 1) if signals is not None else None,
        normalisation=_read_normalisation(normalisation or "none"),
    )


def _lines(text: str) -> list[str]:
    """The lines of the file that `text` names or, if there is none, the names between commas."""
    path = Path(text)
    if not path.is_file():
        if path.suffix == ".txt":
            raise InputError(f"--labels {text} does not exist: give a file with one label a line, or names, as A,B,C")
        return text.split(",")
    try:
        return read_text(path, "a list of labels").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"--labels {path} is no text: give a file with one label a line") from error


def _names(option: str, given: list[str], at_least: int) -> tuple[str, ...]:
    names = tuple(x.strip() for x in given if x.strip())
    if len(names) < at_least or len(set(names)) != len(names):
        raise InputError(f"{option} must name at least {at_least}, each once; it names {', '.join(names) or 'none'}")
    return names


def _read_normalisation(text: str) -> Mapping[str, Any] | str:
    if text in ("none", "data"):
        return text
    path = Path(text)
    if not path.is_file():
        raise InputError(f"--normalisation {text} is no file: give one with {_FORM}, or none, or data")
    try:
        content = parse_json(read_text(path, "a normalisation"))
    except ValueError as error:
        raise InputError(f"--normalisation {path} is not JSON ({error}): it must hold {_FORM}") from error
    if isinstance(content, dict) and isinstance(content.get("normalisation"), dict):  # a card
        content = content["normalisation"]
    if not isinstance(content, dict) or not {"mean", "std"} <= set(content) <= {"mean", "std", "clip", "knee"}:
        raise InputError(f"--normalisation {path} must hold {_FORM}, and may hold clip and knee")
    if content.get("knee") and "clip" not in content:  # it bends values so that those at the clip stay
        raise InputError(f"--normalisation {path} has a knee and no clip, to which a knee refers: add clip")
    return content


def of_file(job: ConversionJob, data: Dataset) -> list[ConversionInput]:
    """Load the network in a `.keras` file, with a card of its own; TensorFlow must be there.

    One in four training subjects of the data is held out for the check; whether the network was trained on them, only
    its maker knows. Raises `InputError` when the file, its options and the data do not fit each other.
    """
    assert job.file is not None
    path = job.source
    model = as_logits(load_network(path))
    layers = [type(x).__name__ for x in model.layers]
    data = _with_signals(job.file, _of_its_length(model, job, data))
    model, arrangement = _taking_windows(path, model, job.file, data)
    labels = _labels(path, model, job.file, data)
    card = Card(
        name=path.stem,
        labels=labels,
        signals=data.signals,
        window=data.window,
        normalisation=_normalisation(job.file, data),
        front_end=data.front_end,
        network={
            "name": str(model.name),
            "parameters": int(model.count_params()),
            "layers": layers,
        }
        | ({"input": arrangement} if arrangement else {}),
    )
    train, is_labelled = _relabel(data, labels)
    is_held_out = held_out_windows(train)
    if is_held_out.all():
        raise InputError(
            f"the data '{data.name}' has fewer than two training subjects: calibration and check need one each"
        )
    calibration, held_out = train.select(~is_held_out), train.select(is_held_out)
    return [ConversionInput("model", model, card, 0, calibration, held_out, is_labelled, arrangement)]


def _of_its_length(model: Any, job: ConversionJob, data: Dataset) -> Dataset:
    """The data in windows as long as the network takes them, half of each shared with the next.

    Raises `InputError` for another length than that of windows that somebody has cut.
    """
    assert job.file is not None
    n_signals = len(job.file.signals or data.signals)
    samples = samples_of(model.input_shape[1:], n_signals)
    if samples is None or samples == data.window.samples:
        return data
    if not loading.has_recordings(sources(job.options.data)):
        raise InputError(
            f"{job.source} takes windows of {samples} samples, and those of '{data.name}' are cut already, to "
            f"{data.window}: give recordings, or windows of this length, with --data"
        )
    if not _LENGTHS[0] <= samples <= _LENGTHS[1]:
        raise InputError(
            f"{job.source} takes windows of {samples} samples, and recordings are cut into those of {_LENGTHS[0]} to "
            f"{_LENGTHS[1]:,}: give windows of this length with --data"
        )
    return loading.load_data(job.options.data, Window(float(RATE_HZ), samples, samples // 2))


def _with_signals(options: FileOptions, data: Dataset) -> Dataset:
    return data if options.signals is None else data.select(options.signals)


def _taking_windows(path: Path, model: Any, options: FileOptions, data: Dataset) -> tuple[Any, str | None]:
    """The network for windows of the data, and words on how they are arranged for it, if they have to be."""
    expected = (data.window.samples, len(data.signals))
    model, arrangement = fit_to_windows(model, *expected)
    if model.input_shape[1:] != expected:
        named = (
            "that --signals names" if options.signals is not None else "of the data: name those it takes with --signals"
        )
        raise InputError(
            f"{path} takes {_shape(model.input_shape)}, and windows are [{expected[0]}, {expected[1]}]: "
            f"{data.window} of the {expected[1]} signals {named}"
        )
    return model, arrangement


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
    """The training windows of classes in `labels`, and True; all windows and False if the names do not match."""
    shared = [x for x in data.labels if x in labels]
    if len(shared) < 2 or not {len(labels), len(data.labels)} & {len(shared)}:
        return data.train, False
    shared_windows = data.train.select(np.isin(data.train.y, [data.labels.index(x) for x in shared]))
    new_class = np.array([labels.index(x) if x in labels else 0 for x in data.labels], np.uint8)
    return replace(shared_windows, y=new_class[shared_windows.y]), True


def held_out_windows(train: Split) -> npt.NDArray[np.bool_]:
    """Tell of each training window `[n]` whether the check is on it: those of one in four subjects."""
    return np.isin(train.subject, np.unique(train.subject)[::_HELD_OUT_EVERY])
