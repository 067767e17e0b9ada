"""Convert a trained network with other tools: TensorFlow's converter, TFLite's fused LSTM, ONNX Runtime.

`python -m tools.peer_models RUN` writes two float32 forms of a run's final network into the run folder:

- `stock_float32.tflite`: TensorFlow's converter on the Keras network as it is, with a batch of one. Recurrent layers
  that are not unrolled become loops, on which its int8 calibration crashes.
- `fused_float32.tflite`: TFLite's own LSTM operator, where all recurrent layers are LSTMs.
"""

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.keras_files import load_network
from edge_runtime.data import loading
from edge_runtime.errors import InputError
from edge_runtime.host.tensorflow_setup import import_tensorflow
from edge_runtime.model.model_card import load, save, write_model
from edge_runtime.runs import Run

FORMS = ("stock", "fused")
OURS, INTERPRETER, STOCK, FUSED, ONNX = (
    "har-edge",
    "the same files in TensorFlow's interpreter",
    "TensorFlow's converter, the network as it is (Keras 3, unrolled)",
    "TensorFlow's converter, a Keras 2 copy (one fused LSTM operator)",
    "ONNX Runtime",
)


@dataclass(frozen=True)
class Form:
    """A form of the network: what it is, the file that holds it and the runtime that runs it."""

    group: str
    name: str
    file: str
    runtime: str = "litert"

    @property
    def is_float(self) -> bool:
        """Tell whether it computes in float with float weights."""
        return self.name in ("float32", "float16")


def path_of(run: Run, form: str) -> Path:
    """The file of one of `FORMS` in the run folder."""
    return run.folder / f"{form}_float32.tflite"


def main(run: Run) -> None:
    """Write those of `FORMS` that the final network of `run` has, with its card."""
    import_tensorflow("the stock converter")
    from convert.lowering.network import lower
    from convert.quantise.tflite_converter import to_float32

    network, card = load_network(run.model), load(run.card)
    write_model(path_of(run, "stock"), stock(network), card)
    try:
        fused = lower(network, fused=True)
    except InputError as refusal:
        print(f"not fused: {refusal}")
        return
    if fused.is_fused:
        write_model(path_of(run, "fused"), to_float32(fused), card)


def build(run: Path, folder: Path) -> list[Form]:
    """Write all forms of the selection network, its card and the held-out subjects' windows into `folder`."""
    import_tensorflow("the network")
    from convert.conversion_inputs import TrainingRecord
    from convert.conversion_job import CALIBRATION
    from convert.lowering.cells import IN_FLOAT, IN_INT8, GateLayout
    from convert.lowering.network import lower
    from convert.quantise import tflite_converter
    from convert.quantise.calibration import calibrate, draw_windows

    layouts = {
        "two products (ifo, c)": IN_INT8,  # that of `har-edge convert`
        "one product": IN_FLOAT,
        "four products": GateLayout(("i", "f", "o", "c")),
        "one product, one LOGISTIC, tanh(x) = 2 sigmoid(2x) - 1": GateLayout(("ifoc",), one_sigmoid=True),
        "two products, steps cut one by one": GateLayout(IN_INT8.products, row_by_row=True),
        "x W and h U apart, added": GateLayout(IN_INT8.products, joined=False),
    }
    card = load(run / "card.json")
    record = TrainingRecord.of(card, run / "card.json")
    card = replace(card, normalisation=record.selection_normalisation)
    save(card, folder / "card.json")
    train = loading.load_data().train
    held_out = np.isin(train.subject, record.held_out_subjects)
    fitting, unseen = train.select(~held_out), train.select(held_out)
    np.savez(folder / "windows.npz", X=unseen.X, y=unseen.y)
    network = load_network(run / "selection.keras")
    lowered = lower(network)
    drawn = fitting.select(draw_windows(fitting, CALIBRATION, card.training["seed"]))
    windows = np.asarray(card.normalisation.apply(drawn.X), np.float32)
    forms = []

    def add(group: str, name: str, content: bytes) -> None:
        file = f"{len(forms)}.tflite"
        (folder / file).write_bytes(content)
        forms.append(Form(group, name, file))

    add(OURS, "float32", tflite_converter.to_float32(lowered))
    add(OURS, "float16", tflite_converter.to_float16(lowered))
    add(OURS, "dynamic", tflite_converter.to_dynamic(lowered))
    for name, layout in layouts.items():
        ranges = calibrate(lowered, windows, lambda done, of: None, layout)
        add(OURS, f"int8, {name}", tflite_converter.to_int8(lowered, ranges, layout))
    for scheme in ("float32", "dynamic", "int8"):
        add(STOCK, scheme, stock(network, scheme, windows))
    for scheme in ("float32", "int8"):
        add(FUSED, scheme, keras_2_copy(network, scheme, windows))
    write_onnx(network, folder)
    ours = {x.name.partition(",")[0]: x for x in reversed(forms) if x.group == OURS}
    return [
        *forms,
        *(replace(ours[x], group=INTERPRETER, name=x, runtime="tensorflow") for x in ("float32", "int8")),
        Form(ONNX, "float32", "float32.onnx", "onnxruntime"),
        Form(ONNX, "dynamic int8", "dynamic_int8.onnx", "onnxruntime"),
    ]


