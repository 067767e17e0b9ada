"""Convert as a child process: a crash of TensorFlow becomes an error message, and a hang ends."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.conversion_inputs import ConversionInput, load_data, of_run
from convert.conversion_job import NETWORKS, ConversionJob, ConversionReport, FormReport, NetworkReport, Options
from convert.diagnosis.precision import Diagnosis
from convert.external_model import of_file
from convert.parity import Logits, accuracy, compare, relative_difference
from edge_runtime.host.tensorflow_setup import import_tensorflow
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import write_model
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text, to_text
from edge_runtime.system.files import write_text

if TYPE_CHECKING:
    from convert.lowering.network import Lowered
    from convert.quantise.calibration import Ranges

Tell = Callable[[float, str], None]
"""Called with the share of the work that is done, and the name of the next part."""

# About how long each form takes, in terms of float32's time: int8 has ranges to find.
_EFFORT = {"float16": 1, "dynamic": 1, "int8": 4}
_DIAGNOSIS_EFFORT = 1


def main(text: str) -> None:
    """Do the job given as JSON, as a child of the command."""
    job = from_text(ConversionJob, text)
    child_processes.run_as_child(lambda tell: _convert(job, lambda share, stage: tell(stage=stage, share=share)))


def _convert(job: ConversionJob, tell: Tell) -> None:
    data = load_data(job)
    tell(0.0, "loading TensorFlow")
    import_tensorflow("har-edge convert")
    networks = of_run(job, data) if job.file is None else of_file(job, data)
    # Loading TensorFlow takes a tenth of the time, the networks share the rest.
    shares = np.linspace(0.1, 1.0, len(networks) + 1)
    reports: dict[str, NetworkReport] = {}
    lowering: tuple[str, str] | None = None
    for network, (start, end) in zip(networks, pairwise(shares.tolist()), strict=True):
        done = reports[network.name] = _convert_network(network, job, lowering, _part(tell, start, end))
        lowering = done.lowering, done.lowering_reason  # both networks of a run have one form
    write_text(job.report, to_text(ConversionReport(**reports)))


def _convert_network(
    network: ConversionInput, job: ConversionJob, lowering: tuple[str, str] | None, tell: Tell
) -> NetworkReport:
    """Write the network's flatbuffers, lowered as `lowering` says, with the reason, or else as the job does."""
    # TensorFlow comes with these.
    from convert.lowering.network import lower
    from convert.lowering_selection import select_lowering
    from convert.quantise import tflite_converter

    options = job.options
    tell(0.0, f"{NETWORKS[network.name]}: float32")
    if lowering is None:
        measured = "int8" if "int8" in options.schemes else "float32"
        max_size = round(1000 * options.max_size)
        selected = select_lowering(network.model, options.lstm, measured, max_size, network.windows)
        lowered, lowering = selected.network, (selected.lowering, selected.reason)
    else:
        lowered = lower(network.model, fused=lowering[0] == "fused")
    float32 = _write(job, network, "float32", tflite_converter.to_float32(lowered))
    expected = np.asarray(network.model(network.windows, training=False))
    # Where the true classes are not known, float32's answers stand for them.
    y = network.held_out.y if network.is_labelled else float32.argmax(1).astype(np.uint8)
    forms: dict[str, FormReport] = {}
    diagnosis = None
    is_diagnosed = options.diagnose and network.name == "model"  # the one that will be used
    done, total = 1, 1 + sum(_EFFORT[scheme] for scheme in options.schemes) + _DIAGNOSIS_EFFORT * is_diagnosed
    for scheme in options.schemes:
        end = done + _EFFORT[scheme]
        part = _part(tell, done / total, end / total)
        flatbuffer, facts, ranges = _quantise(lowered, scheme, network, options, part)
        answers = _write(job, network, scheme, flatbuffer)
        forms[scheme] = FormReport(compare(float32, answers, y), facts)
        done = end
        if is_diagnosed and ranges is not None:
            done += _DIAGNOSIS_EFFORT
            diagnosis = _diagnose(network, lowered, ranges, answers, _part(tell, end / total, done / total))
    return NetworkReport(
        is_labelled=network.is_labelled,
        subjects=len(np.unique(network.held_out.subject)),
        windows=len(expected),
        lowering=lowering[0],
        lowering_reason=lowering[1],
        float32_accuracy=accuracy(float32, y) if network.is_labelled else None,
        float32_relative_difference=relative_difference(float32, expected),
        forms=forms,
        diagnosis=diagnosis,
    )


def _quantise(
    lowered: "Lowered", scheme: str, network: ConversionInput, options: Options, tell: Tell
) -> tuple[bytes, dict[str, Any], "Ranges | None"]:
    """The flatbuffer, the facts for its card and int8's activation ranges; only the converter knows a fused LSTM's."""
    from convert.quantise import tflite_converter
    from convert.quantise.calibration import calibrate, draw_windows

    what = f"{NETWORKS[network.name]}: {scheme}"
    tell(0.0, what)
    if scheme == "float16":
        return tflite_converter.to_float16(lowered), {}, None
    if scheme == "dynamic":
        return tflite_converter.to_dynamic(lowered), {}, None
    rows = draw_windows(network.calibration, options.calibration, network.seed)
    calibration = network.card.normalisation.apply(network.calibration.X[rows])
    facts: dict[str, Any] = {"calibration_windows": len(rows)}
    if lowered.is_fused:
        return tflite_converter.to_int8_by_samples(lowered, calibration, options.io_type), facts, None
    ranges = calibrate(lowered, calibration, lambda done, of: tell(0.6 * done / of, f"{what}, calibrating"))
    tell(0.6, what)
    facts["ranges"] = {point: [round(x.low, 6), round(x.high, 6)] for point, x in ranges.items()}
    return tflite_converter.to_int8(lowered, ranges, options.io_type), facts, ranges


def _diagnose(network: ConversionInput, lowered: "Lowered", ranges: "Ranges", int8: Logits, tell: Tell) -> Diagnosis:
    from convert.diagnosis.noise_measurement import WINDOWS, diagnose
    from convert.quantise.calibration import draw_windows

    held_out = network.held_out
    rows = draw_windows(held_out, min(WINDOWS, len(held_out)), network.seed)
    what = f"{NETWORKS[network.name]}: int8, diagnosing"
    X = network.card.normalisation.apply(held_out.X[rows])
    return diagnose(lowered, ranges, X, int8[rows], lambda done, of: tell(done / of, what))


def _write(job: ConversionJob, network: ConversionInput, scheme: str, flatbuffer: bytes) -> Logits:
    """Write the flatbuffer for the command; return its logits on the held-out windows, from the interpreter itself."""
    path = job.flatbuffer(network.name, scheme)
    write_model(path, flatbuffer, network.card)
    return Classifier(path).logits(network.held_out.X)


def _part(tell: Tell, start: float, end: float) -> Tell:
    """Report the progress of a part of the work, between the shares `start` and `end` of the whole."""
    return lambda share, text: tell(start + (end - start) * share, text)
