"""Convert a trained network for raw windows into har-edge's forms and layouts, rivals, and their int8."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.keras_files import load_network
from convert.tensorflow_setup import import_tensorflow
from edge_runtime.bench.c_library import c_of, compile_for
from edge_runtime.bench.measurement_job import JobModel
from edge_runtime.data import loading
from edge_runtime.devices.python import PythonDevice
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_card import load
from edge_runtime.model.model_file import open_model_file
from edge_runtime.model.onnx_model import ONNX_RUNTIME
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_json

OURS, INTERPRETER, STOCK, FUSED, ONNX = (
    "har-edge",
    "the same files in TensorFlow's interpreter",
    "TensorFlow's converter, the network as it is (Keras 3, unrolled)",
    "TensorFlow's converter, a Keras 2 copy (one fused LSTM operator)",
    "ONNX Runtime",
)
AS_C = "int8 as C"


@dataclass(frozen=True)
class Form:
    """A form of the network, the model that measures it, and the bytes of its file without a card."""

    group: str
    name: str
    model: JobModel
    n_bytes: int

    @property
    def is_float(self) -> bool:
        """Tell whether the form computes in float with float weights."""
        return self.name in ("float32", "float16")


def build(run: Path, folder: Path) -> list[Form]:
    """Write all forms of the selection network and the held-out subjects' windows into `folder`.

    Every form takes a window in physical units, as float32, prepares it in its graph and answers in float32.
    """
    import_tensorflow("the network")
    import tensorflow as tf

    from convert.conversion_job import CALIBRATION
    from convert.lowering.cells import IN_FLOAT, IN_INT8
    from convert.lowering.network import lower
    from convert.quantise import tflite_converter
    from convert.quantise.calibration import calibrate, draw_windows
    from convert.quantise.raw_input import take_raw_windows
    from convert.rivals.forms import fused, in_dynamic, in_float, stock, to_dynamic, to_onnx

    layouts = {
        "two products (ifo, c)": IN_INT8,  # as in `har-edge convert`
        "one product": IN_FLOAT,
    }
    card = load(run / "card.json")
    normalisation = from_json(Normalisation, card.training["selection_normalisation"])
    train = loading.load_data().train
    held_out = np.isin(train.subject, card.training["held_out_subjects"])
    fitting, unseen = train.select(~held_out), train.select(held_out)
    np.save(folder / "labels.npy", unseen.y)
    network = load_network(run / "selection.keras")
    lowered = lower(network)
    drawn = fitting.select(draw_windows(fitting, CALIBRATION, card.training["seed"]))
    windows = np.asarray(normalisation.apply(drawn.X), np.float32)
    forms: list[Form] = []
    np.save(folder / "windows.npy", unseen.X)
    with_card = replace(card, raw_input=True)

    def add_file(group: str, name: str, content: bytes, suffix: str, runtime: str) -> None:
        file = f"{len(forms)}.{suffix}"
        (folder / file).write_bytes(cards.attach(content, with_card))
        forms.append(Form(group, name, JobModel(file, f"{group}, {name}", runtime, "windows.npy"), len(content)))

    def add(group: str, name: str, content: bytes) -> None:
        add_file(group, name, take_raw_windows(content, normalisation), "tflite", "litert")

    add(OURS, "float32", tflite_converter.to_float32(lowered))
    add(OURS, "float16", tflite_converter.to_float16(lowered))
    add(OURS, "dynamic", tflite_converter.to_dynamic(lowered))
    for name, layout in layouts.items():
        ranges = calibrate(lowered, windows, lambda done, of: None, layout)
        add(OURS, f"int8, {name}", tflite_converter.to_int8(lowered, ranges, layout))

    def in_int8(converter: Any) -> None:
        """Calibrate as TensorFlow's guide says."""
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([window[np.newaxis]] for window in windows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    for scheme, prepare in (("float32", in_float), ("dynamic", in_dynamic), ("int8", in_int8)):
        add(STOCK, scheme, stock(network, prepare))
    for scheme, prepare in (("float32", in_float), ("int8", in_int8)):
        add(FUSED, scheme, fused(network, prepare))
    graph = to_onnx(network, normalisation)
    for name, model in (("float32", graph), ("dynamic int8", to_dynamic(graph))):
        add_file(ONNX, name, model.SerializeToString(), "onnx", ONNX_RUNTIME)
    ours = {x.name.partition(",")[0]: x for x in reversed(forms) if x.group == OURS}
    in_c = replace(ours["int8"].model, title=AS_C, library="c_int8.so")
    compiler = compile_for(PythonDevice(), c_of(open_model_file(folder / in_c.model)), in_c, folder)
    in_c = replace(in_c, compiler=compiler)
    others = [form for form in forms if form.group != OURS]
    return [
        *(form for form in forms if form.group == OURS),
        Form(OURS, AS_C, in_c, (folder / "c_int8.so").stat().st_size),
        *others,
        *(
            replace(ours[x], group=INTERPRETER, name=x, model=replace(ours[x].model, runtime="tensorflow"))
            for x in ("float32", "int8")
        ),
    ]
