"""The conversion process: TensorFlow is here, so that its crash is an error message and its hanging has an end."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.job import NETWORKS, Job
from convert.parity import Logits, accuracy, compare, relative_difference
from convert.training_record import TrainingRecord
from edge_runtime import children, dataset
from edge_runtime.card import Card, load, write_model
from edge_runtime.classifier import Classifier
from edge_runtime.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.files import write_text
from edge_runtime.host import import_tensorflow
from edge_runtime.runs import Run

if TYPE_CHECKING:
    from convert.calibration import Ranges
    from convert.lowering import Lowered

Tell = Callable[[float, str], None]
"""Hears the share of the work that is done, and what is being done."""

# About how long each form takes, in terms of float32's time: int8 has ranges to find.
_EFFORT = {"float16": 1, "dynamic": 1, "int8": 4}
_DIAGNOSIS_EFFORT = 1


def main(text: str) -> None:
    """Do the job given as JSON, as a child of the command."""
    job = Job.from_json(text)
    children.work(lambda tell: _convert(job, lambda share, stage: tell(stage=stage, share=share)))


def _load_data(card: Card, training: TrainingRecord, data: str | None) -> Dataset:
    """The data that the run was trained on. Raises `InputError` when what is there is something else."""
    loaded = dataset.load(Path(data) if data else None).as_for(card)
    if loaded.fingerprint != training.fingerprint:
        where = data or "embedded in the package"
        raise InputError(
            f"the run was trained on other data ({training.data_name}) than that {where}: give its folder with --data"
        )
    return loaded


def _convert(job: Job, tell: Tell) -> None:
    run = Run(Path(job.run))
    card = load(run.card)
    training = TrainingRecord.of(card, run.card)
    data = _load_data(card, training, job.data)
    tell(0.0, "loading TensorFlow")
    import_tensorflow("har-edge convert")
    held = np.isin(data.train.subject, training.held_out_subjects)
    held_out = data.train.select(held)
    final = Network("model", run.model, card, training.seed, data.train, held_out)
    selection_card = replace(card, normalisation=training.selection_normalisation)
    fitting = data.train.select(~held)
    selection = Network("selection", run.selection, selection_card, training.seed, fitting, held_out)
    # Loading TensorFlow takes a tenth of the time, the two networks share the rest.
    report = {
        "selection": _convert_network(selection, job, _part(tell, 0.1, 0.55)),
        "model": _convert_network(final, job, _part(tell, 0.55, 1.0)),
    }
    write_text(job.report, json.dumps(report))


@dataclass(frozen=True)
class Network:
    """One of the run's two networks, the windows to calibrate it with and the held-out windows to check it on."""

    name: str
    path: Path
    card: Card
    seed: int
    calibration: Split
    held_out: Split


def _convert_network(network: Network, job: Job, tell: Tell) -> dict[str, Any]:
    """Write the network's flatbuffers; return what the card and the gate need to know about them."""
    # TensorFlow comes with these.
    from convert import tflite
    from convert.keras_files import load_network
    from convert.lowering import lower

    what = NETWORKS[network.name]
    tell(0.0, f"{what}: float32")
    model = load_network(network.path)
    lowered = lower(model)
    _check_card(network, lowered.input_shape, lowered.n_outputs)
    windows = network.card.normalisation.apply(network.held_out.X)
    float32 = _write(job, network, "float32", tflite.to_float32(lowered))
    expected = np.asarray(model(windows, training=False))
    report: dict[str, Any] = {
        "windows": len(expected),
        "float32_accuracy": accuracy(float32, network.held_out.y),
        "float32_relative_difference": relative_difference(float32, expected),
        "forms": {},
    }
    is_diagnosed = job.diagnose and network.name == "model"  # the one that will be used
    done, total = 1, 1 + sum(_EFFORT[scheme] for scheme in job.schemes) + _DIAGNOSIS_EFFORT * is_diagnosed
    for scheme in job.schemes:
        end = done + _EFFORT[scheme]
        form = _quantise(lowered, scheme, network, job, _part(tell, done / total, end / total))
        answers = _write(job, network, scheme, form.flatbuffer)
        parity = asdict(compare(float32, answers, network.held_out.y))
        report["forms"][scheme] = {"parity": parity, "facts": form.facts}
        done = end
        if is_diagnosed and form.ranges is not None:
            done += _DIAGNOSIS_EFFORT
            report["diagnosis"] = _diagnose(
                network, lowered, form.ranges, answers, _part(tell, end / total, done / total)
            )
    return report


@dataclass(frozen=True)
class _Form:
    """A quantised form of a network; int8 has activation ranges, measured on so many windows."""

    flatbuffer: bytes
    calibration_windows: int = 0
    ranges: "Ranges | None" = None

    @property
    def facts(self) -> dict[str, Any]:
        """What its card says of how it was made."""
        from convert.calibration import describe

        if self.ranges is None:
            return {}
        return {"calibration_windows": self.calibration_windows, "ranges": describe(self.ranges)}


def _quantise(lowered: "Lowered", scheme: str, network: Network, job: Job, tell: Tell) -> _Form:
    from convert import tflite
    from convert.calibration import calibrate, draw_windows

    what = f"{NETWORKS[network.name]}: {scheme}"
    tell(0.0, what)
    if scheme == "float16":
        return _Form(tflite.to_float16(lowered))
    if scheme == "dynamic":
        return _Form(tflite.to_dynamic(lowered))
    rows = draw_windows(network.calibration, job.calibration, network.seed)
    calibration = network.card.normalisation.apply(network.calibration.X[rows])
    ranges = calibrate(lowered, calibration, lambda done, of: tell(0.6 * done / of, f"{what}, calibrating"))
    tell(0.6, what)
    return _Form(tflite.to_int8(lowered, ranges, job.io_type), len(rows), ranges)


def _diagnose(network: Network, lowered: "Lowered", ranges: "Ranges", int8: Logits, tell: Tell) -> dict[str, Any]:
    from convert.calibration import draw_windows
    from convert.diagnosis import WINDOWS, diagnose

    held_out = network.held_out
    rows = draw_windows(held_out, min(WINDOWS, len(held_out)), network.seed)
    what = f"{NETWORKS[network.name]}: int8, diagnosing"
    X = network.card.normalisation.apply(held_out.X[rows])
    return diagnose(lowered, ranges, X, int8[rows], lambda done, of: tell(done / of, what)).to_dict()


def _write(job: Job, network: Network, scheme: str, flatbuffer: bytes) -> Logits:
    """Leave the flatbuffer for the command; return its logits on the held-out windows, from the interpreter itself."""
    path = job.flatbuffer(network.name, scheme)
    write_model(path, flatbuffer, network.card)
    return Classifier(path).logits(network.held_out.X)


def _check_card(network: Network, input_shape: tuple[int, int], n_outputs: int) -> None:
    card = network.card
    if input_shape != card.input_shape or n_outputs != len(card.labels):
        raise InputError(
            f"{network.path} takes {input_shape} and answers {n_outputs} classes, but its card says {card.input_shape} "
            f"and {len(card.labels)}: the run folder is mixed up, train again"
        )


def _part(tell: Tell, start: float, end: float) -> Tell:
    """Tell of a part of the work as the share between `start` and `end` of the whole."""
    return lambda share, text: tell(start + (end - start) * share, text)
