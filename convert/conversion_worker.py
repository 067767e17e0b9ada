"""Convert as a child process: a crash of TensorFlow becomes an error message, and a hang ends."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.conversion_inputs import ConversionInput, load_data, of_run
from convert.conversion_job import NETWORKS, ConversionJob, ConversionReport, FormReport, NetworkReport, Options
from convert.diagnosis.precision import Diagnosis
from convert.external_model import of_file
from convert.parity import Logits, accuracy, compare, relative_difference
from edge_runtime.host.tensorflow_setup import import_tensorflow, short_of_memory
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
_EFFORT = {"float32": 1, "float16": 1, "dynamic": 1, "int8": 4}
_DIAGNOSIS_EFFORT = 1


def main(text: str) -> None:
    """Do the job given as JSON, as a child of the command."""
    job = from_text(ConversionJob, text)

    def task(tell: child_processes.Tell) -> None:
        with short_of_memory("the conversion"):
            _convert(job, lambda share, stage: tell(stage=stage, share=share))

    child_processes.run_as_child(task)


def _convert(job: ConversionJob, tell: Tell) -> None:
    """Convert form by form, each of all networks, and report after each: what is finished outlives a time limit."""
    data = load_data(job)
    tell(0.0, "loading TensorFlow")
    import_tensorflow("har-edge convert")
    inputs = of_run(job, data) if job.file is None else of_file(job, data)
    started = 0.1  # loading TensorFlow takes a tenth of the time
    networks = _lowered(inputs, job)
    diagnosed = networks[-1] if job.options.diagnose else None  # the one that will be used
    schemes = ("float32", *job.options.schemes)
    efforts = [_EFFORT[scheme] for scheme in schemes for _ in networks] + [_DIAGNOSIS_EFFORT] * bool(diagnosed)
    ends = started + (1 - started) * np.cumsum([0, *efforts]) / sum(efforts)
    parts = (_part(tell, start, end) for start, end in pairwise(ends.tolist()))

    def report() -> None:
        write_text(job.report, to_text(ConversionReport(**{x.input.name: x.report() for x in networks})))

    for scheme in schemes:
        for network in networks:
            network.convert(scheme, job, next(parts))
        report()
    if diagnosed:
        diagnosed.diagnose(next(parts))
        report()


def _lowered(inputs: Sequence[ConversionInput], job: ConversionJob) -> "list[_Network]":
    from convert.lowering_selection import select_lowering  # TensorFlow comes with it

    selected = [(x, select_lowering(x.model, job.options.lstm)) for x in inputs]
    return [_Network(x, chosen.network, chosen.reason) for x, chosen in selected]


class _Network:
    """A lowered network, and what is known of the forms that it was converted to so far."""

    def __init__(self, source: ConversionInput, lowered: "Lowered", reason: str) -> None:
        self.input = source
        self._lowered, self._reason = lowered, reason
        self._name = NETWORKS[source.name]
        self._expected = np.asarray(source.model(source.windows, training=False))
        self._logits: dict[str, Logits] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._ranges: Ranges | None = None  # of int8
        self._diagnosis: Diagnosis | None = None

    def convert(self, scheme: str, job: ConversionJob, tell: Tell) -> None:
        """Write the flatbuffer of the form `scheme`, and compare its answers."""
        tell(0.0, f"{scheme}: {self._name}")
        flatbuffer, self._facts[scheme] = self._quantise(scheme, job.options, tell)
        self._logits[scheme] = _write(job, self.input, scheme, flatbuffer)

    def diagnose(self, tell: Tell) -> None:
        """Measure where the int8 form loses precision."""
        from convert.diagnosis.noise_measurement import WINDOWS, diagnose
        from convert.quantise.calibration import draw_windows

        if self._ranges is None:
            return
        held_out = self.input.held_out
        rows = draw_windows(held_out, min(WINDOWS, len(held_out)), self.input.seed)
        X = self.input.card.normalisation.apply(held_out.X[rows])
        int8 = self._logits["int8"][rows]
        what = f"diagnosing int8: {self._name}"
        self._diagnosis = diagnose(self._lowered, self._ranges, X, int8, lambda done, of: tell(done / of, what))

    def report(self) -> NetworkReport:
        """What is known so far."""
        float32, source = self._logits["float32"], self.input
        # Where the true classes are not known, float32's answers stand for them.
        y = source.held_out.y if source.is_labelled else float32.argmax(1).astype(np.uint8)
        return NetworkReport(
            is_labelled=source.is_labelled,
            subjects=len(np.unique(source.held_out.subject)),
            windows=len(float32),
            lowering=self._lowered.lowering,
            lowering_reason=self._reason,
            float32_accuracy=accuracy(float32, y) if source.is_labelled else None,
            float32_relative_difference=relative_difference(float32, self._expected),
            forms={
                scheme: FormReport(compare(float32, logits, y), self._facts[scheme])
                for scheme, logits in self._logits.items()
                if scheme != "float32"
            },
            diagnosis=self._diagnosis,
            arrangement=source.arrangement,
        )

    def _quantise(self, scheme: str, options: Options, tell: Tell) -> tuple[bytes, dict[str, Any]]:
        """The flatbuffer and the facts for its card."""
        from convert.quantise import tflite_converter
        from convert.quantise.calibration import calibrate, draw_windows

        lowered, source = self._lowered, self.input
        direct = {
            "float32": tflite_converter.to_float32,
            "float16": tflite_converter.to_float16,
            "dynamic": tflite_converter.to_dynamic,
        }
        if scheme in direct:
            return direct[scheme](lowered), {}
        rows = draw_windows(source.calibration, options.calibration, source.seed)
        calibration = source.card.normalisation.apply(source.calibration.X[rows])
        facts: dict[str, Any] = {"calibration_windows": len(rows)}
        what = f"{scheme}: {self._name}"
        self._ranges = calibrate(
            lowered, calibration, lambda done, of: tell(0.6 * done / of, f"{what}, range {done} of {of}")
        )
        tell(0.6, what)
        facts["ranges"] = {point: [round(x.low, 6), round(x.high, 6)] for point, x in self._ranges.items()}
        return tflite_converter.to_int8(lowered, self._ranges), facts


def _write(job: ConversionJob, network: ConversionInput, scheme: str, flatbuffer: bytes) -> Logits:
    """Write the flatbuffer for the command; return its logits on the held-out windows, from the interpreter itself."""
    from convert.quantise.raw_input import take_raw_windows

    path, card = job.flatbuffer(network.name, scheme), network.card
    if job.options.io_type == "raw":
        flatbuffer, card = take_raw_windows(flatbuffer, card.normalisation), replace(card, raw_input=True)
    write_model(path, flatbuffer, card)
    return Classifier(path).logits(network.held_out.X)


def _part(tell: Tell, start: float, end: float) -> Tell:
    """Report the progress of a part of the work, between the shares `start` and `end` of the whole."""
    return lambda share, text: tell(start + (end - start) * share, text)
