"""Convert a trained network for raw windows into har-edge's forms and layouts, rivals, and their int8."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.keras_files import load_network
from convert.tensorflow_setup import import_tensorflow
from edge_runtime.bench.c_library import compile_for
from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.data import loading
from edge_runtime.devices.python import PythonDevice
from edge_runtime.model import model_card as cards
from edge_runtime.model.c_model import C
from edge_runtime.model.model_card import load
from edge_runtime.model.onnx_model import ONNX_RUNTIME

OURS, INTERPRETER, STOCK, FUSED, ONNX = (
    "har-edge",
    "the same files in TensorFlow's interpreter",
    "TensorFlow's converter, the network as it is (Keras 3, unrolled)",
    "TensorFlow's converter, a Keras 2 copy (one fused LSTM operator)",
    "ONNX Runtime",
)
AS_C = ("int8 as C", "c_int8.tflite")
"""The compiled form, and the file of its model."""


@dataclass(frozen=True)
class Form:
    """A form of the network, with its file and runtime."""

    group: str
    name: str
    file: str
    runtime: str = "litert"

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

    from convert.conversion_input import TrainingRecord
    from convert.conversion_job import CALIBRATION
    from convert.lowering.cells import IN_FLOAT, IN_INT8
    from convert.lowering.network import lower
    from convert.quantise import tflite_converter
    from convert.quantise.calibration import calibrate, draw_windows
    from convert.quantise.raw_input import take_raw_windows
    from convert.rivals.onnx_network import to_dynamic, to_onnx
    from convert.rivals.tensorflow_forms import fused, in_dynamic, in_float, stock

    layouts = {
        "two products (ifo, c)": IN_INT8,  # as in `har-edge convert`
        "one product": IN_FLOAT,
    }
    card = load(run / "card.json")
    record = TrainingRecord.of(card, run / "card.json")
    normalisation = record.selection_normalisation
    train = loading.load_data().train
    held_out = np.isin(train.subject, record.held_out_subjects)
    fitting, unseen = train.select(~held_out), train.select(held_out)
    np.savez(folder / "windows.npz", X=unseen.X, y=unseen.y)
    network = load_network(run / "selection.keras")
    lowered = lower(network)
    drawn = fitting.select(draw_windows(fitting, CALIBRATION, card.training["seed"]))
    windows = np.asarray(normalisation.apply(drawn.X), np.float32)
    forms = []

    def add(group: str, name: str, content: bytes) -> None:
        file = f"{len(forms)}.tflite"
        (folder / file).write_bytes(take_raw_windows(content, normalisation))
        forms.append(Form(group, name, file))

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
        file = f"{len(forms)}.onnx"
        (folder / file).write_bytes(model.SerializeToString())
        forms.append(Form(ONNX, name, file, ONNX_RUNTIME))
    ours = {x.name.partition(",")[0]: x for x in reversed(forms) if x.group == OURS}
    model = folder / AS_C[1]
    cards.write_model(model, (folder / ours["int8"].file).read_bytes(), replace(card, raw_input=True))
    job = MeasurementJob("", "measure", model.name, AS_C[0], library="c_int8.so")
    compile_for(PythonDevice(), model, job, folder)
    others = [form for form in forms if form.group != OURS]
    return [
        *(form for form in forms if form.group == OURS),
        Form(OURS, AS_C[0], "c_int8.so", C),
        *others,
        *(replace(ours[x], group=INTERPRETER, name=x, runtime="tensorflow") for x in ("float32", "int8")),
    ]
