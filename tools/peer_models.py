"""One trained network in the forms that other tools give it: Keras weights -> TFLite's stock conversion, ONNX."""

from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.host.tensorflow_setup import import_tensorflow


def stock(network: Any, windows: np.ndarray, out: Path) -> None:
    """Write `stock_float32.tflite` and `stock_int8.tflite` into `out`: TensorFlow's converter as it comes.

    The network goes through Keras 2, since the converter does not take Keras 3's LSTM. `windows` calibrate.
    """
    import_tensorflow("the stock converter")
    import tensorflow as tf
    import tf_keras

    copy = tf_keras.Sequential([tf_keras.layers.Input(windows.shape[1:], batch_size=1)])
    for layer in _chain(network):
        copy.add(_keras_2(layer, tf_keras.layers))
        copy.layers[-1].set_weights(_weights(layer))
    (out / "stock_float32.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(copy).convert())
    converter = tf.lite.TFLiteConverter.from_keras_model(copy)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([window[np.newaxis]] for window in windows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (out / "stock_int8.tflite").write_bytes(converter.convert())


def onnx(network: Any, out: Path) -> None:
    """Write `float32.onnx` and `dynamic_int8.onnx` into `out`."""
    from onnx import TensorProto, checker, helper, numpy_helper, save
    from onnxruntime.quantization import QuantType, quantize_dynamic

    node = helper.make_node
    nodes = [node("Transpose", ["windows"], ["signals_first"], perm=[0, 2, 1])]
    constants = {"lowest": np.float32(0), "highest": np.float32(6), "first_axis": np.array([0], np.int64)}
    last = "signals_first"
    for layer in _chain(network):
        name, weights = layer.name, _weights(layer)
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


def _weights(layer: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in layer.get_weights()]


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
