"""One trained network in the forms that other tools give it: Keras weights -> TFLite's stock conversion, ONNX."""

from pathlib import Path

import numpy as np

from edge_runtime.host import import_tensorflow


def stock(weights: list[np.ndarray], windows: np.ndarray, out: Path) -> None:
    """Write `stock_float32.tflite` and `stock_int8.tflite` into `out`: TensorFlow's converter as it comes.

    The network goes through Keras 2, since the converter does not take Keras 3's LSTM. `windows` calibrate.
    """
    import_tensorflow("the stock converter")
    import tensorflow as tf
    import tf_keras

    layers = tf_keras.layers
    network = tf_keras.Sequential(
        [
            layers.Input(windows.shape[1:], batch_size=1),
            layers.Conv1D(64, 17, strides=8, padding="same", activation="relu6"),
            layers.LSTM(64),
            layers.Dense(weights[-1].size),
        ]
    )
    network.set_weights(weights)
    (out / "stock_float32.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([window[np.newaxis]] for window in windows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (out / "stock_int8.tflite").write_bytes(converter.convert())


def onnx(weights: list[np.ndarray], input_shape: tuple[int, int], out: Path) -> None:
    """Write `float32.onnx` and `dynamic_int8.onnx` into `out`."""
    from onnx import TensorProto, checker, helper, numpy_helper, save
    from onnxruntime.quantization import QuantType, quantize_dynamic

    kernel, kernel_bias, gates, recurrent, gate_bias, dense, dense_bias = weights
    constants = {
        "kernel": kernel.transpose(2, 1, 0),  # Keras [width, in, out] -> ONNX [out, in, width]
        "kernel_bias": kernel_bias,
        "gates": _gates(gates)[np.newaxis],
        "recurrent": _gates(recurrent)[np.newaxis],
        # ONNX adds a second bias in the recurrence: Keras has none.
        "gate_bias": np.concatenate([_gates(gate_bias[np.newaxis])[:, 0], np.zeros_like(gate_bias)])[np.newaxis],
        "dense": dense,
        "dense_bias": dense_bias,
        "lowest": np.float32(0),
        "highest": np.float32(6),
        "first_axis": np.array([0], np.int64),
    }
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Transpose", ["windows"], ["signals_first"], perm=[0, 2, 1]),
            node("Conv", ["signals_first", "kernel", "kernel_bias"], ["steps"], strides=[8], auto_pad="SAME_UPPER"),
            node("Clip", ["steps", "lowest", "highest"], ["bounded"]),
            node("Transpose", ["bounded"], ["time_first"], perm=[2, 0, 1]),
            node(
                "LSTM",
                ["time_first", "gates", "recurrent", "gate_bias"],
                ["", "last"],
                hidden_size=recurrent.shape[0],
            ),
            node("Squeeze", ["last", "first_axis"], ["state"]),
            node("Gemm", ["state", "dense", "dense_bias"], ["logits"]),
        ],
        "edge",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, [1, *input_shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, dense_bias.size])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    save(model, out / "float32.onnx")
    quantize_dynamic(out / "float32.onnx", out / "dynamic_int8.onnx", weight_type=QuantType.QInt8)


def _gates(matrix: np.ndarray) -> np.ndarray:
    """Keras' gates in columns, input forget cell output -> ONNX' in rows, input output forget cell."""
    i, f, c, o = np.split(matrix, 4, axis=1)
    return np.concatenate([i, o, f, c], axis=1).T