def stock(network: Any, scheme: str = "float32", windows: np.ndarray | None = None) -> bytes:
    """Convert a Keras 3 network with TensorFlow's converter: float32, dynamic or int8, which `windows` calibrate."""
    import keras
    import tensorflow as tf

    signature = [keras.InputSpec(shape=(1, *network.input_shape[1:]), dtype="float32")]
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        network.export(folder, input_signature=signature, verbose=False)
        return _convert(tf.lite.TFLiteConverter.from_saved_model(folder), scheme, windows)


def keras_2_copy(network: Any, scheme: str, windows: np.ndarray) -> bytes:
    """Convert a Keras 2 copy of the network with TensorFlow's converter, which makes its LSTM one fused operator.

    `int8` is calibrated on `windows` `[n, samples, n_signals]`.
    """
    import tensorflow as tf
    import tf_keras

    copy = tf_keras.Sequential([tf_keras.layers.Input(windows.shape[1:], batch_size=1)])
    for layer in _chain(network):
        copy.add(_keras_2(layer, tf_keras.layers))
        copy.layers[-1].set_weights(layer.get_weights())
    return _convert(tf.lite.TFLiteConverter.from_keras_model(copy), scheme, windows)


def _convert(converter: Any, scheme: str, windows: np.ndarray | None) -> bytes:
    import tensorflow as tf

    if scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "int8":
        assert windows is not None
        converter.representative_dataset = lambda: ([window[np.newaxis]] for window in windows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def write_onnx(network: Any, out: Path) -> None:
    """Write `float32.onnx` and `dynamic_int8.onnx` into `out`."""
    from onnx import TensorProto, checker, helper, numpy_helper, save
    from onnxruntime.quantization import QuantType, quantize_dynamic

    node = helper.make_node
    nodes = [node("Transpose", ["windows"], ["signals_first"], perm=[0, 2, 1])]
    constants = {"lowest": np.float32(0), "highest": np.float32(6), "first_axis": np.array([0], np.int64)}
    last = "signals_first"
    for layer in _chain(network):
        name, weights = layer.name, layer.get_weights()
        inputs = [last, *(f"{name}/{i}" for i in range(len(weights)))]
        kind = type(layer).__name__
        if kind == "Conv1D":
            weights[0] = weights[0].transpose(2, 1, 0)  # Keras [width, in, out] -> ONNX [out, in, width]
            nodes.append(node("Conv", inputs, [f"{name}/sums"], strides=list(layer.strides), auto_pad="SAME_UPPER"))
            nodes.append(node("Clip", [f"{name}/sums", "lowest", "highest"], [name]))
        elif kind == "LSTM":
            kernel, recurrent, bias = weights
            # ONNX adds a second bias in the recurrence: Keras has none.
            both = np.concatenate([_gates(bias[np.newaxis])[:, 0], np.zeros_like(bias)])
            weights = [x[np.newaxis] for x in (_gates(kernel), _gates(recurrent), both)]
            nodes.append(node("Transpose", [last], [f"{name}/steps"], perm=[2, 0, 1]))
            inputs[0] = f"{name}/steps"
            nodes.append(node("LSTM", inputs, ["", f"{name}/last"], hidden_size=layer.units))
            nodes.append(node("Squeeze", [f"{name}/last", "first_axis"], [name]))
        else:
            nodes.append(node("Gemm", inputs, [name]))
        constants |= {f"{name}/{i}": x for i, x in enumerate(weights)}
        last = name
    graph = helper.make_graph(
        nodes,
        network.name,
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, [1, *network.input_shape[1:]])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, network.output_shape[-1]])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    save(model, out / "float32.onnx")
    quantize_dynamic(out / "float32.onnx", out / "dynamic_int8.onnx", weight_type=QuantType.QInt8)


def _chain(network: Any) -> list[Any]:
    """The layers that compute: convolutions (ReLU6, same padding), one LSTM that answers its last state, Dense."""
    layers = [x for x in network.layers if x.weights and type(x).__name__ != "Dropout"]
    kinds = [type(x).__name__ for x in layers]
    if kinds[-2:] != ["LSTM", "Dense"] or set(kinds[:-2]) != {"Conv1D"}:
        raise SystemExit(f"the peers can only be built for convolutions, one LSTM and a Dense layer, not for {kinds}")
    return layers


def _keras_2(layer: Any, layers: Any) -> Any:
    kind = type(layer).__name__
    if kind == "Conv1D":
        return layers.Conv1D(
            layer.filters, layer.kernel_size, strides=layer.strides, padding="same", activation="relu6"
        )
    return layers.LSTM(layer.units) if kind == "LSTM" else layers.Dense(layer.units)


def _gates(matrix: np.ndarray) -> np.ndarray:
    """Keras' gates in columns, input forget cell output -> ONNX' in rows, input output forget cell."""
    i, f, c, o = np.split(matrix, 4, axis=1)
    return np.concatenate([i, o, f, c], axis=1).T


if __name__ == "__main__":
    main(Run(Path(sys.argv[1])))
