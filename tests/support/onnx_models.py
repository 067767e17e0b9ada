"""An ONNX model of one layer, made without a converter."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def dense(weights: np.ndarray, window: tuple[int, int], name: str = "windows", file: str = "") -> bytes:
    """Logits `[1, n_labels]` = `weights` `[n_labels, samples * n_signals]` times a window, the input `name`.

    The weights are in another `file`, if it is given.
    """
    values = {"shape": np.array([1, window[0] * window[1]]), "weights": np.asarray(weights, np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", [name, "shape"], ["row"]),
            helper.make_node("Gemm", ["row", "weights"], ["logits"], transB=1),
        ],
        "network",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *window))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, len(weights)))],
        [numpy_helper.from_array(x, key) for key, x in values.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if file:
        weights = made.graph.initializer[1]
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=file)
    content: bytes = made.SerializeToString()
    return content
