"""Make rivals as a child process, and check that they answer as the network does."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from convert.conversion_input import ConversionInput, load_data, load_networks
from convert.conversion_job import ConversionJob
from convert.parity import FLOAT_TOLERANCE, relative_difference
from convert.quantise.raw_input import take_raw_windows
from convert.rivals.rival_job import CARD, FORMS
from convert.tensorflow_setup import import_tensorflow
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.onnx_model import open_onnx
from edge_runtime.model.rivals import FUSED, ONNX, Rival
from edge_runtime.model.scheme_names import DYNAMIC, FLOAT32
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text

_CHECKED = 64  # windows


def main(text: str, scratch: str, *files: str) -> None:
    """Make the forms that have these `files` in the folder `scratch`, for a job in JSON, as a child of the command."""
    job = from_text(ConversionJob, text)

    forms = [form for form in FORMS if form.file in files]
    child_processes.run_as_child(lambda tell: _make_all(job, Path(scratch), forms, tell))


def _make_all(job: ConversionJob, scratch: Path, forms: list[Rival], tell: child_processes.Tell) -> None:
    share = 1 - len(forms) / len(FORMS)
    tell(stage="loading TensorFlow for the rivals", share=share)
    data = load_data(job)
    import_tensorflow("har-edge convert --rivals")
    *_, network = load_networks(job, data)  # the last is the final network
    cards.save(replace(network.card, raw_input=True), scratch / CARD)
    maker = RivalMaker(network)
    for form in forms:
        tell(stage=f"rival {form.name}", share=share)
        share += 1 / len(FORMS)
        refusal = None
        try:
            content = maker.make(form)
            maker.check(form, content)
            (scratch / form.file).write_bytes(content)
        except maker.refusals as error:
            refusal = (str(error).strip() or type(error).__name__).splitlines()[0]
        tell(rival=form.name, refusal=refusal)


class RivalMaker:
    """Makes the forms of one network, and checks their answers; needs TensorFlow to be loaded."""

    def __init__(self, network: ConversionInput) -> None:
        from tensorflow.lite.python.convert_phase import ConverterError

        self._model, self._normalisation = network.model, network.card.normalisation
        every = -(-len(network.held_out) // _CHECKED)
        self._windows = np.asarray(network.held_out.X[::every], np.float32)
        self._expected = np.asarray(network.model(self._normalisation.apply(self._windows), training=False))
        # Errors with which converters refuse a network.
        self.refusals = (HarEdgeError, ConverterError, ValueError, TypeError, RuntimeError, KeyError)

    def make(self, form: Rival) -> bytes:
        """Return the content of the form's file, which prepares windows itself. Raises one of `refusals`."""
        from convert.rivals.forms import fused, in_dynamic, in_float, stock, to_dynamic

        is_dynamic = form.scheme == DYNAMIC
        if form.tool == ONNX:
            content: bytes = (to_dynamic(self._onnx) if is_dynamic else self._onnx).SerializeToString()
            return content
        convert = fused if form.tool == FUSED else stock
        return take_raw_windows(convert(self._model, in_dynamic if is_dynamic else in_float), self._normalisation)

    def check(self, form: Rival, content: bytes) -> None:
        """Raise `InputError` if a float form is a different network from Keras's, or if another form returns NaN."""
        model = open_onnx(content) if form.file.endswith(".onnx") else open_model(content)
        answers = np.concatenate([model.run(window[np.newaxis]).copy() for window in self._windows])
        difference = relative_difference(answers, self._expected)
        if not difference <= (FLOAT_TOLERANCE if form.scheme == FLOAT32 else np.inf):  # NaN fails too
            raise InputError(f"its answers differ from Keras's by {difference:.2g} of the greatest answer")

    @cached_property
    def _onnx(self) -> Any:
        """The network as an ONNX graph, from which the quantised form is also made."""
        from convert.rivals.forms import to_onnx

        return to_onnx(self._model, self._normalisation)
