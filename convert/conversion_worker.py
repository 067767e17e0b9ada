"""Convert as a child process: a crash of TensorFlow becomes an error message, and a hang ends."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convert.conversion_job import NETWORKS, ConversionJob, ConversionReport, FormReport, NetworkReport
from convert.external_model import of_file
from convert.options import Options
from convert.parity import Logits, compare, relative_difference
from convert.quantise.raw_input import take_raw_windows
from convert.run_networks import ConversionInput, load_run_data, of_run
from convert.tensorflow_setup import import_tensorflow, short_of_memory
from edge_runtime.errors import InputError
from edge_runtime.model import operator_costs
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.graphs import read_graphs
from edge_runtime.model.model_card import write_model
from edge_runtime.model.scheme_names import FLOAT32, INT8, MIXED
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text, to_text
from edge_runtime.system.files import write_text
from edge_runtime.system.progress import OnProgress

if TYPE_CHECKING:
    from convert.lowering.network import Lowered


def main(text: str) -> None:
    """Do the job given as JSON, as a child of the command."""
    job = from_text(ConversionJob, text)

    def task(tell: child_processes.Tell) -> None:
        with short_of_memory("the conversion"):
            _convert(job, lambda share, stage: tell(stage=stage, share=share))

    child_processes.run_as_child(task)


def _convert(job: ConversionJob, tell: OnProgress) -> None:
    """Convert form by form, each of all networks, and report after each: what is finished outlives a time limit."""
    data = load_run_data(job)
    tell(0.0, "loading TensorFlow")
    import_tensorflow("har-edge convert")
    from convert.lowering.network import select_lowering
    from convert.quantise.schemes import SCHEMES

    inputs = of_run(job, data) if job.file is None else of_file(job, data)
    started = 0.1  # loading TensorFlow takes a tenth of the time
    networks = [_Network(x, *select_lowering(x.model, job.options.lstm)) for x in inputs]
    left_out = cannot_be_mixed(networks, job.options.schemes)
    schemes = (FLOAT32, *(x for x in job.options.schemes if x not in left_out))
    efforts = [SCHEMES[scheme].effort for scheme in schemes for _ in networks]
    ends = started + (1 - started) * np.cumsum([0, *efforts]) / sum(efforts)
    parts = (partial(_tell_part, tell, start, end) for start, end in pairwise(ends.tolist()))
    for scheme in schemes:
        for network in networks:
            part = next(parts)
            network.convert(scheme, job, part)
        if scheme == INT8 and job.options.or_mixed:
            left_out |= int8_or_mixed(networks, job, part)
        reports = {x.input.name: x.report() for x in networks}
        write_text(job.report, to_text(ConversionReport(**reports, left_out=left_out)))


def cannot_be_mixed(networks: "Sequence[_Network]", schemes: Sequence[str]) -> dict[str, str]:
    """The reason to leave out mixed, or `InputError` without int8: the network has no cell to keep in float."""
    if MIXED not in schemes or networks[0].has_cells:
        return {}
    reason = "the network has no recurrent cell that could stay in float"
    if INT8 not in schemes:
        raise InputError(f"the form mixed cannot be made: {reason}; use --quantize-as int8")
    return {MIXED: f"{reason}; int8 would be the same"}


def int8_or_mixed(networks: "Sequence[_Network]", job: ConversionJob, tell: OnProgress) -> dict[str, str]:
    """Which of int8 and mixed to leave out, with the reason; empty when int8 does well.

    The network with the most changed answers on its calibration windows decides for all. Mixed, which is not integer
    throughout, must change at most half as many as int8.
    """
    if not networks[0].has_cells:
        return {}
    int8 = max(x.share_changed(INT8, job) for x in networks)
    if 100 * int8 <= job.options.max_drop:
        return {}
    for network in networks:
        network.convert(MIXED, job, lambda _, text: tell(1.0, text))
    mixed = max(x.share_changed(MIXED, job) for x in networks)
    better, other = (MIXED, INT8) if mixed <= int8 / 2 else (INT8, MIXED)
    return {
        other: f"on calibration windows, int8 loses {100 * int8:.2f} percentage points of agreement with float32, "
        f"more than --max-drop {job.options.max_drop:g}, and mixed {100 * mixed:.2f}: {better} was written"
    }


class _Network:
    """A lowered network, and what is known so far of its converted forms."""

    def __init__(self, source: ConversionInput, lowered: "Lowered", reason: str) -> None:
        self.input = source
        self._lowered, self._reason = lowered, reason
        self._name = NETWORKS[source.name]
        normalised = source.card.normalisation.apply(source.held_out.X)
        self._expected = np.asarray(source.model(normalised, training=False))
        self._logits: dict[str, Logits] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._macs = 0  # of one window, in float32

    @property
    def has_cells(self) -> bool:
        """Whether it has recurrent layers whose cells could stay in float."""
        return self._lowered.n_steps > 0

    def share_changed(self, scheme: str, job: ConversionJob) -> float:
        """The share of calibration windows that the form `scheme` answers differently than float32."""
        X = self.input.calibration.X[self._calibration_rows(job.options)]
        float32, quantised = (
            Classifier(job.flatbuffer(self.input.name, x)).logits(X).argmax(1) for x in (FLOAT32, scheme)
        )
        return float(np.mean(float32 != quantised))

    def _calibration_rows(self, options: Options) -> npt.NDArray[np.intp]:
        from convert.quantise.calibration import draw_windows

        return draw_windows(self.input.calibration, options.calibration, self.input.seed)

    def convert(self, scheme: str, job: ConversionJob, tell: OnProgress) -> None:
        """Write the flatbuffer of the form `scheme`, and compare its answers."""
        tell(0.0, f"{scheme}: {self._name}")
        flatbuffer, self._facts[scheme] = self._quantise(scheme, job.options, tell)
        if scheme == FLOAT32:  # the first of all
            self._macs = sum(x.macs for x in operator_costs.count(read_graphs(flatbuffer)).values())
        card, path = self.input.card, job.flatbuffer(self.input.name, scheme)
        if job.options.io_type == "raw":
            flatbuffer, card = take_raw_windows(flatbuffer, card.normalisation), replace(card, raw_input=True)
        write_model(path, flatbuffer, card)
        self._logits[scheme] = Classifier(path).logits(self.input.held_out.X)

    def report(self) -> NetworkReport:
        """The report of the forms so far."""
        float32, source = self._logits[FLOAT32], self.input
        # Where the true classes are not known, float32's answers stand for them.
        y = source.held_out.y if source.is_labelled else float32.argmax(1).astype(np.uint8)
        return NetworkReport(
            is_labelled=source.is_labelled,
            subjects=len(np.unique(source.held_out.subject)),
            windows=len(float32),
            lowering=self._lowered.lowering,
            lowering_reason=self._reason,
            float32_accuracy=float(np.mean(float32.argmax(1) == y)) if source.is_labelled else None,
            float32_relative_difference=relative_difference(float32, self._expected),
            forms={
                scheme: FormReport(compare(float32, logits, y), self._facts[scheme])
                for scheme, logits in self._logits.items()
                if scheme != FLOAT32
            },
            arrangement=source.arrangement,
        )

    def _quantise(self, scheme: str, options: Options, tell: OnProgress) -> tuple[bytes, dict[str, Any]]:
        """The flatbuffer and the facts for its card."""
        from convert.quantise.calibration import calibrate
        from convert.quantise.schemes import SCHEMES

        lowered, source = self._lowered, self.input
        write, layout = SCHEMES[scheme].write, SCHEMES[scheme].layout
        if layout is None:
            return write(lowered), {}
        rows = self._calibration_rows(options)
        X = source.card.normalisation.apply(source.calibration.X[rows])
        what = f"{scheme}: {self._name}"
        ranges = calibrate(lowered, X, lambda share, text: tell(0.6 * share, f"{what}, {text}"), layout, self._macs)
        tell(0.6, what)
        rounded = {point: [round(x.low, 6), round(x.high, 6)] for point, x in ranges.items()}
        facts = {"calibration_windows": len(rows), "ranges": rounded}
        return write(lowered, ranges, layout), facts


def _tell_part(tell: OnProgress, start: float, end: float, share: float, text: str) -> None:
    """Tell the progress of a part of the work, which is between the shares `start` and `end` of the whole."""
    tell(start + (end - start) * share, text)
