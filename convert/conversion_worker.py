"""Convert as a child process: a crash of TensorFlow becomes an error message, and a hang ends."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.conversion_input import ConversionInput, load_data, load_networks
from convert.conversion_job import ConversionJob
from convert.parity import FLOAT_TOLERANCE, Logits, Parity, compare, relative_difference
from convert.quantise.raw_input import take_raw_windows
from convert.tensorflow_setup import import_tensorflow
from edge_runtime.data.scores import confusion_matrix, is_chance, per_class
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.graphs import read_graphs
from edge_runtime.model.macs import count_macs
from edge_runtime.model.model_card import Card, write_model
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32, INT8, MIXED
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text
from edge_runtime.system.progress import OnProgress

NETWORKS = {"selection": "selection network", "model": "final network"}
"""The two networks of a run in words, by file name; a Keras file has only the second."""


@dataclass(frozen=True)
class ConversionResult:
    """The forms that are converted so far, float32 among them, and how each compares with float32.

    `parities` belong to the selection network or, without a selection network, to the final network, on windows of
    `subjects` held-out subjects; without `is_labelled`, accuracies mean nothing. `missing` gives the reason for each
    form that is not to be written; forms that lose too much are `lossy` too. `signals` and `labels` name inputs and
    outputs; `advice` is for options that look wrong. `is_chance` tells whether float32 is labelled and not better than
    always giving the same label.
    """

    lowering: str
    arrangement: str | None
    float32_difference: float
    is_labelled: bool
    subjects: int
    parities: Mapping[str, Parity]
    missing: Mapping[str, str] = field(default_factory=dict)
    lossy: tuple[str, ...] = ()
    window: str = ""
    signals: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    advice: str = ""
    is_chance: bool = False

    @property
    def schemes(self) -> list[str]:
        """The forms to write."""
        return [scheme for scheme in self.parities if scheme not in self.missing]


def flatbuffer_path(scratch: Path, network: str, scheme: str) -> Path:
    """Return the path of the converted `network` (`selection` or `model`)."""
    return scratch / f"{network}_{scheme}.tflite"


def main(text: str, scratch: str) -> None:
    """Do the job given as JSON, as a child of the command; the models go into the empty folder `scratch`."""
    job = from_text(ConversionJob, text)
    child_processes.run_as_child(lambda tell: _convert(job, Path(scratch), tell))


def _convert(job: ConversionJob, scratch: Path, tell: child_processes.Tell) -> None:
    """Convert all networks form by form."""
    data = load_data(job)
    tell(stage="loading TensorFlow", share=0.0)
    import_tensorflow("har-edge convert")

    networks: list[_Network] = []
    for source in load_networks(job, data):
        networks.append(_Network(source, job, scratch, selection=networks[0] if networks else None))
    left_out = cannot_be_mixed(networks, job.schemes)
    schemes = [scheme for scheme in (FLOAT32, *job.schemes) if scheme not in left_out]
    finished = 0

    def on_progress(share: float, stage: str) -> None:
        tell(stage=stage, share=min(1.0, (finished + share) / (len(schemes) * len(networks))))

    for scheme in schemes:
        for network in networks:
            network.convert(scheme, on_progress)
            finished += 1
        if scheme == INT8 and job.or_mixed:
            left_out |= int8_or_mixed(networks, job.max_drop, on_progress)
    tell(result=asdict(_result(networks, left_out, job.max_drop)))


def cannot_be_mixed(networks: "Sequence[_Network]", schemes: Sequence[str]) -> dict[str, str]:
    """Return the reason to leave out mixed, if the network has no cell to keep in float.

    Raises `InputError` if int8 is not among the `schemes`.
    """
    if MIXED not in schemes or networks[0].has_cells:
        return {}
    reason = "the network has no recurrent cell that could stay in float"
    if INT8 not in schemes:
        raise InputError(f"the form mixed cannot be made: {reason}; use --quantize-as int8")
    return {MIXED: f"{reason}; int8 would be the same"}


def int8_or_mixed(networks: "Sequence[_Network]", max_drop: float, on_progress: OnProgress) -> dict[str, str]:
    """Return the reason to leave out int8 or mixed; empty if int8 does well.

    The network with the most changed answers on its calibration windows decides for all. Mixed, which is not integer
    throughout, must change at most half as many as int8.
    """
    if not networks[0].has_cells:
        return {}
    int8 = max(network.share_changed(INT8) for network in networks)
    if 100 * int8 <= max_drop:
        return {}
    for network in networks:
        network.convert(MIXED, lambda _, text: on_progress(1.0, text))
    mixed = max(network.share_changed(MIXED) for network in networks)
    better, worse = (MIXED, INT8) if mixed <= int8 / 2 else (INT8, MIXED)
    return {
        worse: f"on calibration windows, int8 loses {100 * int8:.2f} percentage points of agreement with float32, "
        f"more than --max-drop {max_drop:g}, and mixed {100 * mixed:.2f}: {better} was written"
    }


def check_float(difference: float) -> None:
    """Raise `CheckFailedError` if the `difference` of float32's logits from the network's is not a rounding error."""
    if not difference <= FLOAT_TOLERANCE:  # NaN fails too
        raise CheckFailedError(
            f"the float32 model's logits differ from the network's by {difference:.2g} of the greatest (allowed: "
            f"{FLOAT_TOLERANCE:g}); no model was written"
        )


def lossy_forms(parities: Mapping[str, Mapping[str, Parity]], is_labelled: bool, max_drop: float) -> dict[str, str]:
    """Return the loss, in words, of each form beyond `max_drop` points; `parities` are by network and form."""
    of_what = "on the held-out subjects" if is_labelled else "of agreement with float32"
    return {
        scheme: f"{scheme}{f' of the {NETWORKS[network]}' if len(parities) > 1 else ''} loses {parity.drop:.2f} "
        f"percentage points {of_what}"
        for network, forms in parities.items()
        for scheme, parity in forms.items()
        if parity.drop > max_drop
    }


def _result(networks: "Sequence[_Network]", left_out: Mapping[str, str], max_drop: float) -> ConversionResult:
    """Return the result of the forms that are converted so far."""
    compared, final = networks[0], networks[-1]
    losses = lossy_forms({x.source.name: x.parities for x in networks}, compared.source.is_labelled, max_drop)
    lossy = {scheme: loss for scheme, loss in losses.items() if scheme not in left_out}
    return ConversionResult(
        lowering=f"{final.lowered.lowering}: {final.lowering_reason}",
        arrangement=final.source.arrangement,
        float32_difference=max(network.float32_difference for network in networks),
        is_labelled=compared.source.is_labelled,
        subjects=len(np.unique(compared.source.held_out.subject)),
        parities=compared.parities,
        missing={**left_out, **lossy},
        lossy=tuple(lossy),
        window=str(final.source.card.window),
        signals=tuple(final.source.card.signal_names),
        labels=final.source.card.labels,
        advice=final.source.advice,
        is_chance=compared.is_chance,
    )


class _Network:
    """A lowered network, and the parities of its converted forms; `selection` is the selection network of its run."""

    float32_difference: float
    _float32: Logits
    _macs: int  # of one window, in float32

    def __init__(
        self, source: ConversionInput, job: ConversionJob, scratch: Path, selection: "_Network | None" = None
    ) -> None:
        from convert.lowering.network import select_lowering
        from convert.quantise.calibration import draw_windows

        self.source, self._job, self._scratch, self._selection = source, job, scratch, selection
        self.lowered, self.lowering_reason = select_lowering(source.model, job.lstm)
        normalised = source.card.normalisation.apply(source.held_out.X)
        self._expected = np.asarray(source.model(normalised, training=False))
        self._windows = source.calibration.X[draw_windows(source.calibration, job.calibration, source.seed)]
        self.parities: dict[str, Parity] = {}

    @property
    def has_cells(self) -> bool:
        """Whether it has recurrent layers whose cells could stay in float."""
        return self.lowered.n_steps > 0

    @property
    def is_chance(self) -> bool:
        """Whether float32's answers can be scored, and are not better than always giving the same label."""
        source, labels = self.source, self.source.card.labels
        if not source.is_labelled:
            return False
        confusion = confusion_matrix(source.held_out.y, self._float32.argmax(1), len(labels))
        return is_chance(per_class(confusion, labels))

    def _path(self, scheme: str) -> Path:
        return flatbuffer_path(self._scratch, self.source.name, scheme)

    def share_changed(self, scheme: str) -> float:
        """Return the share of calibration windows that the form `scheme` answers differently than float32."""
        paths = (self._path(form) for form in (FLOAT32, scheme))
        float32, quantised = (Classifier(path).logits(self._windows).argmax(1) for path in paths)
        return float(np.mean(float32 != quantised))

    def convert(self, scheme: str, on_progress: OnProgress) -> None:
        """Write the form `scheme` with its card, after float32 and after the selection network's form.

        Raises `CheckFailedError` if float32 is another network.
        """
        stage = f"{scheme}: {NETWORKS[self.source.name]}"
        on_progress(0.0, stage)
        flatbuffer, facts = self._quantise(scheme, lambda share, detail: on_progress(share, stage + detail))
        if scheme == FLOAT32:
            self._macs = count_macs(read_graphs(flatbuffer))
        card, path = self.source.card, self._path(scheme)
        if self._job.io_type == "raw":
            flatbuffer, card = take_raw_windows(flatbuffer, card.normalisation), replace(card, raw_input=True)
        write_model(path, flatbuffer, card)
        logits = Classifier(path).logits(self.source.held_out.X)
        if scheme == FLOAT32:
            self._float32, self.float32_difference = logits, relative_difference(logits, self._expected)
            check_float(self.float32_difference)
        # Where the true classes are not known, float32's answers stand for them.
        y = self.source.held_out.y if self.source.is_labelled else self._float32.argmax(1).astype(np.uint8)
        self.parities[scheme] = compare(self._float32, logits, y)
        write_model(path, flatbuffer, self._complete(card, scheme, facts))

    def _quantise(self, scheme: str, on_progress: OnProgress) -> tuple[bytes, dict[str, Any]]:
        """Return the flatbuffer, and the facts of its calibration for the card."""
        from convert.quantise.calibration import calibrate
        from convert.quantise.tflite_converter import LAYOUTS, UNCALIBRATED, to_int8

        if scheme in UNCALIBRATED:
            return UNCALIBRATED[scheme](self.lowered), {}
        layout = LAYOUTS[scheme]
        X = self.source.card.normalisation.apply(self._windows)
        ranges = calibrate(
            self.lowered, X, lambda share, text: on_progress(0.6 * share, f", {text}"), layout, self._macs
        )
        on_progress(0.6, "")
        rounded = {point: [round(limits.low, 6), round(limits.high, 6)] for point, limits in ranges.items()}
        return to_int8(self.lowered, ranges, layout), {"calibration_windows": len(X), "ranges": rounded}

    def _complete(self, card: Card, scheme: str, facts: Mapping[str, Any]) -> Card:
        """Return the card with the quantisation and the parity of the form, and with short scores."""
        border = "int8" if scheme in CALIBRATED and self._job.io_type == "int8" else "float32"
        quantisation: dict[str, Any] = {"scheme": scheme, "lowering": self.lowered.lowering}
        quantisation |= {"lowering_reason": self.lowering_reason, "input_type": border, "output_type": border, **facts}
        parity: dict[str, Any] = {"float32_relative_difference": self.float32_difference}
        if scheme != FLOAT32:
            compared = asdict(self.parities[scheme])
            if self._selection:
                parity["held_out"] = asdict(self._selection.parities[scheme])  # by the network that never saw them
                parity["held_out_seen"] = compared
            else:
                unknown = () if self.source.is_labelled else ("accuracy", "float32_accuracy")
                parity["checked"] = {key: value for key, value in compared.items() if key not in unknown}
        # A device needs no confusion matrices and no per-class scores: they stay in the run folder's card.
        short = ("windows", "accuracy", "macro_f1")
        scores = {part: {key: full[key] for key in short if key in full} for part, full in card.scores.items()}
        return replace(card, quantisation=quantisation, parity=parity, scores=scores)
